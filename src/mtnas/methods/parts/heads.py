"""Heads: from the representation of every task to the outputs of a model.

Shapes: B batch, T tasks, H hidden.
"""

from torch import Tensor, nn

from mtnas.methods.parts.layers import uniform


class Heads(nn.Module):
    """The task layers: one linear unit per task, so one output each (paper, Sec. 4.2)."""

    def __init__(self, num_tasks: int, hidden_dim: int) -> None:
        """Draw `weight` [T, H] and `bias` [T]."""
        super().__init__()
        self.weight = uniform(num_tasks, hidden_dim, fan_in=hidden_dim)
        self.bias = uniform(num_tasks, fan_in=hidden_dim)

    def forward(self, h_BTH: Tensor) -> Tensor:
        """Return logit_BT."""
        return (h_BTH * self.weight).sum(-1) + self.bias
