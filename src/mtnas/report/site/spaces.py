"""Small spaces of which every route was trained: all scores in order, and what searches picked."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from markupsafe import Markup

from mtnas.report.names import SIMULATED
from mtnas.report.render.html import render
from mtnas.report.searched import space_of
from mtnas.report.site.scales import Scale
from mtnas.routes.named import full_sharing

CAPTION = (
    "Every route of a small space, the best first: test loss less that of full sharing, mean and "
    "one standard deviation over seeds (paired: same split, batches and initial weights). In "
    "colour: the good routes, those of the best sharing patterns; a pattern is a route up to the "
    "names of its sub-networks. Below: where the routes lie that each search picked; a dot grows "
    "with the seeds that picked it. 'Best on validation' trains all routes and takes the one with "
    "the lowest validation loss."
)
LEFT, WIDTH, TOP, CURVE, LINE = 210.0, 900.0, 12.0, 190.0, 18.0


@dataclass(frozen=True)
class Dot:
    """One route: its place in the order, its mean difference, one deviation beside it."""

    x: float
    y: float
    low: float
    high: float
    good: bool
    told: str


@dataclass(frozen=True)
class Picked:
    """The routes that one search picked: places, and radii that grow with the seeds."""

    name: str
    dots: Sequence[tuple[float, float, str]]


@dataclass(frozen=True)
class Space:
    """Every route of one space on one dataset, from the rows of the figure that shows it."""

    rows: pd.DataFrame
    picks: pd.DataFrame

    @cached_property
    def first(self) -> "pd.Series":
        """Return a row, for what is the same in all."""
        return self.rows.iloc[0]

    @property
    def title(self) -> str:
        """Return the dataset and the size of the space."""
        mark = f" ({SIMULATED})" if self.first["simulated"] else ""
        seeds = self.rows["seed"].nunique()
        return f"{self.first['title']}{mark}: {len(self.means)} routes, {seeds} seeds"

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """Return test loss less that of full sharing, a row per route and a column per seed."""
        losses = self.rows.pivot(index="route", columns="seed", values="test_loss")
        return losses - losses.loc[full_sharing(space_of(self.rows)).index]

    @cached_property
    def means(self) -> "pd.Series[float]":
        """Return the mean gap of every route, the best first."""
        return self.gaps.mean(axis=1).sort_values(kind="stable")

    @cached_property
    def across(self) -> Scale:
        """Return the scale of the order."""
        return Scale(-0.5, len(self.means) - 0.5, LEFT, WIDTH)

    @cached_property
    def up(self) -> Scale:
        """Return the scale of the losses: low ones stand low."""
        ends = [*(self.means - self.spread).tolist(), *(self.means + self.spread).tolist()]
        return Scale.over([0.0, *ends], TOP + CURVE, TOP)

    @cached_property
    def order(self) -> list[int]:
        """Return the routes, the best first."""
        return [int(route) for route in self.means.index]

    @cached_property
    def spread(self) -> "pd.Series[float]":
        """Return one standard deviation of the gaps of every route; 0 for one seed."""
        return self.gaps.std(axis=1, ddof=1).fillna(0.0)

    @property
    def dots(self) -> list[Dot]:
        """Return all routes in order."""
        good = set(self.rows.loc[self.rows["good"].astype(bool), "route"].astype(int))
        spread = self.spread[self.means.index].tolist()
        found = []
        for place, (route, mean, sd) in enumerate(
            zip(self.order, self.means.tolist(), spread, strict=True)
        ):
            told = f"route {route}, place {place + 1}: {mean:+.4f} ± {sd:.4f} {self.first['unit']}"
            ends = (self.up.at(mean - sd), self.up.at(mean + sd))
            words = f"{told} beside full sharing".replace("-", "−")
            found.append(Dot(self.across.at(place), self.up.at(mean), *ends, route in good, words))
        return found

    @property
    def picked(self) -> list[Picked]:
        """Return what each search picked."""
        place = {route: at for at, route in enumerate(self.order)}
        known = full_sharing(space_of(self.rows)).index
        best = self.rows.loc[self.rows.groupby("seed")["valid_loss"].idxmin(), "route"]
        found = [
            Picked("full sharing", [(self.across.at(place[known]), 3.2, "full sharing")]),
            self._picked("best on validation", best.tolist(), place),
        ]
        for name, own in self.picks.groupby("search", sort=False):
            found.append(self._picked(str(name), own["route"].tolist(), place))
        return found

    def _picked(self, name: str, routes: Sequence[int], place: dict[int, int]) -> Picked:
        """Return the dots of some picks, one route per seed."""
        dots = [
            (self.across.at(at), round(2.4 * count**0.5 + 0.8, 1),
             f"{name}: place {at + 1} of {len(place)}, {count} of {len(routes)} seeds")
            for at, count in sorted(Counter(place[route] for route in routes).items())
        ]  # fmt: skip
        return Picked(name, dots)

    @property
    def height(self) -> float:
        """Return the height of the drawing."""
        return TOP + CURVE + LINE * (len(self.picked) + 2)

    def html(self) -> Markup:
        """Return the drawing."""
        box = {"left": LEFT, "width": WIDTH, "bottom": TOP + CURVE, "line": LINE, "top": TOP}
        return render("space.html.j2", space=self, **box)


def spaces(frame: pd.DataFrame) -> list[Space]:
    """Return the spaces of the data of a figure `exhaustive_...`, one per dataset."""
    is_pick = frame["search"].notna() if "search" in frame else pd.Series(False, frame.index)
    return [
        Space(rows, frame[is_pick & (frame["dataset"] == name)])
        for name, rows in frame[~is_pick].groupby("dataset", sort=False)
    ]
