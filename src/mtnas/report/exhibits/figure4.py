"""Figure 4: the loss of all methods over the epochs, on synthetic data (Sec. 5.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtnas.config.entries import PAPER
from mtnas.evidence.records import Run, read_run
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import Names, simulated_caption
from mtnas.report.render.style import SHARED, TASK_COLOURS
from mtnas.runtime.errors import RecordError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mtnas.study.plan import Plan

DASHES = (0, (4, 1.5))  # of variants: full sharing lies on MMoE
CAPTION = (
    "Validation loss (sum of the squared errors of both tasks) over the epochs of training, on "
    "simulated data: a row per setting, a column per cosine rho of the two tasks. Lines are "
    "medians over seeds, each of which draws its own data; bands reach from the first to the third "
    "quartile. The dashed line is the noise that no model can predict."
)


@dataclass(frozen=True)
class NamedRuns:
    """Runs, and what readers call them."""

    runs: Sequence[Run]
    names: Names


class Figure4(FigureExhibit[NamedRuns]):
    """The main comparison on synthetic data."""

    place = 60

    def needs(self, plan: "Plan") -> dict[str, Needs]:
        """Take its runs."""
        synthetic = plan.synthetic
        runs = tuple(run for run in plan.main if run[0] in synthetic)
        return {"figure4": Needs(runs=runs)} if runs else {}

    def read(self, needs: Needs) -> NamedRuns:
        """Read the runs."""
        return NamedRuns([read_run(folder) for folder in needs.run_folders], needs.names)

    def data(self, content: NamedRuns) -> pd.DataFrame:
        """Return a row per run, seed and epoch."""
        return pd.concat([_losses(run) for run in content.runs], ignore_index=True)

    def draw(self, content: NamedRuns) -> tuple["Figure", str]:
        """Draw a panel per dataset, a line per method."""
        figure = losses_figure(content.runs, content.names)
        return figure, simulated_caption(CAPTION, content.runs)


def _losses(run: Run) -> pd.DataFrame:
    losses_SE = valid_losses(run)
    seeds = dict.fromkeys(fitted.seed for fitted in run.record.fits)
    epochs = range(1, losses_SE.shape[1] + 1)
    index = pd.MultiIndex.from_product([list(seeds), epochs], names=["seed", "epoch"])
    frame = pd.DataFrame({"valid_loss": losses_SE.ravel()}, index=index).reset_index()
    for place, (name, value) in enumerate(
        zip(("dataset", "method", "variant"), run.key, strict=True)
    ):
        frame.insert(place, name, value)
    return frame


def losses_figure(runs: Sequence[Run], names: Names) -> "Figure":
    """Return Figure 4."""
    from matplotlib.lines import Line2D

    from mtnas.report.render.panels import panel_grid

    rows = list(dict.fromkeys(run.key[1:] for run in runs))
    styles = {
        key: (TASK_COLOURS[i % len(TASK_COLOURS)], "-" if key[1] == PAPER else DASHES)
        for i, key in enumerate(rows)
    }

    def draw(axes: "Axes", runs: Sequence[Run]) -> None:
        for run in runs:
            colour, line = styles[run.key[1:]]
            low, middle, high = np.quantile(valid_losses(run), (0.25, 0.5, 0.75), axis=0)
            epochs = np.arange(1, len(middle) + 1)
            axes.fill_between(epochs, low, high, color=colour, alpha=0.15, lw=0)
            axes.plot(epochs, middle, color=colour, ls=line)
        noise = runs[0].record.synthetic and runs[0].record.synthetic.noise_variance
        if noise:
            axes.axhline(2 * noise, color=SHARED, lw=0.7, ls=(0, (4, 2)))
        axes.set_yscale("log")

    handles = [
        Line2D([], [], color=colour, ls=line, label=names.run(*key))
        for key, (colour, line) in styles.items()
    ]
    return panel_grid(runs, draw, ("epoch", "validation loss"), handles)


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
