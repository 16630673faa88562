"""Control: predict labels of other examples. An AUC far from 0.5 reveals leaked labels."""

import numpy as np
from numpy.typing import NDArray

from mtnas.config.options import MethodOptions


class Options(MethodOptions):
    """A control has no options."""


def predict(labels_NT: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return labels of randomly chosen examples, with noise so that no two scores are equal."""
    noise = rng.uniform(-0.1, 0.1, labels_NT.shape)
    return (0.2 + 0.6 * rng.permutation(labels_NT) + noise).astype(np.float32)
