"""How far one method is from another, seed by seed: a line per score. Lengths are in inches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtnas.evidence.resampling import INDEPENDENT, Resampling
from mtnas.evidence.statistics import difference_of
from mtnas.report.render.style import MARGIN, PAGE_WIDTH, SHARED, WARNING, axes_at, task_colour
from mtnas.tasks.metrics import OF_THE_LABEL, metric_of, split_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE, FOOT, HEAD = 0.17, 0.42, 0.02
LABEL = 1.45  # left of a panel, for the names of its lines
COLUMNS = 2  # panels side by side
MOST = 26  # letters of a name


@dataclass(frozen=True)
class Gap:
    """The differences of one score, a value per seed."""

    label: str
    what: str  # the column of the score
    values: "pd.Series[float]"
    simulated: bool = False
    resampling: Resampling = INDEPENDENT

    @property
    def scale(self) -> str:
        """Return what other gaps have to have in common to stand in one panel: the metric."""
        metric, _ = split_column(self.what)
        return self.label if metric_of(metric).unit == OF_THE_LABEL else metric


def _panels(gaps: Sequence[Gap]) -> list[list[Gap]]:
    scales = list(dict.fromkeys(gap.scale for gap in gaps))
    return [[gap for gap in gaps if gap.scale == scale] for scale in scales]


def _heights(panels: Sequence[Sequence[Gap]]) -> list[float]:
    """Return the height of every row of panels."""
    rows = [panels[i : i + COLUMNS] for i in range(0, len(panels), COLUMNS)]
    return [HEAD + LINE * max(map(len, row)) + FOOT for row in rows]


def gaps_height(gaps: Sequence[Gap]) -> float:
    """Return how much height the panels of some gaps take."""
    return sum(_heights(_panels(gaps)))


def draw_gaps(figure: "Figure", top: float, gaps: Sequence[Gap], difference: str) -> list["Axes"]:
    """Draw a panel per metric below `top`; `difference` says what is taken from what."""
    panels, drawn = _panels(gaps), []
    width = (PAGE_WIDTH - 2 * MARGIN) / COLUMNS
    for i, height in enumerate(_heights(panels)):
        for column, of in enumerate(panels[i * COLUMNS : (i + 1) * COLUMNS]):
            left, tall = MARGIN + column * width + LABEL, LINE * len(of)
            axes = axes_at(figure, left, top - HEAD - tall, width - LABEL - 0.12, tall)
            _lines(axes, of)
            known = metric_of(of[0].what)
            better = "right" if known.direction == "higher" else "left"
            axes.set_xlabel(f"{known.title}: {difference} ({better} is better)", fontsize=7)
            drawn.append(axes)
        top -= height
    return drawn


def _lines(axes: "Axes", gaps: Sequence[Gap]) -> None:
    """Draw the seeds of every gap as dots, their mean and its 95 % interval."""
    from matplotlib.ticker import MaxNLocator

    axes.axvline(0, color=SHARED, lw=0.7, ls=(0, (4, 2)), zorder=1)
    for line, gap in enumerate(gaps):
        values, found = gap.values.to_numpy(float), difference_of(gap.values, gap.resampling)
        axes.scatter(values, np.full(len(values), line), s=6, color=SHARED, alpha=0.3, lw=0)
        if found.low is not None and found.high is not None:
            axes.plot([found.low, found.high], [line, line], color=task_colour(0), lw=1.6)
        axes.plot(found.mean, line, color=task_colour(0), marker="D", ms=4, mec="white", mew=0.6)
    names = [g.label if len(g.label) <= MOST else f"{g.label[: MOST - 1]}…" for g in gaps]
    axes.set_yticks(range(len(gaps)), names)
    for name, gap in zip(axes.get_yticklabels(), gaps, strict=True):
        name.set_color(WARNING if gap.simulated else "black")
    axes.set_ylim(len(gaps) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
