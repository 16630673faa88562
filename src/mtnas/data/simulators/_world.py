"""A world of users and items: who meets what, and which labels follow.

A label follows from a score: effects of user, item and context, the product of latent tastes of
user and item, and noise. The effects of one user (or item) on the tasks are correlated, so the
tasks are related. Thresholds on the scores, one for every combination of the earlier labels, are
set on a pilot sample of the same world; given the world, rows are independent. So label rates and
correlations come out as planted, up to the errors of two samples.

Shapes: n rows, T tasks, K tastes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]
Plan = Sequence[Sequence[float]]

PILOT_ROWS = (1 << 15, 1 << 19)  # fewest, most
NUM_TASTES = 4
RELATED = 0.5  # correlation of the effects that one user or item has on two tasks
USER_SD, ITEM_SD, CONTEXT_SD, TASTE_SD, NOISE_SD = 0.8, 0.7, 0.3, 0.6, 1.0


@dataclass(frozen=True)
class Population:
    """Users or items: the steepness of their popularity, and what they bring to a score."""

    exponent: float
    effect: Floats  # [size, T]
    taste: Floats  # [size, K]

    def draw(self, rng: np.random.Generator, n: int) -> Indices:
        """Draw members with frequency ~ rank ** -exponent; member 0 is the most frequent."""
        power = 1 - self.exponent
        top = (len(self.effect) + 1.0) ** power
        rank = (1 + rng.random(n) * (top - 1)) ** (1 / power)
        drawn: Indices = np.minimum(rank.astype(np.int64) - 1, len(self.effect) - 1)
        return drawn


@dataclass(frozen=True)
class Rows:
    """Rows of a world: who met what, in which context, and the labels, bool [n, T]."""

    user: Indices
    item: Indices
    context: Indices
    labels: NDArray[np.bool_]


class World:
    """Draws rows; `plan[k]` has P(task k = 1) for each combination of the earlier labels.

    A combination is read as a binary number, task 0 first. `rows` is how many will be drawn.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        users: Population,
        items: Population,
        plan: Plan,
        contexts: Sequence[float] = (1.0,),
        *,
        rows: int,
    ) -> None:
        self.users, self.items, self.contexts = users, items, np.cumsum(contexts)
        tasks = len(plan)
        self._context_effect = CONTEXT_SD * effects(rng, len(contexts), tasks)
        weights = effects(rng, NUM_TASTES, tasks)
        self._weights = TASTE_SD * weights / np.linalg.norm(weights, axis=0)
        pilot = int(np.clip(4 * rows, *PILOT_ROWS))  # its error stays below that of the rows
        self._cuts = self._calibrate(rng, plan, pilot)

    def draw(self, rng: np.random.Generator, n: int) -> Rows:
        """Draw rows."""
        user, item, context, score = self._expected(rng, n)
        score += NOISE_SD * rng.standard_normal(score.shape, dtype=np.float32)
        labels = np.empty(score.shape, bool)
        cell = np.zeros(n, np.int64)
        for task, cuts in enumerate(self._cuts):
            labels[:, task] = score[:, task] > cuts[cell]
            cell = 2 * cell + labels[:, task]
        return Rows(user, item, context, labels)

    def _expected(
        self, rng: np.random.Generator, n: int
    ) -> tuple[Indices, Indices, Indices, Floats]:
        """Draw who meets what in which context; return also the scores without noise, [n, T]."""
        user, item = self.users.draw(rng, n), self.items.draw(rng, n)
        last = len(self.contexts) - 1
        context = np.minimum(np.searchsorted(self.contexts, rng.random(n), side="right"), last)
        score: Floats = (self.users.taste[user] * self.items.taste[item]) @ self._weights
        score += self.users.effect[user]
        score += self.items.effect[item]
        score += self._context_effect[context]
        return user, item, context, score

    def _calibrate(
        self, rng: np.random.Generator, plan: Plan, pilot: int
    ) -> list[NDArray[np.float64]]:
        """Return the thresholds of every task, one for each combination of earlier labels.

        The noise is not drawn but integrated out: a rare label needs no larger pilot sample.
        """
        *_, score = self._expected(rng, pilot)
        cells = [np.ones(pilot)]  # P(combination of earlier labels) of every row
        result = []
        for task, rates in enumerate(plan):
            pairs = zip(cells, rates, strict=True)
            cuts = [_cut(score[:, task], weight, rate) for weight, rate in pairs]
            ones = [_probability(score[:, task], cut) for cut in cuts]
            split = zip(cells, ones, strict=True)
            cells = [part for w, p in split for part in (w * (1 - p), w * p)]
            result.append(np.array(cuts))
        return result


def effects(
    rng: np.random.Generator,
    size: int,
    tasks: int,
    parents: Sequence[tuple[Floats, Indices]] = (),
) -> Floats:
    """Draw effects [size, T] with variance 1, correlated over the tasks.

    A parent (its effects, the parent of each member) hands down an equal share of the variance, so
    that the group of an item tells something of an item that was never seen.
    """
    common = rng.standard_normal((size, 1), dtype=np.float32)
    own = rng.standard_normal((size, tasks), dtype=np.float32)
    total = np.float32(sqrt(RELATED)) * common + np.float32(sqrt(1 - RELATED)) * own
    for effect, index in parents:
        total += effect[index]
    total /= np.float32(sqrt(1 + len(parents)))
    return total


def tastes(rng: np.random.Generator, size: int) -> Floats:
    """Draw the latent tastes of users or items, [size, K]."""
    return rng.standard_normal((size, NUM_TASTES), dtype=np.float32)


def zipf(rng: np.random.Generator, size: int, n: int) -> Indices:
    """Draw n numbers below `size`, number r with frequency ~ 1 / (r + 1)."""
    return np.minimum(np.floor((size + 1.0) ** rng.random(n)).astype(np.int64), size) - 1


def both(rates: Sequence[float], i: int, j: int, pcc: float) -> float:
    """Return P(label i = label j = 1) from their rates and their correlation."""
    p, q = rates[i], rates[j]
    return p * q + pcc * sqrt(p * (1 - p) * q * (1 - q))


def scaled(real: int, rows: int, real_rows: int, least: int = 20) -> int:
    """Return how many users or items suit `rows` rows: as many rows each as in reality, or more."""
    return min(real, max(least, round(real * rows / real_rows)))


def _probability(score: Floats, cut: float) -> NDArray[np.float64]:
    """Return P(score + noise > cut) of every row."""
    p: NDArray[np.float64] = ndtr((score.astype(np.float64) - cut) / NOISE_SD)
    return p


def _cut(score: Floats, weight: NDArray[np.float64], rate: float) -> float:
    """Return the threshold that a share `rate` of the weighted rows exceeds."""
    if rate <= 0:
        return np.inf
    wanted = rate * weight.sum()
    low, high = float(score.min()) - 10 * NOISE_SD, float(score.max()) + 10 * NOISE_SD
    return float(brentq(lambda cut: weight @ _probability(score, cut) - wanted, low, high))
