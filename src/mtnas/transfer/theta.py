"""What inputs tell about each task: theta_i = X'y_i, its cosines between tasks, its directions.

theta_i is what Algorithm 2 of Wu, Zhang, Ré (ICLR 2020) begins with. Of one-hot inputs it needs
counting only: a number per id. Shapes: N rows, C columns of ids, D inputs (or ids), K columns of
labels.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mtnas.runtime.errors import DataError
from mtnas.transfer.arrays import Floats, matrix

_NEGLIGIBLE = 1e-12  # of the longest theta that such labels could have


def theta_of_dense(x_ND: ArrayLike, y_NK: ArrayLike) -> Floats:
    """Return X'Y, [D, K]; labels as `coding.coded` returns them.

    Raises:
        DataError: a number is not finite, or the rows do not fit.
    """
    x, y = matrix(x_ND, "inputs"), matrix(y_NK, "coded labels")
    if len(x) != len(y):
        raise DataError(f"theta: {len(x)} rows of inputs, {len(y)} of labels; needs as many")
    return x.T @ y


def theta_of_ids(ids_NC: ArrayLike, y_NK: ArrayLike, n_ids: int) -> Floats:
    """Return X'Y, [n_ids, K], where X has a column per id: the sum of the labels of its rows.

    An id that a row has twice counts twice. The id `n_ids` stands for none (it fills up lists).

    Raises:
        DataError: ids that are no integers from 0 to `n_ids`, or rows that do not fit.
    """
    ids, y = checked_ids(ids_NC, n_ids), matrix(y_NK, "coded labels")
    if len(ids) != len(y):
        raise DataError(f"theta: {len(ids)} rows of ids, {len(y)} of labels; needs as many")
    theta_DK = np.zeros((n_ids, y.shape[1]))
    for column_N in ids.T:
        for k, y_N in enumerate(y.T):
            theta_DK[:, k] += np.bincount(column_N, y_N, n_ids + 1)[:n_ids]
    return theta_DK


def checked_ids(ids_NC: ArrayLike, n_ids: int) -> NDArray[np.integer]:
    """Return ids [N, C]; a `DataError` unless they are integers from 0 to `n_ids`."""
    ids = np.asarray(ids_NC)
    if ids.ndim != 2 or not ids.size or not np.issubdtype(ids.dtype, np.integer):
        raise DataError(
            f"ids: {ids.dtype} of shape {ids.shape}; needs integers in rows and columns"
        )
    if ids.min() < 0 or ids.max() > n_ids:
        raise DataError(
            f"ids: from {ids.min()} to {ids.max()}; allowed: 0 to {n_ids} ({n_ids}: none)"
        )
    return ids


def cosines(theta_DK: ArrayLike) -> Floats:
    """Return the cosines of all pairs of columns, [K, K]; NaN for a column of zeros."""
    theta = matrix(theta_DK, "theta")
    lengths_K = np.linalg.norm(theta, axis=0)
    unit_DK = theta / np.where(lengths_K > 0, lengths_K, np.nan)
    cosine_KK = np.clip(unit_DK.T @ unit_DK, -1, 1)
    np.fill_diagonal(cosine_KK, np.where(lengths_K > 0, 1.0, np.nan))
    return cosine_KK


def field_cosines(ids_NC: ArrayLike, y_NK: ArrayLike, n_ids: int) -> Floats:
    """Return `cosines` of what each column of ids alone tells, [C, K, K].

    NaN where a column tells nothing about a label, for example one with a single id when labels
    are centred.
    """
    ids, y = checked_ids(ids_NC, n_ids), matrix(y_NK, "coded labels")
    reach_K = _NEGLIGIBLE * np.abs(y).sum(axis=0)
    found = []
    for column_N in ids.T:
        own, place_N = np.unique(column_N, return_inverse=True)
        theta_DK = theta_of_ids(place_N.reshape(-1, 1), y, len(own))[own < n_ids]
        theta_DK = theta_DK if len(theta_DK) else np.zeros((1, y.shape[1]))
        found.append(cosines(np.where(np.linalg.norm(theta_DK, axis=0) > reach_K, theta_DK, 0.0)))
    return np.stack(found)


def gram(theta_DK: ArrayLike) -> Floats:
    """Return G = Theta'Theta, [K, K]: all that Algorithm 2 needs to know."""
    theta = matrix(theta_DK, "theta")
    return theta.T @ theta


def spectrum(theta_DK: ArrayLike) -> Floats:
    """Return the eigenvalues of G, [K], largest first; none is below 0."""
    return np.asarray(np.maximum(np.linalg.eigvalsh(gram(theta_DK))[::-1], 0.0))


def effective_rank(theta_DK: ArrayLike) -> float:
    """Return how many directions the tasks share: exp of the entropy of the spectrum, from 1 to K.

    1: all theta are multiples of one; K: they are orthogonal and equally long. It depends on their
    lengths: divide by these first to count directions alone. (Roy and Vetterli, EUSIPCO 2007, take
    singular values, the square roots; eigenvalues are shares of the squared length.)

    Raises:
        DataError: all theta are zero.
    """
    values_K = spectrum(theta_DK)
    if values_K.sum() <= 0:
        raise DataError("theta: all zero; the inputs tell nothing about any label")
    share = values_K / values_K.sum()
    share = share[share > 0]
    return float(np.exp(-np.sum(share * np.log(share))))
