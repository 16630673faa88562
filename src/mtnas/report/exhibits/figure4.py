"""Figure 4: the loss of all methods at the end of training, on synthetic data (Sec. 5.1).

Lengths are in inches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtnas.config.entries import PAPER
from mtnas.evidence.records import Run, read_run
from mtnas.evidence.resampling import INDEPENDENT
from mtnas.evidence.statistics import difference_of
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import ALONE, REFERENCE, Names, panel_of, simulated_caption
from mtnas.report.render.style import (
    MARGIN,
    PAGE_WIDTH,
    SHARED,
    axes_at,
    new_figure,
    styled,
    task_colour,
    task_marker,
    write_title,
)
from mtnas.runtime.errors import RecordError
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAPTION = (
    "Validation loss (sum of the squared errors of both tasks) at the end of training, on "
    "simulated data: a row per setting (d inputs, m sine waves), over the cosine rho of the two "
    "tasks. Left: medians over "
    "seeds, each of which draws its own data, and the first to the third quartile; the dashed line "
    "is the noise that no model can predict. Right: by how much the loss is above that of "
    "{reference} seed by seed, in percent (geometric mean, 95 % t interval); below 0 a method is "
    "better. The paper draws the course over the epochs, where the curves of all methods lie on "
    "each other."
)
ROW, FOOT = 1.75, 0.34
LEFT, GAP = 0.62, 0.72  # beside the panels, and between them
QUARTILES = np.array([0.25, 0.5, 0.75])
SPREAD = 0.7  # of the distance between two rho, over which the methods stand side by side


@dataclass(frozen=True)
class NamedRuns:
    """Runs, and what readers call them."""

    runs: Sequence[Run]
    names: Names


class Figure4(FigureExhibit[NamedRuns]):
    """The main comparison on synthetic data."""

    place = 60

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take its runs."""
        synthetic = plan.synthetic
        runs = tuple(run for run in plan.main if run[0] in synthetic)
        return {"figure4": Needs(runs=runs)} if runs else {}

    def read(self, needs: Needs) -> NamedRuns:
        """Read the runs."""
        return NamedRuns([read_run(folder) for folder in needs.run_folders], needs.names)

    def data(self, content: NamedRuns) -> pd.DataFrame:
        """Return a row per run and seed."""
        if not content.runs:
            raise RecordError("no run folders were given; a figure needs at least one")
        frames = [_losses(run, content.names) for run in content.runs]
        return pd.concat(frames, ignore_index=True)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw losses and their ratios for every setting, a mark per method."""
        text = CAPTION.format(reference=_reference(frame))
        return losses_figure(frame), simulated_caption(text, bool(frame["simulated"].any()))


def _losses(run: Run, names: Names) -> pd.DataFrame:
    """Return the rows of a run; `noise` is what no model can predict, summed over both tasks."""
    losses_SE, (_, method, variant) = valid_losses(run), run.key
    drawn = run.record.synthetic
    return pd.DataFrame(
        {
            "seed": list(dict.fromkeys(fitted.seed for fitted in run.record.fits)),
            "epochs": losses_SE.shape[1],
            "valid_loss": losses_SE[:, -1],
            **panel_of(run),
            **{"method": method, "variant": variant, "title": names.run(method, variant)},
            "noise": 2 * drawn.noise_variance if drawn else 0.0,
        }
    )


def _reference(frame: pd.DataFrame) -> str:
    """Return the title of what the others are compared with: the paper's method, if it ran."""
    paper = frame[(frame["method"] == REFERENCE) & (frame["variant"] == PAPER)]
    return str((frame if paper.empty else paper)["title"].iloc[0])


