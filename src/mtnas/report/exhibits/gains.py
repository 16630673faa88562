"""What each task of a diagnosed dataset gains from every other one, and in every group.

Lengths are in inches.
"""

import textwrap
from dataclasses import dataclass
from math import cos, floor, log10, pi, sin
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.report.exhibits._diagnoses import PLACE, read_diagnoses
from mtnas.report.exhibits.base import FigureExhibit, Needs, NothingToShowError
from mtnas.report.names import caption, counted, dataset_name, simulated_in, task_name
from mtnas.report.render.layout import FAMILY
from mtnas.report.render.style import (
    MARGIN,
    PAGE_WIDTH,
    PALE,
    SHARED,
    TASK_COLOURS,
    axes_at,
    new_figure,
    styled,
    write_at,
    write_title,
)
from mtnas.tasks.metrics import METRICS, OF_THE_LABEL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mtnas.study.plan import Plan

HELPS, HARMS, UNSURE = TASK_COLOURS[0], TASK_COLOURS[1], "#ECECEC"
TITLE, FOOT = 0.4, 0.42  # above and below the rows
LINE, CHARACTER = 0.13, 0.06  # of labels
TILT = 35  # degrees, of names that are wider than their column
MOST = 20  # characters of a name in one line, where there is room
LABEL, BETWEEN, RIGHT = 1.3, 0.62, 0.1  # left of the matrix, of the strip, and of the edge
SIDE = 0.6  # of a figure, for the matrix, at most
WIDEST, HIGHEST, LOWEST = 1.15, 0.8, 0.56  # cells
CAPTION = (
    "What each task (row) gains over a model of its own when it is trained with another one "
    "(column), and, at the right, in every group of tasks that was trained, by the number of tasks "
    "in it: mean over seeds on the test split, with 95 % t intervals (below each number, and as "
    "lines); positive is better. Coloured: the interval lies above 0 (blue, the task is helped) or "
    "below it (orange, it is harmed), darker for more; gray: it holds 0, or there is one seed, so "
    f"that no difference is shown. {FAMILY}: Holm's p-value over all pairs is below .05. Diamonds: all tasks "
    "together."
)
COLUMNS = (
    *("dataset", "simulated", "task", "subset", "size", "partner", "metric", "mean", "low"),
    *("high", "holm_p", "seeds"),
)


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
    def size(self) -> float:
        """Return the size of the numbers in cells, in points, so that they fit."""
        return min(7.5, 0.94 * 72 * self.width / (0.7 * 8))

    @property
    def names(self) -> list[str]:
        """Return what stands above the columns, in lines."""
        upright = [_wrapped(task_name(task), self._characters) for task in self.tasks]
        return [_wrapped(task_name(task), MOST) for task in self.tasks] if self.tilted else upright

    @property
    def tilted(self) -> bool:
        """Whether a word of a name is wider than its column, or a name takes many lines."""
        names = [_wrapped(task_name(task), self._characters) for task in self.tasks]
        words = [word for task in self.tasks for word in _apart(task_name(task)).split()]
        return max(map(len, words)) > self._characters or max(map(_lines, names)) > 3

    @property
    def _characters(self) -> int:
        return int(self.width / CHARACTER)

    @property
    def head(self) -> float:
        """Return the height of the names above the columns."""
        lines = max(map(_lines, self.names))
        if not self.tilted:
            return LINE * lines + 0.12
        longest = max(len(line) for name in self.names for line in name.split("\n"))
        angle = TILT / 180 * pi
        return CHARACTER * longest * sin(angle) + LINE * lines * cos(angle) + 0.1

    @property
    def total(self) -> float:
        """Return the height of the figure."""
        return TITLE + self.head + self.height * len(self.tasks) + FOOT


