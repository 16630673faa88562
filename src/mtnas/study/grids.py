"""Grids of hyper-parameters: what is tried, and how what won enters a spec.

A grid is flat: `{"training.learning_rate": [0.001, 0.01], "options.num_experts": [2, 4]}`, each
name a place in a run spec. Nothing here needs torch: the workflow reads it at parse time.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

Grid = Mapping[str, Sequence[Any]]
Values = dict[str, Any]
Spec = dict[str, Any]

# Members of one ensemble may differ in these; trials that differ in anything else take turns.
STACKED = ("training.learning_rate", "training.weight_decay")


def flat(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return nested values by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        nested = isinstance(value, Mapping)
        found |= flat(value, f"{prefix}{name}.") if nested else {f"{prefix}{name}": value}
    return found


def expand(grid: Grid) -> list[Values]:
    """Return every combination, those that can be stacked side by side."""
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
