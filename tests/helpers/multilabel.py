"""Related binary tasks on the same inputs, one of them perhaps with noisy labels."""

import numpy as np
from numpy.typing import NDArray

from mtnas.transfer.generators import redrawn

Floats = NDArray[np.float64]


def shared_multilabel(
    rng: np.random.Generator,
    rows: int,
    dim: int,
    tasks: int,
    noisy_task: int | None = None,
    noise_share: float = 0.0,
) -> tuple[Floats, Floats]:
    """Return inputs [N, D] and labels [N, T].

    x ~ N(0, 1), theta_i = 3 (u + 0.3 v_i) with unit vectors u and v_i,
    P(y_i = 1) = 1 / (1 + exp(-x theta_i)). Of the noisy task a share of the rows, exactly, gets
    labels drawn at random, 0 or 1 alike.
    """
    directions = rng.standard_normal((dim, tasks + 1))
    directions /= np.linalg.norm(directions, axis=0)
    theta_DT = 3 * (directions[:, :1] + 0.3 * directions[:, 1:])
    x_ND = rng.standard_normal((rows, dim))
    labels_NT = (rng.random((rows, tasks)) < 1 / (1 + np.exp(-x_ND @ theta_DT))).astype(float)
    if noisy_task is not None:
        labels_NT[:, noisy_task] = redrawn(rng, labels_NT[:, noisy_task], noise_share)
    return x_ND, labels_NT
