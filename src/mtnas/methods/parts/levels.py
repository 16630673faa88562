"""Levels of experts, one after the other (PLE, AdaTT)."""

from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

from torch import nn


class Levelled(Protocol):
    """Options of a method whose experts stand in levels above a root."""

    num_levels: int
    root_dim: int
    hidden_dim: int | None


def levels(new: Callable[..., nn.Module], options: Levelled, num_tasks: int) -> nn.ModuleList:
    """Return the levels: the first reads the root, each other what the one before gives.

    `new` takes `options`, `input_dim`, `output_dim`, `num_tasks`, and whether it is the `last`.
    """
    assert options.hidden_dim is not None, "solved before a model is built"
    dims = [options.root_dim] + [options.hidden_dim] * options.num_levels
    return nn.ModuleList(
        new(
            options,
            input_dim=below,
            output_dim=width,
            num_tasks=num_tasks,
            last=number == options.num_levels,
        )
        for number, (below, width) in enumerate(pairwise(dims), start=1)
    )
