"""What routes are rewarded for where labels are missing and tasks are of several kinds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score

from mtnas.config.options import TrainingOptions
from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import TrainingError
from mtnas.search.architecture import Architecture
from mtnas.search.differentiable import slopes
from mtnas.search.rewards import Rewards
from mtnas.search.supernet import Supernet
from tests.helpers.ensembles import small_ensemble
from tests.helpers.mixed import MIXED, mixed_arrays
from tests.helpers.synthetic import examples

TRAINING = TrainingOptions(batch_size=64, dtype="float64", embedding_dim=3)
SPACE = SearchSpace(num_layers=1, num_subnets=2, num_tasks=3)
BATCH = np.arange(200)


@pytest.fixture(scope="module")
def data():
    """The mixed table with its numbers about 0, as they are standardised."""
    _, labels = mixed_arrays()
    labels[:, 2] = (labels[:, 2] - 30) / 10
    return replace(examples(tasks=3), labels=torch.from_numpy(labels), tasks=MIXED)


def scores(data, kind, batch=BATCH):
    """Return the scores of the tasks, and the outputs they are of."""
    network = {"num_layers": 1, "num_subnets": 2}
    supernet = Supernet(small_ensemble("mtnas", [0], data, **network), data, TRAINING)
    supernet.take(np.zeros((1, len(SPACE.blocks)), np.int64))
    index_MB = torch.from_numpy(batch)[None]
    x_MBD, _ = supernet.validation(index_MB)
    return supernet, supernet.scores(index_MB, kind)[0], supernet.ensemble.logits(x_MBD)[0].numpy()


@pytest.mark.parametrize("kind", ["auc_sum", "neg_loss"])
def test_rewards_are_of_the_labelled_examples_by_kind(data, kind):
    _, found, out_BO = scores(data, kind)
    y_BT = data.labels.numpy()[BATCH]
    (click, mood, minutes), known = y_BT.T, ~np.isnan(y_BT.T)
    p = np.exp(out_BO[:, 1:4]) / np.exp(out_BO[:, 1:4]).sum(1, keepdims=True)
    chance = 1 / (1 + np.exp(-out_BO[:, 0]))
    auc = roc_auc_score(click[known[0]], chance[known[0]])
    first = auc if kind == "auc_sum" else -log_loss(click[known[0]], chance[known[0]])
    assert found.tolist() == pytest.approx(
        [
            first,
            -log_loss(mood[known[1]], p[known[1]], labels=range(3)),
            -mean_squared_error(minutes[known[2]], out_BO[known[2], 4]),
        ]
    )


def test_what_a_batch_cannot_tell_is_undefined_and_a_guess_stands_in(data):
    labels = data.labels.clone()
    labels[:200, 0] = torch.where(labels[:200, 0] == 1, torch.nan, labels[:200, 0])
    labels[:200, 1:] = torch.nan
    supernet, found, _ = scores(replace(data, labels=labels), "auc_sum")
    assert np.isnan(found).all()
    guesses = supernet.guesses("auc_sum")
    assert guesses.tolist() == pytest.approx([0.5, -np.log(3), -1])
    rewards = Rewards(guesses)
    assert rewards.of(found[None]).tolist() == pytest.approx([guesses.sum()])
    assert rewards.undefined_M.tolist() == [3]


WEIGHTS = np.array([2.0, 0.5, 3.0])


def weighing(data):
    pairs = zip(data.tasks, WEIGHTS.tolist(), strict=True)
    tasks = tuple(task.model_copy(update={"loss_weight": weight}) for task, weight in pairs)
    return replace(data, tasks=tasks)


@pytest.mark.parametrize(("kind", "weights"), [("auc_sum", [1, 0.5, 3]), ("neg_loss", WEIGHTS)])
def test_a_loss_is_rewarded_by_the_weight_of_its_task_an_auc_as_it_is(data, kind, weights):
    plain, found, _ = scores(data, kind)
    heavy, by_weight, _ = scores(weighing(data), kind)
    assert by_weight.tolist() == pytest.approx((found * weights).tolist())
    assert heavy.guesses(kind).tolist() == pytest.approx((plain.guesses(kind) * weights).tolist())


def test_alpha_follows_the_loss_by_the_weights_of_tasks(data):
    def of(data):
        supernet, score_T, _ = scores(data, "neg_loss")
        architecture = Architecture(SPACE, 1, learning_rate=0.01)
        index_MK = np.zeros((1, len(SPACE.blocks)), np.int64)
        return score_T, *slopes(supernet, architecture, index_MK, torch.from_numpy(BATCH)[None])

    score_T, _, loss_M = of(data)
    _, slope_MKR, heavy_M = of(weighing(data))
    assert loss_M[0] == pytest.approx(-score_T.sum())
    assert heavy_M[0] == pytest.approx(-(score_T * WEIGHTS).sum())
    each = [
        of(replace(data, labels=data.labels.index_fill(1, torch.tensor(others), torch.nan)))[1]
        for others in ([1, 2], [0, 2], [0, 1])
    ]
    np.testing.assert_allclose(slope_MKR, np.tensordot(WEIGHTS, each, 1), atol=1e-12)


@pytest.mark.parametrize("kind", ["auc_sum", "neg_loss", "slopes"])
def test_an_output_that_is_not_finite_is_no_missing_label(data, kind):
    supernet, _, _ = scores(data, "neg_loss")
    for parameter in supernet.ensemble.params.values():
        parameter.data.fill_(torch.nan)
    batch_MB = torch.from_numpy(BATCH)[None]
    with pytest.raises(TrainingError, match=r"an output of the network is not finite; lower"):
        if kind == "slopes":
            index_MK = np.zeros((1, len(SPACE.blocks)), np.int64)
            slopes(supernet, Architecture(SPACE, 1, learning_rate=0.01), index_MK, batch_MB)
        else:
            supernet.scores(batch_MB, kind)
