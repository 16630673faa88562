"""Shared embedding: tasks share the embedding tables and nothing else (a control).

Between Single, whose tasks share nothing, and Share-Bottom, whose tasks share two layers too.
Shapes: B batch, D input, H hidden, T tasks.
"""

import torch
from torch import Tensor, nn

from mtnas.config.options import HiddenDim, MethodOptions
from mtnas.methods.parts.sharing import BaseSharing

TITLE = "Shared embedding"  # what readers call it
PLACE = 20  # among the methods of a table


class Options(MethodOptions):
    """Options of the shared embedding."""

    hidden_dim: HiddenDim = None


class Sharing(BaseSharing):
    """Two fully connected layers for each task."""

    def __init__(self, options: Options, *, input_dim: int, num_tasks: int) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        self.output_dim = width = options.hidden_dim
        self.roots = nn.ModuleList(nn.Linear(input_dim, width) for _ in range(num_tasks))
        self.bottoms = nn.ModuleList(nn.Linear(width, width) for _ in range(num_tasks))

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return h_BTH, each task's own representation."""
        own = [
            bottom(root(x_BD).relu()).relu()
            for root, bottom in zip(self.roots, self.bottoms, strict=True)
        ]
        return torch.stack(own, 1)
