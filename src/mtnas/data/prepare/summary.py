"""What the rows of a table held: counted while they stream by, told in the manifest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtnas.data.prepare.fields import HashedInput, Input, num_different
from mtnas.data.prepare.hashing import IdCounts, Keys
from mtnas.data.prepare.labels import BinaryLabel, Label, LabelColumn
from mtnas.data.prepare.manifest import Collisions, Count, Graded, Grades, TaskSummary
from mtnas.data.prepare.moments import Moments
from mtnas.data.sources.base import GRADE, Dataset


@dataclass
class Seen:
    """What the rows held: of every field, of every task, and what decides their split."""

    inputs: Sequence[Input]
    labels: Sequence[Label]
    moments: Moments
    ids: IdCounts
    rows: int = 0
    grades: Counter[tuple[float, ...]] = field(default_factory=Counter)  # (grade, *labels): rows
    places: list[NDArray[Any]] = field(default_factory=list)  # what decides a fixed split
    sources: list[NDArray[np.int8]] = field(default_factory=list)  # of every row, if several
    groups: list[Keys] = field(default_factory=list)  # of every row, where there are groups

    @classmethod
    def of(cls, inputs: Sequence[Input], labels: Sequence[Label], ids: IdCounts) -> "Seen":
        """Return what is known before the first row."""
        return cls(inputs, labels, Moments(labels), ids)

    def add(self, labels: Sequence[LabelColumn]) -> None:
        """Count the labels of a chunk, float64 [rows] each."""
        self.moments.add(labels)
        self.rows += len(labels[0])

    def add_grades(self, batch: pa.RecordBatch) -> None:
        """Count the rows of a chunk by grade and labels."""
        keys = [GRADE, *(label.name for label in self.labels)]
        counted = pa.Table.from_batches([batch]).group_by(keys).aggregate([([], "count_all")])
        rows = zip(*(counted[key].to_pylist() for key in keys), strict=True)
        self.grades.update(dict(zip(rows, counted["count_all"].to_pylist(), strict=True)))

    @property
    def source(self) -> NDArray[np.int8] | None:
        """Return the source of every row, int8 [rows], where there are several."""
        return np.concatenate(self.sources) if self.sources else None

    @property
    def hashed(self) -> list[HashedInput]:
        """Return the fields whose values have ids."""
        return [item for item in self.inputs if isinstance(item, HashedInput)]

    @property
    def tasks(self) -> tuple[TaskSummary, ...]:
        """Return what was found of every task."""
        return tuple(
            label.summary(self.moments.mean(i), self.moments.spread(i))
            for i, label in enumerate(self.labels)
        )

    def replaced(self, dataset: Dataset) -> dict[str, int]:
        """Return the values that could not be what their field or task holds, by reason."""
        found = Counter(dataset.replaced)
        found.update({f"{item.name}: no number in 32 bits": item.replaced for item in self.inputs})
        found.update({f"{label.name}: in no class of it": label.replaced for label in self.labels})
        return {reason: count for reason, count in sorted(found.items()) if count}


def summary(dataset: Dataset, seen: Seen) -> dict[str, Any]:
    """Return the entries of a `Manifest` that say what the rows of a dataset held."""
    ids = {item.name: item.values.ids for item in seen.hashed}
    every = np.concatenate([np.empty(0, np.int32), *ids.values()])
    return {
        "rows": seen.rows,
        "rows_read": seen.rows + dataset.dropped.total(),
        "rows_dropped": dict(sorted(dataset.dropped.items())),
        "values_replaced": seen.replaced(dataset),
        "unmatched": dict(sorted(dataset.unmatched.items())),
        "sources": dataset.source_names,
        "fixed_sources": dataset.fixed_sources,
        "fields": tuple(item.summary() for item in seen.inputs),
        "tasks": seen.tasks,
        "distinct_values": len(every) if ids else None,
        "distinct_ids": num_different(every) if ids else None,
        "collisions": _collisions(ids) if ids else None,
        "label_rates": {
            label.name: seen.moments.mean(i)
            for i, label in enumerate(seen.labels)
            if isinstance(label, BinaryLabel)
        },
        "label_pcc": seen.moments.correlations(),
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
