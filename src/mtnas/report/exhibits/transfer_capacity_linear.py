"""Capacity of the shared linear model: risk against rank, with each task alone beside it."""

from typing import TYPE_CHECKING

import pandas as pd

from mtnas.evidence.resampling import INDEPENDENT
from mtnas.evidence.transfer_studies.runs import over_seeds
from mtnas.report.exhibits._simulated import SimulatedFigure, band, letter, panels
from mtnas.report.names import SIMULATED
from mtnas.report.render.style import SHARED, TASK_COLOURS, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "Capacity of the shared linear model (Wu, Zhang, Ré, Sec. 2.2): excess risk, a mean over tasks "
    "and seeds with its 95 % t interval, against the rank that tasks share. Too small a rank hurts "
    "where rows are many; from as many columns as tasks on, the model is that of each task alone "
    "(Proposition 1)."
)


class CapacityLinear(SimulatedFigure):
    """A panel per number of rows."""

    name = "transfer_capacity_linear"
    study = "capacity_linear"
    place = 86

    def data(self, content: pd.DataFrame) -> pd.DataFrame:
        """Return a row per number of rows, model and rank."""
        risks = content[content["metric"] == "excess_risk"]
        by = ["simulated", "rows", "model", "rank"]
        return over_seeds(risks, by, resampling=INDEPENDENT)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw the risk of the shared model over its rank, and that of single models."""
        from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

        sizes = list(dict.fromkeys(frame["rows"]))
        with styled():
            figure, axes = panels(1, len(sizes))
            for panel, size in zip(axes, sizes, strict=True):
                of = frame[frame["rows"] == size]
                single = of[of["model"] == "single"].iloc[0]
                panel.axhspan(single["low"], single["high"], color=SHARED, alpha=0.12, lw=0)
                panel.axhline(single["mean"], color=SHARED, ls=(0, (4, 2)), label="each task alone")
                shared = of[of["model"] == "shared"]
                style = {"color": TASK_COLOURS[0], "label": "shared model"}
                band(panel, shared, "rank", "mean", **style)
                panel.set_yscale("log")
                panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                panel.yaxis.set_major_formatter("{x:g}")
                panel.yaxis.set_minor_locator(NullLocator())
                panel.set_xlabel("rank (capacity)")
                panel.xaxis.set_major_locator(MaxNLocator(integer=True))
                letter(panel, f"{size:g} rows per task")
            axes[0].set_ylabel("excess risk")
            handles, labels = axes[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="lower center", ncols=2)
        return figure, f"{SIMULATED}. {CAPTION}"


EXHIBIT = CapacityLinear()
