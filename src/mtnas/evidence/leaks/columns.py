"""The input fields of a prepared table as columns of codes: every field alike, one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtnas.data.prepare.store import Inputs, Table

QUANTILES = 20  # bins of a number


@dataclass(frozen=True)
class Column:
    """One input field: whole numbers below `size` stand for what it holds.

    The value `padding` fills up lists that are shorter than others and stands for nothing.
    """

    name: str
    codes: NDArray[Any]  # whole numbers [rows, L]: L = 1 but for lists; it may be memory-mapped
    size: int
    padding: int | None = None
    numbers: NDArray[np.float32] | None = None  # [rows], NaN = missing, of a number


def columns_of(table: Table) -> list[Column]:
    """Return every input field of a prepared table."""
    names = [field.name for field in table.manifest.fields]
    return arranged(names, table.inputs, table.manifest.num_ids, table.split == 0)


def arranged(
    names: Sequence[str], inputs: Inputs, num_ids: int, train: NDArray[np.bool_]
) -> list[Column]:
    """Return the fields of inputs: ids, lists, numbers, rows of matrices.

    Args:
        names: of all fields; those that are no list, number or matrix are ids, in this order.
        inputs: of a prepared table.
        num_ids: how many different ids there are; this number fills up lists.
        train: [rows]: those from which the bins of a number are made.
    """
    layout, ids, numbers = inputs.layout, inputs.ids, inputs.numbers
    others = {part.name for part in layout.bags} | {part.name for part in layout.numbers}
    others |= {part.name for part in layout.features}
    singles = [name for name in names if name not in others]
    found = [Column(name, ids[:, i : i + 1], num_ids + 1) for i, name in enumerate(singles)]
    start = layout.singles
    for bag in layout.bags:
        entries = ids[:, start : start + bag.length]
        found.append(Column(bag.name, entries, num_ids + 1, padding=num_ids))
        start += bag.length
    for i, number in enumerate(layout.numbers):
        assert numbers is not None
        values = numbers[:, i]
        found.append(Column(number.name, *binned(values, train), numbers=values))
    for block, (places, matrix) in zip(layout.features, inputs.features, strict=True):
        found.append(Column(block.name, places[:, None] + 1, len(matrix) + 1))
    return found


def binned(values: NDArray[np.float32], train: NDArray[np.bool_]) -> tuple[NDArray[np.int16], int]:
    """Return a code [rows, 1] for every number, and how many codes there are.

    Bins lie between the quantiles of the training rows; a quantile itself has its own bin, since
    it may be the value of most rows. The last code stands for a missing number.
    """
    known = values[train & ~np.isnan(values)]
    inner = np.arange(1, QUANTILES) / QUANTILES
    edges = np.unique(np.quantile(known, inner, method="nearest")) if len(known) else known
    codes = np.searchsorted(edges, values, "left") + np.searchsorted(edges, values, "right")
    missing = 2 * len(edges) + 1
    codes[np.isnan(values)] = missing
    return codes.astype(np.int16)[:, None], missing + 1
