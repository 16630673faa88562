"""A panel per dataset of the synthetic study: settings below, rho beside each other (inches)."""

from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mtnas.report.names import ALONE, SIMULATED
from mtnas.report.render.style import PAGE_WIDTH, WARNING, new_figure, styled

PANEL = 1.75  # height of a row of panels
HEAD, FOOT = 0.35, 0.62
Draw = Callable[[Axes, pd.DataFrame], None]


def panel_grid(
    frame: pd.DataFrame, draw: Draw, labels: tuple[str, str], handles: Sequence[Line2D]
) -> Figure:
    """Lay out a panel per dataset, settings below and rho beside each other.

    `draw` gets the rows of a dataset; of every row the columns of `names.panel_of` are read.
    """
    places = frame.drop_duplicates("dataset").set_index("dataset")[["setting", "rho"]]
    rows, columns = list(dict.fromkeys(places["setting"])), sorted(set(places["rho"]))
    simulated = bool(frame["simulated"].any())
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
        for name, of in frame.groupby("dataset", sort=False):
            row, column = places.loc[name]
            panel = axes[rows.index(row), columns.index(column)]
            panel.set_visible(True)
            draw(panel, of)
            title = row if column == ALONE else f"{row}, ρ = {column:g}"
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
