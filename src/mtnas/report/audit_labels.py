"""What the labels of a prepared table are: how many rows have one, and what it is there."""

from collections.abc import Mapping
from typing import cast

import numpy as np
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.data.prepare.store import Table
from mtnas.report.audit_facts import LabelFacts, LabelsBySource, TaskFacts


def label_facts(table: Table) -> dict[str, TaskFacts]:
    """Return, by task, its kind and what `described` says of its labels."""
    names, source = table.manifest.sources, table.source
    sources = {} if source is None else {name: source == i for i, name in enumerate(names)}
    return {
        task.name: {
            "kind": task.kind,
            "unit": task.unit,
            **described(task, table.labels[:, i], sources),
        }
        for i, task in enumerate(table.manifest.tasks)
    }


def described(
    task: TaskSummary, labels: NDArray[np.float32], sources: Mapping[str, NDArray[np.bool_]]
) -> LabelsBySource:
    """Describe the labels of one task.

    Args:
        task: the task.
        labels: [rows], NaN = none.
        sources: which rows belong to each source [rows], where there are several.

    Returns:
        `rows`, `labelled` and, if there are labels, the `rate` of a binary task, the rows of every
        class in `classes`, or `mean` and `spread` (standard deviation) of a number; `by_source` the
        same of every source that has labels.
    """
    parts = {name: _facts(task, labels[rows]) for name, rows in sources.items()}
    parts = {name: part for name, part in parts.items() if part["labelled"]}
    whole = cast(LabelsBySource, _facts(task, labels))
    return {**whole, "by_source": parts} if parts else whole


def _facts(task: TaskSummary, labels: NDArray[np.float32]) -> LabelFacts:
    """Describe some labels [rows] of a task."""
    known = labels[~np.isnan(labels)].astype(np.float64)
    found: LabelFacts = {"rows": len(labels), "labelled": len(known)}
    if not len(known):
        return found
    if task.kind == "binary":
        return {**found, "rate": float(known.mean())}
    if task.kind == "multiclass":
        counts = np.bincount(known.astype(np.int64), minlength=len(task.classes)).tolist()
        return {**found, "classes": dict(zip(task.classes, counts, strict=True))}
    return {**found, "mean": float(known.mean()), "spread": float(known.std())}
