"""Draw modules of a model: boxes in rows, one colour per task, arrows from each to the next."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from mtnas.report.render.route_drawing import BOX_HEIGHT, BOX_WIDTH
from mtnas.report.render.style import PAGE_WIDTH, SHARED, new_figure, styled, task_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALL = -1  # the task of a module that all tasks share
NODE, EDGE = "node", "edge"
COLUMNS = ("kind", "name", "label", "row", "task", "first", "last", "to")
INCHES = 0.62  # between two rows


def modules(rows: Sequence[tuple[str, str, bool]], num_tasks: int) -> pd.DataFrame:
    """Return what is drawn, a line per box and arrow (`COLUMNS`).

    `rows` are from the bottom up: the name of a module, what it is, and whether tasks share it.
    `first` and `last` are the tasks over which a box reaches, `to` is where an arrow ends.
    """
    lines: list[tuple[object, ...]] = []
    for height, (name, label, shared) in enumerate(rows):
        for task in [ALL] if shared else range(num_tasks):
            ends = (0, num_tasks - 1) if shared else (task, task)
            own = name if shared else f"{name}{task + 1}"
            lines.append((NODE, own, label, height, task, *ends, ""))
    for (name, _, shared), (above, _, above_shared) in zip(rows, rows[1:], strict=False):
        for task in range(num_tasks):
            start, end = (
                of if is_shared else f"{of}{task + 1}"
                for of, is_shared in ((name, shared), (above, above_shared))
            )
            lines.append((EDGE, start, "", 0, task, task, task, end))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def modules_figure(frame: pd.DataFrame) -> "Figure":
    """Draw boxes and arrows; what a row is stands to its left, once."""
    nodes = frame[frame["kind"] == NODE].set_index("name")
    height, width = int(nodes["row"].max()) + 1, int(nodes["last"].max()) + 1
    with styled():
        figure = new_figure(PAGE_WIDTH, INCHES * height)
        axes = figure.add_axes((0, 0, 1, 1))
        for name, node in nodes.iterrows():
            _box(axes, str(name), node)
        for _, edge in frame[frame["kind"] == EDGE].iterrows():
            below, above = nodes.loc[edge["name"], "row"], nodes.loc[edge["to"], "row"]
            _arrow(axes, int(edge["task"]), below + BOX_HEIGHT / 2, above - BOX_HEIGHT / 2)
        for row, label in nodes.groupby("row")["label"].first().items():
            axes.text(-0.75, float(str(row)), str(label), ha="right", va="center", fontsize=8)
        # As many units as inches allow, with the words to the left of the boxes.
        units = PAGE_WIDTH / INCHES
        middle = (width - 1) / 2 - 1.9
        axes.set_xlim(middle - units / 2, middle + units / 2)
        axes.set_ylim(-0.5, height - 0.5)
        axes.set_axis_off()
    return figure


def _arrow(axes: "Axes", task: int, start: float, end: float) -> None:
    style = {"arrowstyle": "-|>", "color": task_colour(task), "lw": 1.1, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (task, end), (task, start), arrowprops=style)


def _box(axes: "Axes", name: str, node: "pd.Series") -> None:
    from matplotlib.patches import FancyBboxPatch

    colour = SHARED if node["task"] == ALL else task_colour(int(node["task"]))
    left = node["first"] - BOX_WIDTH / 2
    wide = node["last"] - node["first"] + BOX_WIDTH
    face = "#EFEFEF" if node["task"] == ALL else "white"
    style = "round,pad=0,rounding_size=0.09"
    corner = (left, node["row"] - BOX_HEIGHT / 2)
    axes.add_patch(
        FancyBboxPatch(
            corner, wide, BOX_HEIGHT, boxstyle=style, fc=face, ec=colour, lw=1.1, zorder=3
        )
    )
    letter, number = (name, "") if node["task"] == ALL else (name[:1], name[1:])
    text = f"${letter}_{{{number}}}$" if number else f"${letter}$"
    axes.text(left + wide / 2, node["row"], text, ha="center", va="center", fontsize=9, zorder=5)
