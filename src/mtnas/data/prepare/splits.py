"""Splits: at random, of exact sizes that depend on the seed and the number of rows only, each seed
on its own or with disjoint test rows; by time; by a column.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mtnas.runtime.errors import DataError

SPLITS = ("train", "valid", "test")  # stored as 0, 1, 2
SPLIT_STREAM = 0x5B117  # keeps this stream apart from the others that a seed feeds
FOLD_STREAM = 0xF01D5  # of the order of rows that the seeds of a repetition share
Assign = Callable[[int, Sequence[int], int], NDArray[np.int8]]


def is_counts(split: Sequence[float]) -> bool:
    """Tell row counts (whole numbers above 1) from ratios."""
    return all(isinstance(part, int) for part in split) and sum(split) > 1


def check_split(split: Sequence[float]) -> None:
    """Refuse, before any row is read, a split that suits no table."""
    if len(split) != 3 or not all(_is_positive(part) for part in split):
        raise _bad(split, "expected three positive numbers")
    total = math.fsum(split)
    if not is_counts(split) and abs(total - 1) > 1e-6:
        raise _bad(split, f"the ratios add up to {total:g}, not 1")


def split_sizes(num_rows: int, split: Sequence[float]) -> tuple[int, int, int]:
    """Return the rows of train, valid and test from three ratios or three row counts.

    Raises:
        DataError: not three positive numbers, ratios that do not add up to 1, counts that do not
            add up to `num_rows`, or a part without a row.
    """
    check_split(split)
    total = math.fsum(split)
    if is_counts(split) and total != num_rows:
        raise _bad(split, f"the counts add up to {int(total)}, the table has {num_rows} rows")
    first = round(num_rows * split[0] / total)
    second = round(num_rows * (split[0] + split[1]) / total)
    sizes = (first, second - first, num_rows - second)
    if min(sizes) < 1:
        raise _bad(split, f"of {num_rows} rows the parts would get {sizes}, none may be empty")
    return sizes


def assign_split(num_rows: int, sizes: Sequence[int], seed: int) -> NDArray[np.int8]:
    """Return the part of every row, int8 [num_rows]: 0 train, 1 valid, 2 test."""
    if len(sizes) != 3 or min(sizes) < 0 or sum(sizes) != num_rows:
        raise DataError(f"split sizes {list(sizes)} do not add up to {num_rows} rows")
    split = np.empty(num_rows, np.int8)
    split[_order(num_rows, seed, SPLIT_STREAM)] = np.repeat(np.arange(3, dtype=np.int8), sizes)
    return split


def _order(num_rows: int, seed: int, stream: int) -> NDArray[np.int64]:
    """Return all rows in a random order.

    By sorting raw bits, not Generator.permutation: only the bits are promised to stay the same in
    every version of numpy.
    """
    bits = np.random.Philox(np.random.SeedSequence([seed, stream])).random_raw(num_rows)
    return np.argsort(bits, kind="stable")


def num_folds(sizes: Mapping[str, int]) -> int:
    """Return how many seeds test disjoint rows: until less than one test part is left."""
    return sum(sizes.values()) // sizes["test"]


def assign_fold(num_rows: int, sizes: Sequence[int], seed: int) -> NDArray[np.int8]:
    """Return the part of every row, as `assign_split`, where seeds 0, 1, ... test disjoint rows.

    So many seeds as there are folds share one random order of the rows, and each tests the next of
    its folds; the seeds after them share another order. Validation is drawn from the rest.
    """
    repetition, fold = divmod(seed, num_folds(dict(zip(SPLITS, sizes, strict=True))))
    tested = _order(num_rows, repetition, FOLD_STREAM)[fold * sizes[2] : (fold + 1) * sizes[2]]
    split = np.full(num_rows, 2, np.int8)
    rest = np.setdiff1d(np.arange(num_rows), tested, assume_unique=True)
    split[rest] = assign_split(len(rest), (sizes[0], sizes[1], 0), seed)
    return split


ASSIGN: dict[str, Assign] = {"random": assign_split, "disjoint": assign_fold}  # by `splits`


def assign_by_source(
    num_rows: int,
    source: NDArray[np.int8] | None,
    sizes: Sequence[Sequence[int] | None],
    seed: int,
    given: NDArray[np.int8] | None = None,
    assign: Assign = assign_split,
) -> NDArray[np.int8]:
    """Return the part of every row where every source is split on its own, by the same seed.

    `assign` splits one of them: `assign_split` or `assign_fold`.
    `source` is the number of each row's source, None if there is one; `sizes` are those of each.
    Rows of a source whose sizes are None keep the part that is `given`.
    """
    if source is None:
        assert sizes[0] is not None
        return assign(num_rows, sizes[0], seed)
    split = np.empty(num_rows, np.int8) if given is None else given.copy()
    for number, of_source in enumerate(sizes):
        if of_source is None:
            continue
        rows = np.flatnonzero(source == number)
        split[rows] = assign(len(rows), of_source, seed)
    return split


def split_by_time(times: NDArray[np.float64], split: Sequence[float]) -> NDArray[np.int8]:
    """Return the part of every row, int8 [rows]: the oldest train, the newest test.

    Rows of one time stay together, in the older of two parts: no row of a part is as old as one of
    the part before. So sizes may differ from those asked for.
    """
    total = math.fsum(split)
    ordered = np.sort(times)
    ends = [round(len(times) * part / total) for part in (split[0], split[0] + split[1])]
    last = [ordered[max(end, 1) - 1] for end in ends]
    return np.searchsorted(last, times, side="left").astype(np.int8)


def draw_valid(parts: NDArray[np.int8], share: float, seed: int) -> NDArray[np.int8]:
    """Return the parts with a share of the training rows, drawn at random, for validation."""
    train = np.flatnonzero(parts == 0)
    size = round(len(train) * share)
    drawn = assign_split(len(train), (len(train) - size, size, 0), seed)
    parts = parts.copy()
    parts[train] = drawn
    return parts


def _is_positive(part: object) -> bool:
    """Accept numbers above zero; NaN, bool and text are not."""
    return isinstance(part, int | float) and not isinstance(part, bool) and part > 0


def _bad(split: Sequence[float], why: str) -> DataError:
    """Return the error for a split that cannot be used."""
    return DataError(
        f"split {list(split)}: {why}; give three ratios such as [0.7, 0.15, 0.15] "
        f"or three row counts for train, valid and test"
    )


def digest_of(parts: Iterable[NDArray[np.int64]]) -> str:
    """Return a short checksum of a split, by the numbers of the rows of its parts."""
    digest = hashlib.sha256()
    for rows in parts:
        digest.update(rows.astype("<i8").tobytes())
    return digest.hexdigest()[:12]
