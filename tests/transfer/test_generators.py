"""Planted tasks have what was planted: angles, wedges, covariances, cosines, noise, ranks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mtnas.runtime.errors import ConfigError
from mtnas.transfer import generators, linear
from mtnas.transfer.covariance import similarity_of


def rng(seed=0):
    return np.random.default_rng(seed)


def signs(x, theta):
    return np.where(x @ theta >= 0, 1, -1)


@pytest.mark.parametrize("angle", [20, 45, 120])
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_only_the_data_of_tasks_2_and_3_differ(angle, share):
    planted = generators.three_tasks(rng(), 20_000, angle, share, flips=0.0)
    theta = planted.theta_DK
    np.testing.assert_array_equal(theta[:, 1], theta[:, 2])
    assert theta[:, 0] @ theta[:, 1] == pytest.approx(np.cos(np.deg2rad(angle)))
    in_wedge = []
    for k, (x, y) in enumerate(planted.tasks):
        np.testing.assert_array_equal(y, signs(x, theta[:, k]))
        in_wedge.append(np.mean(signs(x, theta[:, 0]) != signs(x, theta[:, 1])))
        assert_allclose(x.T @ x / len(x), planted.covariance_KDD[k], atol=0.05)
    assert_allclose(in_wedge, [angle / 180, 0.0, share], atol=0.015)
    assert in_wedge[1] == 0
    assert_allclose(planted.covariance_KDD[0], np.eye(2), atol=1e-12)


def test_flips_are_wrong_labels():
    planted = generators.three_tasks(rng(), 20_000, flips=0.25)
    for k, (x, y) in enumerate(planted.tasks):
        assert np.mean(y != signs(x, planted.theta_DK[:, k])) == pytest.approx(0.25, abs=0.015)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("dim", "kappa"), [(20, 100.0), (100, 10.0)])
def test_sources_differ_from_the_target_as_planted(seed, dim, kappa):
    planted = generators.rotated(rng(seed), dim, 20, 30, kappa, cosine=0.96)
    first, *sources = planted.covariance_KDD
    large = dim // 10
    for covariance in (first, *sources):
        values = np.linalg.eigvalsh(covariance)
        assert_allclose(values[-large:], kappa**2, rtol=1e-9)
        assert_allclose(values[:-large], 1, rtol=1e-8)
    assert_allclose(sources[0], first)
    assert_allclose(first @ sources[1], sources[1] @ first, rtol=1e-7, atol=1e-6)  # one Q
    assert np.abs(first @ sources[2] - sources[2] @ first).max() > 1
    scores = [similarity_of(first, other).normalised for other in sources]
    assert scores[0] == pytest.approx(1)
    disjoint = (2 * large * kappa**2 + dim - 2 * large) / (large * kappa**4 + dim - large)
    full = similarity_of(first, sources[1], energy=1.0).normalised
    assert full == pytest.approx(disjoint, rel=1e-6)
    assert scores[1] < scores[2] < 0.9

    theta = planted.theta_DK
    assert_allclose(np.linalg.norm(theta, axis=0), 1)
    assert_allclose(theta.T @ theta, 0.96 + 0.04 * np.array([[1, 0, 0, 0]] + [[0, 1, 1, 1]] * 3))
    assert [task.x_ND.shape for task in planted.tasks] == [(20, dim)] + [(30, dim)] * 3


@pytest.mark.parametrize("overlap", [0.0, 0.3, 1.0])
def test_tenths_overlap_as_planted(overlap):
    first, _, other, _ = generators.rotated(rng(), 100, 5, 5, 10.0, overlap=overlap).covariance_KDD
    large = [np.linalg.eigh(c)[1][:, -10:] for c in (first, other)]
    assert np.linalg.norm(large[0].T @ large[1]) ** 2 == pytest.approx(10 * overlap, abs=1e-6)


def test_inputs_have_the_planted_covariance_and_labels_the_planted_noise():
    planted = generators.rotated(rng(), 20, 50_000, 50_000, kappa=5.0, noise=2.0)
    for k, (x, y) in enumerate(planted.tasks):
        covariance = planted.covariance_KDD[k]
        assert_allclose(x.T @ x / len(x), covariance, atol=0.5)
        theta = planted.theta_DK[:, k]
        assert np.var(y - x @ theta) == pytest.approx(4 * planted.signal(k), rel=0.03)
        assert np.var(x @ theta) == pytest.approx(planted.signal(k), rel=0.03)
        found = linear.single(x, y)
        assert planted.excess_risk(found, k) < 0.01 * planted.signal(k)
        assert planted.excess_risk(theta, k) == pytest.approx(0)


def test_without_noise_labels_are_exact():
    planted = generators.rotated(rng(), 20, 15, 15, noise=0.0)
    for k, (x, y) in enumerate(planted.tasks):
        assert_allclose(y, x @ planted.theta_DK[:, k], atol=1e-12)


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_models_of_a_low_rank(rank):
    planted = generators.low_rank_tasks(rng(), rows=5_000, rank=rank)
    assert np.linalg.matrix_rank(planted.theta_DK) == rank
    for (x, y), theta in zip(planted.tasks, planted.theta_DK.T, strict=True):
        assert np.std(y - x @ theta) == pytest.approx(0.7, rel=0.05)
    assert planted.excess_risk(np.zeros(20), 3) == pytest.approx(
        float(np.sum(planted.theta_DK[:, 3] ** 2))
    )


DRAW = {
    "three_tasks": generators.three_tasks,
    "rotated": generators.rotated,
    "low_rank_tasks": generators.low_rank_tasks,
}


@pytest.mark.parametrize("name", DRAW)
def test_equal_generators_draw_equal_tasks_and_others_do_not(name):
    first, second, other = (DRAW[name](rng(seed)).tasks[0].x_ND for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 0


REFUSED = {
    "angle": lambda: generators.three_tasks(rng(), angle=180),
    "wedge_share": lambda: generators.three_tasks(rng(), wedge_share=1.5),
    "flips": lambda: generators.three_tasks(rng(), flips=-0.1),
    "rows": lambda: generators.three_tasks(rng(), rows=0),
    "dim": lambda: generators.rotated(rng(), dim=25),
    "kappa": lambda: generators.rotated(rng(), kappa=0.0),
    "noise": lambda: generators.rotated(rng(), noise=float("nan")),
    "overlap": lambda: generators.rotated(rng(), overlap=1.5),
    "cosine": lambda: generators.rotated(rng(), cosine=1.2),
    "target_rows": lambda: generators.rotated(rng(), target_rows=0),
    "low_rank_tasks": lambda: generators.low_rank_tasks(rng(), rank=6),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_planted_is_refused(name):
    with pytest.raises(ConfigError, match=f"^{name}: .*allowed:"):
        REFUSED[name]()
