"""Eq. (5) of Wu, Zhang, Ré (ICLR 2020) against its trace form, its invariances and known values."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mtnas.runtime.errors import ConfigError, DataError
from mtnas.transfer.covariance import (
    covariance,
    similarity,
    similarity_of,
    truncated,
)


def inputs(seed, rows, dim, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((rows, dim)) @ rng.standard_normal((dim, dim)) + shift


def orthonormal(seed, dim):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]


PAIRS = pytest.mark.parametrize(
    ("seed", "rows", "dim"), [(0, (40, 90), 5), (1, (7, 300), 20), (2, (64, 64), 33)]
)
ENERGIES = pytest.mark.parametrize("energy", [0.5, 0.9, 0.99, 1.0])


@PAIRS
@ENERGIES
def test_the_score_is_that_of_the_traces(seed, rows, dim, energy):
    first, second = (inputs(seed + 10 * i, n, dim, shift=1.0) for i, n in enumerate(rows))
    found = similarity(first, second, energy=energy)

    cut = []
    for x in (first, second):
        vectors, values = truncated(covariance(x), energy)
        cut.append(vectors * values @ vectors.T)
    product, traces = np.trace(cut[0] @ cut[1]), np.trace(cut[0]) * np.trace(cut[1])
    assert_allclose(found.score**2, product / traces, rtol=1e-10)
    cosine = product / (np.linalg.norm(cut[0]) * np.linalg.norm(cut[1]))
    assert_allclose(found.normalised, cosine, rtol=1e-10)


@ENERGIES
def test_as_few_directions_as_hold_the_energy_are_kept(energy):
    x = inputs(3, 50, 12)
    singular = np.linalg.svd(x, compute_uv=False)
    measure = singular**2
    vectors, values = truncated(covariance(x), energy)
    kept = len(values)

    assert measure[:kept].sum() >= energy * measure.sum() * (1 - 1e-9)
    assert measure[: kept - 1].sum() < energy * measure.sum()
    assert_allclose(values, singular[:kept] ** 2, rtol=1e-9)
    assert_allclose(x.T @ x @ vectors, vectors * values, atol=1e-9 * values[0])


def test_all_energy_of_inputs_of_a_low_rank_is_their_rank():
    x = inputs(0, 30, 3) @ np.random.default_rng(1).standard_normal((3, 11))
    assert len(truncated(covariance(x), 1.0)[1]) == 3


@PAIRS
def test_a_common_rotation_and_scales_change_nothing(seed, rows, dim):
    first, second = (inputs(seed + 10 * i, n, dim) for i, n in enumerate(rows))
    turn = orthonormal(seed, dim)
    before = similarity(first, second)
    after = similarity(3e3 * first @ turn, 1e-4 * second @ turn)
    swapped = similarity(second, first)
    for other, precision in ((after, 1e-9), (swapped, 1e-12)):
        found = [other.score, other.normalised]
        assert_allclose(found, [before.score, before.normalised], rtol=precision)


def test_rotating_one_task_alone_changes_the_score():
    x = inputs(0, 80, 10)
    assert similarity(x, x @ orthonormal(5, 10)).normalised < 0.9


@pytest.mark.parametrize("dim", [1, 4, 25])
def test_inputs_alike_in_all_directions_score_one_over_the_root_of_their_number(dim):
    x = orthonormal(0, 40)[:, :dim]
    found = similarity(x, 7 * x, energy=1.0)
    assert found.score == pytest.approx(dim**-0.5, rel=1e-12)
    assert found.normalised == pytest.approx(1, abs=1e-12)


@PAIRS
def test_the_normalised_score_is_one_for_the_same_and_zero_for_disjoint_inputs(seed, rows, dim):
    x = inputs(seed, rows[0], dim)
    assert similarity(x, x).normalised == pytest.approx(1, abs=1e-12)
    left, right = (np.pad(x, [(0, 0), pad]) for pad in ((0, dim), (dim, 0)))
    assert similarity(left, right).normalised == pytest.approx(0, abs=1e-12)
    assert 0 <= similarity(x, inputs(seed + 1, rows[1], dim)).normalised <= 1


BAD = {
    "no rows": (np.zeros((0, 3)), DataError, "rows and columns"),
    "a missing number": ([[1.0, np.nan], [1.0, 2.0]], DataError, "row 0 holds NaN"),
    "zeros": (np.zeros((4, 3)), DataError, "must vary"),
}


@pytest.mark.parametrize("name", BAD)
def test_inputs_that_have_no_covariance_are_refused(name):
    x, error, message = BAD[name]
    with pytest.raises(error, match=message):
        similarity(x, x)


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="5 and 4 inputs"):
        similarity(inputs(0, 9, 5), inputs(0, 9, 4))
    with pytest.raises(DataError, match="symmetric"):
        similarity_of([[1.0, 2.0], [0.0, 1.0]], np.eye(2))
    for energy in (0.0, 1.1, float("nan")):
        with pytest.raises(ConfigError, match="at most 1"):
            similarity(inputs(0, 9, 5), inputs(0, 9, 5), energy=energy)
