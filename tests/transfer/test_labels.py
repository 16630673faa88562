"""Base rates, phi and its limits, nestedness: against numpy, by counting, with labels missing."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from mtnas.runtime.errors import ConfigError, DataError
from mtnas.transfer.labels import base_rates, phi_limits, relations

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
    assert found.joint_rows == rows
    assert (found.rate_first, found.rate_second) == (ones_i / rows, ones_j / rows)
    assert found.second_given_first == (both / ones_i if ones_i else None)
    assert found.first_given_second == (both / ones_j if ones_j else None)
    constant = [ones in (0, rows) for ones in (ones_i, ones_j)]
    assert ("first_constant" in found.flags, "second_constant" in found.flags) == tuple(constant)
    if any(constant):
        assert (found.phi, found.phi_max, found.phi_min, found.attained) == (None,) * 4
        assert not any("implies" in flag for flag in found.flags)
        return
    assert found.phi == pytest.approx(np.corrcoef(labels_of(*counts).T)[0, 1], abs=1e-12)
    assert found.phi_min - 1e-12 <= found.phi <= found.phi_max + 1e-12
    assert ("first_implies_second" in found.flags) == (only_i == 0)
    assert ("second_implies_first" in found.flags) == (only_j == 0)
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
    assert (first.first, first.second, first.joint_rows) == (0, 1, 3)
    assert first.rate_first == pytest.approx(2 / 3)
    assert second.joint_rows == 1
    assert second.flags == ("first_constant", "second_constant")
    assert third.joint_rows == 1
    assert_allclose(base_rates(labels), [1 / 2, 1 / 4, 1 / 2])


def test_tasks_without_a_common_row_have_no_relation():
    (found,) = relations([[1, NAN], [NAN, 1]])
    assert found.flags == ("no_joint_rows",)
    assert found.joint_rows == 0
    assert found.phi is None
    assert found.rate_first is None


def test_nearly_nested_is_flagged_if_asked_for():
    labels = labels_of(98, 2, 100, 100)
    assert relations(labels)[0].flags == ()
    assert relations(labels, implies=0.98)[0].flags == ("first_implies_second",)


@given(arrays(np.float64, (12, 3), elements=st.sampled_from([0.0, 1.0, NAN])))
def test_a_pair_does_not_depend_on_the_others(labels):
    if np.isnan(labels).all(axis=0).any():
        return
    alone = relations(labels[:, [0, 2]])[0]
    among = relations(labels)[1]
    assert (alone.phi, alone.joint_rows, alone.flags) == (among.phi, among.joint_rows, among.flags)


REFUSED = {
    "stars": (lambda: relations([[1, 5]]), DataError, "row 0 of task 1 is 5"),
    "no labels": (lambda: base_rates([[NAN, 1]]), DataError, "task 0 has no label"),
    "no rows": (lambda: base_rates(np.zeros((0, 2))), DataError, "row per example"),
    "never": (lambda: relations([[1, 1]], implies=0.0), ConfigError, "implies: 0.0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_binary_label_is_refused(name):
    call, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        call()
