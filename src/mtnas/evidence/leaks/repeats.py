"""What stands in a table twice: fields that are equal up to renaming, rows with equal fields."""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtnas.evidence.leaks.columns import Column

_PIECE = 1 << 20  # rows that are looked at at once
Rows = NDArray[np.int64]


def equal_fields(columns: Sequence[Column], rows: Rows) -> tuple[tuple[str, ...], ...]:
    """Return groups of fields of single ids that are equal up to renaming in some rows.

    Numbers and lists are left out, and fields with one value.
    """
    groups = defaultdict(list)
    for column in columns:
        if column.padding is None and column.numbers is None and len(rows):
            codes = column.codes[rows, 0]
            if (codes != codes[0]).any():
                groups[_pattern(codes, column.size)].append(column.name)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def _pattern(codes: NDArray[Any], size: int) -> bytes:
    """Return a digest that only tells where values are alike: of where each was met first."""
    first = np.zeros(size, np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # of several, numpy keeps the last
    return blake2b(first[codes].data, digest_size=16).digest()


def share_met(columns: Sequence[Column], train: Rows, valid: Rows) -> float:
    """Return the share of validation rows all of whose fields stand so in one training row."""
    if not (columns and len(valid)):
        return 0.0
    met = np.isin(_row_keys(columns, valid), np.unique(_row_keys(columns, train)))
    return float(met.mean())


def _row_keys(columns: Sequence[Column], rows: Rows) -> NDArray[np.uint64]:
    """Return 64 bits for every row that stand for all its fields."""
    keys = np.zeros(len(rows), np.uint64)
    for start in range(0, len(rows), _PIECE):
        part = rows[start : start + _PIECE]
        mixed = keys[start : start + _PIECE]
        for column in columns:
            for values in _bits(column, part):
                mixed[:] = _mixed(mixed ^ _mixed(values + np.uint64(1)))
    return keys


def _bits(column: Column, rows: Rows) -> list[NDArray[np.uint64]]:
    """Return what a field holds in some rows as whole numbers, one array per entry."""
    if column.numbers is None:
        return list(column.codes[rows].astype(np.uint64).T)
    values = column.numbers[rows] + np.float32(0)  # there are two zeros, and many NaN
    values[np.isnan(values)] = np.nan
    return [values.view(np.uint32).astype(np.uint64)]


def _mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return other 64 bits for every 64 bits, each of which depends on all (SplitMix64)."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
