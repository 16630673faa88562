"""How well a single field tells a label: the mean label of what it holds, on rows not seen before.

Means are of training rows, scores of validation rows; test rows are never looked at. A label that
is missing (NaN) counts in neither.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.evidence.leaks.columns import Column

SMOOTHING = 1.0  # rows with the mean label that every value is given beside its own
MOST_CLASSES = 20  # of a multiclass task, the most frequent ones
_PIECE = 1 << 20  # values that are looked at at once
Rows = NDArray[np.int64]
Label = NDArray[np.float32]
Scores = NDArray[np.float64]


def score_alone(
    column: Column, task: TaskSummary, label: Label, train: Rows, valid: Rows
) -> float | None:
    """Return the AUC of one field for one task, R2 if its label is a number.

    That of a multiclass task is the mean over its classes, each against all others.

    Args:
        column: the field.
        task: the task.
        label: its labels, [rows of the table]; NaN = none.
        train: numbers of the training rows.
        valid: numbers of the validation rows.

    Returns:
        None where nothing can be measured: no labels, or the same label in all validation rows.
    """
    train, valid = (rows[~np.isnan(label[rows])] for rows in (train, valid))
    if not (len(train) and len(valid)):
        return None
    if task.kind in ("regression", "drawn"):
        return _best(
            [_r2(told, label[valid]) for told in _numbers_told(column, label, train, valid)]
        )
    if task.kind == "binary":
        return _auc_of(column, label, train, valid)
    counts = np.bincount(label[valid].astype(np.int64))
    classes = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    found = [_auc_of(column, (label == one).astype(np.float32), train, valid) for one in classes]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def _auc_of(column: Column, label: Label, train: Rows, valid: Rows) -> float | None:
    return auc(_told(column, label, train, valid), label[valid] == 1)


def _numbers_told(column: Column, label: Label, train: Rows, valid: Rows) -> Iterator[Scores]:
    """Yield what the field tells of a number: by its bins and, for a number, by a straight line."""
    yield _told(column, label, train, valid)
    if column.numbers is not None:
        yield _on_a_line(column.numbers, label, train, valid)


def _told(column: Column, label: Label, train: Rows, valid: Rows) -> Scores:
    """Return the mean label of what every validation row holds, float64 [validation rows]."""
    sums, counts = np.zeros(column.size), np.zeros(column.size)
    for codes, rows in _pieces(column, train):
        repeated = np.repeat(label[rows], codes.shape[1])
        sums += np.bincount(codes.ravel(), repeated, column.size)
        counts += np.bincount(codes.ravel(), minlength=column.size)
    prior = float(label[train].mean(dtype=np.float64))
    means = (sums + SMOOTHING * prior) / (counts + SMOOTHING)
    return np.concatenate(
        [_mean(column, means, codes, prior) for codes, _ in _pieces(column, valid)]
    )


def _mean(column: Column, means: Scores, codes: NDArray[Any], prior: float) -> Scores:
    """Return the mean over the entries of every row; `prior` for a row without any."""
    told: Scores = means[codes]
    if column.padding is None:
        return told[:, 0]
    known = codes != column.padding
    counts = known.sum(axis=1)
    sums = np.where(known, told, 0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), prior)


def _pieces(column: Column, rows: Rows) -> Iterator[tuple[NDArray[Any], Rows]]:
    """Yield the codes of some rows, and the rows, so many at once that memory stays small."""
    step = max(_PIECE // column.codes.shape[1], 1)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        yield column.codes[part], part


def _on_a_line(numbers: Label, label: Label, train: Rows, valid: Rows) -> Scores:
    """Return the labels on a straight line over a number; the mean label where it is missing."""
    x, y = numbers[train].astype(np.float64), label[train].astype(np.float64)
    known = ~np.isnan(x)
    prior, x, y = y.mean(), x[known], y[known]
    spread = np.square(x - x.mean()).sum() if len(x) else 0.0
    if spread == 0:
        return np.full(len(valid), prior)
    slope = np.sum((x - x.mean()) * (y - y.mean())) / spread
    told: Scores = y.mean() + slope * (numbers[valid].astype(np.float64) - x.mean())
    return np.where(np.isnan(told), prior, told)


def auc(scores: Scores, positive: NDArray[np.bool_]) -> float | None:
    """Return the area under the ROC curve, ties counting half; None for one class only."""
    _, place = np.unique(scores, return_inverse=True)
    ones = np.bincount(place, positive)
    zeros = np.bincount(place) - ones
    pairs = ones.sum() * zeros.sum()
    below = np.cumsum(zeros) - zeros
    return float((ones * (below + zeros / 2)).sum() / pairs) if pairs else None


def _r2(told: Scores, label: Label) -> float | None:
    """Return the share of the variance that is told; None for a label that is constant."""
    truth = label.astype(np.float64)
    spread = np.square(truth - truth.mean()).sum()
    return float(1 - np.square(truth - told).sum() / spread) if spread else None


def _best(found: list[float | None]) -> float | None:
    return max((value for value in found if value is not None), default=None)
