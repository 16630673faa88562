"""Layers of every task's own before or behind the part that tasks share (Algorithm 1).

Wu, Zhang and Re (ICLR 2020) align the inputs E_t of tasks with one matrix each, Z_t = E_t R_t, so
that one shared module fits all of them. The control spends as many parameters elsewhere.
Shapes: B batch, T tasks, D input of the shared part, H its output, K inner width of the control.
"""

import torch
from torch import Tensor, nn

from mtnas.methods.parts.layers import uniform


class InputAlignment(nn.Module):
    """R_t = I + offset_t: a square matrix of every task, at first the identity (V17).

    The offset is what is learned, so weight decay draws a matrix towards the identity.
    """

    def __init__(self, num_tasks: int, dim: int) -> None:
        """Begin with T identities of size D."""
        super().__init__()
        self.offset_TDD = nn.Parameter(torch.zeros(num_tasks, dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        """Return z_TBD of x_BD, which all tasks read, or of x_TBD, an input of each."""
        return x + x @ self.offset_TDD


class OutputAdapter(nn.Module):
    """The control of alignment: h_t + U_t ReLU(V_t h_t), with U_t = 0 at first (V18)."""

    def __init__(self, num_tasks: int, input_dim: int, hidden_dim: int) -> None:
        """Have about D^2 parameters per task, as an alignment of D = `input_dim` inputs."""
        super().__init__()
        width = max(1, round(input_dim**2 / (2 * hidden_dim)))
        self.inner_THK = uniform(num_tasks, hidden_dim, width, fan_in=hidden_dim)
        self.outer_TKH = nn.Parameter(torch.zeros(num_tasks, width, hidden_dim))

    def forward(self, h_BTH: Tensor) -> Tensor:
        """Return what the task layers read, [B, T, H]."""
        inner_TBK = (h_BTH.transpose(0, 1) @ self.inner_THK).relu()
        return h_BTH + (inner_TBK @ self.outer_TKH).transpose(0, 1)
