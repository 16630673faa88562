"""What inputs tell about tasks: ids that are counted."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mtnas.transfer import theta
from mtnas.transfer.coding import coded


@pytest.mark.parametrize("seed", range(3))
def test_fields_add_up_to_the_whole(seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(6, size=(200, 3)) + 6 * np.arange(3)
    y = coded(rng.integers(2, size=(200, 4)), "standardised").y_NK
    whole = theta.theta_of_ids(ids, y, 18)
    assert_allclose(whole, (ids[:, :, None] == np.arange(18)).sum(axis=1).T @ y, atol=1e-12)
    parts = [whole[6 * c : 6 * c + 6] for c in range(3)]
    assert_allclose(theta.gram(whole), sum(map(theta.gram, parts)), atol=1e-12)
