"""Scores, computed again from predictions: with scikit-learn and numpy, not with `tasks.scores`.

Shapes: N labelled test examples of a seed, C classes.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics as sklearn

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.tasks.metrics import ALL_TASKS, MTL_LOSS

BINS = 15  # of the calibration error

Array = NDArray[np.float64]
Scores = dict[tuple[str, str], float]  # by task and metric


def scores_again(
    tasks: Sequence[TaskSummary],
    predictions: pd.DataFrame,
    spreads: Mapping[str, float] = MappingProxyType({}),
) -> Scores:
    """Return the test scores of one seed; those that predictions do not tell are not in it.

    The loss of a regression is in units of the spread of its training labels, by task in `spreads`.
    """
    found: Scores = {}
    losses: list[float | None] = []
    for task in tasks:
        own = _of_task(task, predictions)
        if task.name in spreads:
            own["mse"] = (own["rmse"] / spreads[task.name]) ** 2
        found |= {(task.name, name): value for name, value in own.items()}
        loss = own.get("log_loss", own.get("mse"))
        losses.append(None if loss is None else task.loss_weight * loss)
    if None not in losses:
        found[ALL_TASKS, MTL_LOSS] = float(sum(filter(None, losses)))
    return found


def _of_task(task: TaskSummary, predictions: pd.DataFrame) -> dict[str, float]:
    labelled = predictions[predictions[f"y_{task.name}"].notna()]
    y = labelled[f"y_{task.name}"].to_numpy()
    p_NC = labelled[list(task.prediction_columns)].to_numpy(float)
    if task.kind == "multiclass":
        place = {name: number for number, name in enumerate(task.classes)}
        numbers = np.array([place[str(name)] for name in y])
        return _of_classes(numbers, p_NC)
    p = p_NC[:, 0]
    if task.kind == "binary":
        return _of_two(y.astype(float), p)
    return _of_numbers(y.astype(float), p, drawn=task.kind == "drawn")


def _of_two(y: Array, p: Array) -> dict[str, float]:
    """Return the scores of labels 0 and 1 and the probability of 1."""
    return {
        "auc": float(sklearn.roc_auc_score(y, p)),
        "accuracy": float(((p > 0.5) == (y > 0.5)).mean()),
        "calibration_error": _calibration(p, y),
        "log_loss": float(sklearn.log_loss(y, p, labels=[0, 1])),
    }


def _of_classes(y: NDArray[np.int64], p: Array) -> dict[str, float]:
    """Return the scores of classes 0 ... C-1 and the probability of each, [N, C]."""
    guess = p.argmax(1)
    return {
        "accuracy": float((guess == y).mean()),
        "macro_f1": float(sklearn.f1_score(y, guess, average="macro")),
        "calibration_error": _calibration(p.max(1), (guess == y).astype(float)),
        "log_loss": float(sklearn.log_loss(y, p, labels=list(range(p.shape[1])))),
    }


def _of_numbers(y: Array, p: Array, *, drawn: bool) -> dict[str, float]:
    """Return the scores of numbers, in the unit of the labels."""
    mse = float(np.square(p - y).mean())
    if drawn:
        return {"mse": mse}
    spread = float(np.square(y - y.mean()).mean())
    r2 = {"r2": 1 - mse / spread} if spread > 0 else {}
    return {"rmse": mse**0.5, "mae": float(np.abs(p - y).mean()), **r2}


def _calibration(p: Array, came_true: Array) -> float:
    """Return the expected calibration error over bins of equal width."""
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, p - came_true, minlength=BINS)
    return float(np.abs(gaps).sum() / len(p))
