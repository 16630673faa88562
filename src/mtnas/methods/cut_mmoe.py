"""Cut MMoE: MMoE with some links between experts and tasks cut off by hand (paper, Fig. 1c).

"The variant is a special case in MMoE when the corresponding weight scores given by gates are
constantly zero" (Sec. 1). Which links are cut the paper does not say (D10).
Shapes: B batch, D input, R root, E experts, H expert output, T tasks.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from mtnas.config.options import HiddenDim, MethodOptions
from mtnas.methods.parts.layers import SubNetworks, gate_scores, gates, mix
from mtnas.methods.parts.sharing import BaseSharing
from mtnas.runtime.errors import ConfigError

TITLE = "Cut MMoE"  # what readers call it
PLACE = 50  # among the methods of a table
Kept = tuple[tuple[int, ...], ...]


class Options(MethodOptions):
    """Options of the cut MMoE."""

    num_experts: int = Field(4, ge=1, description="experts, as in MMoE")
    root_dim: int = Field(64, ge=1, description="width of the first layer (paper: 64)")
    hidden_dim: HiddenDim = None

    def check_tasks(self, num_tasks: int) -> None:
        """Refuse fewer experts than are needed to cut links."""
        if self.num_experts < 3 and num_tasks > 1:
            raise ConfigError(
                f"num_experts: {self.num_experts} leaves no task both an expert of its own and a "
                "shared one; take 3 or more"
            )

    def kept_by(self, num_tasks: int) -> Kept:
        """Return the experts that each of T tasks keeps: some of its own, and some that all share.

        Up to half of the experts become own ones, at least one for every task. If there are too few
        experts for that, all but one become own ones, and several tasks have the same.
        """
        self.check_tasks(num_tasks)
        own = max(1, self.num_experts // (2 * num_tasks))
        dealt = min(own * num_tasks, self.num_experts - 1)
        shared = range(dealt, self.num_experts)
        hands = [
            [expert for expert in range(dealt) if expert % num_tasks == task] or [task % dealt]
            for task in range(num_tasks)
        ]
        return tuple(tuple(sorted({*hand, *shared})) for hand in hands)


class Sharing(BaseSharing):
    """Shared experts and one gate per task, over the experts that the task keeps."""

    kept_TE: Tensor

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        self.num_experts, self.num_tasks = options.num_experts, num_tasks
        self.output_dim = options.hidden_dim
        self.root = nn.Linear(input_dim, options.root_dim)
        self.experts = SubNetworks(self.num_experts, options.root_dim, self.output_dim)
        self.gate_TER = gates(num_tasks, self.num_experts, options.root_dim)
        kept = options.kept_by(num_tasks)
        links = [[expert in row for expert in range(self.num_experts)] for row in kept]
        self.register_buffer("kept_TE", torch.tensor(links))

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_BTH."""
        root_BR = self.root(x_BD).relu()
        h_EBH = self.experts(root_BR)
        return mix(self._scores(root_BR), h_EBH).transpose(0, 1)

    def gate_scores(self, x_BD: Tensor) -> Tensor:
        """Return the weight of every expert for every task, scores_TBE; zero for a cut link."""
        return self._scores(self.root(x_BD).relu())

    def _scores(self, root_BR: Tensor) -> Tensor:
        return gate_scores(root_BR, self.gate_TER, self.kept_TE)
