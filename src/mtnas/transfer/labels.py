"""How binary labels of two tasks go together: base rates, phi, what phi can be, nestedness.

All numbers of a pair are over the rows in which both labels are there. Shapes: N rows, T tasks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from mtnas.runtime.errors import ConfigError, DataError
from mtnas.transfer.arrays import Floats, labels


@dataclass(frozen=True)
class Relation:
    """Two binary tasks; what is not defined, for want of rows or of variation, is None.

    Attributes:
        first: place of the first task.
        second: place of the second task.
        joint_rows: rows in which both have a label.
        rate_first: share of ones of the first among these rows.
        rate_second: share of ones of the second among these rows.
        phi: Pearson correlation of the labels (the PCC of the MTNAS paper, Table 4).
        phi_max: the highest phi that these rates allow; reached if one label implies the other.
        phi_min: the lowest phi that these rates allow.
        attained: phi / phi_max, or, of a negative phi, -phi / phi_min: from -1 to 1.
        second_given_first: P(second = 1 | first = 1).
        first_given_second: P(first = 1 | second = 1).
        flags: what a reader should know: `no_joint_rows`, `first_constant`, `second_constant`,
            `first_implies_second`, `second_implies_first`. An implied label suggests a chain,
            P(implying) = P(implied) P(implying | implied).
    """

    first: int
    second: int
    joint_rows: int
    rate_first: float | None
    rate_second: float | None
    phi: float | None
    phi_max: float | None
    phi_min: float | None
    attained: float | None
    second_given_first: float | None
    first_given_second: float | None
    flags: tuple[str, ...]


def base_rates(labels_NT: ArrayLike) -> Floats:
    """Return the share of ones among the labels of each task, [T].

    Raises:
        DataError: a label other than 0, 1 and NaN, or a task without labels.
    """
    return np.asarray(np.nanmean(_binary(labels_NT), axis=0))


def relations(labels_NT: ArrayLike, implies: float = 1.0) -> list[Relation]:
    """Return the relation of every pair of tasks, (0, 1), (0, 2) and so on.

    Args:
        labels_NT: 0 and 1; NaN where one is missing.
        implies: the conditional probability from which on one label is said to imply the other.

    Raises:
        ConfigError: `implies` is not above 0 and at most 1.
        DataError: as `base_rates`.
    """
    if not 0 < implies <= 1:
        raise ConfigError(f"implies: {implies}; allowed: above 0, at most 1")
    binary = _binary(labels_NT)
    pairs = combinations(range(binary.shape[1]), 2)
    return [_relation(binary[:, [i, j]], i, j, implies) for i, j in pairs]


def phi_limits(rate_first: float, rate_second: float) -> tuple[float, float]:
    """Return the lowest and the highest phi of two binary labels with these rates, within (0, 1).

    The highest, sqrt(p_s (1 - p_l) / ((1 - p_s) p_l)) with p_s <= p_l, is reached if the rarer
    label implies the other; the lowest if as few rows as the rates allow have both labels.
    """
    odds_first, odds_second = rate_first / (1 - rate_first), rate_second / (1 - rate_second)
    ratio, product = odds_first / odds_second, odds_first * odds_second
    return -(min(product, 1 / product) ** 0.5), min(ratio, 1 / ratio) ** 0.5


def _binary(labels_NT: ArrayLike) -> Floats:
    array = labels(labels_NT)
    bad = ~(np.isnan(array) | (array == 0) | (array == 1))
    if bad.any():
        row, task = np.argwhere(bad)[0]
        raise DataError(
            f"labels: row {row} of task {task} is {array[row, task]:g}; needs 0, 1 or NaN (missing)"
        )
    return array


def _relation(pair_N2: Floats, first: int, second: int, implies: float) -> Relation:
    joint = pair_N2[~np.isnan(pair_N2).any(axis=1)]
    rows = len(joint)
    if not rows:
        nothing = (None,) * 8
        return Relation(first, second, 0, *nothing, flags=("no_joint_rows",))
    ones_i, ones_j = (int(n) for n in joint.sum(axis=0))
    both = int(joint.prod(axis=1).sum())
    given_i, given_j = _share(both, ones_i), _share(both, ones_j)
    phi, low, high = _phi(rows, ones_i, ones_j, both)
    return Relation(
        *(first, second, rows, ones_i / rows, ones_j / rows),
        *(phi, high, low, _attained(phi, low, high), given_i, given_j),
        flags=tuple(_flags(rows, ones_i, ones_j, given_i, given_j, implies)),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _phi(rows: int, i: int, j: int, both: int) -> tuple[float | None, float | None, float | None]:
    """Return phi, the lowest and the highest one, from counts; None if a label is constant."""
    if i in (0, rows) or j in (0, rows):
        return None, None, None
    phi = (rows * both - i * j) / ((i * (rows - i)) ** 0.5 * (j * (rows - j)) ** 0.5)
    return phi, *phi_limits(i / rows, j / rows)


def _attained(phi: float | None, low: float | None, high: float | None) -> float | None:
    if phi is None or low is None or high is None:
        return None
    return phi / high if phi >= 0 else -phi / low


def _flags(
    rows: int, i: int, j: int, given_i: float | None, given_j: float | None, implies: float
) -> Iterator[str]:
    for name, ones in (("first", i), ("second", j)):
        if ones in (0, rows):
            yield f"{name}_constant"
    if i in (0, rows) or j in (0, rows):
        return  # a constant label implies everything, which says nothing
    if given_i is not None and given_i >= implies:
        yield "first_implies_second"
    if given_j is not None and given_j >= implies:
        yield "second_implies_first"
