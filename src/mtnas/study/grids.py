"""Grids of hyper-parameters: the values to try, and how to put chosen ones into a spec.

A grid maps names to lists of values:
`{"training.learning_rate": [0.001, 0.01], "options.num_experts": [2, 4]}`. The dots of a name lead
to an option in a run spec. Nothing here needs torch, since the workflow reads it before any job.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

Grid = Mapping[str, Sequence[Any]]
Values = dict[str, Any]
Spec = dict[str, Any]

# Trials that differ in these alone are trained together, as one ensemble; others take turns.
STACKED = ("training.learning_rate", "training.weight_decay")


def flat(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return nested values by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        nested = isinstance(value, Mapping)
        found |= flat(value, f"{prefix}{name}.") if nested else {f"{prefix}{name}": value}
    return found


def expand(grid: Grid) -> list[Values]:
    """Return every combination; those that can be trained together are neighbours."""
    names = sorted(grid, key=lambda name: name in STACKED)  # stable: else as written
    return [
        dict(zip(names, chosen, strict=True)) for chosen in product(*(grid[name] for name in names))
    ]


def replaced(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of nested values with others at some dotted names."""
    result = dict(values)
    for name, value in others.items():
        first, _, rest = name.partition(".")
        result[first] = replaced(result[first], {rest: value}) if rest else value
    return result
