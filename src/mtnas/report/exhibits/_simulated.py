"""Figures of a simulated study: what they need, and how they are laid out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from mtnas.evidence.simulated_record import read
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import SIMULATED
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_HEIGHT = 1.95  # inches, with its title and labels
HEAD, FOOT = 0.3, 0.36
QUARTILES = {"low": 0.25, "median": 0.5, "high": 0.75}


class SimulatedFigure(FigureExhibit[pd.DataFrame]):
    """A figure of one simulated study."""

    name: ClassVar[str]
    study: ClassVar[str]
    place = 80

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take its results."""
        has = self.study in plan.simulated_studies
        return {self.name: Needs(simulated_studies=(self.study,))} if has else {}

    def read(self, needs: Needs) -> pd.DataFrame:
        """Read its results."""
        (folder,) = needs.simulated_folders
        return read(folder)[1]


def quartiles(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the quartiles of `value` over the seeds of each group, and how many are below 0."""
    lines = []
    for key, rows in frame.groupby(list(by), sort=False, dropna=False):
        found = rows["value"].quantile(list(QUARTILES.values()))
        lines.append((*key, *found, float((rows["value"] < 0).mean()), len(rows)))
    return pd.DataFrame(lines, columns=[*by, *QUARTILES, "share_below_0", "seeds"])


def panels(rows: int, columns: int, *, foot: bool = True) -> tuple["Figure", list["Axes"]]:
    """Return a page-wide figure that says that its data are simulated, and its axes."""
    from mtnas.report.render.style import PAGE_WIDTH, new_figure

    height = HEAD + PANEL_HEIGHT * rows + FOOT * foot
    figure = new_figure(PAGE_WIDTH, height)
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=0.09, right=0.985, hspace=0.62, wspace=0.32,
        top=1 - (HEAD + 0.22) / height, bottom=(FOOT * foot + 0.42) / height,
    )  # fmt: skip
    warn(figure)
    return figure, list(np.ravel(axes))


def warn(figure: "Figure") -> None:
    """Say at the top of a figure that it shows simulated data."""
    from mtnas.report.render.style import MARGIN, WARNING

    top = 1 - MARGIN / figure.get_figheight()
    text = figure.text(0.985, top, SIMULATED, ha="right", va="top", color=WARNING)
    text.set(fontsize=9, fontweight="bold")


def letter(axes: "Axes", text: str) -> None:
    """Set the title of a panel."""
    axes.set_title(text, fontsize=7.5, loc="left")


def band(axes: "Axes", rows: pd.DataFrame, x: str, middle: str, **style: Any) -> None:
    """Draw a line with a band from `low` to `high`."""
    rows = rows.sort_values(x)
    colour = style["color"]
    axes.fill_between(rows[x], rows["low"], rows["high"], color=colour, alpha=0.15, lw=0)
    axes.plot(rows[x], rows[middle], **{"marker": "o", "ms": 3, **style})


def zero_line(axes: "Axes", value: float = 0.0) -> None:
    """Draw a thin line where nothing is gained or lost."""
    axes.axhline(value, color="#333333", lw=0.7, ls=(0, (4, 2)), zorder=1)
