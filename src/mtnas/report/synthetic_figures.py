"""Figures 4, 5 and 6: how methods learn, which routes are found, what gates give (Sec. 5.1).

Lengths are in inches.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mtnas.evidence.records import Run, read_run
from mtnas.report.figures import routes_figure
from mtnas.report.names import (
    SIMULATED,
    dataset_name,
    method_name,
    synthetic_name,
    synthetic_setting,
)
from mtnas.report.searched import Searched, read_routes
from mtnas.report.style import (
    PAGE_WIDTH,
    SHARED,
    TASK_COLOURS,
    WARNING,
    new_figure,
    save_figure,
    styled,
    task_colour,
)
from mtnas.routes.named import share_disjoint
from mtnas.runtime.errors import RecordError

PANEL = 1.75  # height of a row of panels
HEAD, FOOT = 0.35, 0.62
DASHES = (0, (4, 1.5))  # of variants: full sharing lies on MMoE
FIGURE4_CAPTION = (
    "Validation loss (sum of the squared errors of both tasks) over the epochs of training, on "
    "simulated data: a row per setting, a column per cosine rho of the two tasks. Lines are "
    "medians over seeds, each of which draws its own data; bands reach from the first to the third "
    "quartile. The dashed line is the noise that no model can predict."
)
FIGURE5_CAPTION = (
    "The sharing routes found on two unrelated tasks (simulated data, rho = 0). How often the two "
    "tasks share no sub-network is set against routes drawn at random from the same space."
)
FIGURE6_CAPTION = (
    "What the gates of MMoE give each expert, mean over the test examples: thin lines are seeds, "
    "thick ones their means. Experts have no order of their own: in every seed they stand from the "
    "one that the first task prefers, compared with the last task, to the one that it avoids. "
    "Dashed: an equal share. 'lowest' is the smallest mean score over seeds, tasks and experts."
)
Draw = Callable[[Axes, Sequence[Run]], None]


def figure4(run_folders: Sequence[str | Path], outputs: Sequence[str | Path]) -> None:
    """Draw the loss over the epochs: a panel per dataset, a line per method."""
    runs = [read_run(folder) for folder in run_folders]
    save_figure(losses_figure(runs), outputs, _caption(FIGURE4_CAPTION, runs))


def figure5(
    routes_files: Sequence[str | Path],
    drawn: Mapping[str, Mapping[str, Any]],
    outputs: Sequence[str | Path],
) -> None:
    """Draw the routes that searches found, and how often their tasks share nothing.

    `drawn` says by dataset what it is drawn from.
    """
    found = [_titled(read_routes(path), drawn) for path in routes_files]
    save_figure(routes_figure(found, overlap), outputs, f"{SIMULATED}. {FIGURE5_CAPTION}")


def _titled(searched: Searched, drawn: Mapping[str, Mapping[str, Any]]) -> Searched:
    """Name a search after what its data are drawn from."""
    return replace(searched, dataset=synthetic_name(drawn[searched.dataset]))


def figure6(run_folders: Sequence[str | Path], outputs: Sequence[str | Path]) -> None:
    """Draw the mean gate scores of runs that recorded them: a panel per dataset."""
    runs = [read_run(folder) for folder in run_folders]
    save_figure(gates_figure(runs), outputs, _caption(FIGURE6_CAPTION, runs))


def _caption(text: str, runs: Sequence[Run]) -> str:
    """Say first of all if any of the data are simulated."""
    return f"{SIMULATED}. {text}" if any(run.record.simulated for run in runs) else text


def losses_figure(runs: Sequence[Run]) -> Figure:
    """Return Figure 4."""
    rows = list(dict.fromkeys(run.key[1:] for run in runs))
    styles = {
        key: (TASK_COLOURS[i % len(TASK_COLOURS)], "-" if key[1] == "paper" else DASHES)
        for i, key in enumerate(rows)
    }

    def draw(axes: Axes, runs: Sequence[Run]) -> None:
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
        Line2D([], [], color=colour, ls=line, label=method_name(*key))
        for key, (colour, line) in styles.items()
    ]
    return _grid(runs, draw, ("epoch", "validation loss"), handles)


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


def gates_figure(runs: Sequence[Run]) -> Figure:
    """Return Figure 6; `RecordError` if a run has no gate scores."""
    tasks = max(gate_scores(run).shape[1] for run in runs)

    def draw(axes: Axes, runs: Sequence[Run]) -> None:
        (run,) = runs
        draw_gates(axes, gate_scores(run))
        axes.set_ylim(0, 1)

    handles = [Line2D([], [], color=task_colour(t), label=f"task {t}") for t in range(tasks)]
    return _grid(runs, draw, ("expert", "mean gate score"), handles)


def draw_gates(axes: Axes, scores_STE: NDArray[np.float64]) -> None:
    """Draw what each task gives each expert, seed by seed and on average."""
    scores_STE = ordered(scores_STE)
    experts = np.arange(1, scores_STE.shape[2] + 1)
    for task in range(scores_STE.shape[1]):
        colour, label = task_colour(task), f"task {task}"
        axes.plot(experts, scores_STE[:, task].T, color=colour, lw=0.5, alpha=0.35)
        mean = scores_STE[:, task].mean(0)
        axes.plot(experts, mean, color=colour, lw=2, marker="o", ms=3, label=label)
    axes.axhline(1 / len(experts), color=SHARED, lw=0.7, ls=(0, (4, 2)), zorder=1)
    axes.set_xticks(experts)
    lowest = f"lowest {scores_STE.min():.2g}"
    axes.text(0.98, 0.95, lowest, transform=axes.transAxes, ha="right", va="top", fontsize=7)


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


def overlap(searched: Searched) -> str:
    """Say how many edges are in use, and how often tasks share nothing, against chance."""
    routes = list(searched.routes.values())
    apart = sum(route.is_disjoint for route in routes)
    return (
        f"{np.mean(searched.edges):.1f} of {searched.all_edges} edges in use; tasks share no "
        f"sub-network in {apart} of {len(routes)} seeds, in {share_disjoint(searched.space):.0%} "
        "of routes drawn at random"
    )


def _grid(
    runs: Sequence[Run], draw: Draw, labels: tuple[str, str], handles: Sequence[Line2D]
) -> Figure:
    """Lay out a panel per dataset, settings below and rho beside each other."""
    if not runs:
        raise RecordError("no run folders were given; a figure needs at least one")
    by_dataset: dict[str, list[Run]] = {}
    for run in runs:
        by_dataset.setdefault(run.key[0], []).append(run)
    places = {name: _place(of[0]) for name, of in by_dataset.items()}
    rows = list(dict.fromkeys(row for row, _ in places.values()))
    columns = sorted({column for _, column in places.values()})
    simulated = any(run.record.simulated for run in runs)
    with styled():
        height = HEAD * simulated + PANEL * len(rows) + FOOT
        figure = new_figure(PAGE_WIDTH, height)
        axes = figure.subplots(len(rows), len(columns), sharex=True, sharey="row", squeeze=False)
        figure.subplots_adjust(
            left=0.09, right=0.985, hspace=0.35, wspace=0.08, bottom=(FOOT + 0.1) / height,
            top=1 - (HEAD * simulated + 0.22) / height,
        )  # fmt: skip
        for panel in axes.flat:
            panel.set_visible(False)
        for name, of in by_dataset.items():
            row, column = places[name]
            panel = axes[rows.index(row), columns.index(column)]
            panel.set_visible(True)
            draw(panel, of)
            title = row if column is _ALONE else f"{row}, ρ = {column:g}"
            panel.set_title(title, fontsize=7.5)
        for panel in axes[:, 0]:
            panel.set_ylabel(labels[1])
        for column in axes.T:
            lowest = [panel for panel in column if panel.get_visible()][-1]
            lowest.tick_params(labelbottom=True)
            lowest.set_xlabel(labels[0])
        if simulated:
            figure.text(0.985, 1 - 0.1 / height, SIMULATED, ha="right", va="top", color=WARNING,
                        fontsize=9, fontweight="bold")  # fmt: skip
        figure.legend(handles=handles, loc="lower center", ncols=min(5, len(handles)))
    return figure


_ALONE = float("inf")  # the column of a dataset that has no rho


def _place(run: Run) -> tuple[str, float]:
    """Return the row and column of a dataset: its setting and rho."""
    synthetic = run.record.synthetic
    if not synthetic:
        return dataset_name(run.key[0], run.record.simulated), _ALONE
    return synthetic_setting(synthetic.model_dump()), synthetic.rho
