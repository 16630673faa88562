"""The split of a seed: which rows it trains on, validates and tests."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mtnas.data.prepare.groups import is_leak
from mtnas.data.prepare.resplit import parts_of_seed
from mtnas.data.prepare.splits import digest_of
from mtnas.data.prepare.store import Table
from mtnas.runtime import seeds
from mtnas.runtime.errors import DataError
from mtnas.training.data import Split

Rows = NDArray[np.int64]  # numbers of rows
Labels = NDArray[np.float32]  # [rows, T]


def split_of(table: Table, seed: int, *, fixed: bool) -> Split:
    """Return the split of one seed (`parts_of_seed`).

    Drawn data hold a block of rows for every seed, with its split (D12).
    """
    part, facts, drawn = table.split, table.manifest, table.manifest.drawn_seeds
    if drawn is not None and not fixed:
        size = len(part) // len(drawn)
        first = drawn.index(seed) * size
        block = part[first : first + size]
        return Split(*(first + np.flatnonzero(block == code) for code in range(3)))
    part = parts_of_seed(part, table.source, facts, seed, fixed=fixed)  # V1: a seed moves it
    return Split(*(np.flatnonzero(part == code) for code in range(3)))


def with_leaks(split: Split, table: Table, seed: int) -> Split:
    """Return a split as it is."""
    return split


def without_leaks(split: Split, table: Table, seed: int) -> Split:
    """Return a split without the training rows whose group is in validation or test, too, and
    without the labels of the validation rows whose group is in test.
    """
    train, valid = _leaks(split, table)
    return _without(split, split.train[train], split.valid[valid])


def without_as_many(split: Split, table: Table, seed: int) -> Split:
    """Return a split without as many rows of each source as `without_leaks` leaves out, but of
    those that are no leaks: drawn by the seed, to compare with.

    Raises:
        DataError: a source has fewer such rows.
    """
    rng = seeds.generator(seed, "leaks")
    parts = zip((split.train, split.valid), _leaks(split, table), strict=True)
    return _without(split, *(_as_many(rows, leaks, table, rng) for rows, leaks in parts))


# by `training.leaks`
LEAKS: dict[str, Callable[[Split, Table, int], Split]] = {
    "keep": with_leaks,
    "drop": without_leaks,
    "control": without_as_many,
}


def with_share(split: Split, table: Table, seed: int, share: float) -> Split:
    """Return a split that trains on a share of its training rows, of each source (V25).

    The rows of a smaller share are among those of a larger one; at least one row stays.
    """
    if share == 1:
        return split
    rng = seeds.generator(seed, "train_share")
    source = np.zeros(len(split.train), np.int8)
    if table.source is not None:
        source = table.source[split.train]
    kept = []
    for number in np.unique(source):
        own = rng.permutation(split.train[source == number])
        kept.append(own[: max(1, round(share * len(own)))])
    return replace(split, train=np.sort(np.concatenate(kept)))


def judged_labels(table: Table, split: Split) -> Labels:
    """Return the labels of a table, [rows, T], without those that validation leaves out: NaN."""
    if len(split.valid_left_out) == 0:
        return table.labels
    labels = table.labels.copy()
    labels[split.valid_left_out] = np.nan
    return labels


def _leaks(split: Split, table: Table) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which training rows meet validation or test, and which validation rows test."""
    assert table.groups is not None
    judged = np.concatenate([split.valid, split.test])
    train = is_leak(table.groups, split.train, judged)
    return train, is_leak(table.groups, split.valid, split.test)


def _without(split: Split, train: Rows, valid: Rows) -> Split:
    kept = np.setdiff1d(split.train, train, assume_unique=True)
    return replace(split, train=kept, left_out=train, valid_left_out=valid)


def _as_many(rows: Rows, leaks: NDArray[np.bool_], table: Table, rng: np.random.Generator) -> Rows:
    """Draw as many rows of each source that are no leaks as there are leaks, in order."""
    names = table.manifest.sources or ("",)
    source = np.zeros(len(rows), np.int8) if table.source is None else table.source[rows]
    drawn = []
    for number, name in enumerate(names):
        own = source == number
        others, wanted = rows[own & ~leaks], int((own & leaks).sum())
        if wanted > len(others):
            where = f"source {name!r}: " if name else ""
            raise DataError(
                f"dataset {table.manifest.dataset!r}: {where}{wanted} of {own.sum()} rows of a part"
                " are leaks, more than the others that training.leaks: 'control' could leave out "
                "in their place; use training.leaks: keep or drop"
            )
        drawn.append(rng.choice(others, wanted, replace=False))
    return np.sort(np.concatenate(drawn))


def split_digest(split: Split) -> str:
    """Return a short checksum of a split, to see in a record that two runs are paired."""
    return digest_of((split.train, split.valid, split.test))
