"""Scores against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

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
