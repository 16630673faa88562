"""Algorithm 1: search the sharing route by REINFORCE, many seeds at once.

D2-D4 (docs/deviations.md) name what the paper leaves open; every one is an option.
Shapes: M members, B batch, T tasks, K blocks.
"""

import logging
import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from mtnas import seeds
from mtnas.errors import TrainingError
from mtnas.methods.mtnas import activity
from mtnas.metrics import auc, log_loss
from mtnas.options import SearchOptions, TrainingOptions
from mtnas.routes import SearchSpace
from mtnas.search.architecture import Architecture, Floats, Index
from mtnas.search.gate_bank import GateBank
from mtnas.search.result import Found, SearchResult
from mtnas.training.data import Examples, Split, endless, epoch_batches
from mtnas.training.fit import Trainer
from mtnas.training.stack import Stack

log = logging.getLogger(__name__)

CURVE_POINTS = 200


class Supernet:
    """M supernets: a stack that is given a new route (and its gates) whenever one is sampled."""

    def __init__(
        self, stack: Stack, examples: Examples, space: SearchSpace, options: TrainingOptions
    ) -> None:
        """Build the gate banks and the optimiser around `stack`, which is changed in place."""
        self.stack, self.examples, self.space = stack, examples, space
        self.bank = GateBank(stack, space)
        dense = {name: torch.from_numpy(mask) for name, mask in self._activity().items()}
        self.trainer = Trainer(stack, examples, options, dense)

    def _activity(self) -> dict[str, NDArray[np.bool_]]:
        values = self.stack.buffers["sharing.values_KW"].numpy()
        active = activity(self.space, values, self.stack.buffers["sharing.query_KC"].numpy())
        return {f"sharing.{name}": mask for name, mask in active.items()}

    def take(self, index_MK: Index, architecture: Architecture) -> None:
        """Become the network of the sampled routes N(u, w_u)."""
        values, query = architecture.buffers(index_MK)
        self.stack.buffers["sharing.values_KW"] = torch.from_numpy(values)
        self.stack.buffers["sharing.query_KC"] = torch.from_numpy(query)
        self.bank.lend(torch.from_numpy(index_MK), self.stack, self.trainer.dense)

    def weight_step(self, index_MK: Index, batch_MB: torch.Tensor) -> torch.Tensor:
        """Descend the training loss of the network taken last; return loss_M."""
        active = {name: torch.from_numpy(mask) for name, mask in self._activity().items()}
        self.trainer.dense.set_active(active)
        loss_M = self.trainer.step(batch_MB)
        self.bank.take_back(torch.from_numpy(index_MK), self.stack, self.trainer.dense)
        return loss_M

    @torch.no_grad()
    def rewards(self, batch_MB: torch.Tensor, kind: str) -> tuple[Floats, int]:
        """Return R_val of every member on a validation batch, and how many AUCs were undefined.

        A task whose batch has one class only is left out of the sum.
        """
        ids_MBF = self.examples.ids[batch_MB]
        self.trainer.table.settle(ids_MBF.flatten(1))
        logit_MTB = self.stack.logits(self.stack.embed(ids_MBF)).transpose(1, 2)
        y_MTB = self.examples.labels_of(self.stack.members, batch_MB).transpose(1, 2)
        if kind == "neg_loss":
            loss_M: Floats = log_loss(logit_MTB, y_MTB).sum(-1).numpy()
            return -loss_M, 0
        auc_MT = auc(logit_MTB, y_MTB)
        undefined = int(auc_MT.isnan().sum())
        reward_M: Floats = auc_MT.nan_to_num(0.0).sum(-1).numpy()
        return reward_M, undefined


class Baseline:
    """b of Eq. (5): the moving average of the rewards experienced so far (D3)."""

    def __init__(self, options: SearchOptions) -> None:
        """Start without a value: the first advantage is zero."""
        self._options, self._value_M, self._count = options, np.zeros(0), 0

    def advantage(self, reward_PM: Floats) -> Floats:
        """Return R - b for P routes per member, then move b."""
        mean_M = reward_PM.mean(0)
        if self._count == 0:
            self._value_M = mean_M
        if self._options.leave_one_out:
            # The mean of the others is known exactly; no history is needed.
            others = len(reward_PM) - 1
            advantage: Floats = (reward_PM - mean_M) * (len(reward_PM) / others)
        else:
            advantage = reward_PM - self._value_M
        self._count += 1
        running = self._options.baseline == "running_mean"
        weight = 1 / self._count if running else 1 - self._options.baseline_momentum
        self._value_M = self._value_M + weight * (mean_M - self._value_M)
        return advantage


