"""Figure 7: AUC, loss, search and training time over H, and the same over L (Sec. 5.2).

Lengths are in inches.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtnas.config.entries import PAPER
from mtnas.evidence.claims.evidence import Evidence, read_evidence
from mtnas.evidence.claims.paired import search_seconds, sweep
from mtnas.report.exhibits.base import FigureExhibit, Needs, beside_paper
from mtnas.report.names import caption, column_name, dataset_name
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
from mtnas.study.paths import RunKey

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mtnas.study.plan import Plan

ROW = 1.85
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
                found[name] = Needs(runs=runs, searches=searches, facts={"option": option})
        return found

    def read(self, needs: Needs) -> Sweep:
        """Read runs and searches."""
        evidence = read_evidence(needs.run_folders, routes=needs.routes_files)
        return Sweep(needs.facts["option"], evidence)

    def data(self, content: Sweep) -> pd.DataFrame:
        """Return a row per dataset, value, seed and score; times are per seed, without one."""
        return pd.DataFrame([row for of in content.runs.items() for row in _rows(content, *of)])

    def draw(self, content: Sweep) -> tuple["Figure", str]:
        """Draw scores and times, one row per dataset."""
        text = CAPTION.format(symbol=OPTIONS[content.option])
        return sweep_figure(content), caption(text, sorted(content.evidence.simulated))


def _rows(content: Sweep, dataset: str, runs: dict[int, RunKey]) -> list[dict[str, object]]:
    """Return the rows of one dataset."""
    evidence, rows = content.evidence, list[dict[str, object]]()
    searching = search_seconds(evidence, runs)
    for value, run in runs.items():
        key = {"dataset": dataset, "variant": run[2], content.option: value}
        scores = evidence.scores(run)
        for what in [*evidence.columns(run, "auc"), "mtl_loss"]:
            each = scores[what].items()
            rows += [{**key, "what": what, "seed": seed, "value": score} for seed, score in each]
        seconds = {"search_seconds": searching.get(value)}
        seconds["train_seconds"] = evidence.train_seconds(run)
        rows += [{**key, "what": what, "seed": None, "value": v} for what, v in seconds.items()]
    return rows


def sweep_figure(content: Sweep) -> "Figure":
    """Return the curves of every dataset that was swept."""
    from matplotlib.ticker import MaxNLocator

    evidence, option, found = content.evidence, content.option, content.runs
    if not found:
        raise RecordError(f"figure 7: no dataset has two or more runs of mtnas over {option}")
    with styled():
        figure = new_figure(PAGE_WIDTH, ROW * len(found) + 0.1)
        top = ROW * len(found) + 0.02
        for dataset, runs in found.items():
            write_title(figure, top, dataset_name(dataset), dataset in evidence.simulated)
            panels = row_of_axes(figure, top, ROW, 4)
            _aucs(panels[0], evidence, runs)
            _line(panels[1], _values(evidence, runs, "mtl_loss"), SHARED)
            panels[1].set_ylabel("test MTL loss")
            _times(panels[2], search_seconds(evidence, runs), "search (s)")
            training = {size: evidence.train_seconds(run) for size, run in runs.items()}
            _times(panels[3], training, "training (s)")
            for panel in panels:
                panel.axvline(_paper_value(runs), color=SHARED, lw=0.7, ls=":")
                panel.xaxis.set_major_locator(MaxNLocator(integer=True))
                panel.set_xlabel(SYMBOLS[option], fontsize=7)
            top -= ROW
    return figure


def _aucs(panel: "Axes", evidence: Evidence, runs: dict[int, RunKey]) -> None:
    """Draw how far each AUC is from its mean over the sweep: levels of tasks are far apart."""
    columns = evidence.columns(next(iter(runs.values())), "auc")
    for i, column in enumerate(columns):
        values = _values(evidence, runs, column)
        level = float(values.to_numpy().mean())
        away = 1000 * (values - level)
        _line(panel, away, task_colour(i), f"{column_name(column)} ({level:.3f})")
    panel.legend(
        loc="lower left", bbox_to_anchor=(-0.1, 0.98), borderaxespad=0, ncols=len(columns),
        handlelength=1.2, columnspacing=0.9,
    )  # fmt: skip
    panel.set_ylabel("test AUC − mean (0.001)")


def _values(evidence: Evidence, runs: dict[int, RunKey], column: str) -> pd.DataFrame:
    """Return one score with a row per seed that all runs have and a column per size."""
    of_runs = {size: evidence.scores(run)[column] for size, run in runs.items()}
    return pd.DataFrame(of_runs).dropna()


def _line(panel: "Axes", values: pd.DataFrame, colour: str, label: str | None = None) -> None:
    """Draw the means over seeds in a band."""
    mean = values.mean()
    within = values.sub(values.mean(axis=1), axis=0)
    sd = within.std(ddof=1).fillna(0.0) if len(values) > 1 else 0 * mean
    sizes = np.asarray(values.columns, dtype=float)
    panel.fill_between(sizes, mean - sd, mean + sd, color=colour, alpha=0.22, lw=0)
    panel.plot(sizes, mean, color=colour, marker="o", ms=2.5, label=label)


def _times(panel: "Axes", seconds: dict[int, float], label: str) -> None:
    panel.plot(list(seconds), list(seconds.values()), color=SHARED, marker="o", ms=2.5)
    panel.set_ylim(0, 1.1 * max(seconds.values(), default=1.0))
    panel.set_ylabel(label)


def _paper_value(runs: dict[int, RunKey]) -> float:
    """Return the swept value of the variant that follows the paper."""
    return next((float(size) for size, run in runs.items() if run[2] == PAPER), float("nan"))


EXHIBIT = Figure7()
