"""Reliability curves with bins of equally many examples, against plain computations."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from mtnas.tasks.calibration import reliability


def sample(rows=3000, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 6, rows)
    return p, (rng.random(rows) < p**1.3).astype(float)


@pytest.mark.parametrize("bins", [5, 15])
def test_the_curve_is_that_of_scikit_learn_with_quantiles(bins):
    p, y = sample()
    curve = reliability(p, y, bins)
    observed, predicted = calibration_curve(y, p, n_bins=bins, strategy="quantile")
    np.testing.assert_allclose(curve.predicted, predicted, atol=1e-12)
    np.testing.assert_allclose(curve.observed, observed, atol=1e-12)
    assert curve.rows.tolist() == [len(p) // bins] * bins
    assert curve.error == pytest.approx(np.abs(observed - predicted).mean())


def test_rows_weigh_the_error_and_equal_probabilities_share_a_bin():
    p, y = np.array([0.1] * 6 + [0.8, 0.9]), np.array([0, 0, 0, 0, 0, 1, 1, 1.0])
    curve = reliability(p, y, 2)
    assert curve.rows.tolist() == [6, 2]
    assert curve.error == pytest.approx((6 * abs(0.1 - 1 / 6) + 2 * abs(0.85 - 1)) / 8)
    order = np.random.default_rng(1).permutation(len(p))
    shuffled = reliability(p[order], y[order], 2)
    np.testing.assert_allclose(shuffled.observed, curve.observed)


def test_what_comes_true_as_predicted_has_no_error_and_nothing_has_no_curve():
    p = np.repeat([0.25, 0.75], 8)
    y = np.array([1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0.0])
    assert reliability(p, y, 4).error == 0
    with pytest.raises(ValueError, match="needs an example"):
        reliability(p[:0], y[:0])
