"""What sharing gains or costs each task of a diagnosed dataset, by the width of the shared part."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from mtnas.config.entries import DIAGNOSIS
from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.evidence.diagnosis.widths import constant_told, widening_told
from mtnas.evidence.statistics import EFFECT
from mtnas.evidence.subsets_record import subset_name
from mtnas.evidence.transfer_studies.runs import SubsetRun
from mtnas.report.exhibits._diagnoses import PLACE, metric_title, read_diagnoses
from mtnas.report.exhibits._gain_matrix import sign_of
from mtnas.report.exhibits._simulated import zero_line
from mtnas.report.exhibits._subsets import panel_rows, read_runs
from mtnas.report.exhibits.base import FigureExhibit, Needs, NothingToShowError
from mtnas.report.names import caption, dataset_name, simulated_in, task_name
from mtnas.report.render.style import SHARED, TASK_COLOURS, styled, task_marker

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mtnas.study.plan import Plan

NAME = "sharing_by_width"
CURVE, TRAINED, CHANGE, MISSING = "curve", "recommendation", "change", "no curve"
COLUMNS = (
    *("dataset", "simulated", "of", "task", "metric", "width", "mean", "low", "high", "alone"),
    *("seeds", "constant"),
)
CHANGES = {  # by the side of 0 on which the interval of the change lies
    0: (
        "From the narrowest model to the widest, what sharing gains or costs, mean over tasks, "
        "changes by no difference that the seeds can show"
    ),
    1: "Sharing costs less, or gains more, in the widest model than in the narrowest",
    -1: "Sharing costs more, or gains less, in the widest model than in the narrowest",
}
CAPTION = (
    "Gain of each task when all share one model, over a model of its own (below 0: sharing costs), "
    "by the width of that model: mean over seeds on the test split, with 95 % t intervals "
    "(corrected where splits overlap; of a change, where seeds are not kept, the widest that those "
    "of the tasks allow). Filled: the capacity curve; hollow, on the dotted line: the width that "
    "the recommendation is about. The scale is linear up to the smallest difference worth showing "
    "(0.001 AUC, or a thousandth of a loss; gray), logarithmic beyond."
)
ROW, LEGEND = 2.2, 0.5  # inches: the height of a row of panels; above it, for title and tasks
IN_A_LINE = 4  # names of tasks above a panel
SPREAD = 1.35  # of the last task's width to the first one's: intervals do not hide each other

Content = list[tuple[Diagnosis, SubsetRun]]


class SharingByWidth(FigureExhibit[Content]):
    """A panel per dataset with a capacity curve."""

    place = PLACE + 1

    def needs(self, plan: "Plan") -> dict[str, Needs]:
        """Take all diagnoses, and of each the run that its recommendation is about."""
        first = {run[0]: (DIAGNOSIS, *run) for run in reversed(plan.subsets.get(DIAGNOSIS, []))}
        keys = tuple(first[dataset] for dataset in plan.diagnosed)
        return {NAME: Needs(diagnoses=tuple(plan.diagnosed), subsets=keys)} if keys else {}

    def read(self, needs: Needs) -> Content:
        """Read all diagnoses."""
        found = read_diagnoses(needs)
        if not any(one.capacity for one in found):
            raise NothingToShowError(f"{NAME}: no diagnosis has a curve; see diagnosis.widths")
        return list(zip(found, read_runs(needs), strict=True))

    def data(self, content: Content) -> pd.DataFrame:
        """Return a row per dataset, task and width, one for each dataset without a curve.

        `of` says whether it is of the curve, of the recommendation, or the change from the smallest
        width to `width` in the mean over tasks; `alone` is what the task scores in its own model,
        and `constant` how many models of both sides predict one value.
        """
        lines = [line for found, run in content for line in _lines(found, run)]
        numbers = ("width", "mean", "low", "high", "alone", "constant")
        return pd.DataFrame(lines, columns=list(COLUMNS)).astype(dict.fromkeys(numbers, float))

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw the gains of all tasks of each dataset."""
        shown = frame[frame["of"] != MISSING]
        curves = [rows for _, rows in shown.groupby("dataset", sort=False)]
        with styled():
            figure, axes = panel_rows(len(curves), ROW, top=LEGEND)
            for panel, rows in zip(axes, curves, strict=True):
                _panel(panel, rows)
        return figure, caption(f"{_said(frame)} {CAPTION}", simulated_in(shown))