def losses_figure(frame: pd.DataFrame) -> "Figure":
    """Return Figure 4."""
    from matplotlib.lines import Line2D

    titles = list(dict.fromkeys(frame["title"]))
    settings = dict(list(frame.groupby("setting", sort=False)))
    width = (PAGE_WIDTH - LEFT - GAP - MARGIN) / 2
    with styled():
        figure = new_figure(PAGE_WIDTH, ROW * len(settings) + FOOT)
        top = ROW * len(settings) + FOOT
        for setting, rows in settings.items():
            write_title(figure, top - 0.06, str(setting), bool(rows["simulated"].any()))
            places = (LEFT, LEFT + width + GAP)
            left, right = (axes_at(figure, x, top - ROW + 0.4, width, ROW - 0.75) for x in places)
            _draw_losses(left, rows, titles)
            _draw_ratios(right, rows, titles)
            top -= ROW
        handles = [
            Line2D([], [], color=task_colour(i), marker=task_marker(i), ls="none", label=title)
            for i, title in enumerate(titles)
        ]
        figure.legend(handles=handles, loc="lower center", ncols=min(5, len(handles)))
    return figure


def _draw_losses(axes: "Axes", rows: pd.DataFrame, titles: Sequence[str]) -> None:
    """Draw medians and quartiles."""
    from matplotlib.ticker import LogLocator

    quartiles = rows.groupby(["rho", "title"])["valid_loss"].quantile(QUARTILES).unstack()
    _marks(axes, quartiles, sorted(set(rows["rho"])), titles)
    noise = float(rows["noise"].iloc[0])
    if noise:
        axes.axhline(noise, color=SHARED, lw=0.7, ls=(0, (4, 2)))
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_ylabel("validation loss")


def _draw_ratios(axes: "Axes", rows: pd.DataFrame, titles: Sequence[str]) -> None:
    """Draw by how many percent the loss of each method is above that of the reference."""
    reference, found = _reference(rows), {}
    logs = rows.assign(loss=np.log(rows["valid_loss"]))
    wide = logs.pivot(index=["rho", "seed"], columns="title", values="loss")
    for title in wide.columns.drop(reference):
        gaps = (wide[title] - wide[reference]).dropna()
        for rho, of in gaps.groupby("rho"):
            gap = difference_of(of, INDEPENDENT)
            ends = [gap.mean if end is None else end for end in (gap.low, gap.mean, gap.high)]
            found[rho, title] = 100 * np.expm1(ends)
    ratios = pd.DataFrame.from_dict(found, orient="index")
    _marks(axes, ratios, sorted(set(rows["rho"])), titles)
    axes.axhline(0, color=SHARED, lw=0.7, ls=(0, (4, 2)))
    axes.set_ylabel(f"% above {reference}")


def _marks(axes: "Axes", found: pd.DataFrame, rhos: Sequence[float], titles: Sequence[str]) -> None:
    """Draw the columns low, middle and high of every rho and method, side by side at a rho."""
    step = SPREAD / len(titles)
    for (rho, title), (low, middle, high) in zip(found.index, found.to_numpy(), strict=True):
        i = titles.index(title)
        x = rhos.index(rho) + (i - (len(titles) - 1) / 2) * step
        axes.plot([x, x], [low, high], color=task_colour(i), lw=1.2)
        axes.plot(x, middle, color=task_colour(i), marker=task_marker(i), ms=4)
    names = ["" if rho == ALONE else f"{rho:g}" for rho in rhos]
    axes.set_xticks(range(len(rhos)), names)
    axes.set_xlim(-0.5, len(rhos) - 0.5)
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel("ρ, cosine of the two tasks" if any(names) else "")


def valid_losses(run: Run) -> NDArray[np.float64]:
    """Return the validation loss [seeds, epochs], summed over tasks, up to the last common epoch.

    Raises:
        RecordError: the run trained nothing.
    """
    curves: dict[int, list[Sequence[float]]] = {}
    for fitted in run.record.fits:
        curves.setdefault(fitted.seed, []).append(fitted.valid_loss)
    if not curves:
        raise RecordError(f"{run.folder}/run.json: no learning curve; it trained nothing")
    common = min(len(curve) for models in curves.values() for curve in models)
    return np.array([np.sum([c[:common] for c in models], axis=0) for models in curves.values()])


EXHIBIT = Figure4()
