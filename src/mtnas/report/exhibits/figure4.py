"""Figure 4: the loss of all methods over the epochs, on synthetic data (Sec. 5.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtnas.config.entries import PAPER
from mtnas.evidence.records import Run, read_run
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import Names, panel_of, simulated_caption
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
        if not content.runs:
            raise RecordError("no run folders were given; a figure needs at least one")
        frames = [_losses(run, content.names) for run in content.runs]
        return pd.concat(frames, ignore_index=True)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw a panel per dataset, a line per method."""
        return losses_figure(frame), simulated_caption(CAPTION, bool(frame["simulated"].any()))


def _losses(run: Run, names: Names) -> pd.DataFrame:
    """Return the rows of a run; `noise` is what no model can predict, summed over both tasks."""
    losses_SE, (_, method, variant) = valid_losses(run), run.key
    seeds = dict.fromkeys(fitted.seed for fitted in run.record.fits)
    epochs = range(1, losses_SE.shape[1] + 1)
    index = pd.MultiIndex.from_product([list(seeds), epochs], names=["seed", "epoch"])
    frame = pd.DataFrame({"valid_loss": losses_SE.ravel()}, index=index).reset_index()
    drawn = run.record.synthetic
    title = names.run(method, variant)
    more = {"method": method, "variant": variant, "title": title}
    noise = 2 * drawn.noise_variance if drawn else 0.0
    return frame.assign(**panel_of(run), **more, noise=noise)


def losses_figure(frame: pd.DataFrame) -> "Figure":
    """Return Figure 4."""
    from matplotlib.lines import Line2D

    from mtnas.report.render.panels import panel_grid

    rows = frame.drop_duplicates(["method", "variant"])
    keys = list(zip(rows["method"], rows["variant"], strict=True))
    titles: dict[tuple[str, ...], str] = dict(zip(keys, rows["title"], strict=True))
    styles: dict[tuple[str, ...], Any] = {
        key: (TASK_COLOURS[i % len(TASK_COLOURS)], "-" if key[1] == PAPER else DASHES)
        for i, key in enumerate(titles)
    }

    def draw(axes: "Axes", rows: pd.DataFrame) -> None:
        for key, of in rows.groupby(["method", "variant"], sort=False):
            colour, line = styles[tuple(map(str, key))]
            losses = of.pivot(index="seed", columns="epoch", values="valid_loss")
            low, middle, high = np.quantile(losses.to_numpy(), (0.25, 0.5, 0.75), axis=0)
            epochs = np.arange(1, len(middle) + 1)
            axes.fill_between(epochs, low, high, color=colour, alpha=0.15, lw=0)
            axes.plot(epochs, middle, color=colour, ls=line)
        noise = float(rows["noise"].iloc[0])
        if noise:
            axes.axhline(noise, color=SHARED, lw=0.7, ls=(0, (4, 2)))
        axes.set_yscale("log")

    handles = [
        Line2D([], [], color=colour, ls=line, label=titles[key])
        for key, (colour, line) in styles.items()
    ]
    return panel_grid(frame, draw, ("epoch", "validation loss"), handles)


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
