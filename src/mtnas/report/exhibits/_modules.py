"""Drawings of the model that studies of transfer are about."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import pandas as pd

from mtnas.report.exhibits._subsets import CAPACITY, chosen
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ABOUT = (
    ("hidden_dim", *CAPACITY),
    ("training.alignment", *CAPACITY),
    ("training.weighting", "training.weighting_rank", "training.label_noise"),
)
OF_SIMULATED, MOST = 3, 6  # tasks that are drawn
Modules = Sequence[tuple[str, str, bool]]


class ModulesFigure(FigureExhibit[int]):
    """Boxes and arrows for as many tasks as a study has."""

    name: ClassVar[str]
    modules: ClassVar[Modules]  # from the bottom up: name, what it is, whether tasks share it
    caption: ClassVar[str]

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take the number of tasks of the first study of transfer, if there is any."""
        divided = [key for options in ABOUT for key in chosen(plan, *options)]
        counts = [plan.datasets[key[1]].num_tasks for key in divided if key[1] in plan.datasets]
        counts += [OF_SIMULATED] * bool(plan.simulated_studies)
        tasks = min(counts[0], MOST) if counts else 0
        return {self.name: Needs(facts={"tasks": tasks})} if tasks else {}

    def read(self, needs: Needs) -> int:
        """Return the number of tasks."""
        return int(needs.facts["tasks"])

    def data(self, content: int) -> pd.DataFrame:
        """Return a row per box and arrow."""
        from mtnas.report.render.module_drawing import modules

        return modules(self.modules, content)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw them."""
        from mtnas.report.render.module_drawing import modules_figure

        return modules_figure(frame), self.caption
