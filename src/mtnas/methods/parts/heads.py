"""Heads: from the representation of every task to the outputs of a model.

Shapes: B batch, T tasks, H hidden, O outputs.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtnas.methods.parts.layers import uniform


class Heads(nn.Module):
    """The task layers: one linear unit per output, one output per task (paper, Sec. 4.2).

    A task with classes has an output for each.
    """

    def __init__(self, widths: Sequence[int], hidden_dim: int) -> None:
        """Draw `weight` [O, H] and `bias` [O] for tasks with so many outputs each."""
        super().__init__()
        self.widths = tuple(widths)
        self.weight = uniform(sum(widths), hidden_dim, fan_in=hidden_dim)
        self.bias = uniform(sum(widths), fan_in=hidden_dim)

    def forward(self, h_BTH: Tensor) -> Tensor:
        """Return out_BO."""
        if set(self.widths) == {1}:
            return (h_BTH * self.weight).sum(-1) + self.bias
        weights = torch.split(self.weight, list(self.widths))
        parts = [h_BTH[:, t] @ weight_WH.T for t, weight_WH in enumerate(weights)]
        return torch.cat(parts, -1) + self.bias