def search(
    stack: Stack,
    examples: Examples,
    splits: Sequence[Split],
    space: SearchSpace,
    options: SearchOptions,
    training: TrainingOptions,
) -> SearchResult:
    """Search one route per member; `stack` becomes the derived networks with inherited weights."""
    started = time.perf_counter()
    supernet = Supernet(stack, examples, space, training)
    architecture = Architecture(space, len(stack), learning_rate=options.learning_rate)
    rngs = [seeds.generator(m.seed, "routes") for m in stack.members]
    train = endless(
        epoch_batches([s.train for s in splits], stack.members, training.batch_size, "batches")
    )
    valid = endless(
        epoch_batches([s.valid for s in splits], stack.members, options.batch_size, "validation")
    )
    baseline, curve, undefined = Baseline(options), Curve(options.steps), 0
    for step in range(1, options.warmup_steps + options.steps + 1):
        index_MK = architecture.sample(rngs)
        supernet.take(index_MK, architecture)
        loss_M = supernet.weight_step(index_MK, next(train))
        if step <= options.warmup_steps:
            continue
        if options.fresh_sample:  # D2
            index_MK = architecture.sample(rngs)
        reward_M, dropped = _architecture_step(
            supernet, architecture, baseline, index_MK, valid, rngs, options
        )
        undefined += dropped
        curve.add(step - options.warmup_steps, reward_M, architecture.entropy().mean(-1))
        if step % max(1, options.steps // 10) == 0:
            _report(step, options, loss_M, reward_M, architecture, time.perf_counter() - started)
    best_MK = architecture.best()
    supernet.take(best_MK, architecture)
    supernet.trainer.table.settle()
    found = _found(architecture, best_MK, curve, undefined)
    return SearchResult(found, stack.state(), time.perf_counter() - started)


def _architecture_step(
    supernet: Supernet,
    architecture: Architecture,
    baseline: Baseline,
    index_MK: Index,
    valid: Iterator[torch.Tensor],
    rngs: Sequence[np.random.Generator],
    options: SearchOptions,
) -> tuple[Floats, int]:
    """Ascend (R - b) grad log p (Eq. 5), averaged over the sampled routes; return mean rewards."""
    batch_MB, rewards, scores, undefined = next(valid), [], [], 0
    for number in range(options.routes_per_step):
        if number > 0:
            index_MK = architecture.sample(rngs)
            batch_MB = batch_MB if options.shared_batch else next(valid)
        supernet.take(index_MK, architecture)
        reward_M, dropped = supernet.rewards(batch_MB, options.reward)
        rewards.append(reward_M)
        scores.append(architecture.score(index_MK))
        undefined += dropped
    reward_PM = np.stack(rewards)
    if not np.isfinite(reward_PM).all():
        raise TrainingError(
            "search: the reward is not finite; lower training: learning_rate and run again"
        )
    advantage_PM = baseline.advantage(reward_PM)
    gradient = (advantage_PM[..., None, None] * np.stack(scores)).mean(0)
    if options.entropy_bonus:
        gradient = gradient + options.entropy_bonus * architecture.entropy_gradient()
    architecture.ascend(gradient)
    return reward_PM.mean(0), undefined


class Curve:
    """Reward and entropy over the steps, averaged to at most `CURVE_POINTS` points."""

    def __init__(self, steps: int) -> None:
        """Prepare for `steps` architecture steps."""
        self._width = max(1, -(-steps // CURVE_POINTS))
        self._pending: list[tuple[Floats, Floats]] = []
        self.steps: list[int] = []
        self.means: list[tuple[Floats, Floats]] = []

    def add(self, step: int, reward_M: Floats, entropy_M: Floats) -> None:
        """Add one step."""
        self._pending.append((reward_M, entropy_M))
        if len(self._pending) == self._width:
            rewards, entropies = zip(*self._pending, strict=True)
            self.means.append((np.mean(rewards, 0), np.mean(entropies, 0)))
            self.steps.append(step)
            self._pending = []

    def of(self, member: int) -> dict[str, list[float]]:
        """Return the curve of one member."""
        return {
            "step": [float(step) for step in self.steps],
            "reward": [float(reward[member]) for reward, _ in self.means],
            "entropy": [float(entropy[member]) for _, entropy in self.means],
        }


def _found(
    architecture: Architecture, best_MK: Index, curve: Curve, undefined: int
) -> tuple[Found, ...]:
    p_MKR, entropy_MK = architecture.probabilities(), architecture.entropy()
    blocks = architecture.space.blocks
    uniform = dict(zip(blocks, np.log(architecture.sizes_K).tolist(), strict=True))
    result = []
    for member, route in enumerate(architecture.routes(best_MK)):
        chosen = np.take_along_axis(p_MKR[member], best_MK[member][:, None], 1)[:, 0]
        result.append(
            Found(
                route,
                dict(zip(blocks, chosen.tolist(), strict=True)),
                dict(zip(blocks, entropy_MK[member].tolist(), strict=True)),
                uniform,
                curve.of(member),
                {"undefined_rewards": undefined},
            )
        )
    return tuple(result)


def _report(
    step: int,
    options: SearchOptions,
    loss_M: torch.Tensor,
    reward_M: Floats,
    architecture: Architecture,
    seconds: float,
) -> None:
    total = options.warmup_steps + options.steps
    log.info(
        "search step %d/%d  train loss %.4f  reward %.4f  entropy %.3f of %.3f  %.0f s, "
        "%.0f s to go",
        step, total, loss_M.mean(), reward_M.mean(), architecture.entropy().mean(),
        np.log(architecture.sizes_K).mean(), seconds, seconds / step * (total - step),
    )  # fmt: skip
