"""Algorithm 2 of Wu, Zhang, Ré (ICLR 2020): the literal SVD, counting against matrices, noise."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mtnas.runtime.errors import ConfigError, DataError
from mtnas.transfer.coding import CODINGS, coded
from mtnas.transfer.generators import redrawn
from mtnas.transfer.reweighting import (
    standardised_inputs,
    standardised_theta,
    task_weights,
    weights_of_theta,
)
from mtnas.transfer.theta import theta_of_dense, theta_of_ids
from tests.helpers.multilabel import shared_multilabel

NAN = np.nan
KINDS = ("binary", "multiclass", "regression")


def weights(x, labels, kinds=None, *, coding="standardised", rank=1):
    """Return the weights of tasks by dense inputs."""
    y = coded(labels, coding, kinds)
    inputs = standardised_inputs(x) if coding == "standardised" else x
    return weights_of_theta(theta_of_dense(inputs, y.y_NK), y, rank)


def weights_by_ids(ids, labels, coding, rank):
    y = coded(labels, coding, KINDS)
    return weights_of_theta(theta_of_ids(ids, y.y_NK, 20), y, rank)


def literal_svd(theta, rank):
    left = np.linalg.svd(theta, full_matrices=False)[0][:, :rank]
    return np.linalg.norm(theta.T @ left, axis=1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("dim", "tasks"), [(50, 6), (3, 5), (400, 2), (4, 4), (7, 1)])
def test_weights_are_those_of_the_literal_decomposition(seed, dim, tasks):
    theta = np.random.default_rng(seed).standard_normal((dim, tasks))
    for rank in range(1, tasks + 1):
        expected = literal_svd(theta, rank)
        assert_allclose(task_weights(theta, rank), expected, rtol=1e-8, atol=1e-10)
    assert_allclose(task_weights(theta, tasks), np.linalg.norm(theta, axis=0), rtol=1e-12)


@pytest.mark.parametrize("rank", [0, 4, 1.5, True])
def test_a_rank_that_cannot_be_is_refused(rank):
    with pytest.raises(ConfigError, match="from 1 to 3"):
        task_weights(np.ones((5, 3)), rank)


def drawn(seed, rows=400, missing=0.2):
    """Ids in two fields and a list that may be empty, and a label of each kind, some missing."""
    rng = np.random.default_rng(seed)
    ids = rng.integers([0, 5, 12, 12], [5, 12, 20, 21], size=(rows, 4))  # 20: none
    labels = np.stack(
        [rng.integers(2, size=rows), rng.choice([2, 5, 7], rows), 3 + ids[:, 0] * 1.5], axis=1
    ).astype(float)
    labels[rng.random(labels.shape) < missing] = NAN
    return ids, labels


def one_hot(ids, n_ids):
    """Return a matrix with the number of times that a row has an id."""
    x = np.zeros((len(ids), n_ids + 1))
    for column in ids.T:
        np.add.at(x, (np.arange(len(ids)), column), 1)
    return x[:, :n_ids]


def by_hand(x, labels, coding):
    """Return theta by task, as matrices of one column per class, without masks: row by row."""
    thetas = []
    for label, kind in zip(labels.T, KINDS, strict=True):
        there = ~np.isnan(label)
        y, inputs = label[there], x[there]
        columns = [y == c for c in np.unique(y)] if kind == "multiclass" else [y]
        block = np.stack(columns, axis=1).astype(float)
        if coding != "literal" or kind == "regression":
            block = block - block.mean(axis=0)
        if coding == "standardised" or (coding == "literal" and kind == "regression"):
            block = block / block.std(axis=0)
        thetas.append(inputs.T @ block / len(y) / np.sqrt(block.shape[1]))
    return thetas


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("rank", [1, 2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_counting_gives_the_weights_of_one_hot_matrices(seed, rank, coding):
    ids, labels = drawn(seed)
    thetas = by_hand(one_hot(ids, 20), labels, coding)
    left = np.linalg.svd(np.hstack(thetas), full_matrices=False)[0][:, :rank]
    expected = np.array([np.linalg.norm(left.T @ theta) for theta in thetas])

    mean_one = weights_by_ids(ids, labels, coding, rank)
    assert_allclose(mean_one, expected / expected.mean(), rtol=1e-8)


@pytest.mark.parametrize("rank", [1, 2])
def test_two_classes_weigh_what_they_do_as_a_binary_task(rank):
    rng = np.random.default_rng(0)
    x, theta = rng.standard_normal((800, 6)), rng.standard_normal((6, 2))
    labels = (x @ theta + rng.standard_normal((800, 2)) > 0).astype(float)

    binary = weights(x, labels, rank=rank)
    classes = weights(x, labels, ["binary", "multiclass"], rank=rank)
    assert_allclose(classes, binary, rtol=1e-9)
    same = np.stack([labels[:, 0]] * 2, axis=1)
    both = weights(x, same, ["binary", "multiclass"], rank=rank)
    assert_allclose(both, [1, 1], rtol=1e-9)


def test_dense_inputs_that_are_one_hot_count_alike():
    ids, labels = drawn(1)
    dense = weights(one_hot(ids, 20), labels, KINDS, coding="literal", rank=2)
    assert_allclose(dense, weights_by_ids(ids, labels, "literal", 2), rtol=1e-9)


def test_with_standardised_labels_centring_the_inputs_changes_nothing():
    ids, labels = drawn(2, missing=0.0)
    x, y = one_hot(ids, 20), coded(labels, "standardised", KINDS).y_NK
    assert_allclose(theta_of_dense(x, y), theta_of_dense(x - x.mean(axis=0), y), atol=1e-12)


def test_labels_that_are_missing_at_random_hardly_change_a_weight():
    x, labels = shared_multilabel(np.random.default_rng(0), rows=20_000, dim=10, tasks=3)
    whole = weights(x, labels)
    labels[np.random.default_rng(1).random(len(labels)) < 0.7, 1] = NAN
    assert_allclose(weights(x, labels), whole, rtol=0.03)


def test_rows_without_a_label_have_no_say():
    ids, labels = drawn(0)
    alone = [
        np.linalg.norm(by_hand(one_hot(ids, 20)[k], labels[k], "standardised")[0])
        for k in (slice(None), ~np.isnan(labels[:, 0]))
    ]
    assert alone[0] == pytest.approx(alone[1], rel=1e-12)
    labels[:, 1:] = NAN
    labels[:2, 1:] = [[2, 0], [5, 1]]
    theta = theta_of_ids(ids, coded(labels, "standardised", KINDS).y_NK, 20)
    assert np.linalg.norm(theta[:, 0]) == pytest.approx(alone[0], rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_task_of_nothing_but_noise_loses_its_weight_as_rows_grow(seed):
    found = []
    for rows in (500, 5_000, 50_000):
        rng = np.random.default_rng(seed)
        drawn_data = shared_multilabel(rng, rows, 10, 4, noisy_task=2, noise_share=1.0)
        found.append(weights(*drawn_data))
    noisy = np.array(found)[:, 2]
    assert noisy[1] < 0.25
    assert noisy[2] < 0.08  # of the order of 1 / sqrt(rows)
    assert noisy[2] < noisy[0]
    assert (np.delete(found[2], 2) > 1.2).all()


@pytest.mark.parametrize("seed", range(3))
def test_more_noise_is_less_weight(seed):
    shares, found = (0.0, 0.2, 0.4, 0.8), []
    for share in shares:
        rng = np.random.default_rng(seed)
        drawn_data = shared_multilabel(rng, 20_000, 20, 6, noisy_task=1, noise_share=share)
        found.append(weights(*drawn_data)[1])
    ratio = np.array(found) / found[0]
    assert_allclose(ratio[1:], [0.82, 0.64, 0.23], atol=0.05)  # the correlation that is left


def test_taken_literally_weights_follow_base_rates():
    rng = np.random.default_rng(0)
    x = 0.3 + rng.standard_normal((20_000, 20))
    signal = (x - 0.3) @ rng.standard_normal(20) / 20**0.5 + 0.5 * rng.standard_normal(20_000)
    labels = (signal[:, None] > np.quantile(signal, [0.51, 0.74, 0.87])).astype(float)
    literal = weights(x, labels, coding="literal")
    standardised = weights(x, labels)
    assert literal[0] > 2 * literal[2]
    assert standardised[0] < 1.6 * standardised[2]


@pytest.mark.parametrize("seed", range(3))
def test_additive_noise_lowers_a_weight_only_after_standardising(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((300, 50))
    theta = rng.standard_normal((50, 1)) / 50**0.5
    y = np.tile(x @ theta, (1, 6))
    y[:, 3:] += 3 * rng.standard_normal((300, 3))
    raw = task_weights(theta_of_dense(x, y), 1)
    fair = task_weights(standardised_theta(x, y, ["regression"] * 6), 1)
    assert raw[3:].mean() > 0.9 * raw[:3].mean()
    assert fair[3:].mean() < 0.6 * fair[:3].mean()


def test_standardised_inputs_have_mean_0_and_spread_1_and_constants_vanish():
    x = np.random.default_rng(0).normal(5, [1, 100, 0.01], size=(50, 3))
    x = np.column_stack([x, np.full(50, 0.1)])
    z = standardised_inputs(x)
    assert_allclose(z.mean(axis=0), 0, atol=1e-9)
    assert_allclose(z.std(axis=0), [1, 1, 1, 0], atol=1e-9)


def test_redrawing_changes_that_share_of_rows_and_no_other():
    label = np.zeros(1_000)
    out = redrawn(np.random.default_rng(0), label, 0.4)
    assert 150 < out.sum() < 250
    assert redrawn(np.random.default_rng(0), label, 0.0).sum() == 0
    np.testing.assert_array_equal(label, 0)
    assert set(redrawn(np.random.default_rng(0), label, 1.0, (-1, 1))) == {-1, 1}


ONES = np.ones((4, 1), int)
BOTH = [[1.0], [0.0]]
REFUSED = {
    "a coding": (
        lambda: weights(ONES, [[0], [1], [0], [1]], coding="raw"),
        ConfigError,
        "raw",
    ),
    "kinds": (lambda: coded(np.zeros((3, 2)), "literal", ["binary"]), ConfigError, "1 for 2 tasks"),
    "a kind": (lambda: coded(np.zeros((3, 1)), "literal", ["ranks"]), ConfigError, "ranks"),
    "stars": (lambda: coded([[0.0], [4.0]], "literal"), DataError, "has a label 4"),
    "one label": (lambda: coded([[1.0], [1.0]], "standardised"), DataError, "task 0 has one label"),
    "no label": (lambda: coded([[1.0, NAN], [0.0, NAN]], "literal"), DataError, "task 1 has no"),
    "infinite": (lambda: coded([[np.inf]], "literal", ["regression"]), DataError, "infinite"),
    "ids too large": (lambda: theta_of_ids([[9], [1]], BOTH, 8), DataError, "0 to 8"),
    "ids that are numbers": (
        lambda: theta_of_ids([[1.0], [2.0]], BOTH, 8),
        DataError,
        "integers",
    ),
    "rows of ids": (
        lambda: theta_of_ids([[1]], BOTH, 8),
        DataError,
        "1 rows of ids, 2 of labels",
    ),
    "rows of inputs": (
        lambda: weights([[1.0], [2.0], [3.0]], [[1.0], [0.0]]),
        DataError,
        "3 rows of inputs",
    ),
    "inputs that tell nothing": (
        lambda: weights(np.ones((4, 2)), [[0], [1], [0], [1]]),
        DataError,
        "tell nothing",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_weight_is_refused(name):
    call, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        call()
