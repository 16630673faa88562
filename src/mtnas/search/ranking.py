"""Routes ranked against each other: random search and exhaustive search.

Both spend what a REINFORCE search with the same options spends. All its weight steps train one
supernet, under routes drawn uniformly (`judge: supernet`); or they are shared out evenly among the
candidates, and each is trained alone, as it would be retrained (`judge: training`). The route
evaluations, one validation mini-batch each, come afterwards and are shared out as well; all
candidates see the same mini-batches (at most every validation example once: more would say nothing
new).
Shapes: M members, N candidates, K blocks, B examples, T tasks.
"""

import logging
import time
from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.errors import ConfigError
from mtnas.routes import Route
from mtnas.search.architecture import Floats, Index
from mtnas.search.reinforce import Search, check_finite
from mtnas.search.result import Found, SearchResult
from mtnas.training.data import Batches
from mtnas.training.fit import predict
from mtnas.training.trainer import Trainer

log = logging.getLogger(__name__)


class Ranking(Search, ABC):
    """A supernet under uniform routes, then a tournament of candidates."""

    def step(self) -> None:
        """Take a weight step; nothing is learned about routes yet."""
        self._weight_step()

    @abstractmethod
    def candidates(self) -> Index:
        """Return the local routes to compare, [N, M, K]."""

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
        batches, total = self._batches_for(len(index_NMK)), np.zeros(index_NMK.shape[:2])
        for batch_MB in batches:
            for n, index_MK in enumerate(index_NMK):
                self._supernet.take(index_MK, self._architecture)
                total[n] += self._score(batch_MB)
        return total / len(batches)

    def _batches_for(self, candidates: int) -> list[Tensor]:
        """Return the validation mini-batches that every candidate is tried on."""
        affordable = self._options.route_evaluations // candidates
        examples = min(len(split.valid) for split in self._splits)
        num = max(1, min(affordable, examples // self._options.batch_size))
        self._evaluations = num * candidates
        return [next(self._valid) for _ in range(num)]


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


class Trained(Ranking):
    """Candidates trained alone, one after the other, from the weights that retraining starts with.

    So a score is what the first steps of retraining the route give, luck of the start included.
    """

    def run(self) -> SearchResult:
        """Train and compare the candidates; there is no supernet."""
        started = time.perf_counter()
        self._start = {name: tensor.clone() for name, tensor in self._stack.state().items()}
        self._best = {name: tensor.clone() for name, tensor in self._start.items()}
        found = self.derive()
        return SearchResult(found, self._stack.state(), time.perf_counter() - started)

    def _tournament(self, index_NMK: Index) -> Floats:
        """Return the reward of every candidate after its share of the weight steps, [N, M]."""
        steps, candidates = self._options.weight_steps // len(index_NMK), len(index_NMK)
        if steps < 1:
            raise ConfigError(
                f"search: judge training: {candidates:,} candidates, but "
                f"{self._options.weight_steps:,} weight steps; raise steps, or take fewer"
            )
        valid_MB = torch.cat(self._batches_for(candidates), 1)
        score_NM = np.full((candidates, len(self._stack)), -np.inf)
        for n, index_MK in enumerate(index_NMK):
            self._train_alone(index_MK, steps)
            score_NM[n] = self._pooled_score(valid_MB)
            self._keep(score_NM[n] > score_NM[:n].max(0, initial=-np.inf))
            log.info("candidate %d/%d  reward %.4f", n + 1, candidates, score_NM[n].mean())
        self._steps = steps * candidates
        return score_NM

    def _train_alone(self, index_MK: Index, steps: int) -> None:
        """Train the networks of some routes from the start."""
        stack = self._stack
        stack.load(self._start)
        self._supernet.route(index_MK, self._architecture)
        trainer = Trainer(stack, self._supernet.examples, self._training, self._supernet.activity())
        rows, size = [split.train for split in self._splits], self._training.batch_size
        batches = Batches(rows, stack.members, size, device=stack.device)
        for _ in range(steps):
            trainer.step(next(batches))
        trainer.table.settle()

    def _pooled_score(self, valid_MB: Tensor) -> Floats:
        """Return R_val on all given validation examples together, [M]."""
        examples = self._supernet.examples
        logit_MBT = predict(self._stack, examples, list(valid_MB.cpu().numpy()))
        y_MBT = examples.labels_of(self._stack.tasks_MT, valid_MB)
        score_MT = self._supernet.judge(
            logit_MBT.transpose(1, 2), y_MBT.transpose(1, 2), self._options.reward
        )
        return check_finite(self._rewards.of(score_MT))

    def _keep(self, better_M: NDArray[np.bool_]) -> None:
        """Remember the weights of the members whose candidate is the best so far."""
        chosen = torch.from_numpy(better_M).to(self._stack.device)
        for name, tensor in self._stack.state().items():
            self._best[name][chosen] = tensor[chosen]

    def _become(self, index_MK: Index) -> None:
        self._supernet.route(index_MK, self._architecture)
        self._stack.load(self._best)


class RandomTrained(Trained, Random):
    """Random search by short training."""


class ExhaustiveTrained(Trained, Exhaustive):
    """Exhaustive search by short training."""
