"""Algorithm 1 of the paper: search the sharing route by REINFORCE, many seeds at once.

What the paper leaves open is an option each; see D2 to D4 in docs/deviations.md.
Shapes: M members, B batch, T tasks, K blocks, P routes per step.
"""

import logging
import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.config.options import SearchOptions, TrainingOptions
from mtnas.runtime import seeds
from mtnas.search.architecture import Architecture, Floats, Index
from mtnas.search.controls import OF_SUPERNET, control_routes, gates_of
from mtnas.search.convergence import Convergence, Kept
from mtnas.search.result import Curve, DerivedRoute, SearchResult
from mtnas.search.rewards import Baseline, Rewards, check_finite
from mtnas.search.supernet import Supernet
from mtnas.training.checkpoint import Checkpoint, Saved, Stateful
from mtnas.training.data import Batches, Examples, Split, training_batches
from mtnas.training.ensemble import Ensemble

log = logging.getLogger(__name__)

LEARNED = ("alpha", "undefined")
SMALL_SPACE = 20_000  # routes; of such a space the whole distribution is recorded


class Search:
    """Algorithm 1 for M members side by side; each searches a route of its own.

    Afterwards the ensemble consists of the networks of the routes found, with the weights of the
    search. Other strategies are subclasses: they draw routes, or learn from them, in another way.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        examples: Examples,
        splits: Sequence[Split],
        options: SearchOptions,
        training: TrainingOptions,
    ) -> None:
        """Start with equally probable routes; `ensemble` is changed in place."""
        self._options, self._training = options, training
        self._ensemble, self._splits = ensemble, splits
        self._supernet = Supernet(ensemble, examples, training)
        space, rate = ensemble.template.routed.space, options.learning_rate
        self._architecture = Architecture(space, len(ensemble), learning_rate=rate)
        self._rngs = [seeds.generator(m.seed, "routes") for m in ensemble.members]
        ensemble.standardize(examples.inputs, [split.train for split in splits])
        valid, members = [split.valid for split in splits], ensemble.members
        self._train = training_batches(examples, splits, ensemble, training)
        self._valid = Batches(valid, members, options.batch_size, "validation", ensemble.device)
        self._rewards = Rewards(self._supernet.guesses(options.reward))
        self._baseline = Baseline(options)
        per_epoch = self._train.per_epoch
        self._total = options.steps if options.epochs is None else options.epochs * per_epoch
        self._curve = Curve(self._total)
        self._convergence, self._kept = Convergence(options, len(ensemble)), Kept()
        own = [m.seed for m in ensemble.members] if options.permuted else []
        self._blind = [seeds.generator(seed, "permuted") for seed in own]
        self._steps = self._evaluations = 0
        self._loss = self._reward = np.nan

    def run(self, checkpoint: Checkpoint | None = None) -> SearchResult:
        """Take all steps, log progress, and return the routes found.

        If there is a checkpoint, the search continues from it, and its result is the same to the
        last bit as without an interruption.
        """
        checkpoint = checkpoint or Checkpoint()
        started = time.perf_counter()
        checkpoint.resume(self)
        with checkpoint.watching():
            self._learn(checkpoint)
            checkpoint.keep(self)
        found = self.derive()
        state = {**self._ensemble.state(), **self._gates_of_controls()}
        if self._ended.any():
            state = self._kept.over(self._ended, {**state, **self._learned()})
            state = {name: tensor for name, tensor in state.items() if name not in LEARNED}
            self._ensemble.load(state)
        return SearchResult(found, state, checkpoint.seconds + time.perf_counter() - started)

    def _learn(self, checkpoint: Checkpoint) -> None:
        """Take all steps that are left."""
        started, total = time.perf_counter(), self._options.warmup_steps + self._total
        while self._steps < total and not self._convergence.done:
            self.step()
            checkpoint.keep(self)
            if self._steps % max(1, self._total // 10) == 0:
                self.report(total, checkpoint.seconds + time.perf_counter() - started)

    def step(self) -> None:
        """Take a weight step on a sampled route and, after the warm-up, an architecture step."""
        index_MK = self._weight_step()
        past_warmup = self._steps - self._options.warmup_steps
        if past_warmup < 1:
            return
        if self._options.fresh_sample:  # D2
            index_MK = self._sample()
        reward_M = self._architecture_step(index_MK)
        self._reward = float(reward_M.mean())
        self._record(past_warmup, reward_M)
        new_M = self._convergence.check(past_warmup, self._architecture)
        if new_M.any():
            self._become(self._architecture.best())
            now = {**self._ensemble.state(), **self._gates_of_controls(), **self._learned()}
            self._kept.keep(new_M, now)

    def _record(self, step: int, reward_M: Floats) -> None:
        """Add a step to the curve; in a small space with the route that leads."""
        architecture = self._architecture
        complete = self._curve.add(step, reward_M, architecture.entropy().mean(-1))
        if complete and architecture.space.num_routes <= SMALL_SPACE:
            self._curve.lead(architecture.numbers(architecture.best()))

    @property
    def _ended(self) -> NDArray[np.bool_]:
        return np.asarray(self._convergence.at_M > 0)

    def _learned(self) -> dict[str, Tensor]:
        """Return what is recorded of members beside their weights, by name (`LEARNED`)."""
        undefined_M = self._rewards.undefined_M
        counts_M = undefined_M if len(undefined_M) else np.zeros(len(self._ensemble), np.int64)
        arrays = (self._architecture.alpha_MKR, counts_M)
        return {name: torch.from_numpy(a) for name, a in zip(LEARNED, arrays, strict=True)}

    def _sample(self) -> Index:
        return self._architecture.sample(self._rngs)

    def _weight_step(self) -> Index:
        """Take a weight step on a sampled route; return the route."""
        index_MK = self._sample()
        self._supernet.take(index_MK)
        self._loss = float(self._supernet.weight_step(next(self._train)).mean())
        self._steps += 1
        return index_MK

    def _tries(self, index_MK: Index) -> Iterator[tuple[Index, Tensor]]:
        """Give the supernet one sampled route after the other, and yield each with its batch.

        The first is the given route.
        """
        batch_MB = next(self._valid)
        for number in range(self._options.routes_per_step):
            if number > 0:
                index_MK = self._sample()
                batch_MB = batch_MB if self._options.shared_batch else next(self._valid)
            self._supernet.take(index_MK)
            self._evaluations += 1
            yield index_MK, batch_MB

    def _architecture_step(self, index_MK: Index) -> Floats:
        """Ascend (R - b) grad log p (Eq. 5), averaged over sampled routes; return mean rewards."""
        rewards, directions = [], []
        for tried_MK, batch_MB in self._tries(index_MK):
            rewards.append(self._score(batch_MB))
            if self._options.permuted:  # D17
                tried_MK = self._architecture.sample(self._blind)
            directions.append(self._architecture.score(tried_MK))
        reward_PM = np.stack(rewards)
        advantage_PM = self._baseline.advantage(reward_PM)
        self._ascend(advantage_PM[..., None, None] * np.stack(directions))
        return np.asarray(reward_PM.mean(0))

    def _score(self, batch_MB: Tensor) -> Floats:
        """Return R_val, the reward, of the present route on a validation mini-batch, [M]."""
        scores_MT = self._supernet.scores(batch_MB, self._options.reward)
        return check_finite(self._rewards.of(scores_MT))

    def _ascend(self, gradient_PMKR: Floats) -> None:
        """Change alpha along the mean gradient of the routes of a step, and of the entropy (D4)."""
        gradient, bonus = gradient_PMKR.mean(0), self._options.entropy_bonus
        if bonus:
            gradient = gradient + bonus * self._architecture.entropy_gradient()
        self._architecture.ascend(gradient)

    def report(self, total: int, seconds: float) -> None:
        """Log how far the search is."""
        sizes_K = self._architecture.sizes_K
        log.info(
            "search step %d/%d  loss of the last batch %.4f  reward %.4f  entropy %.3f of %.3f  "
            "%.0f s, %.0f s to go",
            self._steps, total, self._loss, self._reward, self._architecture.entropy().mean(),
            np.log(sizes_K).mean(), seconds, seconds / self._steps * (total - self._steps),
        )  # fmt: skip

    @property
    def at(self) -> str:
        """Say how far it is."""
        total = self._options.warmup_steps + self._total
        return f"step {self._steps} of {total} of the search"

    def state(self) -> Saved:
        """Return all that the rest depends on, between two steps; not copies."""
        return {
            "steps": [self._steps, self._evaluations],
            "last": np.array([self._loss, self._reward]),
            "generators": seeds.states(self._rngs),
            "blind": seeds.states(self._blind),
            **{name: part.state() for name, part in self._parts().items()},
        }

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        self._steps, self._evaluations = state["steps"]
        self._loss, self._reward = state["last"].tolist()
        for name, part in self._parts().items():
            part.load(state[name])
        seeds.restore(self._rngs, state["generators"])
        seeds.restore(self._blind, state["blind"])

    def _parts(self) -> dict[str, Stateful]:
        """Return the parts of the search that have a state."""
        return {
            "supernet": self._supernet,
            "architecture": self._architecture,
            "train": self._train,
            "valid": self._valid,
            "rewards": self._rewards,
            "baseline": self._baseline,
            "curve": self._curve,
            "convergence": self._convergence,
            "kept": self._kept,
        }

    def derive(self) -> tuple[DerivedRoute, ...]:
        """Return the most probable route of every member; the ensemble gets these routes."""
        if self._ended.any():
            learned = self._kept.over(self._ended, self._learned())
            self._architecture.alpha_MKR = learned[LEARNED[0]].numpy()
            self._rewards.undefined_M = learned[LEARNED[1]].numpy()
        best_MK = self._architecture.best()
        self._become(best_MK)
        return _found(self._architecture, best_MK, self._curve, self._notes())

    def _become(self, index_MK: Index) -> None:
        self._supernet.take(index_MK)
        self._supernet.trainer.table_optimizer.settle()

    def _gates_of_controls(self) -> dict[str, Tensor]:
        """Return the supernets' gates of full sharing, and of the random route of every seed.

        All other weights are the same under every route.
        """
        bank, space = self._supernet.bank, self._architecture.space
        if bank is None:
            return {}
        own = [member.seed for member in self._ensemble.members]
        found = {}
        for strategy in OF_SUPERNET:
            routes = (derived.route for derived in control_routes(strategy, space, own).routes)
            index_MK = [[space.index_of(b, local) for b, local in route] for route in routes]
            found[gates_of(strategy, bank.name)] = bank.of_routes(torch.tensor(index_MK))
        return found

    def _notes(self) -> list[dict[str, int]]:
        """Return, for every member, the number of steps and of AUCs that were undefined."""
        options, notes = self._options, []
        undefined_M = self._rewards.undefined_M
        counts = undefined_M.tolist() if len(undefined_M) else [0] * len(self._ensemble)
        for count, at in zip(counts, self._convergence.at_M.tolist(), strict=True):
            spent = {"weight_steps": self._steps, "route_evaluations": self._evaluations}
            if at:
                steps, tried = options.warmup_steps + at, at * options.routes_per_step
                spent = {"weight_steps": steps, "route_evaluations": tried, "converged": at}
            notes.append({"undefined_rewards": count, **spent})
        return notes


def _found(
    architecture: Architecture, best_MK: Index, curve: Curve, notes: Sequence[dict[str, int]]
) -> tuple[DerivedRoute, ...]:
    p_MKR, entropy_MK = architecture.probabilities(), architecture.entropy()
    blocks, sizes = architecture.space.blocks, architecture.sizes_K.tolist()
    small = architecture.space.num_routes <= SMALL_SPACE
    result = []
    for member, route in enumerate(architecture.routes(best_MK)):
        p_KR = p_MKR[member]
        chosen = np.take_along_axis(p_KR, best_MK[member][:, None], 1)[:, 0]
        listed = [p_R[:size].tolist() for p_R, size in zip(p_KR, sizes, strict=True)]
        result.append(
            DerivedRoute(
                route,
                dict(zip(blocks, chosen.tolist(), strict=True)),
                dict(zip(blocks, entropy_MK[member].tolist(), strict=True)),
                architecture.uniform_entropy(),
                curve.of(member, notes[member].get("converged")),
                notes[member],
                dict(zip(blocks, listed, strict=True)) if small else {},
            )
        )
    return tuple(result)
