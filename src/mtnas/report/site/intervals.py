"""The chart of the page: what each method gains on another, by dataset and task, with intervals."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup

from mtnas.config.options import RunKey
from mtnas.evidence.pairing import SINGLE, Row
from mtnas.evidence.statistics import Difference
from mtnas.report.names import dataset_name
from mtnas.report.render.html import render
from mtnas.report.render.layout import number
from mtnas.report.runs import Results
from mtnas.report.site.anchors import anchor
from mtnas.report.site.scales import Interval, Scale, side_of
from mtnas.tasks.metrics import MTL_LOSS, direction

WIDTH, LINE, FOOT = 372.0, 22.0, 24.0
LETTER, MOST = 7.1, 28  # width of a letter of a label; letters of one
FARTHEST = 4.0  # that a panel shows, in reaches of its middle interval


@dataclass(frozen=True)
class Panel:
    """Intervals of one score, drawn below each other on one scale."""

    title: str
    rows: tuple[Interval, ...]
    scale: Scale

    @classmethod
    def of(cls, title: str, rows: Sequence[Interval], alike: Sequence[Interval]) -> "Panel":
        """Return a panel whose scale suits all intervals that are `alike`, and holds zero.

        Where a few are far wider than most, these end in an arrow at the border.
        """
        reach = FARTHEST * float(np.median([max(map(abs, row.values)) for row in alike]))
        values = [v if reach == 0 else max(-reach, min(reach, v)) for r in alike for v in r.values]
        labels = LETTER * min(MOST, max(len(row.label) for row in alike)) + 12
        return cls(title, tuple(rows), Scale.over([0.0, *values], labels, WIDTH - 12))

    def at(self, value: float) -> float:
        """Return where a value is; at the border if it is beyond."""
        return max(self.scale.left, min(self.scale.right, self.scale.at(value)))

    def arrows(self, row: Interval) -> list[tuple[float, str]]:
        """Return the places and signs of arrows of an interval that leaves the panel."""
        left = bool(min(row.values) < self.scale.low)
        right = bool(max(row.values) > self.scale.high)
        return [(self.scale.left, "◂")] * left + [(self.scale.right, "▸")] * right

    @property
    def height(self) -> float:
        """Return the height of its drawing."""
        return LINE * len(self.rows) + FOOT

    def html(self, level: int = 4) -> Markup:
        """Return the drawing, under a heading of some level."""
        sizes = {"width": WIDTH, "line": LINE, "foot": FOOT, "most": MOST}
        return render("panel.html.j2", panel=self, level=level, **sizes)


@dataclass(frozen=True)
class Comparison:
    """What methods gain on a `baseline`, by title of the dataset: a panel for each score."""

    baseline: str
    panels: Mapping[str, Sequence[Panel]]

    def html(self) -> Markup:
        """Return the chart."""
        return render("comparison.html.j2", comparison=self)


def compare(
    results: Results, keys: Collection[RunKey], known: Collection[str]
) -> Comparison | None:
    """Compare the runs of `keys` with Single or, without it, with the first of them.

    Differences are paired by seed; positive means better, also where a lower score is. `known` are
    the ids of the page. None: there are no two methods to compare.
    """
    rows = [row for row in results.rows if any((d, *row) in keys for d in results.datasets)]
    if len(rows) < 2:
        return None
    baseline = SINGLE if SINGLE in rows else rows[0]
    panels = {}
    for dataset in results.datasets:
        others = [row for row in rows if row != baseline and (dataset, *row) in keys]
        if found := _panels(results, dataset, baseline, others, known):
            panels[dataset_name(dataset, results.simulated(dataset))] = found
    return Comparison(results.name(baseline), panels) if panels else None


def _panels(
    results: Results, dataset: str, baseline: Row, others: Sequence[Row], known: Collection[str]
) -> list[Panel]:
    """Return a panel for each score of a task; those of one unit share their scale."""
    base = results.get(dataset, baseline)
    columns = [column for column in results.columns(dataset) if column != MTL_LOSS]
    found: dict[str, list[Interval]] = {}
    for column in columns or results.columns(dataset):
        for row in others:
            run = results.get(dataset, row)
            if base and run and column in run.scores and column in base.scores:
                gain = run.over(base, column)
                interval = _interval(results, dataset, row, column, gain)
                href = interval.href if interval.href[1:] in known else ""
                found.setdefault(column, []).append(replace(interval, href=href))
    alike = {
        name: [row for other, rows in found.items() if _unit(other) == _unit(name) for row in rows]
        for name in found
    }  # fmt: skip
    return [
        Panel.of(results.heading(dataset, name), rows, alike[name]) for name, rows in found.items()
    ]


def _unit(column: str) -> str:
    return column.split("_", 1)[0]


def _interval(results: Results, dataset: str, row: Row, column: str, gain: Difference) -> Interval:
    """Return a difference as an interval in which more is better."""
    low, mean, high = gain.low, gain.mean, gain.high
    if direction(column) == "lower":
        mean, low, high = -mean, *(None if end is None else -end for end in (high, low))
    between = "" if low is None else f", 95 % interval {signed(low)} to {signed(high)}"
    name = results.name(row)
    return Interval(
        name, low, mean, high,
        f"{name}: {signed(mean)}{between}, {gain.n} seeds",
        f"#{anchor('run', dataset, *row)}",
        side_of(low, high),
    )  # fmt: skip


def signed(value: float | None) -> str:
    """Return a difference as text."""
    return number(value, "difference")
