"""Phi and its limits, nestedness: against numpy, by counting, with labels missing."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from mtnas.runtime.errors import DataError
from mtnas.transfer.labels import Relation, phi_limits, relations

NAN = np.nan


def labels_of(both, first, second, neither):
    """Return labels [N, 2] with so many rows of each kind."""
    return np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [both, first, second, neither], axis=0)


@given(st.tuples(*[st.integers(0, 30)] * 4).filter(lambda n: sum(n) > 0))
def test_a_pair_is_what_counting_says(counts):
    (found,) = relations(labels_of(*counts))
    both, only_i, only_j, _ = counts
    rows = sum(counts)
    ones_i, ones_j = both + only_i, both + only_j
    assert found.second_given_first == (both / ones_i if ones_i else None)
    assert found.first_given_second == (both / ones_j if ones_j else None)
    if any(ones in (0, rows) for ones in (ones_i, ones_j)):
        assert (found.phi, found.attained) == (None, None)
        return
    assert found.phi == pytest.approx(np.corrcoef(labels_of(*counts).T)[0, 1], abs=1e-12)
    limits = dict(zip((-1, 1), phi_limits(ones_i / rows, ones_j / rows), strict=True))
    sign = 1 if found.phi >= 0 else -1
    assert found.attained == pytest.approx(sign * found.phi / limits[sign])
    assert -1 - 1e-12 <= found.attained <= 1 + 1e-12
    assert (found.attained == pytest.approx(1)) == (only_i == 0 or only_j == 0)


@pytest.mark.parametrize("seed", range(3))
def test_the_limits_of_phi_are_reached(seed):
    """With n rows the number of rows with both labels runs from the least to the most possible."""
    rng = np.random.default_rng(seed)
    n, (i, j) = 100, rng.integers(1, 100, 2)
    found = [
        relations(labels_of(both, i - both, j - both, n - i - j + both))[0].phi
        for both in range(max(0, i + j - n), min(i, j) + 1)
    ]
    assert_allclose(phi_limits(i / n, j / n), [min(found), max(found)], atol=1e-12)


@pytest.mark.parametrize(("rare", "common"), [(0.0684, 0.37718), (0.1, 0.9), (0.5, 0.5)])
def test_the_highest_phi_is_that_of_nested_labels(rare, common):
    expected = sqrt(rare * (1 - common) / ((1 - rare) * common))
    assert phi_limits(rare, common)[1] == pytest.approx(expected)
    assert phi_limits(common, rare)[1] == pytest.approx(expected)


def test_only_rows_with_both_labels_count():
    labels = np.array([[1, 1, NAN], [0, NAN, 1], [NAN, 0, 0], [1, 0, NAN], [0, 0, NAN]])
    first, second, third = relations(labels)
    assert (first.first, first.second, first.second_given_first) == (0, 1, 1 / 2)
    assert (second.first, second.second, second.phi) == (0, 2, None)  # a row, and so constants
    assert (third.second_given_first, third.first_given_second) == (None, None)


def test_tasks_without_a_common_row_have_no_relation():
    assert relations([[1, NAN], [NAN, 1]]) == [Relation(0, 1, None, None, None, None)]


@given(arrays(np.float64, (12, 3), elements=st.sampled_from([0.0, 1.0, NAN])))
def test_a_pair_does_not_depend_on_the_others(labels):
    if np.isnan(labels).all(axis=0).any():
        return
    alone = relations(labels[:, [0, 2]])[0]
    assert relations(labels)[1] == replace(alone, second=2)


REFUSED = {
    "stars": (lambda: relations([[1, 5]]), DataError, "row 0 of task 1 is 5"),
    "no labels": (lambda: relations([[NAN, 1]]), DataError, "task 0 has no label"),
    "no rows": (lambda: relations(np.zeros((0, 2))), DataError, "row per example"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_binary_label_is_refused(name):
    call, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        call()
