"""Weights of tasks that have the same inputs and may have noisy labels.

Algorithm 2 of Wu, Zhang, Ré (ICLR 2020): theta_i = X'y_i, U_r the top r left singular vectors of
[theta_1 .. theta_K], weight_i = |theta_i' U_r|. Weights are computed once, before training, and
multiply the losses, Eq. (2). Taken literally, with labels 0 and 1, the weights follow the base
rates, and additive noise on a regression raises the weight of the noisy task; labels (and dense
inputs) are therefore standardised unless `literal` is asked for.
Shapes: N rows, C columns of ids, D inputs (or ids), K columns of labels, T tasks.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mtnas.runtime.errors import DataError
from mtnas.transfer.arrays import Floats, matrix, rank_within
from mtnas.transfer.coding import Coded, LabelKind, coded
from mtnas.transfer.theta import gram, theta_of_dense


def task_weights(theta_DK: ArrayLike, rank: int) -> Floats:
    """Return the weights of Algorithm 2, [K]; at rank K they are the lengths of the theta.

    Exact without a decomposition of D dimensions: with G = Theta'Theta = V S V',
    weight_i^2 = sum_{j <= rank} s_j V_ij^2.

    Raises:
        ConfigError: `rank` is not one of 1..K.
        DataError: a number is not finite.
    """
    gram_KK = gram(theta_DK)
    rank_within(rank, len(gram_KK), "task_weights")
    values_K, vectors_KK = np.linalg.eigh(gram_KK)
    top = slice(len(values_K) - rank, None)
    squares_K = vectors_KK[:, top] ** 2 @ np.maximum(values_K[top], 0.0)
    return np.asarray(np.sqrt(squares_K))


def standardised_inputs(x_ND: ArrayLike) -> Floats:
    """Return dense inputs with mean 0 and standard deviation 1; constant ones become 0."""
    x = matrix(x_ND, "inputs")
    varies = np.ptp(x, axis=0) > 0
    spread = np.where(varies, x.std(axis=0), 1.0)
    return np.where(varies, (x - x.mean(axis=0)) / spread, 0.0)


def standardised_theta(
    x_ND: ArrayLike, labels_NT: ArrayLike, kinds: Sequence[LabelKind] | None = None
) -> Floats:
    """Return X'Y of standardised dense inputs and labels, a mean over labelled rows: [D, K]."""
    return theta_of_dense(standardised_inputs(x_ND), coded(labels_NT, "standardised", kinds).y_NK)


def weights_of_theta(theta_DK: ArrayLike, y: Coded, rank: int) -> Floats:
    """Return a weight per task, [T], with mean 1, of what inputs of any kind tell of its labels.

    Raises:
        DataError: they tell nothing, so all weights are 0.
        ConfigError: a rank that cannot be.
    """
    weight_T = _by_task(theta_DK, y, rank)
    if not weight_T.sum() > 0:
        raise DataError("reweighting: all weights are 0; the inputs tell nothing of the labels")
    return np.asarray(weight_T / weight_T.mean())


def _by_task(theta_DK: ArrayLike, y: Coded, rank: int) -> Floats:
    """Join the weights of the columns of a task: the Frobenius norm of its block.

    A column of a task with C of them counts by 1 / sqrt(C), in U_r, too. So a task with two classes
    weighs what it does as a binary one, and many classes do not raise a weight.
    """
    width_K = np.bincount(y.task_K)[y.task_K]
    squares_K = task_weights(np.asarray(theta_DK) / np.sqrt(width_K), rank) ** 2
    return np.asarray(np.sqrt(np.bincount(y.task_K, squares_K)))
