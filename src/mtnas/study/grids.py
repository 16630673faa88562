"""Grids of hyper-parameters: the values to try, and how to put chosen ones into a spec.

A grid maps names to lists of values:
`{"training.learning_rate": [0.001, 0.01], "options.num_experts": [2, 4]}`. The dots of a name lead
to an option in a run spec. Nothing here needs torch, since the workflow reads it before any job.
"""

from collections.abc import Mapping, Sequence
from itertools import product

from mtnas.runtime.files import Json

Grid = Mapping[str, Sequence[object]]
Values = Json  # of options by their dotted names, as YAML has them; their class checks them

# Trials that differ in these alone are trained together, as one ensemble; others take turns.
STACKED = ("training.learning_rate", "training.weight_decay")


def flat(values: Mapping[str, object], prefix: str) -> Values:
    """Return nested values by their dotted names."""
    found: Values = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def expand(grid: Grid) -> list[Values]:
    """Return every combination; those that can be trained together are neighbours."""
    names = sorted(grid, key=lambda name: name in STACKED)  # stable: else as written
    return [
        dict(zip(names, chosen, strict=True)) for chosen in product(*(grid[name] for name in names))
    ]


def replaced(values: Mapping[str, object], others: Mapping[str, object]) -> Values:
    """Return a copy of nested values with others at some dotted names."""
    result: Values = dict(values)
    for name, value in others.items():
        first, _, rest = name.partition(".")
        result[first] = replaced(result[first], {rest: value}) if rest else value
    return result
