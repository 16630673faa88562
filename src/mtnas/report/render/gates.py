"""Mean gate scores, and how they are drawn (Figures 1d and 6)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtnas.evidence.records import Run
from mtnas.report.names import task_name
from mtnas.report.render.style import FAINT, SHARED, task_colour, task_marker
from mtnas.runtime.errors import RecordError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

CAPTION = (
    "What the gates of MMoE give each expert, mean over the test examples: small dots are seeds, "
    "large marks their means, a colour and a mark for each task. Experts have no order of their "
    "own: in every seed they stand from the one that the first task prefers, compared with the "
    "last task, to the one that it avoids. Dashed: an equal share. 'lowest' is the smallest mean "
    "score over seeds, tasks and experts."
)
SPREAD = 0.72  # of the distance between two experts, over which the tasks stand side by side
HEADROOM = 1.2  # above the largest score, for 'lowest'


def draw_gates(axes: "Axes", rows: pd.DataFrame, highest: float = 1.0) -> None:
    """Draw what each task gives each expert, seed by seed and on average.

    `rows` of `gate_data` are of one dataset; the axis reaches from 0 to a little above `highest`.
    """
    tasks = list(dict.fromkeys(rows["task"]))
    sizes = rows["seed"].nunique(), len(tasks), rows["expert"].nunique()
    scores_STE = rows["score"].to_numpy(float).reshape(sizes)
    experts, step = np.arange(1, sizes[2] + 1), SPREAD / len(tasks)
    for i in range(len(tasks)):
        colour, x = task_colour(i), experts + (i - (len(tasks) - 1) / 2) * step
        axes.scatter(
            np.tile(x, sizes[0]), scores_STE[:, i].ravel(), s=5, color=colour, alpha=0.4, lw=0
        )
        mean = scores_STE[:, i].mean(0)
        axes.plot(
            x, mean, color=colour, marker=task_marker(i), ls="none", ms=5.5, mec="white", mew=0.6
        )
    axes.axhline(1 / len(experts), color=SHARED, lw=0.7, ls=(0, (4, 2)), zorder=1)
    for between in experts[1:] - 0.5:
        axes.axvline(between, color="#E4E4E4", lw=0.6, zorder=0)
    axes.set(xticks=experts, xlim=(0.5, sizes[2] + 0.5))
    axes.set(yticks=(0, 0.25, 0.5, 0.75, 1), ylim=(0, HEADROOM * highest))
    axes.tick_params(axis="x", length=0)
    lowest = f"lowest {scores_STE.min():.2g}"
    axes.text(
        *(0.985, 0.985, lowest),
        color=FAINT, fontsize=7, ha="right", va="top", transform=axes.transAxes,
    )  # fmt: skip


def gate_handles(tasks: Sequence[str]) -> "list[Line2D]":
    """Return what explains the marks of some tasks."""
    from matplotlib.lines import Line2D

    return [
        Line2D(
            *([], []),
            color=task_colour(i),
            marker=task_marker(i),
            label=task_name(task),
            ls="none",
            ms=5.5,
            mec="white",
            mew=0.6,
        )  # fmt: skip
        for i, task in enumerate(tasks)
    ]


def gate_scores(run: Run) -> NDArray[np.float64]:
    """Return the mean gate scores on test, [seeds, tasks, experts]."""
    scores = run.record.gates
    if not scores:
        raise RecordError(f"{run.folder}/run.json: no gate scores; its method has no such gates")
    return np.array(list(scores.values()))


def ordered(scores_STE: NDArray[np.float64]) -> NDArray[np.float64]:
    """Order the experts of every seed by what the first task gives more than the last."""
    order_SE = np.argsort(scores_STE[:, -1] - scores_STE[:, 0], axis=-1, kind="stable")
    return np.take_along_axis(scores_STE, order_SE[:, None], axis=-1)


def gate_data(run: Run) -> pd.DataFrame:
    """Return the mean gate scores of a run: a row per seed, task and expert, as they are drawn."""
    scores_STE = ordered(gate_scores(run))
    seeds, experts = list(run.record.gates), range(scores_STE.shape[2])
    tasks = run.tasks or [f"t{task}" for task in range(scores_STE.shape[1])]
    index = pd.MultiIndex.from_product([seeds, tasks, experts], names=["seed", "task", "expert"])
    frame = pd.DataFrame({"score": scores_STE.ravel()}, index=index).reset_index()
    frame.insert(0, "dataset", run.key[0])
    return frame
