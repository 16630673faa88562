"""Weights of tasks with noisy labels in the linear model: what they do, and how they are found."""

from typing import TYPE_CHECKING

import pandas as pd

from mtnas.evidence.resampling import INDEPENDENT
from mtnas.evidence.transfer_studies.runs import over_seeds
from mtnas.report.exhibits._simulated import SimulatedFigure, band, letter, panels, zero_line
from mtnas.report.names import SIMULATED
from mtnas.report.render.style import TASK_COLOURS, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAPTION = (
    "Weights of tasks that share their inputs (Wu, Zhang, Ré, Sec. 2.4; rank 1), means over seeds "
    "with 95 % t intervals. First: the best shared direction (Proposition 3) against the weight of "
    "the clean task. Then the weight that Algorithm 2 gives to noisy tasks, in proportion to clean "
    "ones, as it is written and with inputs and labels standardised: below one is as it should be. "
    "Last, clean tasks that differ in their base rates alone, which should weigh the same."
)
PARTS = ("ratio", "relabelled", "additive", "base_rates")
CODINGS = {"literal": "as written", "standardised": "standardised", "equal": "equal weights"}
BY = ["simulated", "part", "metric", "noise", "ratio", "rank", "coding", "base_rate"]


class ReweightingLinear(SimulatedFigure):
    """A panel per part of the study."""

    name = "transfer_reweighting_linear"
    study = "reweighting_linear"
    place = 88

    def data(self, content: pd.DataFrame) -> pd.DataFrame:
        """Return a row per part, metric and setting."""
        shown = (content["part"] != "additive") | (content["metric"] != "cosine")
        rows = content[shown & ~(content["rank"] > 1)]
        return over_seeds(rows, BY, resampling=INDEPENDENT)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw the directions and the weights."""
        with styled():
            figure, axes = panels(2, 2, foot=False)
            for panel, part in zip(axes, PARTS, strict=True):
                rows = frame[frame["part"] == part]
                {"ratio": _ratio, "base_rates": _base_rates}.get(part, _noise)(panel, rows)
            letter(axes[0], "Weight of a clean task beside a noisy one")
            letter(axes[1], "Labels drawn anew in half of the tasks")
            letter(axes[2], "Noise added to half of the tasks (regressions)")
            letter(axes[3], "Base rates alone (no noise)")
            for panel in axes:
                panel.legend(loc="best")
        return figure, f"{SIMULATED}. {CAPTION}"


def _ratio(panel: "Axes", rows: pd.DataFrame) -> None:
    for number, (noise, of) in enumerate(rows.groupby("noise", sort=True)):
        style = {"color": TASK_COLOURS[number % 6], "label": f"noise {noise:g}"}
        band(panel, of, "ratio", "mean", **style)
    panel.set_xscale("log")
    panel.set_xlabel("weight of the clean task / of the noisy one")
    panel.set_ylabel("|cos(B, true model)|")


def _noise(panel: "Axes", rows: pd.DataFrame) -> None:
    zero_line(panel, 1.0)
    _by_coding(panel, rows, "noise")
    share = rows["part"].iloc[0] == "relabelled"
    panel.set_xlabel("share of labels drawn anew" if share else "standard deviation of the noise")
    panel.set_ylabel("weight, noisy / clean")


def _base_rates(panel: "Axes", rows: pd.DataFrame) -> None:
    zero_line(panel, 1.0)
    _by_coding(panel, rows, "base_rate")
    panel.set_xlabel("share of ones of the task")
    panel.set_ylabel("weight / mean of all")


def _by_coding(panel: "Axes", rows: pd.DataFrame, x: str) -> None:
    for coding, of in rows.groupby("coding", sort=False):
        number = list(CODINGS).index(str(coding))
        style = {"color": TASK_COLOURS[number], "ls": ("-", (0, (4, 2)), ":")[number]}
        band(panel, of, x, "mean", label=CODINGS[str(coding)], **style)


EXHIBIT = ReweightingLinear()
