"""Control: a predictor that knows the labels. An AUC below 1 reveals an error in evaluation."""

import numpy as np
from numpy.typing import NDArray

from mtnas.config.options import MethodOptions


class Options(MethodOptions):
    """A control has no options."""


def predict(labels_NT: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the labels themselves as probabilities."""
    return labels_NT
