"""Routes that need no search: everything shared, nothing shared, one chain, or random."""

from functools import cache

import numpy as np

from mtnas.routes.route import Route
from mtnas.routes.space import LocalRoute, SearchSpace
from mtnas.runtime.errors import ConfigError

DRAWS = 2000  # random routes that stand for chance


def full_sharing(space: SearchSpace) -> Route:
    """Return the densest route: all values, the root as query (ML-MMoE; MMoE if L=1).

    Where tables are chosen, all tasks read the one that they share.
    """
    return _same_for_all(space, space.num_subnets)


def share_bottom(space: SearchSpace) -> Route:
    """Return the route in which every block reads only the first sub-network below it."""
    return _same_for_all(space, 1)


def _same_for_all(space: SearchSpace, num_values: int) -> Route:
    """Return the route in which every block reads the first sub-networks below it."""

    def choices(network: SearchSpace) -> tuple[LocalRoute, ...]:
        blocks = ((network.values(b)[:num_values], network.queries(b)[0]) for b in network.blocks)
        return tuple(LocalRoute(values, query) for values, query in blocks)

    return Route(space, space.completed(choices, "shared"))


def no_sharing(space: SearchSpace) -> Route:
    """Return the route in which every task has sub-networks of its own, as many as the others.

    A sub-network reads all those of its own task in the layer below; the root asks every gate.
    Where tables are chosen, every task reads its own.

    Raises:
        ConfigError: there are fewer sub-networks in a layer than tasks.
    """
    return Route(space, space.completed(_separate, "own"))


def _separate(space: SearchSpace) -> tuple[LocalRoute, ...]:
    if space.num_subnets < space.num_tasks:
        raise ConfigError(
            f"no_sharing: {space.num_tasks} tasks need as many sub-networks per layer, the space "
            f"has {space.num_subnets}; raise num_subnets"
        )
    owner = [w * space.num_tasks // space.num_subnets for w in range(space.num_subnets)]
    choices = []
    for block, task in zip(
        space.blocks, [*owner * (space.num_layers - 1), *range(space.num_tasks)], strict=True
    ):
        own = (v for v, o in zip(space.values(block), owner, strict=True) if o == task)
        choices.append(LocalRoute(tuple(own), space.queries(block)[0]))
    return tuple(choices)


def random_route(space: SearchSpace, rng: np.random.Generator) -> Route:
    """Draw every local route uniformly, as a search does that learns nothing."""
    draw = (int(rng.integers(space.num_local_routes(block))) for block in space.blocks)
    return Route(
        space, tuple(space.local_route(b, i) for b, i in zip(space.blocks, draw, strict=True))
    )


@cache
def random_routes(space: SearchSpace, draws: int = DRAWS) -> tuple[Route, ...]:
    """Draw `draws` routes of a space; they are the same in every call and every process."""
    rng = np.random.default_rng(0)
    return tuple(random_route(space, rng) for _ in range(draws))


@cache
def mean_edges(space: SearchSpace) -> float:
    """Return how many edges a random route uses on average."""
    return float(np.mean([len(route.edges) for route in random_routes(space)]))


@cache
def share_disjoint(space: SearchSpace) -> float:
    """Return the share of random routes in which the tasks have no sub-network in common."""
    return float(np.mean([route.is_disjoint for route in random_routes(space)]))
