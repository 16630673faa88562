"""Figure 5: the routes that searches found on unrelated tasks (synthetic data, Sec. 5.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mtnas.data.synthetic import SyntheticOptions
from mtnas.report.exhibits.base import FigureExhibit, Needs
from mtnas.report.names import SIMULATED, synthetic_name
from mtnas.report.searched import Drawn, Searched, choices, drawn, read_searches
from mtnas.routes.named import share_disjoint
from mtnas.runtime.files import Json
from mtnas.study.plan import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "The sharing routes found on two unrelated tasks (simulated data, rho = 0), of the first "
    "seeds. How often the two tasks share no sub-network is set against routes drawn at random "
    "from the same space. What two routes have in common is the number of links that both use over "
    "the number that one or the other uses."
)


class Figure5(FigureExhibit[Sequence[Searched]]):
    """The main searches on synthetic tasks that have nothing in common."""

    place = 70

    def needs(self, plan: Plan) -> dict[str, Needs]:
        """Take those searches, and what their data are drawn from."""
        runs = (run for run in plan.main if plan.datasets[run[0]].rho == 0)
        searches = tuple(plan.searches_of(runs))
        drawn = {run[0]: plan.datasets[run[0]].to_json()["drawn"] for run in searches}
        return {"figure5": Needs(searches=searches, facts=drawn)} if searches else {}

    def read(self, needs: Needs) -> list[Searched]:
        """Read the routes of all seeds; datasets are named by what they are drawn from."""
        found = read_searches(needs.routes_files, needs.names)
        return [_titled(searched, needs.facts) for searched in found]

    def data(self, content: Sequence[Searched]) -> pd.DataFrame:
        """Return a row per search, seed and block."""
        return choices(content)

    def draw(self, frame: pd.DataFrame) -> tuple["Figure", str]:
        """Draw the routes, and say how often their tasks share nothing."""
        from mtnas.report.render.route_panels import routes_figure

        return routes_figure(drawn(frame), overlap), f"{SIMULATED}. {CAPTION}"


def _titled(searched: Searched, drawn: Mapping[str, Json]) -> Searched:
    """Name a search after what its data are drawn from."""
    return replace(searched, dataset=synthetic_name(SyntheticOptions(**drawn[searched.dataset])))


def overlap(searched: Drawn) -> str:
    """Say how many edges are in use, and how often tasks share nothing, against chance."""
    routes = list(searched.routes.values())
    apart = sum(route.is_disjoint for route in routes)
    return (
        f"{np.mean(searched.edges):.1f} of {searched.all_edges} links in use; tasks share no "
        f"sub-network in {apart} of {len(routes)} seeds, in {share_disjoint(searched.space):.0%} "
        "of random routes."
    )


EXHIBIT = Figure5()
