"""PLE: progressive layered extraction (Tang et al., RecSys 2020).

A level has experts of each task and shared ones. A task's gate mixes its own and the shared
experts; a shared gate mixes all of them, for the shared experts of the next level. One level is
CGC; one level without task experts is MMoE. V13 says what the source has otherwise.
Shapes: B batch, D input, R root, T tasks, O own experts of a task, S shared experts, V = O + S
values of a task's gate, E = T O + S experts of a level, H expert output, I level input.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from mtnas.config.options import HiddenDim, MethodOptions
from mtnas.methods.parts.layers import SubNetworks, gate_scores, gates, mix, repeat
from mtnas.methods.parts.levels import levels
from mtnas.methods.parts.sharing import BaseSharing

TITLE = "PLE"  # what readers call it
PLACE = 100  # among the methods of a table


class Options(MethodOptions):
    """Options of PLE."""

    num_levels: int = Field(2, ge=1, description="levels of experts")
    num_task_experts: int = Field(1, ge=0, description="experts of each task in a level")
    num_shared_experts: int = Field(2, ge=1, description="shared experts in a level")
    root_dim: int = Field(64, ge=1, description="width of the first layer, as in MMoE")
    hidden_dim: HiddenDim = None


class Level(nn.Module):
    """The experts and gates of one level; the last one has no shared gate."""

    def __init__(
        self, options: Options, *, input_dim: int, output_dim: int, num_tasks: int, last: bool
    ) -> None:
        """Build for I = `input_dim`, H = `output_dim` and T = `num_tasks`."""
        super().__init__()
        own, self.num_shared = options.num_task_experts, options.num_shared_experts
        self.num_own, self.num_tasks = own, num_tasks
        num_experts = num_tasks * own + self.num_shared
        self.experts = SubNetworks(num_experts, input_dim, output_dim)
        self.gate_TVI = gates(num_tasks, own + self.num_shared, input_dim)
        self.shared_gate_1EI = None if last else gates(1, num_experts, input_dim)

    def forward(self, task_TBI: Tensor, shared_BI: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the tasks, and the shared experts, of the next level read."""
        own, tasks = self.num_own, self.num_tasks
        inputs_EBI = torch.cat(
            [task_TBI.repeat_interleave(own, dim=0), repeat(shared_BI, self.num_shared)]
        )
        h_EBH = self.experts(inputs_EBI)
        own_TOBH = h_EBH[: tasks * own].unflatten(0, (tasks, own))
        shared_SBH = h_EBH[tasks * own :]
        scores_TBV = gate_scores(task_TBI, self.gate_TVI)
        from_own_TBH = torch.einsum("tbo,tobh->tbh", scores_TBV[..., :own], own_TOBH)
        next_TBH = from_own_TBH + mix(scores_TBV[..., own:], shared_SBH)
        if self.shared_gate_1EI is None:
            return next_TBH, shared_BI
        scores_1BE = gate_scores(shared_BI, self.shared_gate_1EI)
        return next_TBH, mix(scores_1BE, h_EBH).squeeze(0)


class Sharing(BaseSharing):
    """Levels of task and shared experts; the root is what all of the first level read."""

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        self.num_tasks, self.output_dim = num_tasks, options.hidden_dim
        self.root = nn.Linear(input_dim, options.root_dim)
        self.levels = levels(Level, options, num_tasks)

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_BTH."""
        shared_BI = self.root(x_BD).relu()
        task_TBI = repeat(shared_BI, self.num_tasks)
        for level in self.levels:
            task_TBI, shared_BI = level(task_TBI, shared_BI)
        return task_TBI.transpose(0, 1)
