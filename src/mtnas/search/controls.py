"""Strategies that give every seed a route without any search, to compare searches with.

`random` draws a route uniformly, `full_sharing` takes the densest route, and `no_sharing` gives
every task sub-networks of its own. None of them trains anything.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from mtnas.config.options import Strategy
from mtnas.routes.named import full_sharing, no_sharing, random_route
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.runtime import seeds
from mtnas.search.result import DerivedRoute, SearchResult


def random_routes(space: SearchSpace, seed_list: Sequence[int]) -> SearchResult:
    """Draw one route per seed, uniformly over the local routes of every block."""
    draw = [random_route(space, seeds.generator(seed, "routes")) for seed in seed_list]
    return SearchResult(tuple(_uniform(route) for route in draw), {}, 0.0)


def full_routes(space: SearchSpace, seed_list: Sequence[int]) -> SearchResult:
    """Give every seed the route of full sharing, with probability 1."""
    return _sure(full_sharing(space), seed_list)


def separate_routes(space: SearchSpace, seed_list: Sequence[int]) -> SearchResult:
    """Give every seed the route in which tasks share no sub-network, with probability 1."""
    return _sure(no_sharing(space), seed_list)


def _sure(route: Route, seed_list: Sequence[int]) -> SearchResult:
    blocks, uniform = route.space.blocks, _uniform(route).uniform_entropy
    found = DerivedRoute(route, dict.fromkeys(blocks, 1.0), dict.fromkeys(blocks, 0.0), uniform)
    return SearchResult((found,) * len(seed_list), {}, 0.0)


def _uniform(route: Route) -> DerivedRoute:
    sizes = {block: route.space.num_local_routes(block) for block in route.space.blocks}
    entropy = {block: math.log(size) for block, size in sizes.items()}
    return DerivedRoute(route, {b: 1 / size for b, size in sizes.items()}, entropy, entropy)


ROUTES_OF: Mapping[Strategy, Callable[[SearchSpace, Sequence[int]], SearchResult]] = {
    "random": random_routes,
    "full_sharing": full_routes,
    "no_sharing": separate_routes,
}


OF_SUPERNET: tuple[Strategy, ...] = ("random", "full_sharing")  # whose gates a search leaves, too


def gates_of(strategy: Strategy, name: str) -> str:
    """Return what a parameter with the gates of a control's route is called among the weights of
    a search, beside that of the searched route.
    """
    return f"{strategy}.{name}"


def control_routes(
    strategy: Strategy, space: SearchSpace, seed_list: Sequence[int]
) -> SearchResult:
    """Return the routes of a strategy that searches nothing (`config.options.CONTROLS`)."""
    return ROUTES_OF[strategy](space, seed_list)
