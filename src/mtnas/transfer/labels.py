"""How binary labels of two tasks go together: phi, what phi can be, nestedness.

All numbers of a pair are over the rows in which both labels are there. Shapes: N rows, T tasks.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from mtnas.runtime.errors import DataError
from mtnas.transfer.arrays import Floats, labels


@dataclass(frozen=True)
class Relation:
    """Two binary tasks; what is not defined, for want of rows or of variation, is None.

    Attributes:
        first: place of the first task.
        second: place of the second task.
        phi: Pearson correlation of the labels (the PCC of the MTNAS paper, Table 4).
        attained: phi as a part of the highest one that the base rates allow (`phi_limits`), which
            is reached if one label implies the other; of a negative phi, of the lowest: -1 to 1.
        second_given_first: P(second = 1 | first = 1).
        first_given_second: P(first = 1 | second = 1).
    """

    first: int
    second: int
    phi: float | None
    attained: float | None
    second_given_first: float | None
    first_given_second: float | None


def relations(labels_NT: ArrayLike) -> list[Relation]:
    """Return the relation of every pair of tasks, (0, 1), (0, 2) and so on.

    Raises:
        DataError: a label other than 0, 1 and NaN, or a task without labels.
    """
    binary = _binary(labels_NT)
    pairs = combinations(range(binary.shape[1]), 2)
    return [_relation(binary[:, [i, j]], i, j) for i, j in pairs]


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


def _relation(pair_N2: Floats, first: int, second: int) -> Relation:
    joint = pair_N2[~np.isnan(pair_N2).any(axis=1)]
    ones_i, ones_j = (int(n) for n in joint.sum(axis=0))
    both = int(joint.prod(axis=1).sum())
    phi, attained = _phi(len(joint), ones_i, ones_j, both)
    return Relation(first, second, phi, attained, _share(both, ones_i), _share(both, ones_j))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _phi(rows: int, i: int, j: int, both: int) -> tuple[float | None, float | None]:
    """Return phi, and which part it is of what can be, from counts; None if a label is constant."""
    if i in (0, rows) or j in (0, rows):
        return None, None
    phi = (rows * both - i * j) / ((i * (rows - i)) ** 0.5 * (j * (rows - j)) ** 0.5)
    low, high = phi_limits(i / rows, j / rows)
    return phi, phi / high if phi >= 0 else -phi / low
