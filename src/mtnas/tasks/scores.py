"""Losses and scores as pure functions of tensors, vectorised over all leading axes.

A label that is NaN is missing: scores are of the labelled examples alone. A score that is undefined
for them is NaN: the caller decides what that means.
Shapes: ... any leading axes (models, tasks), N examples (last axis), C classes (after N).
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

CALIBRATION_BINS = 15


def auc(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the area under the ROC curve; ties count one half.

    `scores` and `labels` (0, 1 or NaN) are [..., N]; the result [...] is float64 and NaN where the
    labels have one class only.
    """
    rows = (each.detach().reshape(-1, each.shape[-1]).cpu() for each in (scores, labels))
    found = [_auc(own.numpy(), of.numpy()) for own, of in zip(*rows, strict=True)]
    return torch.tensor(found, dtype=torch.double, device=scores.device).view(scores.shape[:-1])


def _auc(scores_N: NDArray[Any], labels_N: NDArray[Any]) -> float:
    """Return the AUC of one task: numpy sorts many times faster than torch."""
    positive, negative = np.sort(scores_N[labels_N == 1]), np.sort(scores_N[labels_N == 0])
    # A positive example wins against the negatives below it, and half of those as high.
    wins = negative.searchsorted(positive).sum() + negative.searchsorted(positive, "right").sum()
    pairs = len(positive) * len(negative)
    return float(wins) / 2 / pairs if pairs else float("nan")


def mean_of_labelled(values: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of `values` [..., N] over the labelled examples, in float64; NaN if none."""
    labelled = ~labels.isnan()
    return torch.where(labelled, values.double(), 0).sum(-1) / labelled.sum(-1)


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the binary cross-entropy (natural log) of every example."""
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")


def class_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy (natural log) of every example, given logits [..., N, C]."""
    logs = logits.log_softmax(-1)
    return -logs.gather(-1, labels.long().unsqueeze(-1)).squeeze(-1)


def squared_errors(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the squared error of every example."""
    return (outputs - labels).square()


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the share of examples whose more probable label is theirs."""
    return mean_of_labelled((logits > 0) == (labels > 0.5), labels)


def class_accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the share of examples whose most probable class is theirs, given [..., N, C]."""
    return mean_of_labelled(logits.argmax(-1) == labels, labels)


def macro_f1(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean F1 of the classes that occur among labels or predictions, of [..., N, C]."""
    labelled, predicted = ~labels.isnan(), logits.argmax(-1)
    actual = labels.nan_to_num(0).long()
    shape = (*labels.shape[:-1], logits.shape[-1])
    nothing = torch.zeros(shape, dtype=torch.double, device=logits.device)

    def count(classes: Tensor, of: Tensor) -> Tensor:
        return nothing.scatter_add(-1, classes, of.to(nothing))

    hits = count(actual, labelled & (predicted == actual))
    both = count(actual, labelled) + count(predicted, labelled)
    return (2 * hits / both.clamp(min=1)).sum(-1) / (both > 0).sum(-1)


def calibration_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the expected calibration error of the probability of label 1."""
    return _calibration(logits.double().sigmoid(), labels.double(), labels)


def class_calibration_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the expected calibration error of the most probable class, given [..., N, C]."""
    confidence, predicted = logits.double().softmax(-1).max(-1)
    return _calibration(confidence, (predicted == labels).double(), labels)


def _calibration(p: Tensor, came_true: Tensor, labels: Tensor) -> Tensor:
    """Return sum_b n_b / n |mean of p - share that came true| over bins b of equal width."""
    labelled = ~labels.isnan()
    bins = (p * CALIBRATION_BINS).long().clamp(max=CALIBRATION_BINS - 1)
    gap = torch.where(labelled, p - came_true, 0)
    nothing = torch.zeros(*p.shape[:-1], CALIBRATION_BINS).to(p)
    return nothing.scatter_add(-1, bins, gap).abs().sum(-1) / labelled.sum(-1)


def rmse(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the root of the mean squared error."""
    return mean_of_labelled(squared_errors(outputs.double(), labels.double()), labels).sqrt()


def mae(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the mean absolute error."""
    return mean_of_labelled((outputs.double() - labels.double()).abs(), labels)


def r2(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the share of the variance of the labels that is explained; NaN if there is none."""
    exact = labels.double()
    centre = mean_of_labelled(exact, labels).unsqueeze(-1)
    variance = mean_of_labelled((exact - centre).square(), labels)
    left = mean_of_labelled(squared_errors(outputs.double(), exact), labels)
    return torch.where(variance > 0, 1 - left / variance, torch.nan)
