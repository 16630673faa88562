"""What inputs tell about each task: theta_i = X'y_i.

theta_i is what Algorithm 2 of Wu, Zhang, Ré (ICLR 2020) begins with. Of one-hot inputs it needs
counting only: a number per id. Shapes: N rows, C columns of ids, D inputs (or ids), K columns of
labels.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mtnas.runtime.errors import DataError
from mtnas.transfer.arrays import Floats, matrix


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


def gram(theta_DK: ArrayLike) -> Floats:
    """Return G = Theta'Theta, [K, K]: all that Algorithm 2 needs to know."""
    theta = matrix(theta_DK, "theta")
    return theta.T @ theta
