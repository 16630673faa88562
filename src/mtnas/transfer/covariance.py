"""How similar the inputs of two tasks are: the covariance similarity score.

Wu, Zhang, Ré (ICLR 2020), Sec. 2.3, Eq. (5). The covariance of a task is X'X, neither centred nor
divided by the rows, as in the paper. Shapes: N rows, D inputs, R directions kept.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mtnas.runtime.errors import ConfigError, DataError
from mtnas.transfer.arrays import Floats, matrix

ENERGY = 0.99
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Similarity:
    """Eq. (5) for two tasks, and what is needed to read it: scores depend on the rank of the data.

    Attributes:
        score: Eq. (5), from 0 to 1; even for identical tasks it is 1 / sqrt(r) if their r
            directions have equal variance, and 1 at rank 1 only.
        normalised: the cosine of the two matrices: score^2, divided by the scores of both tasks
            with themselves; from 0 to 1, which it is for identical tasks.
    """

    score: float
    normalised: float


def covariance(x_ND: ArrayLike) -> Floats:
    """Return X'X, [D, D], not divided by the rows."""
    x = matrix(x_ND, "inputs")
    return x.T @ x


def truncated(covariance_DD: ArrayLike, energy: float = ENERGY) -> tuple[Floats, Floats]:
    """Return the leading eigenvectors [D, R] and eigenvalues [R] of a covariance.

    R is the smallest number of eigenvalues whose sum is at least `energy` of the sum of all: the
    "99 % of the singular values" of Sec. 2.3, those of X'X.

    Raises:
        ConfigError: `energy` is not above 0 and at most 1.
        DataError: it is not finite or not symmetric, or zero, as the inputs are.
    """
    if not 0 < energy <= 1:
        raise ConfigError(f"energy: {energy}; allowed: above 0, at most 1 (the paper: 0.99)")
    values_D, vectors_DD = np.linalg.eigh(_symmetric(covariance_DD))
    values_D, vectors_DD = values_D[::-1], vectors_DD[:, ::-1]
    largest = float(values_D[0])
    if largest <= 0:
        raise DataError("covariance: zero in every direction; the inputs of a task must vary")
    values_D = np.where(values_D > _ROUNDING * largest, values_D, 0.0)
    share_D = np.cumsum(values_D) / values_D.sum()
    rank = int(np.argmax(share_D >= energy - _ROUNDING)) + 1
    return vectors_DD[:, :rank], values_D[:rank]


def _symmetric(covariance_DD: ArrayLike) -> Floats:
    array = matrix(covariance_DD, "covariance")
    size = np.abs(array).max()
    if array.shape[0] != array.shape[1] or np.abs(array - array.T).max() > 1e-9 * size:
        raise DataError(f"covariance: shape {array.shape}; needs a symmetric matrix, such as X'X")
    return (array + array.T) / 2


def similarity(
    x_first_ND: ArrayLike,
    x_second_ND: ArrayLike,
    *,
    energy: float = ENERGY,
) -> Similarity:
    """Return how similar the inputs of two tasks are, Eq. (5); they may differ in rows.

    One rotation of the inputs of both tasks, and a factor for either, change nothing. If
    eigenvalues are equal where the kept directions end, which of them are kept is arbitrary.

    Raises:
        ConfigError, DataError: as `truncated`; or the tasks differ in inputs.
    """
    return similarity_of(covariance(x_first_ND), covariance(x_second_ND), energy=energy)


def similarity_of(
    first_DD: ArrayLike, second_DD: ArrayLike, *, energy: float = ENERGY
) -> Similarity:
    """Return `similarity` from two covariances."""
    first, second = truncated(first_DD, energy), truncated(second_DD, energy)
    dims = len(first[0]), len(second[0])
    if dims[0] != dims[1]:
        raise DataError(f"similarity: tasks of {dims[0]} and {dims[1]} inputs; needs equal numbers")
    score, own, other = _score(first, second), _self(first[1]), _self(second[1])
    return Similarity(score, min(1.0, score**2 / (own * other)))


def _score(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> float:
    """Return Eq. (5) of two truncated covariances."""
    roots = [vectors_DR * np.sqrt(values_R) for vectors_DR, values_R in (first, second)]
    lengths = [np.linalg.norm(root) for root in roots]
    return float(np.linalg.norm(roots[0].T @ roots[1]) / (lengths[0] * lengths[1]))


def _self(values_R: Floats) -> float:
    return float(np.linalg.norm(values_R) / values_R.sum())
