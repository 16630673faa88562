"""Share-Bottom: all tasks read the same two hidden layers (Caruana 1993; paper, Fig. 1a).

Shapes: B batch, D input, H hidden, T tasks.
"""

from pydantic import Field
from torch import Tensor, nn

from mtnas.config.options import MethodOptions
from mtnas.methods.parts.sharing import BaseSharing

TITLE = "Share-Bottom"  # what readers call it
PLACE = 30  # among the methods of a table


class Options(MethodOptions):
    """Options of Share-Bottom."""

    hidden_dim: int | None = Field(
        None,
        ge=1,
        description="width of both layers; null: chosen to make the model as large as MTNAS",
    )


class Sharing(BaseSharing):
    """Two fully connected layers, the same for every task."""

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        self.num_tasks = num_tasks
        self.output_dim = options.hidden_dim
        self.root = nn.Linear(input_dim, self.output_dim)
        self.bottom = nn.Linear(self.output_dim, self.output_dim)

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_BTH, T times the same representation."""
        h_BH: Tensor = self.bottom(self.root(x_BD).relu()).relu()
        return h_BH.unsqueeze(1).expand(-1, self.num_tasks, -1)
