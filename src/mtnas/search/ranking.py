"""Routes ranked by the weights of one supernet: random search and exhaustive search.

Both spend what a REINFORCE search with the same options spends. All its weight steps train one
supernet, under routes drawn uniformly. Its route evaluations, one validation mini-batch each, come
afterwards and are shared out evenly among the candidates, which all see the same mini-batches (at
most every validation example once: more would say nothing new).
Shapes: M members, N candidates, K blocks.
"""

from collections.abc import Sequence

import numpy as np

from mtnas.errors import ConfigError
from mtnas.options import SearchOptions, TrainingOptions
from mtnas.routes import Route, SearchSpace
from mtnas.search.architecture import Floats, Index
from mtnas.search.reinforce import Search
from mtnas.search.result import Found, SearchResult
from mtnas.training.data import Examples, Split
from mtnas.training.stack import Stack


def random_search(
    stack: Stack,
    examples: Examples,
    splits: Sequence[Split],
    space: SearchSpace,
    options: SearchOptions,
    training: TrainingOptions,
) -> SearchResult:
    """Return the best of `candidates` routes drawn uniformly, each member from its own stream."""
    return Random(stack, examples, splits, space, options, training).run()


def exhaustive(
    stack: Stack,
    examples: Examples,
    splits: Sequence[Split],
    space: SearchSpace,
    options: SearchOptions,
    training: TrainingOptions,
) -> SearchResult:
    """Return the best of all routes of the space; those that compute the same are tried once."""
    return Exhaustive(stack, examples, splits, space, options, training).run()


class Ranking(Search):
    """A supernet under uniform routes, then a tournament of candidates."""

    def step(self) -> None:
        """Take a weight step; nothing is learned about routes yet."""
        self._weight_step()

    def candidates(self) -> Index:
        """Return the local routes to compare, [N, M, K]."""
        raise NotImplementedError

    def derive(self) -> tuple[Found, ...]:
        """Return the best candidates; the stack becomes their networks."""
        index_NMK = self.candidates()
        score_NM = self._tournament(index_NMK)
        best_M = score_NM.argmax(0)
        best_MK = index_NMK[best_M, np.arange(len(best_M))]
        self._become(best_MK)
        architecture, notes = self._architecture, self._notes()
        uniform = architecture.uniform_entropy()
        tried = [architecture.routes(index_MK) for index_MK in index_NMK]
        return tuple(
            Found(
                route,
                probability={},
                entropy={},
                uniform_entropy=uniform,
                notes=notes[m],
                scores={
                    str(routes[m].index): float(score_M[m])
                    for routes, score_M in zip(tried, score_NM, strict=True)
                },
            )
            for m, route in enumerate(architecture.routes(best_MK))
        )

    def _tournament(self, index_NMK: Index) -> Floats:
        """Return the mean reward of every candidate over the same mini-batches, [N, M]."""
        affordable = self._options.route_evaluations // len(index_NMK)
        examples = min(len(split.valid) for split in self._splits)
        batches = max(1, min(affordable, examples // self._options.batch_size))
        total = np.zeros(index_NMK.shape[:2])
        for _ in range(batches):
            batch_MB = next(self._valid)
            for n, index_MK in enumerate(index_NMK):
                self._supernet.take(index_MK, self._architecture)
                total[n] += self._score(batch_MB)
        self._evaluations = batches * len(index_NMK)
        return total / batches


class Random(Ranking):
    """Random search."""

    def candidates(self) -> Index:
        """Draw the candidates of every member from its own stream."""
        num = min(self._options.candidates, self._options.route_evaluations)
        return np.stack([self._sample() for _ in range(num)])


class Exhaustive(Ranking):
    """Exhaustive search by the weights of one supernet."""

    def candidates(self) -> Index:
        """List every route of the space once, the same for all members.

        Raises:
            ConfigError: the budget does not reach for one mini-batch per route.
        """
        space, budget = self._architecture.space, self._options.route_evaluations
        if space.num_routes > budget:
            raise ConfigError(
                f"search: strategy exhaustive: {space.num_routes:,} routes, but {budget:,} route "
                "evaluations (steps x routes_per_step); raise them, or take a smaller space"
            )
        routes = (Route.at(space, i) for i in range(space.num_routes))
        distinct = [route for route in routes if route == route.canonical()]
        index_NK = np.array([[space.index_of(b, local) for b, local in r] for r in distinct])
        return np.repeat(index_NK[:, None], len(self._stack), axis=1)
