"""What inputs tell about tasks: cosines, and ids that are counted."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

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


@pytest.mark.parametrize("seed", range(3))
def test_fields_add_up_to_the_whole(seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(6, size=(200, 3)) + 6 * np.arange(3)
    y = coded(rng.integers(2, size=(200, 4)), "centred").y_NK
    whole = theta.theta_of_ids(ids, y, 18)
    assert_allclose(whole, (ids[:, :, None] == np.arange(18)).sum(axis=1).T @ y, atol=1e-12)
    parts = [whole[6 * c : 6 * c + 6] for c in range(3)]
    assert_allclose(theta.gram(whole), sum(map(theta.gram, parts)), atol=1e-12)
