"""Cosines, spectrum and effective rank of what inputs tell about tasks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mtnas.runtime.errors import DataError
from mtnas.transfer import theta
from mtnas.transfer.coding import coded


def rotation(seed, dim):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]


@pytest.mark.parametrize("cosine", [-1.0, -0.3, 0.0, 0.96, 1.0])
@pytest.mark.parametrize("dim", [2, 30])
def test_planted_cosines_are_found_whatever_the_lengths(cosine, dim):
    flat = np.zeros((dim, 2))
    flat[0], flat[1, 1] = [3.0, 0.2 * cosine], 0.2 * np.sqrt(1 - cosine**2)
    found = theta.cosines(rotation(0, dim) @ flat)
    assert_allclose(found, [[1, cosine], [cosine, 1]], atol=1e-12)


def test_a_theta_of_zeros_has_no_cosine():
    found = theta.cosines(np.array([[1.0, 0.0], [2.0, 0.0]]))
    np.testing.assert_array_equal(np.isnan(found), [[False, True], [True, True]])


def test_ids_of_a_field_tell_what_they_are_about():
    """Field 0 decides both labels alike, field 1 oppositely, 2 is one id, 3 is empty."""
    rows = np.arange(400)
    a, b = rows % 2, rows // 2 % 2
    ids = np.stack([a, 2 + b, np.full(400, 4), np.full(400, 5)], axis=1)  # 5: none
    rng = np.random.default_rng(0)
    first = rng.random(400) < 0.2 + 0.3 * a + 0.3 * b
    second = rng.random(400) < 0.4 + 0.3 * a - 0.3 * b
    y = coded(np.stack([first, second], axis=1), "centred").y_NK
    found = theta.field_cosines(ids, y, 5)

    assert found.shape == (4, 2, 2)
    assert_allclose(
        found[:2, 0, 1], [1, -1], atol=1e-9
    )  # two ids and centred labels: one direction
    assert np.isnan(found[2:]).all()
    whole = theta.theta_of_ids(ids, y, 5)
    assert_allclose([whole[:2].sum(axis=0), whole[2:4].sum(axis=0), whole[4]], 0, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_fields_add_up_to_the_whole(seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(6, size=(200, 3)) + 6 * np.arange(3)
    y = coded(rng.integers(2, size=(200, 4)), "centred").y_NK
    whole = theta.theta_of_ids(ids, y, 18)
    parts = [whole[6 * c : 6 * c + 6] for c in range(3)]
    assert_allclose(theta.field_cosines(ids, y, 18), [theta.cosines(p) for p in parts], atol=1e-9)
    assert_allclose(theta.gram(whole), sum(map(theta.gram, parts)), atol=1e-12)


@pytest.mark.parametrize(("dim", "tasks"), [(40, 5), (3, 6)])
def test_the_spectrum_is_that_of_theta(dim, tasks):
    drawn = np.random.default_rng(0).standard_normal((dim, tasks))
    found = theta.spectrum(drawn)
    singular = np.linalg.svd(drawn, compute_uv=False)
    assert_allclose(found[: len(singular)], singular**2, rtol=1e-9)
    assert_allclose(found[len(singular) :], 0, atol=1e-12)


@pytest.mark.parametrize("shared", [1, 2, 4])
def test_the_effective_rank_counts_directions_of_equal_length(shared):
    flat = np.tile(np.eye(4)[:, :shared], (1, 4 // shared))
    assert theta.effective_rank(rotation(1, 4) @ flat) == pytest.approx(shared)


def test_the_effective_rank_lies_between():
    value = theta.effective_rank(np.diag([1.0, 0.5]))
    share = np.array([0.8, 0.2])
    assert value == pytest.approx(np.exp(-(share * np.log(share)).sum()))


def test_nothing_at_all_has_no_effective_rank():
    with pytest.raises(DataError, match="all zero"):
        theta.effective_rank(np.zeros((3, 2)))
