"""Scores against scikit-learn, of all examples and of those that have a label."""

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)

from mtnas.tasks.kinds import TASK_KINDS
from mtnas.tasks.scores import auc


@pytest.mark.parametrize("distinct", [2, 5, 1000])
def test_auc_equals_scikit_learn_with_and_without_ties(distinct):
    rng = np.random.default_rng(distinct)
    scores = rng.integers(distinct, size=(3, 2, 200)).astype(np.float32)
    labels = rng.integers(2, size=(3, 2, 200)).astype(np.float32)
    got = auc(torch.from_numpy(scores), torch.from_numpy(labels))
    for m in range(3):
        for t in range(2):
            expected = roc_auc_score(labels[m, t], scores[m, t])
            assert got[m, t].item() == pytest.approx(expected, abs=1e-12)


def test_auc_of_one_class_is_undefined():
    assert auc(torch.rand(2, 10), torch.ones(2, 10)).isnan().all()
    assert auc(torch.rand(2, 10), torch.zeros(2, 10)).isnan().all()


def calibration(p, came_true):
    """Return the expected calibration error over 15 bins, bin by bin."""
    edges = np.linspace(0, 1, 16)
    bins = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, 14)
    gaps = [
        (bins == b).mean() * abs(p[bins == b].mean() - came_true[bins == b].mean())
        for b in np.unique(bins)
    ]
    return sum(gaps)


def of_classes(y, out):
    """Return the probabilities of classes, and the number of the most probable."""
    e = np.exp(out - out.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    return p, p.argmax(-1)


def sigmoid(out):
    return 1 / (1 + np.exp(-out))


def calibration_of_classes(y, out):
    p, predicted = of_classes(y, out)
    return calibration(p.max(-1), predicted == y)


EXPECTED = {
    ("binary", "auc"): roc_auc_score,
    ("binary", "accuracy"): lambda y, out: accuracy_score(y, out > 0),
    ("binary", "calibration_error"): lambda y, out: calibration(sigmoid(out), y),
    ("binary", "log_loss"): lambda y, out: log_loss(y, sigmoid(out)),
    ("multiclass", "accuracy"): lambda y, out: accuracy_score(y, out.argmax(-1)),
    ("multiclass", "macro_f1"): lambda y, out: f1_score(y, out.argmax(-1), average="macro"),
    ("multiclass", "calibration_error"): calibration_of_classes,
    ("multiclass", "log_loss"): lambda y, out: log_loss(y, of_classes(y, out)[0], labels=range(6)),
    ("regression", "rmse"): lambda y, out: mean_squared_error(y, out) ** 0.5,
    ("regression", "mae"): mean_absolute_error,
    ("regression", "r2"): r2_score,
    ("regression", "mse"): mean_squared_error,
    ("drawn", "mse"): mean_squared_error,
}


@pytest.mark.parametrize("missing", [0.0, 0.6])
@pytest.mark.parametrize(("kind", "metric"), EXPECTED, ids="-".join)
def test_a_score_equals_scikit_learn_over_the_labelled_examples(kind, metric, missing):
    rng, task_kind = np.random.default_rng(7), TASK_KINDS[kind]
    if kind == "multiclass":  # class 5 never occurs, and class 4 is only predicted
        out = 2 * rng.normal(size=(2, 3, 80, 6)) + [0, 0, 0, 0, 1, -99]
        labels = rng.integers(4, size=(2, 3, 80)).astype(float)
    else:
        out = 2 * rng.normal(size=(2, 3, 80))
        labels = (out + rng.normal(size=out.shape) > 0) * 1.0
        labels = labels if kind == "binary" else labels * 5 + out + rng.normal(size=out.shape)
    labels[rng.random(labels.shape) < missing] = np.nan

    measure = {**task_kind.scores, task_kind.loss_name: task_kind.loss}[metric]
    got = measure(torch.from_numpy(out), torch.from_numpy(labels))

    assert got.shape == (2, 3)
    rounded = measure(torch.from_numpy(out).float(), torch.from_numpy(labels).float())
    assert got.dtype == rounded.dtype == torch.float64
    torch.testing.assert_close(rounded, got, rtol=1e-5, atol=1e-5)
    for place in np.ndindex(2, 3):
        known = ~np.isnan(labels[place])
        expected = EXPECTED[kind, metric](labels[place][known], out[place][known])
        assert got[place].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", TASK_KINDS)
def test_a_score_without_labels_is_undefined(kind):
    shape = (2, 9, 4) if kind == "multiclass" else (2, 9)
    out, labels = torch.randn(shape), torch.full((2, 9), torch.nan)
    for score in (*TASK_KINDS[kind].scores.values(), TASK_KINDS[kind].loss):
        assert score(out, labels).isnan().all()


def test_auc_and_r2_of_labels_that_are_alike_are_undefined():
    labels = torch.tensor([1, 1, torch.nan, 1])
    assert auc(torch.rand(4), labels).isnan()
    assert TASK_KINDS["regression"].scores["r2"](torch.rand(4), labels).isnan()
