"""MMoE: per-task gates over shared experts (Ma et al., KDD 2018; paper, Fig. 1b and Sec. 4.2).

One fully connected layer (the root), then one-layer experts; every task mixes all of them.
Shapes: B batch, D input, R root, E experts, H expert output, T tasks.
"""

from pydantic import Field
from torch import Tensor, nn

from mtnas.config.options import HiddenDim, MethodOptions
from mtnas.methods.parts.layers import SubNetworks, gate_scores, gates, mix
from mtnas.methods.parts.sharing import BaseSharing

TITLE = "MMoE"  # what readers call it
PLACE = 40  # among the methods of a table


class Options(MethodOptions):
    """Options of MMoE."""

    num_experts: int = Field(4, ge=1, description="experts (paper: four)")
    root_dim: int = Field(64, ge=1, description="width of the first layer (paper: 64)")
    hidden_dim: HiddenDim = None


class Sharing(BaseSharing):
    """Shared experts and one gate per task, which reads the root."""

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        self.num_experts, self.num_tasks = options.num_experts, num_tasks
        self.output_dim = options.hidden_dim
        self.root = nn.Linear(input_dim, options.root_dim)
        self.experts = SubNetworks(self.num_experts, options.root_dim, self.output_dim)
        self.gate_TER = gates(num_tasks, self.num_experts, options.root_dim)

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_BTH."""
        root_BR = self.root(x_BD).relu()
        h_EBH = self.experts(root_BR)
        return mix(self._scores(root_BR), h_EBH).transpose(0, 1)

    def gate_scores(self, x_BD: Tensor) -> Tensor:
        """Return the weight of every expert for every task, scores_TBE (paper, Figs. 1d and 6)."""
        return self._scores(self.root(x_BD).relu())

    def _scores(self, root_BR: Tensor) -> Tensor:
        return gate_scores(root_BR, self.gate_TER)
