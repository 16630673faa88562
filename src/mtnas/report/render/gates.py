"""Mean gate scores, and how they are drawn (Figures 1d and 6)."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtnas.evidence.records import Run
from mtnas.report.names import task_name
from mtnas.report.render.style import SHARED, task_colour
from mtnas.runtime.errors import RecordError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CAPTION = (
    "What the gates of MMoE give each expert, mean over the test examples: thin lines are seeds, "
    "thick ones their means. Experts have no order of their own: in every seed they stand from the "
    "one that the first task prefers, compared with the last task, to the one that it avoids. "
    "Dashed: an equal share. 'lowest' is the smallest mean score over seeds, tasks and experts."
)


def draw_gates(axes: "Axes", rows: pd.DataFrame) -> NDArray[np.float64]:
    """Draw what each task gives each expert, seed by seed and on average.

    `rows` of `gate_data` are of one dataset; their scores [seeds, tasks, experts] are returned.
    """
    tasks = list(dict.fromkeys(rows["task"]))
    sizes = rows["seed"].nunique(), len(tasks), rows["expert"].nunique()
    scores_STE = rows["score"].to_numpy(float).reshape(sizes)
    experts = np.arange(1, sizes[2] + 1)
    for i, task in enumerate(tasks):
        colour, label = task_colour(i), task_name(task)
        axes.plot(experts, scores_STE[:, i].T, color=colour, lw=0.5, alpha=0.35)
        mean = scores_STE[:, i].mean(0)
        axes.plot(experts, mean, color=colour, lw=2, marker="o", ms=3, label=label)
    axes.axhline(1 / len(experts), color=SHARED, lw=0.7, ls=(0, (4, 2)), zorder=1)
    axes.set_xticks(experts)
    lowest = f"lowest {scores_STE.min():.2g}"
    axes.text(0.98, 0.99, lowest, transform=axes.transAxes, ha="right", va="top", fontsize=7)
    return scores_STE


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
