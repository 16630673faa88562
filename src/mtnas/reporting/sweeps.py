"""Figure 7 and its twin over L, and the box plots of Figure 1(e). Lengths are in inches."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mtnas.claims.evidence import Evidence, Run, read_evidence
from mtnas.claims.paired import search_seconds, sweep
from mtnas.errors import RecordError
from mtnas.exhibits import FIGURE1, Kind
from mtnas.reporting.names import column_name, dataset_name, method_name
from mtnas.reporting.style import (
    PAGE_WIDTH,
    SHARED,
    WARNING,
    new_figure,
    save_figure,
    styled,
    task_colour,
)

ROW = 1.85
SYMBOLS = {"subnets": "H, sub-networks per layer", "depth": "L, layers of sub-networks"}
OPTIONS = {"subnets": "H", "depth": "L"}
SWEEP_CAPTION = (
    "MTNAS over {symbol}: test AUC of every task, MTL loss, and the seconds of search and training "
    "per seed. Lines are means over seeds. Bands are one standard deviation over seeds "
    "after the mean of each seed over the sweep is taken out, since methods are compared seed by "
    "seed. The dotted line marks the paper's value."
)
BOX_CAPTION = (
    "MMoE and the cut MMoE of Figure 1(c) over independent runs: boxes from the first to the third "
    "quartile with the median, whiskers to 1.5 times their distance, a line for each common seed."
)


def figure7(
    run_folders: Sequence[str | Path],
    routes: Sequence[str | Path],
    outputs: Sequence[str | Path],
    kind: Kind,
) -> None:
    """Draw scores and times over H (`subnets`) or L (`depth`), one row per dataset."""
    evidence = read_evidence(run_folders, routes=routes)
    caption = SWEEP_CAPTION.format(symbol=OPTIONS[kind])
    save_figure(sweep_figure(evidence, kind), outputs, caption)


def figure1(run_folders: Sequence[str | Path], outputs: Sequence[str | Path]) -> None:
    """Draw the scores of MMoE and the cut MMoE as boxes over seeds, one row per dataset."""
    save_figure(box_figure(read_evidence(run_folders)), outputs, BOX_CAPTION)


def sweep_figure(evidence: Evidence, kind: Kind) -> Figure:
    """Return the curves of every dataset that was swept."""
    found = {d: sweep(evidence, d, kind) for d in evidence.datasets}
    found = {dataset: runs for dataset, runs in found.items() if len(runs) > 1}
    if not found:
        raise RecordError(f"figure 7: no dataset has two or more runs of mtnas over {kind}")
    with styled():
        figure = new_figure(PAGE_WIDTH, ROW * len(found) + 0.1)
        for row, (dataset, runs) in enumerate(found.items()):
            panels = _panels(figure, row, len(found), 4)
            _title(figure, evidence, dataset, row, len(found))
            runs = dict(sorted(runs.items()))
            aucs = evidence.columns(next(iter(runs.values())), "auc")
            _curves(panels[0], evidence, runs, aucs, "test AUC")
            _curves(panels[1], evidence, runs, ["mtl_loss"], "test MTL loss")
            training = {size: evidence.train_seconds(run) for size, run in runs.items()}
            _times(panels[2], search_seconds(evidence, runs), "search (s)")
            _times(panels[3], training, "training (s)")
            for panel in panels:
                panel.axvline(_paper_value(runs), color=SHARED, lw=0.7, ls=":")
                panel.xaxis.set_major_locator(MaxNLocator(integer=True))
                panel.set_xlabel(SYMBOLS[kind], fontsize=7)
    return figure


def box_figure(evidence: Evidence) -> Figure:
    """Return the boxes of every dataset on which both methods ran."""
    found = [d for d in evidence.datasets if not evidence.lacking([(d, *row) for row in FIGURE1])]
    if not found:
        raise RecordError("figure 1: no dataset has runs of both mmoe and cut_mmoe")
    with styled():
        figure = new_figure(PAGE_WIDTH, ROW * len(found) + 0.1)
        for row, dataset in enumerate(found):
            first = (dataset, *FIGURE1[0])
            columns = [*evidence.columns(first, "auc"), *evidence.columns(first, "mtl_loss")]
            seeds = len(_side_by_side(evidence, dataset, columns[0]))
            _title(figure, evidence, dataset, row, len(found), f", {seeds} seeds")
            panels = _panels(figure, row, len(found), len(columns))
            for panel, column in zip(panels, columns, strict=True):
                _boxes(panel, evidence, dataset, column)
    return figure


def _panels(figure: Figure, row: int, rows: int, columns: int) -> list[Axes]:
    """Add a row of axes side by side; rows are counted from the top."""
    width, height = figure.get_size_inches()
    bottom = (rows - 1 - row) * ROW + 0.45
    pitch = (PAGE_WIDTH - 0.1) / columns
    return [
        figure.add_axes(
            (
                (0.6 + i * pitch) / width,
                bottom / height,
                (pitch - 0.78) / width,
                (ROW - 0.7) / height,
            )
        )
        for i in range(columns)
    ]


def _title(
    figure: Figure, evidence: Evidence, dataset: str, row: int, rows: int, more: str = ""
) -> None:
    """Write the dataset over its row, red where its data are simulated."""
    width, height = figure.get_size_inches()
    simulated = dataset in evidence.simulated
    figure.text(
        0.1 / width,
        ((rows - row) * ROW + 0.02) / height,
        dataset_name(dataset, simulated) + more,
        fontsize=9,
        fontweight="bold",
        va="top",
        color=WARNING if simulated else "black",
    )


def _curves(
    panel: Axes, evidence: Evidence, runs: dict[int, Run], columns: Sequence[str], label: str
) -> None:
    for i, column in enumerate(columns):
        of_runs = {size: evidence.scores(run)[column] for size, run in runs.items()}
        values = pd.DataFrame(of_runs).dropna()  # the seeds that all have
        mean = values.mean()
        within = values.sub(values.mean(axis=1), axis=0)
        sd = within.std(ddof=1).fillna(0.0) if len(values) > 1 else 0 * mean
        sizes = np.asarray(values.columns, dtype=float)
        colour = task_colour(i) if len(columns) > 1 else SHARED
        panel.fill_between(sizes, mean - sd, mean + sd, color=colour, alpha=0.22, lw=0)
        panel.plot(sizes, mean, color=colour, marker="o", ms=2.5, label=column_name(column))
    if len(columns) > 1:
        panel.legend(loc="best")
    panel.set_ylabel(label)


def _times(panel: Axes, seconds: dict[int, float], label: str) -> None:
    panel.plot(list(seconds), list(seconds.values()), color=SHARED, marker="o", ms=2.5)
    panel.set_ylim(0, 1.1 * max(seconds.values(), default=1.0))
    panel.set_ylabel(label)


def _paper_value(runs: dict[int, Run]) -> float:
    """Return the swept value of the variant that follows the paper."""
    return next((float(size) for size, run in runs.items() if run[2] == "paper"), float("nan"))


def _boxes(panel: Axes, evidence: Evidence, dataset: str, column: str) -> None:
    """Draw two boxes and the line of each seed between them."""
    both = _side_by_side(evidence, dataset, column)
    names = [method_name(*row) for row in FIGURE1]
    panel.plot([1, 2], both.to_numpy().T, color=SHARED, lw=0.4, alpha=0.5)
    boxes = panel.boxplot(
        both.to_numpy(), tick_labels=names, widths=0.5, patch_artist=True, showfliers=False
    )
    for i, box in enumerate(boxes["boxes"]):
        box.set(facecolor=task_colour(i), alpha=0.35)
    for line in boxes["medians"]:
        line.set(color="black")
    panel.set_ylabel(f"test {column_name(column)}")


def _side_by_side(evidence: Evidence, dataset: str, column: str) -> pd.DataFrame:
    """Return one score of both methods, a row for each seed that both have."""
    scores = {row: evidence.scores((dataset, *row))[column] for row in FIGURE1}
    return pd.DataFrame(scores).dropna().sort_index()
