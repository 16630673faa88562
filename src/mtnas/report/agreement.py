"""How much the routes of searches have in common, in numbers and in words.

Shares are between 0 and 1. What two routes have in common is the number of links that both use over
the number that one or the other uses (Jaccard). Links are compared by the names of sub-networks.
"""

from collections.abc import Sequence
from functools import cache
from itertools import combinations

import numpy as np

from mtnas.evidence.resampling import FIXED
from mtnas.evidence.statistics import Difference, difference_of
from mtnas.report.searched import Drawn
from mtnas.routes.named import random_routes
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace

PAIRS = 1000  # of random routes that stand for chance


def in_common(first: Route, second: Route) -> float:
    """Return the share of the links of two routes of one space that both use."""
    one, other = set(first.edges), set(second.edges)
    return len(one & other) / len(one | other)


@cache
def by_chance(space: SearchSpace) -> float:
    """Return what two random routes have in common on average."""
    drawn = random_routes(space)[: 2 * PAIRS]
    return _mean([in_common(*pair) for pair in zip(drawn[::2], drawn[1::2], strict=True)])


def agreement(searched: Drawn) -> str:
    """Say what routes of different seeds have in common; nothing if there is one seed."""
    pairs = [in_common(*pair) for pair in combinations(searched.routes.values(), 2)]
    if not pairs:
        return ""
    return (
        f"Two seeds have {_mean(pairs):.0%} of their links in common on average, two random "
        f"routes {by_chance(searched.space):.0%}."
    )


def same_seed(found: Sequence[Drawn]) -> tuple[float, float, Difference] | None:
    """Return what routes have in common of one seed in two searches, of two seeds in one search,
    and the first less the second, seed by seed; None without two searches of one space with two
    seeds in common. The interval is of seeds on these very tables, not on others.
    """
    alike = [other for other in found if other.space == found[0].space]
    seeds = [s for s in found[0].routes if all(s in other.routes for other in alike)]
    if len(alike) < 2 or len(seeds) < 2:
        return None
    same = [
        _mean([in_common(a.routes[seed], b.routes[seed]) for a, b in combinations(alike, 2)])
        for seed in seeds
    ]
    apart = [
        _mean([in_common(a.routes[seed], a.routes[o]) for a in alike for o in seeds if o != seed])
        for seed in seeds
    ]
    return _mean(same), _mean(apart), difference_of(np.subtract(same, apart), FIXED)


def told_by_seeds(found: Sequence[Drawn]) -> list[str]:
    """Say, in lines, whether the seed or the data tell more about a route."""
    known = same_seed(found)
    if known is None:
        return []
    same, apart, difference = known
    text = (
        f"The same seed on two datasets gives routes with {same:.0%} of their links in common, two "
        f"seeds on one dataset {apart:.0%}, chance {by_chance(found[0].space):.0%}."
    )
    if difference.low is None or difference.high is None or not difference.excludes_zero:
        return [text, "No difference between the first two is shown."]
    told = "the seed tells more about a route than the data do"
    if difference.high < 0:
        told = "the data tell more about a route than the seed does"
    between = f"95% interval {100 * difference.low:.0f} to {100 * difference.high:.0f} points"
    return [text, f"So {told} (difference {100 * difference.mean:+.0f} points, {between})."]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
