"""The leak check: fields that tell a label alone, fields and labels that exist twice, rows again.

It looks for what makes results too good to be true. It cannot know what is known when: it names
what stands out, and a person judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.data.prepare.store import Table
from mtnas.evidence.leaks.alone import score_alone
from mtnas.evidence.leaks.columns import columns_of
from mtnas.evidence.leaks.repeats import equal_fields, share_met

# A copy of a label, or what is known only after it, reaches 0.98 and more.
AUC_LIMIT = 0.95
R2_LIMIT = 0.9  # a correlation of 0.95
MET_LIMIT = 0.5  # then scores are mostly of rows that training has met
MIN_COMMON = 20  # rows with both labels, below which agreement may be chance
_EQUAL = 1 - 1e-9  # of a correlation in float64


@dataclass(frozen=True)
class EqualTasks:
    """Two tasks of which one has the label of the other, in all rows that have both."""

    first: str
    second: str
    rows: int
    opposite: bool


@dataclass(frozen=True)
class Leaks:
    """What was found in a table; `scores` are AUC, or R2 of a task whose label is a number."""

    scores: dict[str, dict[str, float | None]]  # by field and task
    equal_fields: tuple[tuple[str, ...], ...]  # each group is equal up to renaming
    equal_tasks: tuple[EqualTasks, ...]
    valid_rows_met: float  # share of validation rows whose fields stand exactly in training
    warnings: tuple[str, ...]


def find_leaks(table: Table) -> Leaks:
    """Look for leaks in a prepared table; only training and validation rows are read.

    Time grows with rows x fields x tasks: seconds for a million rows. Memory is that of one field
    and of the labels.
    """
    columns, tasks = columns_of(table), table.manifest.tasks
    train, valid = np.flatnonzero(table.split == 0), np.flatnonzero(table.split == 1)
    scores = {
        column.name: {
            task.name: score_alone(column, task, table.labels[:, i], train, valid)
            for i, task in enumerate(tasks)
        }
        for column in columns
    }
    looked_at = np.flatnonzero(table.split <= 1)
    groups = equal_fields(columns, looked_at)
    pairs = equal_tasks(tasks, table.labels[looked_at])
    met = share_met(columns, train, valid)
    warnings = (
        *_of_fields(scores, tasks),
        *_of_equal_fields(groups),
        *_of_equal_tasks(pairs),
        *_of_rows(met),
    )
    return Leaks(scores, groups, pairs, met, warnings)


def equal_tasks(
    tasks: Sequence[TaskSummary], labels: NDArray[np.float32]
) -> tuple[EqualTasks, ...]:
    """Return pairs of tasks that have one label; `labels` [rows, tasks], NaN = none."""
    found = []
    for (i, one), (j, other) in combinations(enumerate(tasks), 2):
        both = labels[~np.isnan(labels[:, [i, j]]).any(axis=1)][:, [i, j]]
        if len(both) >= MIN_COMMON and (sign := _agreement(one, other, both)):
            found.append(EqualTasks(one.name, other.name, len(both), sign < 0))
    return tuple(found)


def _agreement(one: TaskSummary, other: TaskSummary, both: NDArray[np.float32]) -> int:
    """Return 1 if two labels [rows, 2] say the same, -1 if the opposite, 0 if neither."""
    classes = [task.kind == "multiclass" for task in (one, other)]
    if all(classes):
        return int(_are_renamed(both.astype(np.int64)))
    values = both.astype(np.float64)
    spread = values.std(axis=0)
    if any(classes) or not spread.all():
        return 0
    first, second = ((values - values.mean(axis=0)) / spread).T
    correlation = float((first * second).mean())
    return int(np.sign(correlation)) if abs(correlation) > _EQUAL else 0


def _are_renamed(both: NDArray[np.int64]) -> bool:
    """Whether every class of one task stands for one class of the other, and there are several."""
    sizes = {len(np.unique(both[:, 0])), len(np.unique(both[:, 1])), len(np.unique(both, axis=0))}
    return len(sizes) == 1 and sizes != {1}


def _of_fields(
    scores: dict[str, dict[str, float | None]], tasks: Sequence[TaskSummary]
) -> list[str]:
    found = []
    for field, told in scores.items():
        for task in tasks:
            score = told[task.name]
            metric, limit = (
                ("R2", R2_LIMIT) if task.kind in ("regression", "drawn") else ("AUC", AUC_LIMIT)
            )
            if score is not None and score >= limit:
                found.append(
                    f"field {field!r} alone tells {task.name!r} ({metric} {score:.3f}): is it "
                    "known before the label is?"
                )
    return found


def _of_equal_fields(groups: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"fields {' and '.join(map(repr, group))} hold the same up to renaming: one of them is "
        "enough"
        for group in groups
    ]


def _of_equal_tasks(pairs: Sequence[EqualTasks]) -> list[str]:
    return [
        f"tasks {pair.first!r} and {pair.second!r} have {'opposite' if pair.opposite else 'equal'} "
        f"labels in all {pair.rows:,} rows that have both: they are one task"
        for pair in pairs
    ]


def _of_rows(met: float) -> list[str]:
    return [
        f"{100 * met:.0f} % of the validation rows have the very fields of a training row: are "
        "rows there several times?"
    ] * (met >= MET_LIMIT)
