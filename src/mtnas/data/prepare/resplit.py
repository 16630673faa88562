"""The split of every seed, drawn again from what a prepared table and its manifest tell."""

import numpy as np
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import Manifest
from mtnas.data.prepare.splits import ASSIGN, SPLITS, assign_by_source

Source = NDArray[np.int8] | None  # of every row, where there are several


def parts_of_seed(
    stored: NDArray[np.int8], source: Source, facts: Manifest, seed: int, *, fixed: bool
) -> NDArray[np.int8]:
    """Return the part of every row for a seed; `fixed` gives all seeds the stored one, and so does
    a split by time or by a column, which no seed can move.

    Every source is split on its own, in all seeds into as many rows as in the stored split; one
    whose split is given keeps it.
    """
    if fixed or facts.split_kind != "random":
        return stored
    sizes = [
        None if name in facts.fixed_sources else [own[part] for part in SPLITS]
        for name, own in (facts.source_sizes or {"": facts.split_sizes}).items()
    ]
    assign = ASSIGN[facts.spec.splits]
    return assign_by_source(len(stored), source, sizes, seed, stored, assign)