class Gains(FigureExhibit[Diagnosis]):
    """A figure per dataset: `gains_{dataset}`."""

    place = PLACE + 1

    def needs(self, plan: "Plan") -> dict[str, Needs]:
        """Take the diagnosis of a dataset."""
        return {f"gains_{name}": Needs(diagnoses=(name,)) for name in plan.diagnosed}

    def read(self, needs: Needs) -> Diagnosis:
        """Read the diagnosis."""
        (found,) = read_diagnoses(needs)
        if not any("+" in gain.subset for gain in found.gains):
            raise NothingToShowError(f"gains_{found.dataset}: no group of tasks was trained")
        return found

    def data(self, content: Diagnosis) -> pd.DataFrame:
        """Return a row per task and group of two tasks or more, in the order of the tasks.

        `partner` and `holm_p` are those of pairs.
        """
        adjusted = {(pair.first, pair.second): pair.adjusted for pair in content.pairs}
        rows = []
        for task in content.tasks:
            for gain in content.gains:
                group = gain.subset.split("+")
                if gain.task != task or len(group) < 2:
                    continue
                partner = next(name for name in group if name != task) if len(group) == 2 else ""
                rows.append(
                    (
                        *(content.dataset, content.simulated, task, gain.subset, len(group)),
                        *(partner, gain.metric, gain.mean, gain.low, gain.high),
                        *(adjusted.get((partner, task)), len(content.seeds)),
                    )
                )
        numbers = {"low": float, "high": float, "holm_p": float}
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(numbers)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw the matrix of pairs, and a panel of all groups at the right of each of its rows."""
        grid = Grid(tuple(dict.fromkeys(frame["task"])))
        one_unit = _one_unit(frame)
        with styled():
            figure = new_figure(PAGE_WIDTH, grid.total)
            _title(figure, grid, frame)
            _matrix(figure, grid, frame, one_unit)
            _strip(figure, grid, frame, one_unit)
        return figure, caption(CAPTION, simulated_in(frame))


def _one_unit(frame: pd.DataFrame) -> bool:
    """Tell whether the gains of all tasks can be drawn on one scale."""
    metrics = set(frame["metric"])
    return len(metrics) == 1 and METRICS[metrics.pop()].unit != OF_THE_LABEL


def _sign(row: Any) -> int:
    """Return on which side of 0 the interval lies; 0 where it holds 0, or is missing."""
    if not (row.low > 0 or row.high < 0):
        return 0
    return 1 if row.mean > 0 else -1


def _title(figure: "Figure", grid: Grid, frame: pd.DataFrame) -> None:
    first = frame.iloc[0]
    unit = f" in test {METRICS[first['metric']].title}" if len(set(frame["metric"])) == 1 else ""
    text = f"{dataset_name(first['dataset'])}: gains{unit}, {counted(int(first['seeds']), 'seed')}"
    write_title(figure, grid.total - MARGIN, text, bool(first["simulated"]))


def _decimals(values: "pd.Series[float]") -> int:
    """Return so many decimals that the largest of some numbers has three digits; of AUC, four."""
    largest = float(values.abs().max())
    return 4 if not largest > 0 else min(6, max(0, 2 - floor(log10(largest))))


def _number(value: float, decimals: int) -> str:
    return f"{value:+.{decimals}f}".replace("-", "−")


def _matrix(figure: "Figure", grid: Grid, frame: pd.DataFrame, one_unit: bool) -> None:
    """Draw the cells of all pairs, each with its number and interval."""
    count = len(grid.tasks)
    height = grid.height * count
    axes = axes_at(figure, LABEL, FOOT, grid.width * count, height)
    pairs = frame[frame["size"] == 2]
    for row in pairs.itertuples():
        own = pairs if one_unit else pairs[pairs["task"] == row.task]
        place = (grid.tasks.index(str(row.partner)), grid.tasks.index(str(row.task)))
        _cell(axes, grid, place, row, own)
    axes.set_xlim(0, count)
    axes.set_ylim(count, 0)
    axes.tick_params(length=0, pad=3, top=True, labeltop=True, labelbottom=False)
    middles = np.arange(count) + 0.5
    tilted = {"rotation": TILT, "ha": "left", "rotation_mode": "anchor"} if grid.tilted else {}
    axes.set_xticks(middles, grid.names, **tilted)
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


def _cell(
    axes: "Axes", grid: Grid, place: tuple[int, int], row: Any, scale: pd.DataFrame
) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    sign, largest = _sign(row), float(scale["mean"].abs().max())
    colour: Any = UNSURE
    if sign:
        share = 0.25 + 0.55 * abs(row.mean) / largest
        colour = 1 - share * (1 - np.asarray(to_rgb(HELPS if sign > 0 else HARMS)))
    x, y = place
    axes.add_patch(Rectangle((x, y), 1, 1, fc=colour, ec="white", lw=1.5))
    decimals = 4 if row.metric == "auc" else _decimals(scale["mean"])
    text = _number(row.mean, decimals) + FAMILY * bool(row.holm_p < 0.05)
    style: dict[str, Any] = {"ha": "center", "va": "center", "color": "black" if sign else "#555555"}
    weight = "bold" if sign else "normal"
    if np.isnan(row.low):
        axes.text(x + 0.5, y + 0.5, text, fontsize=grid.size, fontweight=weight, **style)
        return
    axes.text(x + 0.5, y + 0.28, text, fontsize=grid.size, fontweight=weight, **style)
    separator = " to " if grid.width > 0.95 else "\n"
    between = separator.join(_number(value, decimals) for value in (row.low, row.high))
    axes.text(x + 0.5, y + 0.66, between, fontsize=grid.size * 0.82, linespacing=1.15, **style)


def _strip(figure: "Figure", grid: Grid, frame: pd.DataFrame, one_unit: bool) -> None:
    """Draw the gains of every task in all groups, one panel below the other."""
    count = len(grid.tasks)
    left = LABEL + grid.width * count + BETWEEN
    sizes = sorted(set(frame["size"]))
    for number, task in enumerate(grid.tasks):
        bottom = FOOT + grid.height * (count - 1 - number)
        axes = axes_at(
            figure, left, bottom + 0.05, PAGE_WIDTH - RIGHT - left, grid.height - 0.1
        )
        _groups(axes, frame[frame["task"] == task], count)
        _limits(axes, frame if one_unit else frame[frame["task"] == task])
        axes.set_xlim(sizes[0] - 0.5, sizes[-1] + 0.5)
        last = number == count - 1
        axes.set_xticks(sizes, [str(size) for size in sizes] if last else [""] * len(sizes))
        if last:
            axes.set_xlabel("tasks in the group")


def _groups(axes: "Axes", rows: pd.DataFrame, count: int) -> None:
    """Draw the groups of one task, side by side by their gain within a size."""
    axes.axhline(0, color=SHARED, lw=0.6, ls=(0, (4, 2)), zorder=1)
    for size, of in rows.groupby("size"):
        spread = np.linspace(-0.36, 0.36, len(of) + 2)[1:-1] if len(of) > 1 else [0.0]
        ordered = of.sort_values("mean", kind="stable")
        for x, row in zip(spread, ordered.itertuples(), strict=True):
            colour = {1: HELPS, -1: HARMS, 0: "#999999"}[_sign(row)]
            at = int(str(size)) + x
            axes.plot([at, at], [row.low, row.high], color=colour, lw=0.7, alpha=0.6, zorder=2)
            marker, area = ("D", 14) if size == count else ("o", 7 if len(of) > 6 else 11)
            axes.scatter([at], [row.mean], s=area, marker=marker, color=colour, lw=0, zorder=3)


def _limits(axes: "Axes", rows: pd.DataFrame) -> None:
    """Let all means and intervals, and 0, fit; few ticks."""
    from matplotlib.ticker import MaxNLocator

    values = rows[["mean", "low", "high"]].to_numpy(float)
    low, high = min(0.0, np.nanmin(values)), max(0.0, np.nanmax(values))
    pad = 0.08 * (high - low) or 1.0
    axes.set_ylim(low - pad, high + pad)
    axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    axes.tick_params(axis="y", labelsize=6, colors=SHARED)
    axes.tick_params(axis="x", color=PALE)


EXHIBIT = Gains()
