"""AUC within groups, against a loop with scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mtnas.tasks.grouped_auc import grouped_auc


def test_it_is_the_mean_of_the_groups_weighted_by_their_rows():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 60, 800) ** 2  # groups of different sizes, not numbered in a row
    labels = (rng.random(800) < 0.15).astype(float)
    scores = (labels + rng.normal(size=800)).round(1)  # with ties
    found = grouped_auc(scores, labels, groups)
    total = rows = left_out = rows_left_out = 0
    for group in np.unique(groups):
        own = groups == group
        if labels[own].min() == labels[own].max():
            left_out, rows_left_out = left_out + 1, rows_left_out + own.sum()
            continue
        total += own.sum() * roc_auc_score(labels[own], scores[own])
        rows += own.sum()
    assert left_out > 0
    assert found.value == pytest.approx(total / rows, abs=1e-12)
    assert (found.rows, found.groups_left_out, found.rows_left_out) == (
        rows,
        left_out,
        rows_left_out,
    )
    assert found.groups + left_out == len(np.unique(groups))


def test_one_group_is_plain_auc_and_groups_of_one_class_have_none():
    labels, scores = np.array([0, 1, 1, 0.0]), np.array([0.2, 0.9, 0.1, 0.2])
    one = grouped_auc(scores, labels, np.zeros(4, int))
    assert one.value == pytest.approx(roc_auc_score(labels, scores))
    none = grouped_auc(scores, labels, labels.astype(int))
    assert none.value is None
    assert (none.groups, none.groups_left_out, none.rows_left_out) == (0, 2, 4)
