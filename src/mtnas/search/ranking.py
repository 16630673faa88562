"""Routes ranked against each other: random search and exhaustive search.

Both spend what a REINFORCE search with the same options spends. All its weight steps train one
supernet, under routes drawn uniformly (`judge: supernet`); or they are shared out evenly among the
candidates, and each is trained alone, as it would be retrained (`judge: training`). The route
evaluations, one validation mini-batch each, come afterwards and are shared out as well; all
candidates see the same mini-batches, and no validation example twice.
Shapes: M members, N candidates, K blocks, B examples, T tasks.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
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
from mtnas.training.checkpoint import Checkpoint
from mtnas.training.data import training_batches
from mtnas.training.fit import predict
from mtnas.training.trainer import Trainer

log = logging.getLogger(__name__)


@dataclass
class Contest:
    """Candidates, the mini-batches that they are compared on, and what is known of them so far."""

    index_NMK: Index
    batches: Sequence[Tensor]  # [M, B]
    score_NM: Floats
    done: int = 0  # pairs of mini-batch and candidate, or candidates

    def state(self) -> dict[str, Any]:
        """Return all of it."""
        drawn = {"candidates": self.index_NMK, "batches": torch.stack(list(self.batches))}
        return {**drawn, "scores": self.score_NM, "done": self.done}

    @classmethod
    def of(cls, state: Mapping[str, Any], device: torch.device) -> "Contest":
        """Return the contest of a state."""
        batches = list(state["batches"].clone().to(device))
        return cls(state["candidates"], batches, state["scores"], state["done"])


class Ranking(Search, ABC):
    """A supernet under uniform routes, then a tournament of candidates."""

    _contest: Contest | None = None  # after the weight steps

    def step(self) -> None:
        """Take a weight step; nothing is learned about routes yet."""
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
        """Return the best candidates; the ensemble becomes their networks."""
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
        """Return the contest; draw candidates and mini-batches when first asked."""
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

    def state(self) -> dict[str, Any]:
        """Return all that the rest depends on; not copies."""
        contest = None if self._contest is None else self._contest.state()
        return {**super().state(), "contest": contest}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        super().load(state)
        known, device = state["contest"], self._ensemble.device
        self._contest = None if known is None else Contest.of(known, device)


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
                f"search.strategy: exhaustive: {space.num_routes:,} routes, but {budget:,} route "
                "evaluations (steps x routes_per_step); raise them, or take a smaller space"
            )
        routes = (Route.at(space, i) for i in range(space.num_routes))
        distinct = [route for route in routes if route == route.canonical()]
        index_NK = np.array([[space.index_of(b, local) for b, local in r] for r in distinct])
        return np.repeat(index_NK[:, None], len(self._ensemble), axis=1)


class Trained(Ranking):
    """Candidates trained alone, one after the other, from the weights that retraining starts with.

    So a score is what the first steps of retraining the route give, luck of the start included.
    There is no supernet, and a checkpoint is of whole candidates.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Remember the weights that the ensemble has now."""
        super().__init__(*args, **kwargs)
        self._start = {name: tensor.clone() for name, tensor in self._ensemble.state().items()}
        self._best = {name: tensor.clone() for name, tensor in self._start.items()}

    def _learn(self, checkpoint: Checkpoint) -> None:
        self._compare(self._opened(), checkpoint)

    def _compare(self, contest: Contest, checkpoint: Checkpoint) -> None:
        """Give every candidate the reward that it has after its share of the weight steps."""
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
        """Train the networks of some routes from the start."""
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
        """Remember the weights of the members whose candidate is the best so far."""
        chosen = torch.from_numpy(better_M).to(self._ensemble.device)
        for name, tensor in self._ensemble.state().items():
            self._best[name][chosen] = tensor[chosen]

    def _become(self, index_MK: Index) -> None:
        self._supernet.route(index_MK)
        self._ensemble.load(self._best)

    @property
    def at(self) -> str:
        """Say how far it is."""
        contest = self._opened()
        return f"candidate {contest.done} of {len(contest.index_NMK)} of the search"

    def state(self) -> dict[str, Any]:
        """Return what the candidates that are done left; not copies."""
        return {
            "contest": self._opened().state(),
            "evaluations": self._evaluations,
            "rewards": self._rewards.state(),
            "best": self._best,
        }

    def load(self, state: Mapping[str, Any]) -> None:
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
