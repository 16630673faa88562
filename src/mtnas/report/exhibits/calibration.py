"""Reliability curves: how often what methods predict with a probability comes true, by task."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import pandas as pd

from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.predictions import check_table, predictions_of
from mtnas.evidence.records import Run, read_run
from mtnas.report.exhibits.base import FigureExhibit, Needs, NothingToShowError
from mtnas.report.names import Names, caption, dataset_name, simulated_in, task_name
from mtnas.report.render.style import (
    MARGIN,
    PAGE_WIDTH,
    SHARED,
    TASK_COLOURS,
    axes_at,
    new_figure,
    styled,
    write_title,
)
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "calibration"
CAPTION = (
    "Calibration on test rows, in 15 bins of equally many rows: over the mean predicted "
    "probability of a bin, the share of it that came true less that probability (of a task with "
    "classes: of the most probable class). On the dashed line what is predicted comes true; below "
    "it a method is too sure. Lines are means over seeds. In the legend, the expected calibration "
    "error of the same bins, mean ± standard deviation over seeds; lower is better."
)
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)))
COLUMNS, PANEL, WIDE, LINE = 2, 1.6, 1.45, 0.14  # inches: a panel, a line of the legend
LONG = 11  # letters of a title that leave no room beside them


@dataclass(frozen=True)
class Predicted:
    """Runs, the manifests of their tables by dataset, and what readers call the runs."""

    runs: Sequence[Run]
    manifests: dict[str, Manifest]
    names: Names


class Calibration(FigureExhibit[Predicted]):
    """A panel per task of the datasets of `calibration`, a line per run."""

    place = 90

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the runs of the main comparison on these datasets, or all if there are none."""
        runs = tuple(run for dataset in plan.calibration for run in plan.compared_on(dataset))
        needs = Needs(runs=runs, manifests=plan.calibration, of_rows=True)
        return {NAME: needs} if runs else {}

    def read(self, needs: Needs) -> Predicted:
        """Read runs and manifests."""
        manifests = {m.dataset: m for m in map(Manifest.read, needs.manifest_files)}
        return Predicted(list(map(read_run, needs.run_folders)), manifests, needs.names)

    def data(self, content: Predicted) -> pd.DataFrame:
        """Return a row per run, task, seed and bin."""
        frames = [
            frame
            for run in content.runs
            for frame in _curves(run, content.manifests[run.key[0]], content.names)
        ]
        if not frames:
            raise NothingToShowError("no task of these runs is predicted as a probability")
        return pd.concat(frames, ignore_index=True)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw a panel per dataset and task."""
        return curves_figure(frame), caption(CAPTION, simulated_in(frame))


def _curves(run: Run, manifest: Manifest, names: Names) -> list[pd.DataFrame]:
    """Return the curve of every task and seed of a run."""
    check_table(run, manifest)
    dataset, method, variant = run.key
    frames = []
    for of in predictions_of(run, manifest.tasks):
        curve = of.reliability()
        columns = {"rows": curve.rows, "predicted": curve.predicted, "observed": curve.observed}
        frames.append(
            pd.DataFrame(columns).assign(
                dataset=dataset,
                method=method,
                variant=variant,
                title=names.run(method, variant),
                simulated=run.record.simulated,
                task=of.task.name,
                seed=of.seed,
                bin=curve.bin,
                calibration_error=curve.error,
            )
        )
    return frames


def curves_figure(frame: pd.DataFrame) -> "Figure":
    """Return the reliability curves of some runs, two panels a row, each with its legend."""
    panels = list(frame.groupby(["dataset", "task"], sort=False))
    lines = max(sum(1 + (len(t) > LONG) for t in of["title"].unique()) for _, of in panels)
    height = max(PANEL + 0.45, LINE * lines + 0.2) + 0.35
    rows, pitch = ceil(len(panels) / COLUMNS), (PAGE_WIDTH - MARGIN) / COLUMNS
    with styled():
        figure = new_figure(PAGE_WIDTH, height * rows)
        for i, (_, of) in enumerate(panels):
            row, column = divmod(i, COLUMNS)
            left, top = MARGIN + column * pitch, height * (rows - row)
            first = of.iloc[0]
            title = f"{dataset_name(first['dataset'])}, {task_name(first['task'])}"
            mark = bool(first["simulated"])
            write_title(figure, top - 0.08, title, mark, left, left + pitch - MARGIN, 7.5)
            _draw(axes_at(figure, left + 0.6, top - 0.35 - PANEL, WIDE, PANEL), of)
    return figure


def _draw(axes: "Axes", of: pd.DataFrame) -> None:
    """Draw the curves of a task, means over seeds, bin by bin."""
    for i, (title, own) in enumerate(of.groupby("title", sort=False)):
        curve = own.groupby("bin")[["predicted", "observed"]].mean()
        axes.plot(
            curve["predicted"],
            curve["observed"] - curve["predicted"],
            color=TASK_COLOURS[i % len(TASK_COLOURS)],
            ls=DASHES[i // len(TASK_COLOURS) % len(DASHES)],
            lw=0.9,
            label=_label(str(title), own.drop_duplicates("seed")["calibration_error"]),
        )
    axes.axhline(0, color=SHARED, lw=0.7, ls=(0, (4, 2)), zorder=0)
    axes.locator_params(nbins=5)
    axes.set(xlabel="predicted probability", ylabel="came true − predicted")
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.02, 1.04), fontsize=6, handlelength=1.4,
        title="expected calibration error", title_fontsize=6, borderaxespad=0, alignment="left",
    )  # fmt: skip


def _label(title: str, errors: "pd.Series[float]") -> str:
    """Return a title with the error of a run, on a line of its own if the title is long."""
    spread = f" ± {errors.std():.3f}" if len(errors) > 1 else ""
    between = "\n" if len(title) > LONG else "  "
    return f"{title}{between}{errors.mean():.3f}{spread}"


EXHIBIT = Calibration()
