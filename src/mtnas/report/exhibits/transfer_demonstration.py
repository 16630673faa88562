"""The demonstration of the blog, Fig. 3: one model, other data, and so help or harm."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtnas.evidence.resampling import INDEPENDENT
from mtnas.evidence.transfer_studies.runs import INTERVAL, over_seeds
from mtnas.report.exhibits._simulated import SimulatedFigure, letter, warn, zero_line
from mtnas.report.names import SIMULATED
from mtnas.report.render.style import (
    PAGE_WIDTH,
    SHARED,
    TASK_COLOURS,
    WARNING,
    axes_at,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

CAPTION = (
    "One model, other data (blog of Wu, Zhang, Ré, Fig. 3). Above, the points of one seed: tasks 2 "
    "and 3 have the same boundary (dotted, as is that of task 1); in the circled areas between the "
    "two boundaries labels contradict those of task 1, and only task 3 has points there. The full "
    "line is what task 1 learns alone, with task 2, and with task 3 ({loss} loss). Below, what "
    "task 1 gains from each of them: means over seeds with 95 % t intervals, by the angle between "
    "the boundaries and the share of wrong labels."
)
SETTING = ["simulated", "loss", "rows", "angle", "wedge_share", "flips"]
PARTNERS = {
    "task_2": ("from task 2: no data in the circled areas", 2),
    "task_3": ("from task 3: data in the circled areas", 1),
}
PANELS = ("none", "task_2", "task_3")
TITLES = (
    "Task 1, learned alone",
    "Task 2; task 1 learned with it",
    "Task 3; task 1 learned with it",
)
REACH = 3.0  # of the panels of points
TOP, SQUARE, BELOW, FOOT = 0.55, 2.1, 1.55, 0.95  # inches
LINES = {"boundaries of task 1, and of tasks 2 and 3": ":", "learned for task 1": "-"}


class Demonstration(SimulatedFigure):
    """Points of one seed, and gains of all."""

    name = "transfer_demonstration"
    study = "demonstration"
    place = 82

    def data(self, content: pd.DataFrame) -> pd.DataFrame:
        """Return a row per gain, over all seeds, and what is drawn of the first seed."""
        gains = content[content["metric"] == "gain"]
        means = over_seeds(gains, [*SETTING, "partner"], resampling=INDEPENDENT)
        means = means.assign(metric="gain")
        first = content[~content["metric"].isin(["gain", "accuracy"])]
        shown = [*SETTING, "partner", "task", "point", "metric", "value"]
        return pd.concat([means, first[shown]], ignore_index=True)[[*shown, *INTERVAL]]

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw the points of each task above, the gains from tasks 2 and 3 below."""
        gains = frame[frame["metric"] == "gain"]
        losses = list(dict.fromkeys(gains["loss"]))
        with styled():
            height = TOP + SQUARE + 0.42 + BELOW + FOOT
            figure = new_figure(PAGE_WIDTH, height)
            warn(figure)
            for number, partner in enumerate(PANELS):
                left = 0.15 + number * (SQUARE + 0.28)
                panel = axes_at(figure, left, height - TOP - SQUARE, SQUARE, SQUARE)
                _points(panel, frame, number + 1, partner)
                letter(panel, TITLES[number])
            width = (PAGE_WIDTH - 0.75) / len(losses) - 0.15
            for number, loss in enumerate(losses):
                panel = axes_at(figure, 0.62 + number * (width + 0.15), FOOT, width, BELOW)
                _gains(panel, gains[gains["loss"] == loss])
                letter(panel, f"gain of task 1, {loss} loss" + " (accuracy)" * (number == 0))
                panel.set_ylim(*_limits(gains))
                if number:
                    panel.set_yticklabels([])
            handles, labels = panel.get_legend_handles_labels()
            figure.legend([*_lines(), *handles], [*LINES, *labels], loc="lower center", ncols=2)
        return figure, f"{SIMULATED}. {CAPTION.format(loss=losses[0])}"


def _lines() -> list["Line2D"]:
    """Return what explains the lines."""
    from matplotlib.lines import Line2D

    return [Line2D([], [], color=SHARED, lw=1.3, ls=style) for style in LINES.values()]


def _points(panel: "Axes", frame: pd.DataFrame, task: int, partner: str) -> None:
    """Draw the points of a task, all boundaries, and the areas where they contradict each other."""
    from matplotlib.patches import Ellipse

    rows = frame[frame["task"] == task]
    points = rows[rows["point"].notna()].pivot(index="point", columns="metric", values="value")
    for label, marker, colour in ((1.0, "o", TASK_COLOURS[0]), (-1.0, "X", TASK_COLOURS[1])):
        of = points[points["label"] == label]
        panel.scatter(of["x1"], of["x2"], s=11, marker=marker, color=colour, lw=0, alpha=0.85)
    first, second = (_normal(frame, "truth", t) for t in (1, 2))
    for normal in (first, second):
        _line(panel, normal, color=SHARED, ls=":", lw=1.3)
    learned = frame[
        (frame["partner"] == partner) & (frame["loss"] == frame["loss"].dropna().iloc[0])
    ]
    _line(panel, _normal(learned, "learned", 1), color=SHARED, lw=1.3)
    # The middle between two lines through 0 is at right angles to the mean of their normals.
    middle = first + second
    turn = np.rad2deg(np.arctan2(middle[0], -middle[1]))
    along = np.array([-middle[1], middle[0]]) / np.linalg.norm(middle)
    wide = float(2 * 1.45 * np.tan(np.arccos(np.clip(first @ second, -1, 1)) / 2) + 0.5)
    for side in (1, -1):
        panel.add_patch(
            Ellipse(side * 1.45 * along, 2.5, wide, angle=turn, fill=False, ec=WARNING, lw=1.0)
        )
    panel.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xticks=[], yticks=[])
    panel.spines[:].set_visible(True)


def _normal(frame: pd.DataFrame, metric: str, task: int) -> NDArray[np.float64]:
    rows = frame[frame["task"] == task].set_index("metric")["value"]
    return np.array([rows[f"{metric}1"], rows[f"{metric}2"]], dtype=float)


def _line(panel: "Axes", normal: NDArray[np.float64], **style: Any) -> None:
    """Draw the line through 0 that is at right angles to a normal."""
    along = np.array([-normal[1], normal[0]]) / np.linalg.norm(normal) * 2 * REACH
    panel.plot([-along[0], along[0]], [-along[1], along[1]], **style)


def _gains(panel: "Axes", rows: pd.DataFrame) -> None:
    """Draw the gains from both partners side by side in every setting."""
    settings = list(dict.fromkeys(zip(rows["angle"], rows["flips"], strict=True)))
    zero_line(panel)
    for shift, (partner, (label, colour)) in zip((-0.13, 0.13), PARTNERS.items(), strict=True):
        of = rows[rows["partner"] == partner].set_index(["angle", "flips"]).loc[settings]
        x = np.arange(len(settings)) + shift
        around = [of["mean"] - of["low"], of["high"] - of["mean"]]
        panel.errorbar(
            *(x, of["mean"], around),
            fmt="o", ms=3.5, lw=1.2, color=TASK_COLOURS[colour], label=label,
        )  # fmt: skip
    panel.set_xticks(
        range(len(settings)), [f"{angle:g}°\n{flips:.0%}" for angle, flips in settings], fontsize=6
    )
    panel.set_xlabel("angle, wrong labels")


def _limits(gains: pd.DataFrame) -> tuple[float, float]:
    ends = gains[["mean", "low", "high"]]
    low, high = float(ends.min().min()), float(ends.max().max())
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


EXHIBIT = Demonstration()
