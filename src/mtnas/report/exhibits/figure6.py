"""Figure 6: the mean gate scores of MMoE on synthetic data (Sec. 5.1).

Lengths are in inches.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from mtnas.evidence.records import Run, read_run
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import ALONE, SIMULATED, panel_of, simulated_caption
from mtnas.report.render.gates import CAPTION, draw_gates, gate_data, gate_handles
from mtnas.report.render.style import PAGE_WIDTH, WARNING, new_figure, styled
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD, PANEL, FOOT = 0.35, 1.75, 0.62


class Figure6(FigureExhibit[Sequence[Run]]):
    """MMoE in the main comparison on synthetic data."""

    place = 80

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take its runs."""
        synthetic = plan.synthetic
        runs = tuple(run for run in plan.main if run[0] in synthetic and run[1] == "mmoe")
        return {"figure6": Needs(runs=runs)} if runs else {}

    def read(self, needs: Needs) -> list[Run]:
        """Read the runs."""
        return [read_run(folder) for folder in needs.run_folders]

    def data(self, content: Sequence[Run]) -> pd.DataFrame:
        """Return a row per dataset, seed, task and expert."""
        return pd.concat([gate_data(r).assign(**panel_of(r)) for r in content], ignore_index=True)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw a panel per dataset."""
        return gates_figure(frame), simulated_caption(CAPTION, bool(frame["simulated"].any()))


def gates_figure(frame: pd.DataFrame) -> "Figure":
    """Return Figure 6: a panel per dataset, settings below and rho beside each other."""
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
            draw_gates(panel, of)
            title = row if column == ALONE else f"{row}, ρ = {column:g}"
            panel.set_title(title, fontsize=7.5)
        for panel in axes[:, 0]:
            panel.set_ylabel("mean gate score")
        for column in axes.T:
            lowest = [panel for panel in column if panel.get_visible()][-1]
            lowest.tick_params(labelbottom=True)
            lowest.set_xlabel("expert")
        if simulated:
            figure.text(0.985, 1 - 0.1 / height, SIMULATED, ha="right", va="top", color=WARNING,
                        fontsize=9, fontweight="bold")  # fmt: skip
        handles = gate_handles(list(dict.fromkeys(frame["task"])))
        figure.legend(handles=handles, loc="lower center", ncols=min(5, len(handles)))
    return figure


EXHIBIT = Figure6()
