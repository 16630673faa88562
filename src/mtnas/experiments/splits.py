"""The split of a seed: which rows it trains on, validates and tests."""

import hashlib
from dataclasses import replace

import numpy as np

from mtnas.data.prepare.groups import is_leak
from mtnas.data.prepare.splits import SPLITS, assign_by_source
from mtnas.data.prepare.store import Table
from mtnas.training.data import Split


def split_of(table: Table, seed: int, *, fixed: bool) -> Split:
    """Return the split of one seed; `fixed` gives all seeds the stored one, and so does a split by
    time or by a column, which no seed can move.

    Every source is split on its own, in all seeds into as many rows as in the stored split; one
    whose split is given keeps it.
    Drawn data hold a block of rows for every seed, with its split (D12).
    """
    part, facts, drawn = table.split, table.manifest, table.manifest.drawn_seeds
    if drawn is not None and not fixed:
        size = len(part) // len(drawn)
        first = drawn.index(seed) * size
        block = part[first : first + size]
        return Split(*(first + np.flatnonzero(block == code) for code in range(3)))
    if facts.split_kind == "random" and not fixed:  # V1: then a seed moves it
        wanted = facts.source_sizes or {"": facts.split_sizes}
        sizes = [
            None if name in facts.fixed_sources else [own[part] for part in SPLITS]
            for name, own in wanted.items()
        ]
        part = assign_by_source(len(part), table.source, sizes, seed, part)
    return Split(*(np.flatnonzero(part == code) for code in range(3)))


def without_leaks(split: Split, table: Table) -> Split:
    """Return a split without the training rows whose group is in validation or test, too."""
    assert table.groups is not None
    leaks = is_leak(table.groups, split.train, np.concatenate([split.valid, split.test]))
    return replace(split, train=split.train[~leaks], left_out=split.train[leaks])


def split_digest(split: Split) -> str:
    """Return a short checksum of a split, to see in a record that two runs are paired."""
    digest = hashlib.sha256()
    for part in (split.train, split.valid, split.test):
        digest.update(part.astype("<i8").tobytes())
    return digest.hexdigest()[:12]
