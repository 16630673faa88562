"""Figure 3: the searched routes, one dataset after the other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import caption, simulated_in
from mtnas.report.searched import Searched, choices, drawn, read_searches
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "The sharing routes that the search found, read upwards from the shared root to the tasks, of "
    "the first seeds. A search that keeps nearly all of the entropy of a blind choice has not "
    "decided: which route is taken is then up to chance. Links are counted if they reach a task; "
    "what two routes have in common is the number of links that both use over the number that one "
    "or the other uses. Searches that choose embedding tables are in a table of their own. The "
    "data of the figure hold the routes of all seeds, with the probability of every choice."
)


class Figure3(FigureExhibit[Sequence[Searched]]):
    """What the searches of the main comparison found on measured data."""

    place = 30

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take those searches."""
        synthetic = plan.synthetic
        measured = [run for run in plan.main_searches if run[0] not in synthetic]
        searches = tuple(run for run in measured if "tables" not in plan.changes(run))
        data = tuple(dict.fromkeys(run[0] for run in searches))
        return {"figure3": Needs(searches=searches, manifests=data)} if searches else {}

    def read(self, needs: Needs) -> list[Searched]:
        """Read the routes of all seeds."""
        return read_searches(needs.routes_files, needs.names, needs.manifest_files)

    def data(self, content: Sequence[Searched]) -> pd.DataFrame:
        """Return a row per search, seed and block: what was chosen, and how decidedly."""
        return choices(content)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw the first seeds of every search, with what all of them say."""
        from mtnas.report.render.route_panels import routes_figure

        return routes_figure(drawn(frame)), caption(CAPTION, simulated_in(frame))


EXHIBIT = Figure3()
