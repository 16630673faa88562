"""Metrics against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from mtnas.tasks.metrics import BINARY, REGRESSION, TASK_KINDS, auc


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


def test_log_loss_equals_scikit_learn():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4, 300))
    labels = rng.integers(2, size=(4, 300)).astype(float)
    got = BINARY.loss(torch.from_numpy(logits), torch.from_numpy(labels))
    expected = [
        sklearn_log_loss(y, 1 / (1 + np.exp(-z))) for y, z in zip(labels, logits, strict=True)
    ]
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)


def test_a_mean_of_float32_outputs_is_taken_in_float64():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=5000).astype(np.float32)
    labels = rng.integers(2, size=5000).astype(np.float32)
    got = BINARY.loss(torch.from_numpy(logits), torch.from_numpy(labels))
    exact = sklearn_log_loss(labels, 1 / (1 + np.exp(-logits.astype(float))))
    assert got.dtype == torch.float64
    assert got.item() == pytest.approx(exact, rel=1e-13)


def test_what_belongs_to_numbers():
    outputs, labels = torch.tensor([[0.5, 2.0], [1.0, 1.0]]), torch.tensor([[1.0, 4.0], [1.0, 1.0]])
    assert REGRESSION.loss(outputs, labels).tolist() == [(0.25 + 4.0) / 2, 0.0]
    assert REGRESSION.read(outputs).equal(outputs)
    assert BINARY.read(torch.zeros(1)).item() == 0.5
    assert (REGRESSION.loss_name, BINARY.loss_name) == ("mse", "log_loss")
    assert (set(REGRESSION.scores), set(BINARY.scores)) == (set(), {"auc"})
    assert TASK_KINDS == {"binary": BINARY, "regression": REGRESSION}
