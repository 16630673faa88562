"""The audit of a prepared dataset: does it look like the paper's, and what may mislead in it.

Rows dropped and why, the labels of every task, what gives a label away; counts against Table 1,
label correlations against Table 4, the threshold that would agree best, hash collisions, how much
of the test set was met in training.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import Manifest, TaskSummary
from mtnas.data.prepare.store import Table, read_compact
from mtnas.evidence.leaks import find_leaks
from mtnas.report.audit_facts import (
    Audit,
    Beside,
    LabelFacts,
    LabelsBySource,
    LeakFacts,
    Overlap,
    SharedIds,
    TaskFacts,
    Threshold,
)
from mtnas.report.audit_text import to_markdown
from mtnas.report.data_tables import STATISTICS, statistics_of
from mtnas.report.left_out import left_out
from mtnas.report.paper import paper_value
from mtnas.runtime.files import Json, sealed, write_json, write_text

_LOG = logging.getLogger(__name__)
PRINTED = 0.0005  # the paper prints correlations to three decimals


def audit(table: str | Path, manifest: str | Path, *, json: str | Path, md: str | Path) -> None:
    """Write what there is to know about one prepared dataset, for machines and for people.

    Warnings, such as that a field tells a label alone, go to the log, too.

    Args:
        table: path of the Parquet file; its inputs lie beside it.
        manifest: path of its manifest.
        json: where to write for machines.
        md: where to write for people, as Markdown.

    Raises:
        RecordError: the manifest was changed, or the table is not the one that it describes.
    """
    prepared = read_compact(table, manifest)
    facts, leaks = prepared.manifest, find_leaks(prepared)
    for warning in leaks.warnings:
        _LOG.warning("%s: %s", facts.dataset, warning)
    found: Audit = {
        "dataset": facts.dataset,
        "simulated": facts.simulated,
        "rows": facts.rows,
        "rows_dropped": facts.rows_dropped,
        "left_out": left_out(facts),
        "table1": _against_table1(facts),
        "tasks": {task.name: task.rule for task in facts.tasks},
        "label_rates": facts.label_rates,
        "labels": label_facts(prepared),
        "leaks": cast(LeakFacts, asdict(leaks)),
        "table4": _against_table4(facts),
        "thresholds": _thresholds(facts),
        "distinct_values": facts.distinct_values,
        "distinct_ids": facts.distinct_ids,
        "collisions": cast(SharedIds | None, facts.collisions and facts.collisions.model_dump()),
        "overlap": _overlap(Path(table), facts),
    }
    write_json(json, sealed(cast(Json, found)))
    write_text(md, to_markdown(found))


def _against_table1(facts: Manifest) -> dict[str, Beside]:
    counts = statistics_of(facts)
    return {
        key: _beside(counts[key], _paper("table1", facts, key), tolerance=0) for key in STATISTICS
    }


def _against_table4(facts: Manifest) -> dict[str, Beside]:
    return {
        pair: _beside(value, _paper("table4", facts, pair), PRINTED)
        for pair, value in facts.label_pcc.items()
    }


def _paper(table: str, facts: Manifest, key: str) -> float | None:
    """Return the paper's number; its numbers say nothing about simulated data."""
    return None if facts.simulated else paper_value(table, facts.dataset, None, key)


def _beside(ours: float, paper: float | None, tolerance: float) -> Beside:
    agrees = None if paper is None else bool(abs(ours - paper) <= tolerance)
    return {"ours": ours, "paper": paper, "agrees": agrees}


def _thresholds(facts: Manifest) -> list[Threshold]:
    """Try every threshold on the column behind a label: its rate and correlations, best first.

    `gap` is the largest distance to a correlation of Table 4, None where the paper has none.
    """
    grades = facts.grades
    if grades is None:
        return []
    names = [task.name for task in facts.tasks]
    at = names.index(grades.task)
    rows = np.array([entry.rows for entry in grades.counts], float)
    labels = np.array([entry.labels for entry in grades.counts], float)
    values = np.array([entry.grade for entry in grades.counts], float)
    tried: list[Threshold] = []
    for threshold in np.unique(values)[1:]:
        tried_labels = labels.copy()
        tried_labels[:, at] = values >= threshold
        pcc = _correlations(tried_labels, rows, names, at)
        gaps = [
            abs(value - p) for pair, value in pcc.items() if (p := _paper("table4", facts, pair))
        ]
        tried.append(
            {
                "task": grades.task,
                "rule": f"{grades.column} >= {threshold:g}",
                "rate": float(rows[values >= threshold].sum() / rows.sum()),
                "pcc": pcc,
                "gap": max(gaps) if gaps else None,
            }
        )
    return sorted(tried, key=lambda entry: (entry["gap"] is None, entry["gap"]))


def _correlations(
    labels: NDArray[np.float64], rows: NDArray[np.float64], names: Sequence[str], at: int
) -> dict[str, float]:
    """Return the correlation of label `at` with every other one; a constant one has none."""
    centred = labels - np.average(labels, axis=0, weights=rows)
    covariance = (centred * rows[:, None]).T @ centred
    spread = np.sqrt(np.diag(covariance))
    found = {}
    for other in range(len(names)):
        first, second = sorted((at, other))
        if other != at and spread[at] > 0 and spread[other] > 0:
            value = covariance[at, other] / (spread[at] * spread[other])
            found[f"{names[first]}_{names[second]}"] = float(value)
    return found


def _overlap(table: Path, facts: Manifest) -> dict[str, Overlap]:
    """Return, per id field, how much of the stored test part occurs in the training part too."""
    split = pq.read_table(table, columns=["split"])["split"].to_numpy()
    found: dict[str, Overlap] = {}
    for name in (field.name for field in facts.fields if field.kind == "id"):
        ids = pq.read_table(table, columns=[name])[name].to_numpy()
        test = ids[split == 2]
        seen = np.isin(test, np.unique(ids[split == 0]))
        distinct = np.unique(test)
        found[name] = {
            "test_rows_seen_in_train": float(seen.mean()),
            "distinct_in_test": len(distinct),
            "distinct_seen_in_train": len(np.unique(test[seen])),
        }
    return found


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
