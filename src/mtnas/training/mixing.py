"""How the sources of a dataset share the batches of an epoch.

A plan says how many rows each batch takes of each source. The rows of a source come in an order of
their own, shuffled anew in every epoch; a source that is read more than once is shuffled for each
time.
Shapes: S sources that have rows, K batches of an epoch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtnas.config.options import TrainingOptions

BatchPlan = NDArray[np.int64]  # [K, S]: rows


@dataclass(frozen=True)
class Mixing:
    """The source of every row, and how batches are made of them."""

    how: str
    weights: tuple[float, ...]  # of every source
    source: NDArray[np.int8]  # [rows]

    @classmethod
    def of(
        cls,
        options: TrainingOptions,
        source: NDArray[np.int8] | None,
        names: Sequence[str],
    ) -> "Mixing | None":
        """Return how options mix the sources of these names; None where all rows are alike.

        Raises:
            ConfigError: the options need sources, and there are none, or not these.
        """
        options.check_sources(names)
        if source is None or options.mixing == "proportional":
            return None
        given = options.mixing_weights or {}
        return cls(options.mixing, tuple(given.get(name, 1.0) for name in names), source)

    def parts(self, rows: NDArray[np.int64]) -> tuple[list[NDArray[np.int64]], list[float]]:
        """Divide row numbers by their source; return the parts that have any, and their weights."""
        own = self.source[rows]
        parts = [rows[own == number] for number in range(len(self.weights))]
        found = [number for number, part in enumerate(parts) if len(part)]
        return [parts[number] for number in found], [self.weights[number] for number in found]


def divided(
    rows: NDArray[np.int64], left_out: NDArray[np.int64], size: int, mixing: Mixing | None
) -> tuple[list[NDArray[np.int64]], BatchPlan]:
    """Return the rows of every source and the plan of their batches; without `mixing`, there is one
    source.

    The plan is that of `rows` and those that are `left_out` together, so a part without a row is
    planned for, too; `label_check` refuses such data before.
    """
    if mixing is None:
        return [rows], plan_of("proportional", [len(rows) + len(left_out)], [1.0], size)
    every, weights = mixing.parts(np.concatenate([rows, left_out]))
    own = mixing.source[rows]
    parts = [rows[own == mixing.source[part[0]]] for part in every]
    return parts, plan_of(mixing.how, [len(part) for part in every], weights, size)


def plan_of(how: str, counts: Sequence[int], weights: Sequence[float], size: int) -> BatchPlan:
    """Return how many rows of every source each batch of `size` takes in an epoch.

    `counts` are the rows of every source. As in plain shuffling, an incomplete batch is left out
    (V9); a source with fewer rows than a batch has smaller ones.
    """
    return _PLANS[how](counts, weights, size)


def _proportional(counts: Sequence[int], _: Sequence[float], size: int) -> BatchPlan:
    """Plan batches of rows that are shuffled all together, as one part."""
    (rows,) = counts
    return _alone([0] * _whole(rows, size), counts, size)


def _sequential(counts: Sequence[int], _: Sequence[float], size: int) -> BatchPlan:
    """Plan all batches of one source, then all of the next."""
    turns = [[number] * _whole(rows, size) for number, rows in enumerate(counts)]
    return _alone([number for turn in turns for number in turn], counts, size)


def _round_robin(counts: Sequence[int], weights: Sequence[float], size: int) -> BatchPlan:
    """Plan batches of one source each, in turn; one that is used up drops out."""
    left, order = [_whole(rows, size) for rows in counts], []
    while any(left):
        for number, weight in enumerate(weights):
            taken = min(int(weight), left[number])
            left[number] -= taken
            order += [number] * taken
    return _alone(order, counts, size)


def _balanced(counts: Sequence[int], weights: Sequence[float], size: int) -> BatchPlan:
    """Plan batches with rows of every source, until each has been used up once."""
    size = min(size, sum(counts))
    share = np.array(weights) / sum(weights) * size
    taken = np.floor(share).astype(np.int64).clip(min=1)  # no source goes without
    while taken.sum() < size:
        taken[np.argmax(share - taken)] += 1
    while taken.sum() > size:
        taken[np.argmax(np.where(taken > 1, taken - share, -np.inf))] -= 1
    batches = max(1, *(int(rows) // int(each) for rows, each in zip(counts, taken, strict=True)))
    return np.tile(taken, (batches, 1))


_PLANS: dict[str, Callable[[Sequence[int], Sequence[float], int], BatchPlan]] = {
    "proportional": _proportional,
    "sequential": _sequential,
    "round_robin": _round_robin,
    "balanced": _balanced,
}


def _whole(rows: int, size: int) -> int:
    """Return how many whole batches so many rows make; fewer than `size` rows make one."""
    return rows // min(size, rows)


def _alone(order: Sequence[int], counts: Sequence[int], size: int) -> BatchPlan:
    """Return the plan of batches of one source each, given its number."""
    plan = np.zeros((len(order), len(counts)), np.int64)
    plan[np.arange(len(order)), order] = np.minimum(counts, size)[list(order)]
    return plan
