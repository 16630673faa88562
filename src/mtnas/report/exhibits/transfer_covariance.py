"""Sources that differ from the target in covariance: which help, and from how many rows on."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtnas.report.exhibits._simulated import (
    SimulatedFigure,
    band,
    letter,
    panels,
    quartiles,
    zero_line,
)
from mtnas.report.names import SIMULATED
from mtnas.report.render.style import TASK_COLOURS, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAPTION = (
    "Transfer to one target from sources with its covariance and with others (Wu, Zhang, Ré, Sec. "
    "2.3), capacity 1: the relative excess risk of the target learned together with a source, "
    "minus that of the target alone; below zero the source helps. Medians over seeds, bands from "
    "the first to the third quartile; the scale is linear near zero, logarithmic beyond. The last "
    "panel moves the covariance of one source onto that of the target."
)
SOURCES = {
    "aligned": "T2: covariance of the target",
    "other_directions": "T3: other directions",
    "rotated": "T4: rotated",
}
SIZE, OVERLAP = "size", "overlap"
CONDITION = ["target_rows", "kappa", "noise"]
LINEAR = 0.5  # decades that the linear part of a scale takes on each side of zero
LABEL, TALL = 0.15, 1.1  # inches: a label of a scale, and a panel


class Covariance(SimulatedFigure):
    """A panel per condition of the target, and one of the similarity."""

    name = "transfer_covariance"
    study = "covariance"
    place = 84

    def data(self, content: pd.DataFrame) -> pd.DataFrame:
        """Return a row per condition, source and size of it; `similarity` is the median planted."""
        by = ["simulated", "part", *CONDITION, "source", "source_rows", "overlap"]
        gaps = quartiles(content[content["metric"] == "gap"], by)
        planted = content[content["metric"] == "planted_similarity"]
        similarity = planted.groupby(by, sort=False, dropna=False)["value"].median()
        return gaps.merge(similarity.rename("similarity").reset_index(), on=by, how="left")

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw the gap over the rows of the source, and over the similarity."""
        sized, moved = (frame[frame["part"] == part] for part in (SIZE, OVERLAP))
        conditions = [rows for _, rows in sized.groupby(CONDITION, sort=False)]
        count = len(conditions) + (not moved.empty)
        with styled():
            figure, axes = panels((count + 1) // 2, 2 if count > 1 else 1)
            for panel, rows in zip(axes, conditions, strict=False):
                _sizes(panel, rows)
                letter(panel, _condition(rows))
            if not moved.empty:
                _similarity(axes[len(conditions)], moved)
            for panel in axes[count:]:
                panel.set_visible(False)
            handles, labels = axes[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="lower center", ncols=len(labels))
        return figure, f"{SIMULATED}. {CAPTION}"


def _sizes(panel: "Axes", rows: pd.DataFrame) -> None:
    zero_line(panel)
    for number, (source, of) in enumerate(rows.groupby("source", sort=False)):
        style = {"color": TASK_COLOURS[number], "label": SOURCES.get(str(source), str(source))}
        style |= {"marker": "os^D"[number % 4]}
        band(panel, of, "source_rows", "median", **style)
    sizes = sorted(set(rows["source_rows"]))
    panel.set_xscale("log")
    panel.set_xticks(sizes, [f"{size:g}" for size in sizes])
    panel.minorticks_off()
    panel.set_xlabel("rows of the source")
    _scale(panel, rows)


def _similarity(panel: "Axes", rows: pd.DataFrame) -> None:
    zero_line(panel)
    band(panel, rows, "similarity", "median", color=TASK_COLOURS[3])
    panel.set_xlabel("similarity of the covariances (1: the same)")
    letter(panel, f"First target, {rows['source_rows'].iloc[0]:g} rows of T3 moved onto it")
    _scale(panel, rows)


def _scale(panel: "Axes", rows: pd.DataFrame) -> None:
    """Set the vertical scale: linear up to the smallest median, then logarithmic on both sides."""
    ends = rows[["low", "high"]].to_numpy()
    largest = float(np.abs(ends).max())
    smallest = 10.0 ** np.floor(np.log10(max(rows["median"].abs().min(), 1e-12)))
    if largest > 20 * smallest:
        linear = 0.1 if largest > 2 else max(smallest, largest * 1e-4)
        panel.set_yscale("symlog", linthresh=linear, linscale=LINEAR)
        panel.set_yticks(_ticks(float(ends.min()), float(ends.max()), linear))
        panel.minorticks_off()
    panel.set_ylabel("risk with source − alone")


def _ticks(low: float, high: float, linear: float) -> list[float]:
    """Return zero and as many powers of ten on both sides as a panel has room for."""
    up, down = (int(np.ceil(np.log10(max(end, linear) / linear))) for end in (high, -low))
    room = LABEL * (up + down + 2 * LINEAR) / TALL  # decades that a label takes
    first, step = max(0, int(np.ceil(room - LINEAR))), max(1, int(np.ceil(room)))
    above = [linear * 10.0**power for power in range(first, up + 1, step)]
    below = [-linear * 10.0**power for power in range(first, down + 1, step)]
    return [*reversed(below), 0.0, *above]


def _condition(rows: pd.DataFrame) -> str:
    target_rows, kappa, noise = rows[CONDITION].iloc[0]
    noisy = "no label noise" if noise == 0 else f"noise {noise:g}"
    return f"{target_rows:g} target rows, κ = {kappa:g}, {noisy}"


EXHIBIT = Covariance()
