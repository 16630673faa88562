"""The matrix of what pairs of tasks gain: where its cells are, and how they are drawn.

Lengths are in inches.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import cos, floor, log10, pi, sin
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mtnas.report.names import task_name
from mtnas.report.render.layout import FAMILY
from mtnas.report.render.style import PAGE_WIDTH, SHARED, TASK_COLOURS, axes_at, write_at
from mtnas.tasks.metrics import METRICS, OF_THE_LABEL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HELPS, HARMS, UNSURE = TASK_COLOURS[0], TASK_COLOURS[1], "#ECECEC"
TITLE, FOOT = 0.4, 0.42  # above and below the rows
LABEL = 1.3  # left of the matrix
SIDE = 0.6  # of a figure, for the matrix, at most
WIDEST, HIGHEST, LOWEST = 1.15, 0.8, 0.56  # cells
LARGEST, SMALLER = 7.5, 0.82  # size of numbers in points, and that of intervals as a share of it
EM = 0.7  # width of a bold figure as a share of its size
LINE, CHARACTER, MEAN = 0.13, 0.06, 0.052  # of labels; a character at most, and in long names
TILT = 40  # degrees, of names that are wider than their column
MOST = 20  # characters of a name in a line of a label of a row


@dataclass(frozen=True)
class Grid:
    """Where the cells of some tasks are."""

    tasks: tuple[str, ...]

    @property
    def width(self) -> float:
        """Return the width of a cell."""
        return min(WIDEST, (PAGE_WIDTH * SIDE - LABEL) / len(self.tasks))

    @property
    def height(self) -> float:
        """Return the height of a cell."""
        return min(HIGHEST, max(LOWEST, self.width))

    @property
    def names(self) -> list[str]:
        """Return what stands above the columns, in lines."""
        names = [task_name(task) for task in self.tasks]
        return names if self.tilted else [_wrapped(name, self._characters) for name in names]

    @property
    def tilted(self) -> bool:
        """Whether a word of a name is wider than its column, or a name takes many lines."""
        names = [_wrapped(task_name(task), self._characters) for task in self.tasks]
        words = [word for task in self.tasks for word in _apart(task_name(task)).split()]
        return max(map(len, words)) > self._characters or max(map(_lines, names)) > 4

    @property
    def _characters(self) -> int:
        return int(self.width / CHARACTER)

    @property
    def head(self) -> float:
        """Return the height of the names above the columns."""
        if not self.tilted:
            return LINE * max(map(_lines, self.names)) + 0.12
        longest, angle = max(map(len, self.names)), TILT / 180 * pi
        return MEAN * longest * sin(angle) + LINE * cos(angle) + 0.1

    @property
    def total(self) -> float:
        """Return the height of the figure."""
        return TITLE + self.head + self.height * len(self.tasks) + FOOT


def one_unit(frame: pd.DataFrame) -> bool:
    """Tell whether the gains of all tasks can be drawn on one scale."""
    metrics = set(frame["metric"])
    return len(metrics) == 1 and METRICS[metrics.pop()].unit != OF_THE_LABEL


def sign_of(row: Mapping[Any, Any]) -> int:
    """Return on which side of 0 the interval lies; 0 where it holds 0, or is missing."""
    if not (row["low"] > 0 or row["high"] < 0):
        return 0
    return 1 if row["mean"] > 0 else -1


def _decimals(values: "pd.Series[float]") -> int:
    """Return so many decimals that the largest of some numbers has three digits; of AUC, four."""
    largest = float(values.abs().max())
    return 4 if not largest > 0 else min(6, max(0, 2 - floor(log10(largest))))


def _number(value: float, decimals: int) -> str:
    return f"{value:+.{decimals}f}".replace("-", "−")


def draw_matrix(figure: "Figure", grid: Grid, frame: pd.DataFrame, one_scale: bool) -> None:
    """Draw the cells of all pairs, each with its number and interval."""
    count = len(grid.tasks)
    height = grid.height * count
    axes = axes_at(figure, LABEL, FOOT, grid.width * count, height)
    pairs = frame[frame["size"] == 2]
    texts = _texts(pairs, one_scale)
    size = _size(grid, [lines[0] for lines in texts])
    for row, lines in zip(pairs.to_dict("records"), texts, strict=True):
        place = (grid.tasks.index(row["partner"]), grid.tasks.index(row["task"]))
        scale = pairs if one_scale else pairs[pairs["task"] == row["task"]]
        largest = float(scale["mean"].abs().max()) or 1.0
        told = (sign_of(row), abs(row["mean"]) / largest)
        _cell(axes, place, told, _fitting(grid, lines, size), size)
    axes.set_xlim(0, count)
    axes.set_ylim(count, 0)
    axes.tick_params(length=0, pad=3, top=True, labeltop=True, labelbottom=False)
    middles = np.arange(count) + 0.5
    axes.set_xticks(middles, grid.names)
    if grid.tilted:
        axes.set_xticks(middles, grid.names, rotation=TILT, ha="left", rotation_mode="anchor")
    axes.set_yticks(middles, [_row_label(frame, task) for task in grid.tasks])
    write_at(figure, LABEL - 0.05, FOOT + height + 0.17, "trained with:", ha="right", color=SHARED)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _row_label(frame: pd.DataFrame, task: str) -> str:
    """Return the name of a task, with its metric where tasks have different ones."""
    name = _wrapped(task_name(task), MOST)
    if frame["metric"].nunique() == 1:
        return name
    metric = frame.loc[frame["task"] == task, "metric"].iloc[0]
    return f"{name}\n({METRICS[metric].title})"


def _wrapped(text: str, characters: int) -> str:
    """Break a name into lines, after underscores and spaces where it has some."""
    lines = textwrap.wrap(_apart(text), characters)
    return "\n".join(line.replace("_ ", "_") for line in lines)


def _apart(text: str) -> str:
    return text.replace("_", "_ ")


def _lines(text: str) -> int:
    return text.count("\n") + 1


def _texts(pairs: pd.DataFrame, one_scale: bool) -> list[tuple[str, ...]]:
    """Return for each pair its number and, if it has an interval, the ends of that."""
    found = []
    for row in pairs.to_dict("records"):
        own = pairs if one_scale else pairs[pairs["task"] == row["task"]]
        decimals = 4 if row["metric"] == "auc" else _decimals(own["mean"])
        values = [row["mean"]] if pd.isna(row["low"]) else [row["mean"], row["low"], row["high"]]
        first, *ends = (_number(value, decimals) for value in values)
        found.append((first + FAMILY * bool(row["holm_p"] < 0.05), *ends))
    return found


def _size(grid: Grid, numbers: Sequence[str]) -> float:
    """Return the size of numbers, in points, so that the longest fits into its cell."""
    longest = max(map(len, numbers), default=1)
    return min(LARGEST, 0.94 * 72 * grid.width / (EM * longest))


def _fitting(grid: Grid, lines: Sequence[str], size: float) -> tuple[str, str]:
    """Return a number and its interval, in one line where that fits, else in two."""
    together = " to ".join(lines[1:])
    wide = len(together) * EM * SMALLER * size > 0.94 * 72 * grid.width
    return lines[0], "\n".join(lines[1:]) if wide else together


def _cell(
    axes: "Axes",
    place: tuple[int, int],
    told: tuple[int, float],
    lines: tuple[str, str],
    size: float,
) -> None:
    """Draw one cell; `told`: on which side of 0 its interval lies, and how large the gain is."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    (sign, share), (x, y) = told, place
    full = np.asarray(to_rgb(HELPS if sign > 0 else HARMS))
    colour: Any = 1 - (0.25 + 0.55 * share) * (1 - full) if sign else UNSURE
    axes.add_patch(Rectangle((x, y), 1, 1, fc=colour, ec="white", lw=1.5))
    write = partial(axes.text, ha="center", va="center", color="black" if sign else "#555555")
    number, between = lines
    weight, above = "bold" if sign else "normal", 0.28 if between else 0.5
    write(x + 0.5, y + above, number, fontsize=size, fontweight=weight)
    if between:
        write(x + 0.5, y + 0.66, between, fontsize=size * SMALLER, linespacing=1.15)
