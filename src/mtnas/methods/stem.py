"""STEM: embedding tables that tasks share, and tables of every task's own (Su et al., AAAI 2024).

Shared experts read the shared table, those of a task its own table. The gate of a task mixes all
experts, also those of other tasks; but it does not train the latter, so that only the labels of a
task train its table (all forward, task-specific backward). V26 says what the source has otherwise.
Shapes: B batch, D input, T tasks, R = T + 1 tables (the shared one first), E experts (shared ones
first, then task by task), H expert output.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from mtnas.config.options import HiddenDim, MethodOptions
from mtnas.methods.parts.layers import SubNetworks, gate_scores, gates, mix
from mtnas.methods.parts.sharing import BaseSharing

TITLE = "STEM"  # what readers call it
PLACE = 105  # among the methods of a table


class Options(MethodOptions):
    """Options of STEM."""

    num_task_experts: int = Field(1, ge=1, description="experts of each task, on its own table")
    num_shared_experts: int = Field(1, ge=1, description="experts on the table that tasks share")
    num_layers: int = Field(2, ge=1, description="layers of an expert (Share-Bottom has 2)")
    stop_gradient: bool = Field(
        True, description="false: a task's gate trains the experts and tables of other tasks, too"
    )
    hidden_dim: HiddenDim = None

    def num_tables(self, num_tasks: int) -> int:
        """Return the number of tables: one that all tasks share, and one of each."""
        return num_tasks + 1


class Sharing(BaseSharing):
    """Experts on tables of their own, and one gate per task over all of them."""

    read_E: Tensor
    trains_TE1: Tensor

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        self.output_dim = width = options.hidden_dim
        owner_E = torch.tensor(  # -1: shared
            [-1] * options.num_shared_experts
            + [task for task in range(num_tasks) for _ in range(options.num_task_experts)]
        )
        inputs = [input_dim] + [width] * (options.num_layers - 1)
        self.experts = nn.ModuleList(SubNetworks(len(owner_E), dim, width) for dim in inputs)
        self.gate_TED = gates(num_tasks, len(owner_E), input_dim)
        trains_TE = (owner_E < 0) | (owner_E == torch.arange(num_tasks).unsqueeze(1))
        self.register_buffer("read_E", owner_E + 1)
        self.register_buffer("trains_TE1", (trains_TE | (not options.stop_gradient)).unsqueeze(-1))

    def forward(self, x_RBD: Tensor) -> Tensor:
        """Return h_BTH of the input by every table."""
        h_EBH = x_RBD.index_select(0, self.read_E)
        for layer in self.experts:
            h_EBH = layer(h_EBH)
        # A task's gate reads the sum of the inputs by its own table and by the shared one.
        scores_TBE = gate_scores(x_RBD[1:] + x_RBD[0], self.gate_TED)
        trains_T1E = self.trains_TE1.transpose(1, 2)
        zeros = torch.zeros_like(scores_TBE)
        trained_TBH = mix(torch.where(trains_T1E, scores_TBE, zeros), h_EBH)
        others_TBH = mix(torch.where(trains_T1E, zeros, scores_TBE), h_EBH.detach())
        return (trained_TBH + others_TBH).transpose(0, 1)
