"""Whether there is something to learn and to measure in every part of the data, for every seed.

Asked before anything is trained: a part with one class only has no AUC, and a class that training
never sees cannot be told from others.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.data.prepare.splits import SPLITS
from mtnas.runtime.errors import DataError
from mtnas.training.data import Split

SURE = 100  # labelled rows that a part may expect: that a random split gives it none is out of hand

Labels = NDArray[np.float32]


def check_labels(
    dataset: str,
    tasks: Iterable[TaskSummary],
    labels: Labels,
    seeds: Iterable[int],
    split_of: Callable[[int], Split],
    *,
    smallest_share: float | None = None,
) -> None:
    """Refuse data in which a part has too few labels to learn or measure a task, for any seed.

    `labels` are [rows, T], NaN where they are missing. Of a random split, `smallest_share` is the
    share of all rows that its smallest part has: tasks whose rarest label is so frequent that every
    part surely has it are passed over, because drawing the split of every seed takes time.

    Raises:
        DataError: it names the first such seed, task and part, and counts rows.
    """
    columns = [(task, labels[:, t]) for t, task in enumerate(tasks)]
    if smallest_share is not None:
        columns = [
            (task, column)
            for task, column in columns
            if _rarest(task, column) * smallest_share < SURE
        ]
    if not columns:
        return
    for seed in seeds:
        split = split_of(seed)
        parts = {name: getattr(split, name) for name in SPLITS}
        parts["valid"] = np.setdiff1d(split.valid, split.valid_left_out, assume_unique=True)
        for task, column in columns:
            for problem in _problems(task, {n: column[rows] for n, rows in parts.items()}):
                raise DataError(
                    f"dataset {dataset!r}, seed {seed}: label {task.name} has {problem}; leave the "
                    f"task out (of {len(labels)} rows {_counted(task, column)}), or give the parts "
                    f"more rows (dataset_options.{dataset}.split)"
                )


def _counted(task: TaskSummary, column: Labels) -> str:
    """Say how many rows of the whole table are labelled, and how."""
    labelled = f"{int((~np.isnan(column)).sum())} are labelled"
    return f"{labelled}, {int((column == 1).sum())} as 1" if task.kind == "binary" else labelled


def _rarest(task: TaskSummary, column: Labels) -> int:
    """Return how many rows have the rarest label; for numbers, how many have not the commonest."""
    if task.kind == "binary":  # sorting is slow where there are millions
        return int(min((column == value).sum() for value in (0, 1)))
    _, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    if task.kind == "multiclass":
        return int(counts.min()) if len(counts) > 1 else 0
    return int(counts.sum() - counts.max()) if len(counts) else 0


@dataclass(frozen=True)
class _Part:
    """The labels that one part has: different values and how many rows have each."""

    values: Labels
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, labels: Labels) -> "_Part":
        return cls(*np.unique(labels[~np.isnan(labels)], return_counts=True))

    def count_of(self, value: float) -> int:
        """Return how many rows have a label."""
        return int(self.counts[self.values == value].sum())


def _problems(task: TaskSummary, parts: dict[str, Labels]) -> Iterable[str]:
    """Yield what is missing, in words that go on from "label t0 has"."""
    found = {name: _Part.of(labels) for name, labels in parts.items()}
    train = found["train"]
    for name, part in found.items():
        size = f"{int(part.counts.sum())} labelled rows of the {name} part"
        if len(part.values) == 0:
            yield f"no labelled row in the {name} part"
        elif task.kind == "binary" and len(part.values) < 2:
            counts = f"{part.count_of(1)} ones and {part.count_of(0)} zeros"
            yield f"{counts} among the {size}, both are needed"
        elif task.kind == "multiclass":
            unseen = [int(value) for value in part.values if train.count_of(value) == 0]
            if unseen:
                names = ", ".join(f"{task.classes[c]!r} ({part.count_of(c)} rows)" for c in unseen)
                yield f"classes in the {name} part that the train part has not: {names}"
            if len(train.values) < 2:
                yield "one class only in the train part, two are needed"
        elif len(part.values) < 2:
            yield f"one value only, {part.values[0]:g}, in the {size}, two are needed"
