"""What each task of a diagnosed dataset gains from every other one, and in every group.

Lengths are in inches.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.report.exhibits._diagnoses import PLACE, read_diagnoses
from mtnas.report.exhibits._gain_matrix import (
    FOOT,
    HARMS,
    HELPS,
    LABEL,
    Grid,
    draw_matrix,
    one_unit,
    sign_of,
)
from mtnas.report.exhibits.base import FigureExhibit, Needs, NothingToShowError
from mtnas.report.names import caption, counted, dataset_name, simulated_in
from mtnas.report.render.layout import FAMILY
from mtnas.report.render.style import (
    MARGIN,
    PAGE_WIDTH,
    PALE,
    SHARED,
    axes_at,
    new_figure,
    styled,
    write_title,
)
from mtnas.tasks.metrics import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mtnas.study.plan import Plan

BETWEEN, RIGHT = 0.62, 0.1  # left of the panels of groups, and of the edge
CAPTION = (
    "What each task (row) gains over a model of its own when it is trained with another one "
    "(column), and, at the right, in every group of tasks that was trained, by the number of tasks "
    "in it: mean over seeds on the test split, with 95 % t intervals (corrected where splits "
    "overlap; below each number, and as lines); positive is better. Coloured: the interval lies "
    "above 0 (blue, the task is helped) or below it (orange, it is harmed), darker for more; gray: "
    "it holds 0, or there is one seed, so that no difference is shown. "
    f"{FAMILY}: Holm's p-value over all pairs is below .05. Diamonds: all tasks together."
)
COLUMNS = (
    *("dataset", "simulated", "task", "subset", "size", "partner", "metric", "mean", "low"),
    *("high", "holm_p", "seeds"),
)


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
        grid, one_scale = Grid(tuple(dict.fromkeys(frame["task"]))), one_unit(frame)
        with styled():
            figure = new_figure(PAGE_WIDTH, grid.total)
            _title(figure, grid, frame)
            draw_matrix(figure, grid, frame, one_scale)
            _strip(figure, grid, frame, one_scale)
        return figure, caption(CAPTION, simulated_in(frame))


def _title(figure: "Figure", grid: Grid, frame: pd.DataFrame) -> None:
    first = frame.iloc[0]
    unit = f" in test {METRICS[first['metric']].title}" if len(set(frame["metric"])) == 1 else ""
    text = f"{dataset_name(first['dataset'])}: gains{unit}, {counted(int(first['seeds']), 'seed')}"
    write_title(figure, grid.total - MARGIN, text, bool(first["simulated"]))


def _strip(figure: "Figure", grid: Grid, frame: pd.DataFrame, one_scale: bool) -> None:
    """Draw the gains of every task in all groups, one panel below the other."""
    count = len(grid.tasks)
    left = LABEL + grid.width * count + BETWEEN
    sizes = sorted(set(frame["size"]))
    for number, task in enumerate(grid.tasks):
        bottom = FOOT + grid.height * (count - 1 - number)
        axes = axes_at(figure, left, bottom + 0.05, PAGE_WIDTH - RIGHT - left, grid.height - 0.1)
        _groups(axes, frame[frame["task"] == task], count)
        _limits(axes, frame if one_scale else frame[frame["task"] == task])
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
        for x, row in zip(spread, ordered.to_dict("records"), strict=True):
            colour = {1: HELPS, -1: HARMS, 0: "#999999"}[sign_of(row)]
            at = int(str(size)) + x
            axes.plot(
                [at, at], [row["low"], row["high"]], color=colour, lw=0.7, alpha=0.6, zorder=2
            )
            marker, area = ("D", 14) if size == count else ("o", 7 if len(of) > 6 else 11)
            axes.scatter([at], [row["mean"]], s=area, marker=marker, color=colour, lw=0, zorder=3)


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
