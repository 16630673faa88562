"""Figure 7: AUC, loss, search and training time over H, and the same over L (Sec. 5.2).

Lengths are in inches.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtnas.config.entries import PAPER
from mtnas.config.options import RunKey
from mtnas.evidence.claims.evidence import Evidence, read_evidence
from mtnas.evidence.claims.sweeps import search_seconds, sweep
from mtnas.report.exhibits.base import FigureExhibit, Needs, beside_paper
from mtnas.report.names import caption, column_name, dataset_name, simulated_in
from mtnas.report.render.style import (
    FAINT,
    MARGIN,
    PAGE_WIDTH,
    SHARED,
    axes_at,
    new_figure,
    styled,
    task_colour,
    task_marker,
    write_at,
    write_title,
)
from mtnas.runtime.errors import RecordError
from mtnas.study.plan import Plan
from mtnas.tasks.metrics import MTL_LOSS, OF_KIND, in_tables, split_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, TITLE, LINE, NOTE = 1.75, 0.26, 0.15, 0.18  # a row of panels, and lines above and below
SPREAD = 0.36  # of the distance between two sizes, over which the scores stand side by side
MOST = 5  # scores side by side in a legend
SWEPT = {"figure7": "num_subnets", "figure7_layers": "num_layers"}
OPTIONS = {"num_subnets": "H", "num_layers": "L"}
SYMBOLS = {"num_subnets": "H, sub-networks per layer", "num_layers": "L, layers of sub-networks"}
CAPTION = (
    "MTNAS over {symbol}: test AUC of every task less its mean over the sweep (in brackets), MTL "
    "loss, and the seconds of search and training per seed. Lines are means over seeds; bars are "
    "one standard deviation over seeds after the mean of each seed over the sweep is taken out, "
    "since methods are compared seed by seed. The dotted line is the paper's value. A hollow mark "
    "is a time of a run of another day, machine or version of the code than most of the sweep: it "
    "is not comparable with the others."
)
APART = "hollow: measured on another day, machine or version; not comparable with the other times"
OTHER_CAPTION = CAPTION.replace(
    "test AUC of every task less its mean over the sweep",
    "a test score of every task, by how much it is off its mean over the sweep",
)
MARKED = [metrics[0] for metrics in OF_KIND.values()]  # by which a task of each kind is drawn


@dataclass(frozen=True)
class Sweep:
    """Runs that differ from the paper's in one option, with what a study measured of them."""

    option: str
    evidence: Evidence

    @property
    def runs(self) -> dict[str, dict[int, RunKey]]:
        """Return by dataset the runs of two or more values, by value."""
        found = {d: sweep(self.evidence, d, self.option) for d in self.evidence.datasets}
        return {name: dict(sorted(of.items())) for name, of in found.items() if len(of) > 1}


