"""The shared linear model against Propositions 1 and 3 of Wu, Zhang, Ré (ICLR 2020), and a scan."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mtnas.runtime.errors import ConfigError, DataError, TrainingError
from mtnas.transfer import linear
from mtnas.transfer.generators import low_rank_tasks


def tasks_of(seed, rows, dim, noise=1.0):
    rng = np.random.default_rng(seed)
    xs = [rng.standard_normal((n, dim)) for n in rows]
    return xs, [x @ rng.standard_normal(dim) + noise * rng.standard_normal(len(x)) for x in xs]


def error(x, theta, y):
    return float(np.sum((x @ theta - y) ** 2))


def fitted(xs, ys, rank, seed=0, **options):
    return linear.fit(xs, ys, rank, rng=np.random.default_rng(seed), **options)


@pytest.mark.parametrize("shape", [(30, 4), (4, 30), (6, 6)])
def test_a_single_task_learns_the_shortest_least_squares_solution(shape):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(shape), rng.standard_normal(shape[0])
    assert_allclose(linear.single(x, y), np.linalg.pinv(x.T @ x) @ x.T @ y, atol=1e-10)
    assert_allclose(linear.single(x, y), np.linalg.pinv(x) @ y, atol=1e-12)


@pytest.mark.parametrize("rank", [5, 6, 8])
@pytest.mark.parametrize("rows", [25, 40, 200])
@pytest.mark.parametrize("seed", range(3))
def test_from_as_many_columns_as_tasks_on_there_is_no_transfer(seed, rows, rank):
    """Proposition 1."""
    planted = low_rank_tasks(np.random.default_rng(seed), rows)
    xs, ys = zip(*planted.tasks, strict=True)
    found = fitted(xs, ys, rank, seed)
    alone = np.stack([linear.single(*task) for task in planted.tasks], axis=1)
    assert_allclose(found.theta, alone, atol=1e-10)
    assert found.b_DR.shape == (20, rank)
    assert found.converged


@pytest.mark.parametrize("seed", range(3))
def test_random_beginnings_find_proposition_1_too(seed):
    """The optimum is where alternating leads, not only where it is told to begin."""
    xs, ys = tasks_of(seed, (30, 50, 44), 6)
    checked = linear._weighted(linear.task_data(xs, ys), None)
    begin = np.random.default_rng(seed).standard_normal((6, 3))
    found = linear._descend(checked, begin, None, floor=0.0, zero=0.0)
    alone = np.stack([linear.single(x, y) for x, y in zip(xs, ys, strict=True)], axis=1)
    assert_allclose(found.theta, alone, atol=1e-10)


@pytest.mark.parametrize("weights", [None, [1.0, 1.0, 1.0, 1.0], [0.1, 3.0, 1.0, 20.0]])
@pytest.mark.parametrize("rank", [1, 2, 3, 4])
@pytest.mark.parametrize(("seed", "rows", "dim"), [(0, 60, 7), (1, 25, 12), (2, 300, 5)])
def test_the_closed_form_is_the_lowest_of_many_descents(seed, rows, dim, rank, weights):
    """Proposition 3."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, dim)) @ rng.standard_normal((dim, dim))
    ys = rng.standard_normal((rows, 4)) + x @ rng.standard_normal((dim, 4))
    b = linear.shared_x_optimum(x, ys, rank, weights)
    alpha = np.ones(4) if weights is None else np.array(weights)
    a = linear.heads(x, b, ys)
    closed = float(alpha @ np.sum((x @ b @ a.T - ys) ** 2, axis=0))

    found = fitted([x] * 4, ys.T, rank, seed, weights=weights, starts=6)
    assert found.loss == pytest.approx(closed, rel=1e-9)
    if rank < 4:
        assert_allclose(found.theta, b @ a.T, rtol=1e-3, atol=1e-4 * np.abs(b @ a.T).max())
    if weights is None:
        same = linear.shared_x_optimum(x, ys, rank, np.full(4, 2.5))
        assert_allclose(same @ linear.heads(x, same, ys).T, b @ a.T, atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rows", [(30, 40), (12, 200), (20, 20)])
def test_one_direction_for_two_tasks_is_the_best_of_a_scan_of_all_heads(seed, rows):
    """Eq. (4): with two tasks and capacity 1 only the ratio of the heads matters."""
    xs, ys = tasks_of(seed, rows, 8)
    found = fitted(xs, ys, 1, seed)

    def loss_at(angle):
        heads = np.cos(angle), np.sin(angle)
        x = np.vstack([a * x for a, x in zip(heads, xs, strict=True)])
        y = np.concatenate(ys)
        return error(x, np.linalg.lstsq(x, y, rcond=None)[0], y)

    scanned = min(map(loss_at, np.linspace(0, np.pi, 1_000, endpoint=False)))
    assert found.loss <= scanned * (1 + 1e-9)
    assert found.loss >= scanned * 0.99
    b = found.b_DR[:, 0]
    explained = sum(
        np.dot(x @ b, y) ** 2 / np.sum((x @ b) ** 2) for x, y in zip(xs, ys, strict=True)
    )
    total = sum(float(y @ y) for y in ys)
    assert found.loss == pytest.approx(total - explained, rel=1e-9)


def test_the_loss_is_the_weighted_sum_of_squared_errors_and_falls_with_the_rank():
    xs, ys = tasks_of(0, (30, 11, 50), 6)
    weights = [2.0, 0.5, 1.0]
    losses = []
    for rank in (1, 2, 3, 4):
        found = fitted(xs, ys, rank, weights=weights)
        errors = [error(x, t, y) for x, t, y in zip(xs, found.theta.T, ys, strict=True)]
        assert found.loss == pytest.approx(float(np.dot(weights, errors)), rel=1e-9)
        assert np.linalg.matrix_rank(found.theta) == min(rank, 3)
        losses.append(found.loss)
    assert losses[0] > losses[1] > losses[2]
    assert losses[3] == pytest.approx(losses[2], rel=1e-9)


def test_a_weight_is_as_good_as_copies_of_the_rows():
    xs, ys = tasks_of(1, (30, 20), 5)
    thrice = fitted([xs[0], np.vstack([xs[1]] * 3)], [ys[0], np.tile(ys[1], 3)], 1)
    weighted = fitted(xs, ys, 1, weights=[1.0, 3.0])
    assert_allclose(weighted.theta, thrice.theta, atol=1e-5)


def test_an_opposite_task_shares_through_the_sign_of_its_head():
    rng = np.random.default_rng(0)
    x, theta = rng.standard_normal((40, 5)), rng.standard_normal(5)
    found = fitted([x, x], [x @ theta, -2 * x @ theta], 1)
    assert_allclose(found.theta, np.stack([theta, -2 * theta], axis=1), atol=1e-9)


def test_heads_of_one_task_are_those_of_many():
    rng = np.random.default_rng(0)
    x, b, ys = (rng.standard_normal(shape) for shape in ((30, 6), (6, 2), (30, 3)))
    many = linear.heads(x, b, ys)
    assert many.shape == (3, 2)
    for k in range(3):
        assert_allclose(linear.heads(x, b, ys[:, k]), many[k], atol=1e-12)
        residual = x @ b @ many[k] - ys[:, k]
        assert_allclose((x @ b).T @ residual, 0, atol=1e-10)


def test_equal_generators_give_equal_fits():
    xs, ys = tasks_of(3, (15, 15, 15), 10)
    first, second = (fitted(xs, ys, 2, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.theta, second.theta)


X, Y = np.random.default_rng(0).standard_normal((9, 3)), np.ones(9)
REFUSED = {
    "rank 0": (lambda: fitted([X], [Y], 0), ConfigError, "rank 0"),
    "half a rank": (lambda: fitted([X], [Y], 1.5), ConfigError, "rank 1.5"),
    "no tasks": (lambda: fitted([], [], 1), DataError, "1 or more"),
    "labels of another task": (lambda: fitted([X, X], [Y], 1), DataError, "labels of 1"),
    "fewer labels": (lambda: fitted([X], [Y[1:]], 1), DataError, r"labels of task 0.*\(9,\)"),
    "other inputs": (lambda: fitted([X, X[:, :2]], [Y, Y], 1), DataError, r"\[2, 3\] inputs"),
    "NaN": (lambda: fitted([X], [Y * np.nan], 1), DataError, "row 0 holds NaN"),
    "a weight of 0": (lambda: fitted([X], [Y], 1, weights=[0]), ConfigError, "above 0"),
    "two weights": (lambda: fitted([X], [Y], 1, weights=[1, 1]), ConfigError, "1 numbers above 0"),
    "starts": (lambda: fitted([X], [Y], 1, starts=-1), ConfigError, "starts -1"),
    "too large": (lambda: fitted([X * 1e200], [Y * 1e200], 1), TrainingError, "loss is"),
    "rank above tasks": (
        lambda: linear.shared_x_optimum(X, np.ones((9, 2)), 3),
        ConfigError,
        "to 2",
    ),
    "a column twice": (
        lambda: linear.shared_x_optimum(X[:, [0, 0]], np.ones((9, 2)), 1),
        DataError,
        "full rank",
    ),
    "fewer rows than inputs": (
        lambda: linear.shared_x_optimum(X[:2], np.ones((2, 2)), 1),
        DataError,
        "full rank",
    ),
    "other rows": (
        lambda: linear.shared_x_optimum(X, np.ones((8, 2)), 1),
        DataError,
        "8 of labels",
    ),
    "heads": (lambda: linear.heads(X, np.ones((2, 1)), Y), DataError, "do not fit"),
}


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_fitted_is_refused(name):
    call, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        call()
