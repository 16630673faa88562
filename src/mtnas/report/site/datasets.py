"""The data of a study: what they are, what they lack, what an audit warns of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import digits

from mtnas.data.prepare.manifest import Manifest
from mtnas.report.audit_facts import read_audit
from mtnas.report.audit_text import warnings_of
from mtnas.report.left_out import left_out
from mtnas.report.names import dataset_name
from mtnas.report.render.layout import number
from mtnas.report.site.anchors import anchor
from mtnas.report.site.grids import Grid, plain

HEADS = ("Data set", "Title", "Rows", "Split", "Tasks", "Fields")
FEW = 3  # names that count up and are told one by one
WORDS = ("Title", "Split", "Tasks", "Fields")


@dataclass(frozen=True)
class Told:
    """By title of the dataset what it lacks and what is suspicious; who has nothing of that."""

    sentences: dict[str, list[str]]
    complete: list[str]


def dataset_id(manifest: Manifest) -> str:
    """Return the id of the row of a dataset."""
    return anchor("dataset", manifest.dataset)


def table(manifests: Sequence[Manifest]) -> Grid:
    """Return one line per dataset: rows, tasks with their rules and rates, fields."""
    grid = plain("The data of this study", HEADS, [_line(m) for m in manifests], WORDS)
    rows = zip(grid.rows, manifests, strict=True)
    return replace(grid, rows=tuple(replace(row, id=dataset_id(m)) for row, m in rows), quiet=True)


def _line(m: Manifest) -> tuple[str, ...]:
    tasks = (
        f"{task.name}: {task.rule}"
        + (f" ({m.label_rates[task.name]:.1%} positive)" if task.name in m.label_rates else "")
        for task in m.tasks
    )
    fields = ", ".join(_together([entry.name for entry in m.fields]))
    count = number(m.rows, "count")
    if lost := sum(m.rows_dropped.values()):
        count += f" ({number(lost, 'count')} more were left out)"
    name = dataset_name(m.dataset, m.simulated)
    return name, m.title, count, _split(m), "; ".join(tasks), fields


def _together(names: Sequence[str]) -> list[str]:
    """Return names with those that only count up told as one: `v1 to v100`."""
    told: list[list[str]] = []
    for name in names:
        if told and _next(told[-1][-1]) == name:
            told[-1].append(name)
        else:
            told.append([name])
    return [
        part for run in told for part in ([f"{run[0]} to {run[-1]}"] if len(run) > FEW else run)
    ]


def _next(name: str) -> str:
    """Return the name with the next number at its end: v10 after v9."""
    stem = name.rstrip(digits)
    return f"{stem}{int(name[len(stem) :]) + 1}" if stem != name else ""


def _split(manifest: Manifest) -> str:
    """Say by what the rows are split, and whether a seed can move it."""
    kind = manifest.split_kind
    return "random" if kind == "random" else f"fixed, by {kind} ({manifest.split_column})"


def told(manifests: Sequence[Manifest], findings: Sequence[str | Path]) -> Told:
    """Return what the data lack, and what audits (`findings`, their JSON files) warn of."""
    found = {m.dataset: (dataset_name(m.dataset, m.simulated), left_out(m)) for m in manifests}
    for audit in map(read_audit, findings):
        found[audit["dataset"]][1].extend(warnings_of(audit))
    return Told(
        {name: sentences for name, sentences in found.values() if sentences},
        [name for name, sentences in found.values() if not sentences],
    )
