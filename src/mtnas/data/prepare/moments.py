"""Means, spreads and correlations of the labels of a table while its rows stream by.

Shapes: N rows, T tasks.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mtnas.data.pairs import pair_of
from mtnas.data.prepare.labels import (
    BinaryLabel,
    Label,
    LabelColumn,
    MulticlassLabel,
    RegressionLabel,
)


class Moments:
    """Sums over the rows that have both labels of a pair [T, T], from which correlations come.

    Values are taken relative to the first one of their task (0 of a binary one), for precision.
    """

    def __init__(self, labels: Sequence[Label]) -> None:
        self._labels = labels
        self._first: list[float | None] = [
            None if isinstance(label, RegressionLabel) else 0.0 for label in labels
        ]
        shape = (len(labels), len(labels))
        self.rows, self.sums, self.squares, self.products = (np.zeros(shape) for _ in range(4))

    def add(self, columns: Sequence[LabelColumn]) -> None:
        """Add the labels of a chunk, NaN where there is none."""
        x_NT = np.stack(columns, axis=1)
        has_NT = ~np.isnan(x_NT)
        x_NT = np.where(has_NT, x_NT - self._origin(x_NT, has_NT), 0.0)
        has_NT = has_NT.astype(np.float64)
        self.rows += has_NT.T @ has_NT
        self.sums += x_NT.T @ has_NT
        self.squares += (x_NT * x_NT).T @ has_NT
        self.products += x_NT.T @ x_NT

    def _origin(self, x_NT: LabelColumn, has_NT: NDArray[np.bool_]) -> LabelColumn:
        for task, first in enumerate(self._first):
            if first is None and has_NT[:, task].any():
                self._first[task] = float(x_NT[has_NT[:, task].argmax(), task])
        return np.array([first or 0.0 for first in self._first])

    def mean(self, task: int) -> float:
        """Return the mean of a task's labels, 0 without any."""
        mean = self.sums[task, task] / max(self.rows[task, task], 1)
        return float(mean) + (self._first[task] or 0.0)

    def spread(self, task: int) -> float:
        """Return the standard deviation of a task's labels."""
        return self._spread(task, task)

    def correlations(self) -> dict[str, float]:
        """Return the Pearson correlation of every pair of labels that has one, as "t0_t1"."""
        found, names = {}, [label.name for label in self._labels]
        ordered = [not isinstance(label, MulticlassLabel) for label in self._labels]
        for i in range(len(names)):
            for j in range(i + 1, len(names)):
                pcc = self._correlation(i, j) if ordered[i] and ordered[j] else None
                if pcc is not None:
                    found[pair_of(names[i], names[j])] = pcc
        return found

    def _correlation(self, i: int, j: int) -> float | None:
        rows, spreads = self.rows[i, j], self._spread(i, j) * self._spread(j, i)
        if spreads == 0:
            return None
        means = self.sums[i, j] / rows * (self.sums[j, i] / rows)
        return float((self.products[i, j] / rows - means) / spreads)

    def _spread(self, i: int, j: int) -> float:
        """Return the standard deviation of label i over the rows that have label j, too."""
        rows = max(self.rows[i, j], 1)
        mean = self.sums[i, j] / rows
        if isinstance(self._labels[i], BinaryLabel):
            return float(np.sqrt(mean * (1 - mean)))
        return float(np.sqrt(max(self.squares[i, j] / rows - mean * mean, 0.0)))
