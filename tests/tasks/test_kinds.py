"""Kinds of tasks against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, mean_squared_error

from mtnas.tasks.kinds import BINARY, REGRESSION, TASK_KINDS
from mtnas.tasks.metrics import METRICS, OF_KIND


def test_log_loss_equals_scikit_learn():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(4, 300)), rng.integers(2, size=(4, 300))
    got = BINARY.loss(torch.from_numpy(logits), torch.from_numpy(labels))
    pairs = zip(labels, BINARY.predict(torch.from_numpy(logits)).numpy(), strict=True)
    np.testing.assert_allclose(got.numpy(), [log_loss(y, p) for y, p in pairs], rtol=1e-12)


@pytest.mark.parametrize("kind", [BINARY, REGRESSION])
def test_a_loss_is_computed_in_double_precision(kind):
    outputs = torch.linspace(-3, 3, 1000)
    labels = (outputs > 0.1).float()
    exact = kind.losses(outputs.double(), labels.double()).mean()

    got = kind.loss(outputs, labels)

    assert got.dtype == torch.float64
    assert got.item() == pytest.approx(exact.item(), abs=1e-15)


def test_squared_error_equals_scikit_learn():
    rng = np.random.default_rng(0)
    outputs, labels = rng.normal(size=(2, 50)), rng.normal(size=(2, 50))
    got = REGRESSION.loss(torch.from_numpy(outputs), torch.from_numpy(labels))
    pairs = zip(labels, outputs, strict=True)
    np.testing.assert_allclose(got, [mean_squared_error(y, z) for y, z in pairs])


@pytest.mark.parametrize("name", TASK_KINDS)
def test_what_a_kind_measures_is_what_is_reported_in_that_order(name):
    kind = TASK_KINDS[name]
    assert (*kind.scores, kind.loss_name) == OF_KIND[name]
    assert METRICS[kind.loss_name].is_loss


@pytest.mark.parametrize("kind", [BINARY, REGRESSION])
def test_a_loss_without_labels_is_undefined_and_one_with_some_is_theirs(kind):
    outputs, labels = torch.randn(2, 50), (torch.rand(2, 50) > 0.5).float()
    labels[0], labels[1, :30] = torch.nan, torch.nan
    none, some = kind.loss(outputs, labels)
    assert none.isnan()
    assert some.item() == pytest.approx(kind.loss(outputs[1, 30:], labels[1, 30:]).item())
