"""AdaTT: adaptive task-to-task fusion (Li et al., KDD 2023).

Every task has a unit in every level: experts that read the unit's own input, a gate over the
experts of all units, and a linear combination of the unit's own experts, which is added. What the
unit gives is its input in the next level. Without shared experts it is AdaTT-sp; with some, they
are one more unit, which no task layer reads. V27 says what the source has otherwise.
Shapes: B batch, D input, T tasks, O own experts of a task, S shared experts, E = T O + S experts of
a level, U units (the tasks, then the shared one), N experts of a unit, I level input, H output.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from mtnas.config.options import HiddenDim, MethodOptions
from mtnas.methods.parts.layers import SubNetworks, gate_scores, gates, mix, repeat, uniform
from mtnas.methods.parts.levels import levels
from mtnas.methods.parts.sharing import BaseSharing

TITLE = "AdaTT"  # what readers call it
PLACE = 103  # among the methods of a table


class Options(MethodOptions):
    """Options of AdaTT."""

    num_levels: int = Field(2, ge=1, description="levels of experts")
    num_task_experts: int = Field(2, ge=1, description="experts of each task in a level")
    num_shared_experts: int = Field(
        0, ge=0, description="shared experts in a level; 0: AdaTT-sp, which has none"
    )
    root_dim: int = Field(64, ge=1, description="width of the first layer, as in MMoE")
    hidden_dim: HiddenDim = None


class Level(nn.Module):
    """The experts of one level and what fuses them; in the last one no unit is shared."""

    def __init__(
        self, options: Options, *, input_dim: int, output_dim: int, num_tasks: int, last: bool
    ) -> None:
        """Build for I = `input_dim`, H = `output_dim` and T = `num_tasks`."""
        super().__init__()
        own, shared = options.num_task_experts, options.num_shared_experts
        self.num_own, self.num_shared, self.num_tasks = own, shared, num_tasks
        num_experts, self.has_shared_unit = num_tasks * own + shared, shared > 0 and not last
        self.experts = SubNetworks(num_experts, input_dim, output_dim)
        self.gate_UEI = gates(num_tasks + self.has_shared_unit, num_experts, input_dim)
        self.native_TO = _native(num_tasks, own)
        self.native_1S = _native(1, shared) if self.has_shared_unit else None

    def forward(self, units_UBI: Tensor) -> Tensor:
        """Return what the units of the next level read, or the task layers, units_UBH."""
        tasks_TBI = units_UBI[: self.num_tasks]
        own_EBI = tasks_TBI.repeat_interleave(self.num_own, dim=0)
        h_EBH = self.experts(torch.cat([own_EBI, repeat(units_UBI[-1], self.num_shared)]))
        scores_UBE = gate_scores(units_UBI[: len(self.gate_UEI)], self.gate_UEI)
        return mix(scores_UBE, h_EBH) + self._residual(h_EBH)

    def _residual(self, h_EBH: Tensor) -> Tensor:
        """Return every unit's combination of its own experts, [U, B, H]."""
        of_tasks = self.num_tasks * self.num_own
        own_TOBH = h_EBH[:of_tasks].reshape(self.num_tasks, self.num_own, *h_EBH.shape[1:])
        own_TBH = _combined(own_TOBH, self.native_TO)
        if not self.has_shared_unit:
            return own_TBH
        return torch.cat([own_TBH, _combined(h_EBH[of_tasks:].unsqueeze(0), self.native_1S)])


def _native(num_units: int, num_experts: int) -> nn.Parameter | None:
    """Draw the weights v_UN that units give their own experts; None where each has only one."""
    return uniform(num_units, num_experts, fan_in=num_experts) if num_experts > 1 else None


def _combined(h_UNBH: Tensor, native_UN: Tensor | None) -> Tensor:
    """Return sum_n v_un h_un, [U, B, H]; without weights the only expert of each as it is."""
    if native_UN is None:
        return h_UNBH.squeeze(1)
    return torch.einsum("un,unbh->ubh", native_UN, h_UNBH)


class Sharing(BaseSharing):
    """Levels of units; the root is what all units of the first level read."""

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        self.num_units = num_tasks + (options.num_shared_experts > 0)
        self.output_dim = options.hidden_dim
        self.root = nn.Linear(input_dim, options.root_dim)
        self.levels = levels(Level, options, num_tasks)

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_BTH."""
        units_UBI: Tensor = repeat(self.root(x_BD).relu(), self.num_units)
        for level in self.levels:
            units_UBI = level(units_UBI)
        return units_UBI.transpose(0, 1)
