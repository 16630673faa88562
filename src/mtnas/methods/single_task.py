"""Single: one model per task, each with its own embeddings (paper, Sec. 4.2).

"Its architecture is the same as Share-Bottom except for only one task layer."
Shapes: B batch, D input, H hidden.
"""

from torch import Tensor, nn

from mtnas.config.options import HiddenDim, MethodOptions
from mtnas.methods.parts.sharing import BaseSharing

PER_TASK = True

TITLE = "Single"  # what readers call it
PLACE = 10  # among the methods of a table


class Options(MethodOptions):
    """Options of the single-task model."""

    hidden_dim: HiddenDim = None


class Sharing(BaseSharing):
    """Two fully connected layers below the one task of this model."""

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim`; `num_tasks` is one."""
        super().__init__()
        assert num_tasks == 1, "one model per task"
        assert options.hidden_dim is not None, "solved before a model is built"
        self.output_dim = options.hidden_dim
        self.root = nn.Linear(input_dim, self.output_dim)
        self.bottom = nn.Linear(self.output_dim, self.output_dim)

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_B1H."""
        h_BH: Tensor = self.bottom(self.root(x_BD).relu()).relu()
        return h_BH.unsqueeze(1)
