"""Calibration: whether what is said to have a probability comes true that often. No torch here.

Bins hold equally many examples, unlike those of `scores.calibration_error`, which are of equal
width: where most probabilities are small, a bin of equal width holds nearly all of them.
Shapes: N examples, B bins.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BINS = 15

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """A reliability curve: of every bin with examples its mean probability and what came true."""

    predicted: Floats  # [B], rising
    observed: Floats  # [B], shares
    rows: NDArray[np.int64]  # [B]
    bin: NDArray[np.int64]  # [B], its place among all bins, empty ones too

    @property
    def error(self) -> float:
        """Return the expected calibration error (ECE): sum_b n_b / n |predicted - observed|."""
        gaps = np.abs(self.predicted - self.observed)
        return float((gaps * self.rows).sum() / self.rows.sum())


def reliability(p: Floats, came_true: Floats, bins: int = BINS) -> Reliability:
    """Return the reliability curve of probabilities [N] and what came true, 0 or 1 [N].

    Equal probabilities share a bin, by their mean rank, so the order of examples does not matter;
    with many equal ones bins are not of one size, or empty and left out.

    Raises:
        ValueError: no example.
    """
    if not len(p):
        raise ValueError("a reliability curve needs an example")
    rank = pd.Series(p).rank(method="average").to_numpy()
    place = ((rank - 0.5) * bins / len(p)).astype(np.int64)
    rows = np.bincount(place, minlength=bins)
    has = rows > 0
    predicted, observed = (np.bincount(place, weights=x, minlength=bins) for x in (p, came_true))
    (bin_,) = np.nonzero(has)
    return Reliability(predicted[has] / rows[has], observed[has] / rows[has], rows[has], bin_)
