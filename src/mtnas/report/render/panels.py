"""A panel per dataset of the synthetic study: settings below, rho beside each other (inches)."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mtnas.evidence.records import Run
from mtnas.report.names import SIMULATED, dataset_name, synthetic_setting
from mtnas.report.render.style import PAGE_WIDTH, WARNING, new_figure, styled
from mtnas.runtime.errors import RecordError

PANEL = 1.75  # height of a row of panels
HEAD, FOOT = 0.35, 0.62
ALONE = float("inf")  # the column of a dataset that has no rho
Draw = Callable[[Axes, Sequence[Run]], None]


def panel_grid(
    runs: Sequence[Run], draw: Draw, labels: tuple[str, str], handles: Sequence[Line2D]
) -> Figure:
    """Lay out a panel per dataset, settings below and rho beside each other."""
    if not runs:
        raise RecordError("no run folders were given; a figure needs at least one")
    by_dataset: dict[str, list[Run]] = {}
    for run in runs:
        by_dataset.setdefault(run.key[0], []).append(run)
    places = {name: place_of(of[0]) for name, of in by_dataset.items()}
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
            title = row if column is ALONE else f"{row}, ρ = {column:g}"
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


ALONE = float("inf")  # the column of a dataset that has no rho


def place_of(run: Run) -> tuple[str, float]:
    """Return the row and column of a dataset: its setting and rho."""
    synthetic = run.record.synthetic
    if not synthetic:
        return dataset_name(run.key[0], run.record.simulated), ALONE
    return synthetic_setting(synthetic.model_dump()), synthetic.rho
