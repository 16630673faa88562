"""Share-Bottom: all tasks read the same two hidden layers (Caruana 1993; paper, Fig. 1a).

With `num_layers: 1` it is the model of Wu, Zhang and Re (ICLR 2020, Eq. 1), g(X B) A_t, whose
capacity is `hidden_dim`; with `activation: none` g is the identity.
Shapes: B batch, D input, H hidden, T tasks.
"""

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from mtnas.config.options import HiddenDim, MethodOptions
from mtnas.methods.parts.sharing import BaseSharing

TITLE = "Share-Bottom"  # what readers call it
PLACE = 30  # among the methods of a table


class Options(MethodOptions):
    """Options of Share-Bottom."""

    hidden_dim: HiddenDim = None
    num_layers: Literal[1, 2] = Field(2, description="layers that all tasks share")
    activation: Literal["relu", "none"] = Field("relu", description="none: the layers are linear")
    match_budget: bool = Field(
        True,
        description="false: hidden_dim is the capacity that is studied, whatever the size of MTNAS",
    )

    @model_validator(mode="after")
    def _has_a_width(self) -> Self:
        if not self.match_budget and self.hidden_dim is None:
            raise ValueError(
                "hidden_dim: null is solved to match the budget, and match_budget is false; give "
                "a number"
            )
        return self


class Sharing(BaseSharing):
    """One or two fully connected layers, the same for every task."""

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        self.num_tasks = num_tasks
        self.output_dim = options.hidden_dim
        self.root = nn.Linear(input_dim, self.output_dim)
        if options.num_layers == 2:
            self.bottom = nn.Linear(self.output_dim, self.output_dim)
        self._layers = options.num_layers
        self._activation = torch.relu if options.activation == "relu" else torch.positive

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_BTH, T times the same representation."""
        h_BH = self._activation(self.root(x_BD))
        if self._layers == 2:
            h_BH = self._activation(self.bottom(h_BH))
        return h_BH.unsqueeze(1).expand(-1, self.num_tasks, -1)
