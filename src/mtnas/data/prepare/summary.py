"""What the rows of a table held: counted while they stream by, told in the manifest."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtnas.data.prepare.fields import HashedInput, Input
from mtnas.data.prepare.groups import GroupNames
from mtnas.data.prepare.hashing import IdCounts, Ids
from mtnas.data.prepare.initial import Initial, width_of
from mtnas.data.prepare.labels import BinaryLabel, Label, LabelColumn
from mtnas.data.prepare.manifest import (
    Collisions,
    Count,
    Graded,
    Grades,
    Groups,
    InputLayout,
    Manifest,
    PrepareSpec,
    Repeated,
    TaskSummary,
)
from mtnas.data.prepare.moments import Moments
from mtnas.data.prepare.parts import sizes_by_part, sizes_by_source
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
    groups: GroupNames = field(default_factory=GroupNames)

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
    def num_ids(self) -> int:
        """Return how many ids occur."""
        return int(np.count_nonzero(self.ids.rows))

    @property
    def tasks(self) -> tuple[TaskSummary, ...]:
        """Return what was found of every task."""
        return tuple(
            label.summary(self.moments.mean(i), self.moments.spread(i))
            for i, label in enumerate(self.labels)
        )

    @property
    def label_rates(self) -> dict[str, float]:
        """Return the share of ones among the labelled rows of every binary task."""
        binary = [i for i, label in enumerate(self.labels) if isinstance(label, BinaryLabel)]
        return {self.labels[i].name: self.moments.mean(i) for i in binary}

    def replaced(self, dataset: Dataset) -> dict[str, int]:
        """Return the values that could not be what their field or task holds, by reason."""
        found = Counter(dataset.replaced)
        found.update({f"{item.name}: no number in 32 bits": item.replaced for item in self.inputs})
        found.update({f"{label.name}: in no class of it": label.replaced for label in self.labels})
        return {reason: count for reason, count in sorted(found.items()) if count}


@dataclass(frozen=True)
class Written:
    """What is known of a table once it is written."""

    seen: Seen
    layout: InputLayout
    split: NDArray[np.int8]
    numbers: Ids  # the new number of every hashed id
    repeated: Repeated
    groups: Groups | None
    initial: Initial
    content_sha256: str
    source_sha256: dict[str, str]  # of the raw files, by name
    warnings: list[str]


def described(spec: PrepareSpec, dataset: Dataset, raw: Path | None, written: Written) -> Manifest:
    """Return the manifest of a table."""
    seen, look_alike = written.seen, dataset.is_look_alike(raw)
    values, different, collisions = _distinct(seen.hashed)
    return Manifest(
        dataset=dataset.name,
        title=f"simulated look-alike of {dataset.title}" if look_alike else dataset.title,
        simulated=look_alike or dataset.simulated,
        rows=seen.rows,
        rows_read=seen.rows + dataset.dropped.total(),
        rows_dropped=dict(sorted(dataset.dropped.items())),
        values_replaced=seen.replaced(dataset),
        unmatched=dict(sorted(dataset.unmatched.items())),
        sources=dataset.source_names,
        fixed_sources=dataset.fixed_sources,
        source_sizes=sizes_by_source(dataset, written.split, seen.source),
        fields=tuple(item.summary() for item in seen.inputs),
        tasks=seen.tasks,
        layout=written.layout,
        num_features=spec.num_features or dataset.num_features,
        num_ids=seen.num_ids,
        distinct_values=values,
        distinct_ids=different,
        collisions=collisions,
        label_rates=seen.label_rates,
        label_pcc=seen.moments.correlations(),
        grades=None if dataset.graded is None else _grades(dataset, seen),
        split_kind=dataset.split_kind,
        split_column=dataset.split_column,
        split_sizes=sizes_by_part(written.split),
        groups=written.groups,
        initial_width=width_of(written.initial),
        encoding=dataset.encoding,
        repeated=written.repeated,
        warnings=tuple(written.warnings),
        content_sha256=written.content_sha256,
        source_sha256=written.source_sha256,
        spec=spec,
    )


def _grades(dataset: Dataset, seen: Seen) -> Grades:
    """Return how many rows have each grade with each combination of labels."""
    (task,) = (task for task in dataset.tasks if task.name == dataset.graded)
    counts = [
        Graded(grade=g, labels=tuple(labels), rows=n) for (g, *labels), n in seen.grades.items()
    ]
    counts.sort(key=lambda entry: (entry.grade, entry.labels))
    return Grades(task=task.name, column=task.column, counts=tuple(counts))


def _distinct(
    hashed: Sequence[HashedInput],
) -> tuple[int, int, Collisions] | tuple[None, None, None]:
    """Count the values of all fields, their ids, and the values that share one with another."""
    if not hashed:
        return None, None, None
    ids = {item.name: item.values.ids for item in hashed}
    every = np.concatenate(list(ids.values()))
    _, which, owners = np.unique(every, return_inverse=True, return_counts=True)
    shared = owners[which] > 1
    ends = np.cumsum([len(found) for found in ids.values()])
    counts = {
        name: int(part.sum()) for name, part in zip(ids, np.split(shared, ends[:-1]), strict=True)
    }
    total = sum(counts.values())
    return (
        len(every),
        len(owners),
        Collisions(
            count=total,
            rate=total / len(every),
            per_field={name: Count(count=n, rate=n / len(ids[name])) for name, n in counts.items()},
        ),
    )
