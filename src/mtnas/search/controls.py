"""Control strategies, beside every search: routes that nobody searched.

Random routes are the route a search would return if it had learned nothing; full sharing is the
densest route. Both train nothing.
"""

import math
from collections.abc import Sequence

from mtnas import seeds
from mtnas.routes import Route, SearchSpace, full_sharing, random_route
from mtnas.search.result import Found, SearchResult


def random_routes(space: SearchSpace, seed_list: Sequence[int]) -> SearchResult:
    """Draw one route per seed, uniformly over the local routes of every block."""
    draw = [random_route(space, seeds.generator(seed, "routes")) for seed in seed_list]
    return SearchResult(tuple(_uniform(route) for route in draw), {}, 0.0)


def full_routes(space: SearchSpace, seed_list: Sequence[int]) -> SearchResult:
    """Give every seed the route of full sharing, with certainty."""
    route = full_sharing(space)
    uniform = _uniform(route)
    sure = Found(
        route,
        dict.fromkeys(space.blocks, 1.0),
        dict.fromkeys(space.blocks, 0.0),
        uniform.uniform_entropy,
    )
    return SearchResult((sure,) * len(seed_list), {}, 0.0)


def _uniform(route: Route) -> Found:
    sizes = {block: route.space.num_local_routes(block) for block in route.space.blocks}
    entropy = {block: math.log(size) for block, size in sizes.items()}
    return Found(route, {b: 1 / size for b, size in sizes.items()}, entropy, entropy)
