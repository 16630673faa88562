"""To which part each row of a dataset belongs: by the kind of its split, source by source."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.data.prepare.splits import (
    SPLITS,
    assign_by_source,
    check_split,
    draw_valid,
    is_counts,
    split_by_time,
    split_sizes,
)
from mtnas.data.sources.base import Dataset
from mtnas.runtime.errors import ConfigError, DataError

_LOG = logging.getLogger(__name__)
Source = NDArray[np.int8] | None  # of every row, where there are several


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
    if given is not None and is_counts(given) and len(dataset.source_names) > 1:
        raise ConfigError(
            f"dataset_options.{dataset.name}.split: {list(given)}: each of its "
            f"{len(dataset.source_names)} sources is split; give shares, such as [0.7, 0.15, 0.15]"
        )


def check_sources(dataset: Dataset, source: Source) -> None:
    """Refuse a source without rows."""
    counts = np.bincount([] if source is None else source, minlength=len(dataset.source_names))
    for name, count in zip(dataset.source_names, counts, strict=True):
        if count == 0:
            raise DataError(
                f"dataset {dataset.name!r}: source {name!r} has no rows; dropped: "
                f"{dict(sorted(dataset.dropped.items())) or 'none'}; check its files, or remove it"
            )


def assign_parts(
    dataset: Dataset,
    num_rows: int,
    source: Source,
    places: Sequence[NDArray[Any]],
    given: Sequence[float] | None,
    seed: int,
) -> NDArray[np.int8]:
    """Return the part of every row, int8 [rows]: 0 train, 1 valid, 2 test.

    `places` hold, piece by piece, the column that decides a fixed split: numbers of parts, or
    times; also those of `fixed_sources` of a random split. `given` (ratios or counts) and `seed`
    are for a random one. Where a fixed split has no part for validation, `seed` also draws its rows
    from those for training, of each source.
    """
    place = np.concatenate(places) if places else None
    if dataset.split_kind == "random":
        counts = [num_rows] if source is None else np.bincount(source).tolist()
        _check_fixed_sources(dataset, source, place)
        names = [""] if source is None else dataset.source_names
        sizes = [
            None if name in dataset.fixed_sources else _sizes(dataset, name, count, given)
            for name, count in zip(names, counts, strict=True)
        ]
        return assign_by_source(num_rows, source, sizes, seed, place)
    assert place is not None
    if dataset.split_kind == "time":
        return split_by_time(place, dataset.split)
    if dataset.valid_share is None:
        return place
    parts = place.copy()
    for rows in [slice(None)] if source is None else map(source.__eq__, np.unique(source)):
        parts[rows] = draw_valid(place[rows], dataset.valid_share, seed)
    return parts


def _check_fixed_sources(dataset: Dataset, source: Source, place: Source) -> None:
    """Refuse a source whose rows say where they belong, if one does not, or a part is empty."""
    for name in dataset.fixed_sources:
        assert source is not None and place is not None
        own = place[source == dataset.source_names.index(name)]
        counts = np.bincount(own + 1, minlength=len(SPLITS) + 1)  # -1 first: no part
        if len(counts) > len(SPLITS) + 1 or counts[0] or not counts[1:].all():
            raise DataError(
                f"dataset {dataset.name!r}: source {name!r} has its own split, with "
                f"{counts[1:].tolist()} rows in {', '.join(SPLITS)} and {counts[0]} in none; every "
                "row must be in one of the three, and none may be empty"
            )


def sizes_by_part(split: NDArray[np.int8]) -> dict[str, int]:
    """Return how many rows each part has."""
    return dict(zip(SPLITS, np.bincount(split, minlength=len(SPLITS)).tolist(), strict=True))


def sizes_by_source(
    dataset: Dataset, split: NDArray[np.int8], source: Source
) -> dict[str, dict[str, int]]:
    """Return how many rows of each source each part has; nothing without sources."""
    return {
        name: sizes_by_part(split[source == number])
        for number, name in enumerate(dataset.source_names)
    }


def check_parts(
    dataset: Dataset,
    tasks: Sequence[TaskSummary],
    rows: Path,
    split: NDArray[np.int8],
    source: Source,
    classes: Mapping[str, NDArray[np.int16]],
) -> None:
    """Refuse a fixed split with a part in which a task could not be learned or scored.

    `classes` hold the number of every class, by that in `rows`.
    """
    if dataset.split_kind == "random":
        return  # this one split tells nothing of those of other seeds
    by = f"dataset {dataset.name!r}: split by {dataset.split_kind}, column {dataset.split_column!r}"
    for name, size in sizes_by_part(split).items():
        if size == 0:
            raise DataError(f"{by}: no row belongs to {name}; change `split` in its file")
    for task in tasks:
        column = pq.read_table(rows, columns=[task.name])[task.name]
        labels = column.cast(pa.float32(), safe=False).to_numpy()  # null becomes NaN
        part, where = split, by
        if task.name in classes:
            labels = _renumbered(labels, classes[task.name])
        if task.source:
            own = source == dataset.source_names.index(task.source)
            labels, part, where = labels[own], split[own], f"{by}: source {task.source!r}"
        if fault := fault_of_parts(task, labels, part):
            raise DataError(f"{where}: {fault}; change `split` in its file")


def _renumbered(labels: NDArray[Any], numbers: NDArray[np.int16]) -> NDArray[Any]:
    """Return the final numbers of classes, NaN where there is none."""
    found = labels.copy()
    given = ~np.isnan(labels)
    found[given] = numbers[labels[given].astype(np.int64)]
    return found


def fault_of_parts(task: TaskSummary, labels: NDArray[Any], split: NDArray[np.int8]) -> str | None:
    """Say in which part a task could not be learned or scored, and why; None if in no one.

    Args:
        task: whose labels they are.
        labels: [rows of its source], NaN where there is none.
        split: the part of every such row.
    """
    label, given = f"label {task.name} ({task.rule})", ~np.isnan(labels)
    in_train = np.unique(labels[(split == 0) & given])
    for code, part in enumerate(SPLITS):
        found, counts = np.unique(labels[(split == code) & given], return_counts=True)
        size = int(counts.sum())
        rows = f"rows of {part}" if given.all() else f"labelled rows of {part}"
        if size == 0:
            return f"no row of {part} has {label}"
        if task.kind == "multiclass":
            for number in np.setdiff1d(found, in_train):
                name = task.classes[int(number)]
                return f"{label}: class {name!r} occurs in {part}, but in no row of train"
        elif len(found) == 1:
            needed = "both 0 and 1 are" if task.kind == "binary" else "two different values are"
            return f"{label} is {found[0]:g} in all {size} {rows}, {needed} needed"
    return None


def _sizes(
    dataset: Dataset, source: str, num_rows: int, given: Sequence[float] | None
) -> tuple[int, int, int]:
    """Return the split sizes; the dataset's own counts become ratios on a partial copy."""
    split: Sequence[float] = dataset.split if given is None else given
    if given is None and is_counts(split) and sum(split) != num_rows:
        total = sum(split)
        _LOG.warning(
            "%s: %d rows instead of %d: the split %s is used as ratios",
            *(dataset.name, num_rows, total, list(split)),
        )
        split = [part / total for part in split]
    try:
        return split_sizes(num_rows, split)
    except DataError as error:
        where = f"dataset {dataset.name!r}" + (f": source {source!r}" if source else "")
        raise DataError(f"{where}: {error}") from None
