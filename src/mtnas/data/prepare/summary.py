"""What the rows of a table held: counted while they stream by, told in the manifest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtnas.data.prepare.hashing import DistinctValues
from mtnas.data.prepare.manifest import (
    Collisions,
    Count,
    FieldSummary,
    Graded,
    Grades,
    TaskSummary,
)
from mtnas.data.sources.base import GRADE, Dataset, Field


@dataclass
class Seen:
    """What the rows held: the different values of every field, and counts of labels."""

    values: dict[str, DistinctValues]
    ones: NDArray[np.int64]  # [tasks, tasks]: rows where both labels are 1
    rows: int = 0
    grades: Counter[tuple[float, ...]] = field(default_factory=Counter)  # (grade, *labels): rows
    places: list[NDArray[Any]] = field(default_factory=list)  # what decides a fixed split

    @classmethod
    def of(cls, fields: Sequence[str], num_tasks: int) -> "Seen":
        """Return what is known before the first row."""
        values = {name: DistinctValues() for name in fields}
        return cls(values, np.zeros((num_tasks, num_tasks), np.int64))

    def add(self, labels: Sequence[NDArray[np.int8]]) -> None:
        """Count the labels of a chunk, int8 [rows] each."""
        wide = np.stack(labels, axis=1).astype(np.int64)
        self.ones += wide.T @ wide
        self.rows += len(wide)

    def add_grades(self, batch: pa.RecordBatch, tasks: Sequence[str]) -> None:
        """Count the rows of a chunk by grade and labels."""
        keys = [GRADE, *tasks]
        counted = pa.Table.from_batches([batch]).group_by(keys).aggregate([([], "count_all")])
        rows = zip(*(counted[key].to_pylist() for key in keys), strict=True)
        self.grades.update(dict(zip(rows, counted["count_all"].to_pylist(), strict=True)))


def summary(dataset: Dataset, kept: Sequence[Field], seen: Seen) -> dict[str, Any]:
    """Return the entries of a `Manifest` that say what the rows of a dataset held."""
    ids = {name: values.ids for name, values in seen.values.items()}
    tasks = [task.name for task in dataset.tasks]
    return {
        "rows": seen.rows,
        "rows_dropped": dict(sorted(dataset.dropped.items())),
        "values_replaced": dict(sorted(dataset.replaced.items())),
        "fields": tuple(
            FieldSummary(
                **asdict(item),
                distinct_values=len(ids[item.name]),
                distinct_ids=_num_different(ids[item.name]),
            )
            for item in kept
        ),
        "tasks": tuple(TaskSummary(**asdict(task)) for task in dataset.tasks),
        "distinct_values": sum(map(len, ids.values())),
        "distinct_ids": _num_different(np.concatenate(list(ids.values()))),
        "collisions": _collisions(ids),
        "label_rates": {task: float(seen.ones[i, i]) / seen.rows for i, task in enumerate(tasks)},
        "label_pcc": _correlations(seen, tasks),
        "grades": None if dataset.graded is None else _grades(dataset, seen),
    }


def _grades(dataset: Dataset, seen: Seen) -> Grades:
    """Return how many rows have each grade with each combination of labels."""
    (task,) = (task for task in dataset.tasks if task.name == dataset.graded)
    counts = [
        Graded(grade=g, labels=tuple(labels), rows=n) for (g, *labels), n in seen.grades.items()
    ]
    counts.sort(key=lambda entry: (entry.grade, entry.labels))
    return Grades(task=task.name, column=task.column, counts=tuple(counts))


def _num_different(ids: NDArray[np.int32]) -> int:
    """Count different ids; sorting is faster here than the hash table of np.unique."""
    ids = np.sort(ids)
    return len(ids) and 1 + int(np.count_nonzero(ids[1:] != ids[:-1]))


def _collisions(ids: Mapping[str, NDArray[np.int32]]) -> Collisions:
    """Count the values that share their id with another value of any field."""
    every = np.concatenate(list(ids.values()))
    _, which, owners = np.unique(every, return_inverse=True, return_counts=True)
    shared = owners[which] > 1
    ends = np.cumsum([len(found) for found in ids.values()])
    counts = {
        name: int(part.sum()) for name, part in zip(ids, np.split(shared, ends[:-1]), strict=True)
    }
    total = sum(counts.values())
    return Collisions(
        count=total,
        rate=total / len(every),
        per_field={name: Count(count=n, rate=n / len(ids[name])) for name, n in counts.items()},
    )


def _correlations(seen: Seen, tasks: Sequence[str]) -> dict[str, float]:
    """Return the Pearson correlation of every pair of labels, keyed as "t0_t1"."""
    p = seen.ones / seen.rows
    spread = np.sqrt(np.diag(p) * (1 - np.diag(p)))
    pcc = (p - np.outer(np.diag(p), np.diag(p))) / np.outer(spread, spread)
    pairs = [(i, j) for i in range(len(tasks)) for j in range(i + 1, len(tasks))]
    return {f"{tasks[i]}_{tasks[j]}": float(pcc[i, j]) for i, j in pairs}