def _lines(found: Diagnosis, run: SubsetRun) -> list[tuple[object, ...]]:
    first, seeds = (found.dataset, found.simulated), len(found.seeds)
    if not found.capacity:
        return [(*first, MISSING, "", found.metric, *[None] * 5, seeds, None)]
    lines: list[tuple[object, ...]] = [
        (
            *(*first, CURVE, p.task, p.metric, p.width, p.mean, p.low, p.high, p.single, seeds),
            p.constant,
        )
        for p in found.capacity
    ]
    together, width = subset_name(tuple(found.tasks)), run.capacity
    lines += [
        (*first, TRAINED, g.task, g.metric, width, g.mean, g.low, g.high, None, seeds, None)
        for g in found.gains
        if g.subset == together
    ]
    if (told := widening_told(found)) is not None:
        ends = (told.change.mean, told.change.low, told.change.high)
        lines.append((*first, CHANGE, "", found.metric, told.wide, *ends, None, seeds, None))
    return lines


def _said(frame: pd.DataFrame) -> str:
    """Say what one sees, and which datasets have no curve."""
    changes = frame[frame["of"] == CHANGE].to_dict("records")
    told = []
    for side, words in CHANGES.items():
        own = [_change(row) for row in changes if sign_of(row) == side]
        told += [f"{words}: {', '.join(own)}."] * bool(own)
    without = [dataset_name(name) for name in frame.loc[frame["of"] == MISSING, "dataset"]]
    told += [f"Without a capacity curve: {', '.join(without)}."] * bool(without)
    for dataset, rows in frame[frame["constant"] > 0].groupby("dataset", sort=False):
        points = zip(rows["width"].astype(int), rows["task"], rows["constant"], strict=True)
        models = 2 * int(rows["seeds"].iloc[0])
        told.append(f"{dataset_name(str(dataset))}: {constant_told(points, models)}")
    return " ".join(told)


def _change(row: Mapping[Any, Any]) -> str:
    """Return such as `MovieLens +0.0014 (-0.0056 to +0.0083)`."""
    name, size = dataset_name(row["dataset"]), f"{row['mean']:+.4f} {metric_title(row['metric'])}"
    if pd.isna(row["low"]):
        return f"{name} {size} (one seed, so without interval)"
    return f"{name} {size} ({row['low']:+.4f} to {row['high']:+.4f})"


def _panel(panel: "Axes", rows: pd.DataFrame) -> None:
    curve, trained = (rows[rows["of"] == of] for of in (CURVE, TRAINED))
    tasks = list(dict.fromkeys(curve["task"]))
    for number, task in enumerate(tasks):
        shift = SPREAD ** ((number + 0.5) / len(tasks) - 0.5)
        style = {"color": TASK_COLOURS[number % len(TASK_COLOURS)], "marker": task_marker(number)}
        own = curve[curve["task"] == task].sort_values("width")
        _points(panel, own, shift, label=task_name(str(task)), ls="-", lw=0.8, **style)
        _points(panel, trained[trained["task"] == task], shift, ls="", mfc="white", **style)
    _across(panel, curve["width"], trained["width"])
    _up(panel, curve)
    panel.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 0.99), ncols=IN_A_LINE, fontsize=6,
        columnspacing=1, handletextpad=0.4, borderpad=0,
    )  # fmt: skip
    title = dataset_name(str(rows["dataset"].iloc[0]), bool(rows["simulated"].iloc[0]))
    panel.set_title(title, fontsize=7.5, loc="left", pad=6 + 9 * -(-len(tasks) // IN_A_LINE))


def _points(panel: "Axes", rows: pd.DataFrame, shift: float, **style: Any) -> None:
    """Draw means with their intervals; one seed has none."""
    ends = abs(rows[["low", "high"]].sub(rows["mean"], axis=0)).fillna(0.0).to_numpy().T
    panel.errorbar(rows["width"] * shift, rows["mean"], ends, ms=3.5, elinewidth=0.7, **style)


def _across(panel: "Axes", widths: pd.Series, trained: pd.Series) -> None:
    panel.set_xscale("log")
    shown = sorted({*widths, *trained.dropna()})
    panel.set_xticks(shown, [f"{width:g}" for width in shown])
    panel.minorticks_off()
    panel.set_xlabel("width of the shared part")
    for width in set(trained.dropna()):
        panel.axvline(width, color=SHARED, lw=0.6, ls=":", zorder=0)


def _up(panel: "Axes", rows: pd.DataFrame) -> None:
    metrics = list(dict.fromkeys(rows["metric"]))
    small = EFFECT if metrics == ["auc"] else EFFECT * float(rows["alone"].mean())
    panel.set_yscale("symlog", linthresh=small, linscale=0.5)
    panel.axhspan(-small, small, color="#EEEEEE", zorder=0)
    zero_line(panel)
    panel.set_ylabel(f"gain ({metric_title(' and '.join(metrics))})")


EXHIBIT = SharingByWidth()
