"""Figure 7: AUC, loss, search and training time over H, and the same over L (Sec. 5.2).

Lengths are in inches.
"""

from dataclasses import dataclass
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
    PAGE_WIDTH,
    SHARED,
    new_figure,
    row_of_axes,
    styled,
    task_colour,
    write_title,
)
from mtnas.runtime.errors import RecordError
from mtnas.tasks.metrics import MTL_LOSS, OF_KIND, in_tables, split_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mtnas.study.plan import Plan

ROW = 1.85
ABOVE = 15  # letters of the labels that have room above a panel
SWEPT = {"figure7": "num_subnets", "figure7_layers": "num_layers"}
OPTIONS = {"num_subnets": "H", "num_layers": "L"}
SYMBOLS = {"num_subnets": "H, sub-networks per layer", "num_layers": "L, layers of sub-networks"}
CAPTION = (
    "MTNAS over {symbol}: test AUC of every task less its mean over the sweep (in brackets), MTL "
    "loss, and the seconds of search and training per seed. Lines are means over "
    "seeds. Bands are one standard deviation over seeds after the mean of each seed over the sweep "
    "is taken out, since methods are compared seed by seed. The dotted line is the paper's value; "
    "its run belongs to the main comparison, whose times may be those of another day or machine."
)
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

    def needs(self, plan: "Plan") -> dict[str, Needs]:
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
    searching = search_seconds(evidence, runs)
    simulated = dataset in evidence.simulated
    for value, run in runs.items():
        key = {
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


def sweep_figure(frame: pd.DataFrame) -> "Figure":
    """Return the curves of every dataset that was swept."""
    from matplotlib.ticker import MaxNLocator

    found = dict(list(frame.groupby("title", sort=False)))
    with styled():
        figure = new_figure(PAGE_WIDTH, ROW * len(found) + 0.1)
        top = ROW * len(found) + 0.02
        for title, rows in found.items():
            write_title(figure, top, str(title), bool(rows["simulated"].any()))
            panels = row_of_axes(figure, top, ROW, 4)
            _scores(panels[0], _tasks(rows))
            _line(panels[1], _values(rows[rows["metric"] == MTL_LOSS]), SHARED)
            panels[1].set_ylabel("test MTL loss")
            seconds = rows[rows["metric"] == "seconds"]
            for panel, part in zip(panels[2:], ("search", "training"), strict=True):
                _times(panel, seconds[seconds["task"] == part], f"{part} (s)")
            for panel in panels:
                panel.axvline(_paper_value(rows), color=SHARED, lw=0.7, ls=":")
                panel.xaxis.set_major_locator(MaxNLocator(integer=True))
                panel.set_xlabel(SYMBOLS[rows["option"].iloc[0]], fontsize=7)
            top -= ROW
    return figure


def _tasks(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the score by which each task is drawn."""
    return rows[rows["metric"].isin(MARKED)].drop_duplicates(["dataset", "size", "task", "seed"])


def _scores(panel: "Axes", rows: pd.DataFrame) -> None:
    """Draw how far each score is from its mean over the sweep: levels of tasks are far apart."""
    aucs = set(rows["metric"]) <= {"auc"}
    labels = list(dict.fromkeys(rows["label"]))
    for i, label in enumerate(labels):
        values = _values(rows[rows["label"] == label])
        level = float(values.to_numpy().mean())
        away = 1000 * (values - level) if aucs else 100 * (values - level) / abs(level)
        _line(panel, away, task_colour(i), f"{label} ({level:.3f})")
    if sum(map(len, labels)) <= ABOVE:
        panel.legend(
            loc="lower left", bbox_to_anchor=(-0.1, 0.98), borderaxespad=0, ncols=len(labels),
            handlelength=1.2, columnspacing=0.9,
        )  # fmt: skip
    else:
        panel.legend(loc="best", handlelength=1.2, fontsize=5)
    panel.set_ylabel("test AUC − mean (0.001)" if aucs else "test score off its mean (%)")


def _values(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one score with a row per seed that all runs have and a column per size."""
    return rows.pivot(index="seed", columns="size", values="value").dropna()


def _line(panel: "Axes", values: pd.DataFrame, colour: str, label: str | None = None) -> None:
    """Draw the means over seeds in a band."""
    mean = values.mean()
    within = values.sub(values.mean(axis=1), axis=0)
    sd = within.std(ddof=1).fillna(0.0) if len(values) > 1 else 0 * mean
    sizes = np.asarray(values.columns, dtype=float)
    panel.fill_between(sizes, mean - sd, mean + sd, color=colour, alpha=0.22, lw=0)
    panel.plot(sizes, mean, color=colour, marker="o", ms=2.5, label=label)


def _times(panel: "Axes", rows: pd.DataFrame, label: str) -> None:
    panel.plot(rows["size"], rows["value"], color=SHARED, marker="o", ms=2.5)
    panel.set_ylim(0, 1.1 * max(rows["value"], default=1.0))
    panel.set_ylabel(label)


def _paper_value(rows: pd.DataFrame) -> float:
    """Return the swept value of the variant that follows the paper."""
    return next(map(float, rows.loc[rows["variant"] == PAPER, "size"]), float("nan"))


EXHIBIT = Figure7()