class Figure7(FigureExhibit[Sweep]):
    """The runs of MTNAS that differ from the paper's in H alone, and in L alone."""

    place = 50

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take their runs and searches in any experiment, the paper's beside them."""
        found = {}
        for name, option in SWEPT.items():
            runs = beside_paper(plan, plan.variants_that_change(option))
            if runs:
                searches = tuple(plan.searches_of(runs))
                data = tuple(dict.fromkeys(run[0] for run in runs))
                facts = {"option": option}
                found[name] = Needs(runs=runs, searches=searches, manifests=data, facts=facts)
        return found

    def read(self, needs: Needs) -> Sweep:
        """Read runs and searches."""
        evidence = read_evidence(
            needs.run_folders, routes=needs.routes_files, manifests=needs.manifest_files
        )
        return Sweep(needs.facts["option"], evidence)

    def data(self, content: Sweep) -> pd.DataFrame:
        """Return a row per dataset, value, seed and score; times are per seed, without one."""
        found = content.runs
        if not found:
            raise RecordError(
                f"figure 7: no dataset has two or more runs of mtnas over {content.option}; "
                "config/all_claims.yaml has such runs"
            )
        return pd.DataFrame([row for of in found.items() for row in _rows(content, *of)])

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw scores and times, one row per dataset."""
        text = CAPTION if set(_tasks(frame)["metric"]) == {"auc"} else OTHER_CAPTION
        text = text.format(symbol=OPTIONS[frame["option"].iloc[0]])
        return sweep_figure(frame), caption(text, sorted(simulated_in(frame)))


def _rows(content: Sweep, dataset: str, runs: dict[int, RunKey]) -> list[dict[str, object]]:
    """Return the rows of one dataset."""
    evidence, rows = content.evidence, list[dict[str, object]]()
    searching, apart = search_seconds(evidence, runs), measured_apart(evidence, runs.values())
    simulated = dataset in evidence.simulated
    for value, run in runs.items():
        key = {
            **{"apart": run in apart},
            **{"dataset": dataset, "title": dataset_name(dataset), "simulated": simulated},
            **{"variant": run[2], "option": content.option, "size": value},
        }
        for what in in_tables(evidence.scores(run).columns):
            metric, task = split_column(what)
            label = column_name(what, evidence.unit(dataset, what))
            about = {**key, "metric": metric, "task": task, "label": label}
            each = evidence.scores(run)[what].items()
            rows += [{**about, "seed": seed, "value": score} for seed, score in each]
        seconds = {"search": searching.get(value), "training": evidence.train_seconds(run)}
        rows += [
            {**key, "metric": "seconds", "task": part, "label": f"{part} (s)", "value": time}
            for part, time in seconds.items()
            if time is not None
        ]
    return rows


def measured_apart(evidence: Evidence, runs: Collection[RunKey]) -> set[RunKey]:
    """Return the runs whose times cannot be compared with those of most others: another machine
    or start of it, or another version of the code.
    """
    records = {run: evidence.runs[run].record for run in runs}
    where = {run: (r.code, r.environment.get("platform")) for run, r in records.items()}
    usual, count = Counter(where.values()).most_common(1)[0]
    return {run for run, place in where.items() if place != usual} if count > 1 else set()


def sweep_figure(frame: pd.DataFrame) -> "Figure":
    """Return the curves of every dataset that was swept."""
    from matplotlib.ticker import MaxNLocator

    found = dict(list(frame.groupby("title", sort=False)))
    note = NOTE * bool(frame["apart"].any())
    counts = [_tasks(of)["label"].nunique() for of in found.values()]
    tall = [ROW + TITLE + LINE * ceil(count / MOST) for count in counts]
    with styled():
        figure = new_figure(PAGE_WIDTH, sum(tall) + note)
        top = sum(tall) + note
        for (title, rows), height in zip(found.items(), tall, strict=True):
            write_title(figure, top - 0.06, str(title), bool(rows["simulated"].any()))
            pitch, low = (PAGE_WIDTH - MARGIN) / 4, top - height + 0.42
            places = [MARGIN + 0.42 + i * pitch for i in range(4)]
            panels = [axes_at(figure, x, low, pitch - 0.5, ROW - 0.68) for x in places]
            _scores(figure, panels[0], _tasks(rows), top - TITLE)
            _line(panels[1], _values(rows[rows["metric"] == MTL_LOSS]), SHARED)
            panels[1].set_title("test MTL loss")
            seconds = rows[rows["metric"] == "seconds"]
            for panel, part in zip(panels[2:], ("search", "training"), strict=True):
                _times(panel, seconds[seconds["task"] == part])
                panel.set_title(f"{part} (s per seed)")
            for panel in panels:
                panel.axvline(_paper_value(rows), color=SHARED, lw=0.7, ls=":", zorder=0)
                panel.xaxis.set_major_locator(MaxNLocator(integer=True))
                panel.set_xlabel(SYMBOLS[rows["option"].iloc[0]], fontsize=7)
            top -= height
        if note:
            write_at(figure, PAGE_WIDTH - MARGIN, NOTE, APART, color=FAINT, ha="right")
    return figure


def _tasks(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the score by which each task is drawn."""
    return rows[rows["metric"].isin(MARKED)].drop_duplicates(["dataset", "size", "task", "seed"])


def _scores(figure: "Figure", panel: "Axes", rows: pd.DataFrame, top: float) -> None:
    """Draw how far each score is from its mean over the sweep: levels of tasks are far apart."""
    from matplotlib.ticker import MaxNLocator

    aucs = set(rows["metric"]) <= {"auc"}
    labels = list(dict.fromkeys(rows["label"]))
    for i, label in enumerate(labels):
        values = _values(rows[rows["label"] == label])
        level = float(values.to_numpy().mean())
        away = values - level if aucs else 100 * (values - level) / abs(level)
        shift = SPREAD * (i - (len(labels) - 1) / 2) / len(labels)
        _line(panel, away, task_colour(i), f"{label} ({level:.3f})", task_marker(i), shift)
    _, height = figure.get_size_inches()
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="upper left", bbox_to_anchor=(0.01, top / height), ncols=MOST,
        borderaxespad=0, borderpad=0, handlelength=1.4, columnspacing=1.2, labelspacing=0.3,
    )  # fmt: skip
    panel.yaxis.set_major_locator(MaxNLocator(4))
    panel.set_title("test AUC − its mean" if aucs else "test score off its mean (%)")


def _values(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one score with a row per seed that all runs have and a column per size."""
    return rows.pivot(index="seed", columns="size", values="value").dropna()


def _line(
    panel: "Axes",
    values: pd.DataFrame,
    colour: str,
    label: str | None = None,
    marker: str = "o",
    shift: float = 0.0,
) -> None:
    """Draw the means over seeds with a bar around each."""
    mean = values.mean()
    within = values.sub(values.mean(axis=1), axis=0)
    sd = within.std(ddof=1).fillna(0.0) if len(values) > 1 else 0 * mean
    sizes = np.asarray(values.columns, dtype=float) + shift
    panel.errorbar(
        *(sizes, mean, sd),
        color=colour, marker=marker, ms=3.2, lw=1.0, elinewidth=0.8, label=label,
    )  # fmt: skip


def _times(panel: "Axes", rows: pd.DataFrame) -> None:
    """Draw seconds; what cannot be compared stands beside the line of the others."""
    apart = rows["apart"].astype(bool)
    together, others = rows[~apart], rows[apart]
    panel.plot(together["size"], together["value"], color=SHARED, marker="o", ms=3.2, lw=1.0)
    panel.plot(others["size"], others["value"], "o", mec=SHARED, mfc="white", ms=3.8)
    panel.set_ylim(0, 1.1 * max(rows["value"], default=1.0))


def _paper_value(rows: pd.DataFrame) -> float:
    """Return the swept value of the variant that follows the paper."""
    return next(map(float, rows.loc[rows["variant"] == PAPER, "size"]), float("nan"))


EXHIBIT = Figure7()
