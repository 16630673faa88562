"""Figure 7 and its twin over L. Lengths are in inches."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mtnas.evidence.claims.evidence import Evidence, read_evidence
from mtnas.evidence.claims.paired import search_seconds, sweep
from mtnas.report.names import caption, column_name, dataset_name
from mtnas.report.selection import Kind
from mtnas.report.style import (
    PAGE_WIDTH,
    SHARED,
    new_figure,
    row_of_axes,
    save_figure,
    styled,
    task_colour,
    write_title,
)
from mtnas.runtime.errors import RecordError
from mtnas.study.paths import RunKey

ROW = 1.85
SYMBOLS = {"subnets": "H, sub-networks per layer", "depth": "L, layers of sub-networks"}
OPTIONS = {"subnets": "H", "depth": "L"}
SWEEP_CAPTION = (
    "MTNAS over {symbol}: test AUC of every task less its mean over the sweep (in brackets), MTL "
    "loss, and the seconds of search and training per seed. Lines are means over "
    "seeds. Bands are one standard deviation over seeds after the mean of each seed over the sweep "
    "is taken out, since methods are compared seed by seed. The dotted line is the paper's value; "
    "its run belongs to the main comparison, whose times may be those of another day or machine."
)


def figure7(
    run_folders: Sequence[str | Path],
    routes: Sequence[str | Path],
    outputs: Sequence[str | Path],
    kind: Kind,
) -> None:
    """Draw scores and times over H (`subnets`) or L (`depth`), one row per dataset."""
    evidence = read_evidence(run_folders, routes=routes)
    text = SWEEP_CAPTION.format(symbol=OPTIONS[kind])
    save_figure(sweep_figure(evidence, kind), outputs, caption(text, sorted(evidence.simulated)))


def sweep_figure(evidence: Evidence, kind: Kind) -> Figure:
    """Return the curves of every dataset that was swept."""
    found = {d: sweep(evidence, d, kind) for d in evidence.datasets}
    found = {dataset: runs for dataset, runs in found.items() if len(runs) > 1}
    if not found:
        raise RecordError(f"figure 7: no dataset has two or more runs of mtnas over {kind}")
    with styled():
        figure = new_figure(PAGE_WIDTH, ROW * len(found) + 0.1)
        top = ROW * len(found) + 0.02
        for dataset, runs in found.items():
            write_title(figure, top, dataset_name(dataset), dataset in evidence.simulated)
            panels = row_of_axes(figure, top, ROW, 4)
            runs = dict(sorted(runs.items()))
            _aucs(panels[0], evidence, runs)
            _line(panels[1], _values(evidence, runs, "mtl_loss"), SHARED)
            panels[1].set_ylabel("test MTL loss")
            _times(panels[2], search_seconds(evidence, runs), "search (s)")
            training = {size: evidence.train_seconds(run) for size, run in runs.items()}
            _times(panels[3], training, "training (s)")
            for panel in panels:
                panel.axvline(_paper_value(runs), color=SHARED, lw=0.7, ls=":")
                panel.xaxis.set_major_locator(MaxNLocator(integer=True))
                panel.set_xlabel(SYMBOLS[kind], fontsize=7)
            top -= ROW
    return figure


def _aucs(panel: Axes, evidence: Evidence, runs: dict[int, RunKey]) -> None:
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


def _line(panel: Axes, values: pd.DataFrame, colour: str, label: str | None = None) -> None:
    """Draw the means over seeds in a band."""
    mean = values.mean()
    within = values.sub(values.mean(axis=1), axis=0)
    sd = within.std(ddof=1).fillna(0.0) if len(values) > 1 else 0 * mean
    sizes = np.asarray(values.columns, dtype=float)
    panel.fill_between(sizes, mean - sd, mean + sd, color=colour, alpha=0.22, lw=0)
    panel.plot(sizes, mean, color=colour, marker="o", ms=2.5, label=label)


def _times(panel: Axes, seconds: dict[int, float], label: str) -> None:
    panel.plot(list(seconds), list(seconds.values()), color=SHARED, marker="o", ms=2.5)
    panel.set_ylim(0, 1.1 * max(seconds.values(), default=1.0))
    panel.set_ylabel(label)


def _paper_value(runs: dict[int, RunKey]) -> float:
    """Return the swept value of the variant that follows the paper."""
    return next((float(size) for size, run in runs.items() if run[2] == "paper"), float("nan"))
