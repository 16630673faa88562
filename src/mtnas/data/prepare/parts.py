"""To which part each row of a dataset belongs: by the kind of its split."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.prepare.splits import (
    SPLITS,
    assign_split,
    check_split,
    draw_valid,
    is_counts,
    split_by_time,
    split_sizes,
)
from mtnas.data.sources.base import Dataset
from mtnas.runtime.errors import ConfigError, DataError

_LOG = logging.getLogger(__name__)


def check_split_of(dataset: Dataset, given: Sequence[float] | None) -> None:
    """Refuse a split that suits no table, and another one for a dataset whose split is fixed."""
    if dataset.split_kind == "random":
        check_split(dataset.split if given is None else given)
    elif given is not None:
        raise ConfigError(
            f"dataset {dataset.name!r} is split by {dataset.split_kind}, column "
            f"{dataset.split_column!r}, not by {list(given)}; remove the key `split` of its "
            "dataset_options, or change its own file"
        )


def assign_parts(
    dataset: Dataset,
    num_rows: int,
    places: Sequence[NDArray[Any]],
    given: Sequence[float] | None,
    seed: int,
) -> NDArray[np.int8]:
    """Return the part of every row, int8 [rows]: 0 train, 1 valid, 2 test.

    `places` are the pieces of what decides a fixed split; `given` and `seed` are for a random one,
    and the seed for a share of the training rows that validates.
    """
    if dataset.split_kind == "random":
        return assign_split(num_rows, _sizes(dataset, num_rows, given), seed)
    place = np.concatenate(places)
    if dataset.split_kind == "time":
        return split_by_time(place, dataset.split)
    return place if dataset.valid_share is None else draw_valid(place, dataset.valid_share, seed)


def check_parts(dataset: Dataset, rows: Path, split: NDArray[np.int8]) -> None:
    """Refuse a fixed split with a part in which a label has one class: it could not be scored."""
    if dataset.split_kind == "random":
        return  # this one split tells nothing of those of other seeds
    tasks = [task.name for task in dataset.tasks]
    sizes, ones, start = np.bincount(split, minlength=len(SPLITS)), np.zeros((3, len(tasks))), 0
    for batch in pq.ParquetFile(rows).iter_batches(columns=tasks):
        labels = np.stack([batch[task].to_numpy() for task in tasks], axis=1)
        part = split[start : start + batch.num_rows]
        start += batch.num_rows
        ones += [labels[part == code].sum(axis=0) for code in range(len(SPLITS))]
    by = f"dataset {dataset.name!r}: split by {dataset.split_kind}, column {dataset.split_column!r}"
    for name, size, counts in zip(SPLITS, sizes, ones, strict=True):
        if size == 0:
            raise DataError(f"{by}: no row belongs to {name}; change `split` in its file")
        for task, count in zip(dataset.tasks, counts, strict=True):
            if count in (0, size):
                raise DataError(
                    f"{by}: label {task.name} ({task.rule}) is {int(count > 0)} in all {size} rows "
                    f"of {name}, both 0 and 1 are needed; change `split` in its file"
                )


def _sizes(dataset: Dataset, num_rows: int, given: Sequence[float] | None) -> tuple[int, int, int]:
    """Return the split sizes; the dataset's own counts become ratios on a partial copy."""
    split: Sequence[float] = dataset.split if given is None else given
    if given is None and is_counts(split) and sum(split) != num_rows:
        total = sum(split)
        _LOG.warning(
            "%s: %d rows instead of %d: the split %s is used as ratios",
            *(dataset.name, num_rows, total, list(split)),
        )
        split = [part / total for part in split]
    return split_sizes(num_rows, split)
