"""Figure 6: the mean gate scores of MMoE on synthetic data (Sec. 5.1)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from mtnas.evidence.records import Run, read_run
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import panel_of, simulated_caption
from mtnas.report.render.gates import CAPTION, draw_gates, gate_data, gate_handles
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    """Return Figure 6."""
    from mtnas.report.render.panels import panel_grid

    handles = gate_handles(list(dict.fromkeys(frame["task"])))
    return panel_grid(frame, draw_gates, ("expert", "mean gate score"), handles)


EXHIBIT = Figure6()
