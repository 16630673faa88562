"""Figure 6: the mean gate scores of MMoE on synthetic data (Sec. 5.1)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from mtnas.evidence.records import Run, read_run
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import simulated_caption
from mtnas.report.render.gates import CAPTION, draw_gates, gate_data, gate_scores
from mtnas.report.render.style import task_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mtnas.study.plan import Plan


class Figure6(FigureExhibit[Sequence[Run]]):
    """MMoE in the main comparison on synthetic data."""

    place = 80

    def needs(self, plan: "Plan") -> dict[str, Needs]:
        """Take its runs."""
        synthetic = plan.synthetic
        runs = tuple(run for run in plan.main if run[0] in synthetic and run[1] == "mmoe")
        return {"figure6": Needs(runs=runs)} if runs else {}

    def read(self, needs: Needs) -> list[Run]:
        """Read the runs."""
        return [read_run(folder) for folder in needs.run_folders]

    def data(self, content: Sequence[Run]) -> pd.DataFrame:
        """Return a row per dataset, seed, task and expert."""
        return pd.concat([gate_data(run) for run in content], ignore_index=True)

    def draw(self, content: Sequence[Run]) -> tuple["Figure", str]:
        """Draw a panel per dataset."""
        return gates_figure(content), simulated_caption(CAPTION, content)


def gates_figure(runs: Sequence[Run]) -> "Figure":
    """Return Figure 6; `RecordError` if a run has no gate scores."""
    from matplotlib.lines import Line2D

    from mtnas.report.render.panels import panel_grid

    tasks = max(gate_scores(run).shape[1] for run in runs)

    def draw(axes: "Axes", runs: Sequence[Run]) -> None:
        (run,) = runs
        draw_gates(axes, gate_scores(run))
        axes.set_ylim(0, 1)

    handles = [Line2D([], [], color=task_colour(t), label=f"task {t}") for t in range(tasks)]
    return panel_grid(runs, draw, ("expert", "mean gate score"), handles)


EXHIBIT = Figure6()
