"""Random search and exhaustive search: compare many routes and take the best.

Both have the budget of a REINFORCE search with the same options. With `judge: supernet` all its
weight steps train one supernet, under routes drawn uniformly. With `judge: training` the weight
steps are divided evenly among the routes to compare (the candidates), and each is trained alone,
as a derived route is trained later. The route evaluations, one validation mini-batch each, come
afterwards and are divided evenly, too; all candidates see the same mini-batches, and no validation
example comes twice.
Shapes: M members, N candidates, K blocks, B examples, T tasks.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.routes.route import Route
from mtnas.runtime.errors import ConfigError
from mtnas.search.architecture import Floats, Index
from mtnas.search.reinforce import Search
from mtnas.search.result import DerivedRoute
from mtnas.search.rewards import check_finite
from mtnas.training.checkpoint import Checkpoint, Saved
from mtnas.training.data import training_batches
from mtnas.training.fit import predict
from mtnas.training.trainer import Trainer

log = logging.getLogger(__name__)


@dataclass
class Contest:
    """The candidates, the mini-batches to compare them on, and their rewards so far."""

    index_NMK: Index
    batches: Sequence[Tensor]  # [M, B]
    score_NM: Floats
    done: int = 0  # pairs of mini-batch and candidate, or candidates

    def state(self) -> Saved:
        """Return everything, for `of`."""
        drawn = {"candidates": self.index_NMK, "batches": torch.stack(list(self.batches))}
        return {**drawn, "scores": self.score_NM, "done": self.done}

    @classmethod
    def of(cls, state: Saved, device: torch.device) -> "Contest":
        """Return the contest that `state` described."""
        batches = list(state["batches"].clone().to(device))
        return cls(state["candidates"], batches, state["scores"], state["done"])


class Ranking(Search, ABC):
    """Train a supernet under uniformly drawn routes, then compare candidates with its weights."""

    _contest: Contest | None = None  # after the weight steps

    def step(self) -> None:
        """Take a weight step; candidates are compared later."""
        self._weight_step()

    @abstractmethod
    def candidates(self) -> Index:
        """Return the local routes to compare, [N, M, K]."""

    def _learn(self, checkpoint: Checkpoint) -> None:
        super()._learn(checkpoint)
        self._compare(self._opened(), checkpoint)

    def _compare(self, contest: Contest, checkpoint: Checkpoint) -> None:
        """Add up the rewards of every candidate over the same mini-batches."""
        candidates = len(contest.index_NMK)
        while contest.done < candidates * len(contest.batches):
            batch, n = divmod(contest.done, candidates)
            self._supernet.take(contest.index_NMK[n])
            contest.score_NM[n] += self._score(contest.batches[batch])
            contest.done += 1
            checkpoint.keep(self)

    def derive(self) -> tuple[DerivedRoute, ...]:
        """Return the best candidate of every member; the ensemble gets these routes."""
        contest = self._opened()
        index_NMK, score_NM = contest.index_NMK, self._mean_scores(contest)
        best_M = score_NM.argmax(0)
        best_MK = index_NMK[best_M, np.arange(len(best_M))]
        self._become(best_MK)
        architecture, notes = self._architecture, self._notes()
        uniform = architecture.uniform_entropy()
        tried = [architecture.routes(index_MK) for index_MK in index_NMK]
        return tuple(
            DerivedRoute(
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

    def _mean_scores(self, contest: Contest) -> Floats:
        """Return the mean reward of every candidate, [N, M]."""
        return np.asarray(contest.score_NM / len(contest.batches))

    def _opened(self) -> Contest:
        """Return the contest; the first call draws its candidates and mini-batches."""
        if self._contest is None:
            index_NMK = self.candidates()
            batches = self._batches_for(len(index_NMK))
            self._contest = Contest(index_NMK, batches, np.zeros(index_NMK.shape[:2]))
        return self._contest

    def _batches_for(self, candidates: int) -> list[Tensor]:
        """Return the validation mini-batches that every candidate is tried on."""
        affordable = self._options.route_evaluations // candidates
        examples = min(len(split.valid) for split in self._splits)
        num = max(1, min(affordable, examples // self._options.batch_size))
        self._evaluations = num * candidates
        return [next(self._valid) for _ in range(num)]

    @property
    def at(self) -> str:
        """Say how far it is."""
        if self._contest is None:
            return super().at
        return f"comparison {self._contest.done} of {self._evaluations} of the search"

    def state(self) -> Saved:
        """Return all that the rest depends on; not copies."""
        contest = None if self._contest is None else self._contest.state()
        return {**super().state(), "contest": contest}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        super().load(state)
        known, device = state["contest"], self._ensemble.device
        self._contest = None if known is None else Contest.of(known, device)


class Random(Ranking):
    """Random search."""

    def candidates(self) -> Index:
        """Draw the candidates of every member from the random stream of its seed."""
        num = min(self._options.candidates, self._options.route_evaluations)
        return np.stack([self._sample() for _ in range(num)])


class Exhaustive(Ranking):
    """Exhaustive search by the weights of one supernet."""

    def candidates(self) -> Index:
        """List every route of the space once, the same for all members.

        Raises:
            ConfigError: there are more routes than route evaluations, so some could not be tried.
        """
        space, budget = self._architecture.space, self._options.route_evaluations
        if space.num_routes > budget:
            raise ConfigError(
                f"search.strategy: exhaustive: {space.num_routes:,} routes, but {budget:,} route "
                "evaluations (steps x routes_per_step); raise them, or take a smaller space"
            )
        routes = (Route.at(space, i) for i in range(space.num_routes))
        distinct = [route for route in routes if route == route.canonical()]
        index_NK = np.array([[space.index_of(b, local) for b, local in r] for r in distinct])
        return np.repeat(index_NK[:, None], len(self._ensemble), axis=1)


class Trained(Ranking):
    """Train candidates alone, one after the other, from the initial weights of a derived route.

    So a score is that of the first steps of the later training, with the same initial weights.
    There is no supernet, and a checkpoint is written only between candidates.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Keep a copy of the ensemble's present weights: every candidate starts with them."""
        super().__init__(*args, **kwargs)
        self._start = {name: tensor.clone() for name, tensor in self._ensemble.state().items()}
        self._best = {name: tensor.clone() for name, tensor in self._start.items()}

    def _learn(self, checkpoint: Checkpoint) -> None:
        self._compare(self._opened(), checkpoint)

    def _compare(self, contest: Contest, checkpoint: Checkpoint) -> None:
        """Train every candidate for its share of the weight steps, then note its reward."""
        index_NMK, score_NM = contest.index_NMK, contest.score_NM
        steps, candidates = self._options.weight_steps // len(index_NMK), len(index_NMK)
        if steps < 1:
            raise ConfigError(
                f"search.judge: training: {candidates:,} candidates, but "
                f"{self._options.weight_steps:,} weight steps; raise steps, or take fewer"
            )
        self._steps = steps * candidates
        valid_MB = torch.cat(list(contest.batches), 1)
        for n in range(contest.done, candidates):
            self._train_alone(index_NMK[n], steps, checkpoint)
            score_NM[n] = self._pooled_score(valid_MB)
            self._keep(score_NM[n] > score_NM[:n].max(0, initial=-np.inf))
            contest.done = n + 1
            log.info("candidate %d/%d  reward %.4f", n + 1, candidates, score_NM[n].mean())
            checkpoint.keep(self)

    def _mean_scores(self, contest: Contest) -> Floats:
        return contest.score_NM  # of all mini-batches together

    def _train_alone(self, index_MK: Index, steps: int, checkpoint: Checkpoint) -> None:
        """Train the networks of some routes, one per member, from the initial weights."""
        ensemble = self._ensemble
        ensemble.load(self._start)
        self._supernet.route(index_MK)
        examples = self._supernet.examples
        trainer = Trainer(ensemble, examples, self._training)
        batches = training_batches(examples, self._splits, ensemble, self._training)
        for _ in range(steps):
            trainer.step(next(batches))
            checkpoint.keep(self)
        trainer.table_optimizer.settle()

    def _pooled_score(self, valid_MB: Tensor) -> Floats:
        """Return R_val on all given validation examples together, [M]."""
        examples = self._supernet.examples
        out_MBO = predict(self._ensemble, examples, list(valid_MB.cpu().numpy()))
        y_MBT = examples.targets_of(self._ensemble, valid_MB)
        score_MT = self._supernet.judge(out_MBO, y_MBT, self._options.reward)
        return check_finite(self._rewards.of(score_MT))

    def _keep(self, better_M: NDArray[np.bool_]) -> None:
        """Keep the weights of those members whose candidate is their best so far."""
        chosen = torch.from_numpy(better_M).to(self._ensemble.device)
        for name, tensor in self._ensemble.state().items():
            self._best[name][chosen] = tensor[chosen]

    def _become(self, index_MK: Index) -> None:
        self._supernet.route(index_MK)
        self._ensemble.load(self._best)

    def _gates_of_controls(self) -> dict[str, Tensor]:
        return {}  # no supernet

    @property
    def at(self) -> str:
        """Say how far it is."""
        contest = self._opened()
        return f"candidate {contest.done} of {len(contest.index_NMK)} of the search"

    def state(self) -> Saved:
        """Return the results of the candidates that are done, without copying, for `load`."""
        return {
            "contest": self._opened().state(),
            "evaluations": self._evaluations,
            "rewards": self._rewards.state(),
            "best": self._best,
        }

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        self._contest = Contest.of(state["contest"], self._ensemble.device)
        self._evaluations = state["evaluations"]
        self._rewards.load(state["rewards"])
        for name, tensor in self._best.items():
            tensor.copy_(state["best"][name])


class RandomTrained(Trained, Random):
    """Random search by short training."""


class ExhaustiveTrained(Trained, Exhaustive):
    """Exhaustive search by short training."""
