"""What tasks score alone and together, over the capacity of what they share."""

from textwrap import fill
from typing import TYPE_CHECKING

import pandas as pd

from mtnas.evidence.constant import WHY
from mtnas.evidence.transfer_studies.capacity import ALONE, METRIC, TOGETHER, Sweep, sweeps
from mtnas.evidence.transfer_studies.runs import over_seeds
from mtnas.report.exhibits._simulated import band, letter
from mtnas.report.exhibits._subsets import (
    CAPACITY,
    PLACE,
    check_some,
    chosen,
    first_of,
    foot,
    panel_rows,
    read_runs,
    title_of,
)
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import caption, simulated_in
from mtnas.report.render.style import TASK_COLOURS, styled
from mtnas.study.plan import Plan
from mtnas.tasks.metrics import metric_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "transfer_capacity_curve"
CAPTION = (
    "Capacity (Wu, Zhang, Ré, Sec. 2.2): mean test score over all tasks, each task alone and all "
    "together, against the width of the layer that they share; means over seeds with 95 % t "
    "intervals (corrected where splits overlap)."
)
TITLE = 48  # letters in a line above a panel
STYLES = {
    ALONE: (TASK_COLOURS[0], "o", "each task alone"),
    TOGETHER: (TASK_COLOURS[1], "s", "all tasks together"),
}
BY = ["panel", "dataset", "simulated", "metric", "learner", "capacity"]


class CapacityCurve(FigureExhibit[list[tuple[str, Sweep]]]):
    """A panel per sweep."""

    place = PLACE

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs that differ in capacity, or in leaks."""
        keys = chosen(plan, "hidden_dim", *CAPACITY)
        return {NAME: Needs(subsets=keys)} if keys else {}

    def read(self, needs: Needs) -> list[tuple[str, Sweep]]:
        """Read all sweeps, with what their panels are called."""
        found = sweeps(read_runs(needs))
        check_some(found, NAME)
        return [(title_of(needs, sweep.first), sweep) for sweep in found]

    def data(self, content: list[tuple[str, Sweep]]) -> pd.DataFrame:
        """Return a row per sweep, learner (alone, together) and capacity.

        `constant` counts the scores behind a mean of which the model predicts one value.
        """
        shown = []
        for title, sweep in content:
            rows = over_seeds(_scores(title, sweep), BY, resampling=sweep.first.resampling)
            counts = {learner: sweep.constant(learner) for learner in (ALONE, TOGETHER)}
            of = zip(rows["learner"], rows["capacity"], strict=True)
            shown.append(rows.assign(constant=[counts[learner][size] for learner, size in of]))
        return pd.concat(shown, ignore_index=True)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw both curves of every sweep."""
        groups = list(frame.groupby("panel", sort=False))
        with styled():
            figure, axes = panel_rows(len(groups), 2.25, top=0.4)
            for panel, (title, rows) in zip(axes, groups, strict=True):
                for learner, of in rows.groupby("learner", sort=False):
                    colour, marker, label = STYLES[str(learner)]
                    band(panel, of, "capacity", "mean", color=colour, marker=marker, label=label)
                sizes = sorted(set(rows["capacity"]))
                panel.set_xscale("log")
                panel.set_xticks(sizes, [f"{size:g}" for size in sizes])
                panel.minorticks_off()
                panel.set_xlabel("capacity (width of the shared layer)")
                panel.set_ylabel(f"mean {metric_of(first_of(rows, 'metric')).title}")
                letter(panel, fill(str(title), TITLE))
            foot(figure, axes)
        return figure, caption(f"{CAPTION}{_constant(frame)}", simulated_in(frame))


def _constant(frame: pd.DataFrame) -> str:
    """Say of which widths models predict one value for all rows; empty: of none."""
    counts = frame.groupby("capacity")["constant"].sum()
    at = [f"{count} at width {size}" for size, count in counts.items() if count]
    return f" Some models of a task {WHY}: {', '.join(at)}." if at else ""


def _scores(title: str, sweep: Sweep) -> pd.DataFrame:
    """Return the mean score over tasks of every seed, learner and capacity, as it is printed."""
    run = sweep.first
    sign, metric = run.better(run.tasks[0], METRIC), run.metrics(METRIC)[run.tasks[0]]
    frames = [
        (sign * sweep.mean_scores(learner, "test"))
        .melt(var_name="capacity", value_name="value")
        .assign(learner=learner)
        for learner in (ALONE, TOGETHER)
    ]
    return pd.concat(frames).assign(
        panel=title, dataset=run.key[1], simulated=run.simulated, metric=metric
    )


EXHIBIT = CapacityCurve()
