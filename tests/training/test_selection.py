"""Which epoch's weights are kept, what a task weighs, which tables it reads: one at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtnas.config.options import TrainingOptions
from mtnas.tasks.kinds import BINARY
from mtnas.training.fit import evaluate_loss, fit, predict_selected
from mtnas.training.trainer import Trainer
from tests.helpers.ensembles import small_ensemble
from tests.helpers.synthetic import examples, split

SEEDS = [3, 1, 4]
ROWS = [split().valid]


def training(**chosen):
    defaults = {"epochs": 12, "patience": 2, "learning_rate": 0.02, "embedding_dim": 3}
    return TrainingOptions(batch_size=64, dtype="float64", **{**defaults, **chosen})


def fitted(method, seeds, **chosen):
    torch.set_num_threads(1)
    data, per_task = examples(), {k: v for k, v in chosen.items() if k == "embedding_per_task"}
    ensemble = small_ensemble(method, seeds, data, **per_task)
    splits = [split()] * len(ensemble)
    return ensemble, data, fit(ensemble, data, splits, training(**chosen))


def first_best(curve_E, patience):
    """Return the best epoch, from 1, of a model that stops after `patience` worse ones."""
    best = 0
    for epoch, loss in enumerate(curve_E):
        if epoch - best > patience:
            break
        best = epoch if loss < curve_E[best] else best
    return best + 1


@pytest.mark.parametrize("method", ["share_bottom", "mmoe"])
def test_each_task_can_have_the_weights_of_its_own_best_epoch(method):
    ensemble, data, result = fitted(method, SEEDS, selection="task")
    curve_EMT = np.array(result.valid_losses)

    logit_MNT = predict_selected(ensemble, result.states, data, ROWS * len(ensemble))
    y_MNT = data.labels_of(ensemble.tasks_MT, torch.from_numpy(np.stack(ROWS * len(ensemble))))
    loss_MT = BINARY.loss(logit_MNT.transpose(1, 2), y_MNT.transpose(1, 2))

    for m, epochs in enumerate(result.best_epochs):
        assert epochs == tuple(first_best(curve_EMT[:, m, t], 2) for t in range(2))
        assert loss_MT[m].tolist() == [curve_EMT[e - 1, m, t] for t, e in enumerate(epochs)]
    assert any(first != second for first, second in result.best_epochs)


@pytest.mark.parametrize("method", ["share_bottom", "mmoe"])
@pytest.mark.parametrize("weights", [None, (1.0, 3.0, 0.5)])
def test_the_tasks_of_a_source_can_have_the_weights_of_their_best_epoch(method, weights):
    torch.set_num_threads(1)
    data = examples(tasks=3)
    named = zip(data.tasks, ("reviews", "questions", "reviews"), strict=True)
    tasks = tuple(task.model_copy(update={"source": source}) for task, source in named)
    source = np.tile(np.int8([0, 1]), 300)
    data = replace(data, tasks=tasks, source=source, sources=("reviews", "questions"))
    ensemble, splits = small_ensemble(method, SEEDS, data), [split()] * len(SEEDS)
    options = training(selection="source", loss_weights=weights)
    result = fit(ensemble, data, splits, options)
    curve_EMT = np.array(result.valid_losses) * (weights or 1)
    units = [curve_EMT[..., [0, 2]].sum(-1), curve_EMT[..., 1]]

    logit_MNT = predict_selected(ensemble, result.states, data, ROWS * len(ensemble))
    y_MNT = data.labels_of(ensemble.tasks_MT, torch.from_numpy(np.stack(ROWS * len(ensemble))))
    loss_MT = BINARY.loss(logit_MNT.transpose(1, 2), y_MNT.transpose(1, 2))

    best = [[first_best(unit_EM[:, m], 2) for unit_EM in units] for m in range(len(SEEDS))]
    for m, (reviews, questions) in enumerate(best):
        assert result.best_epochs[m] == (reviews, questions, reviews)
        expected = [
            result.valid_losses[epoch - 1][m][t] for t, epoch in enumerate(result.best_epochs[m])
        ]
        assert loss_MT[m].tolist() == expected
    assert any(first != second for first, second in best)
    assert len(result.valid_losses) == min(12, max(map(max, best)) + 2)  # waits for all


def test_models_of_one_source_each_have_one_best_epoch():
    sources = {"source": np.tile(np.int8([0, 1]), 300), "sources": ("reviews", "questions")}
    tasks = tuple(
        task.model_copy(update={"source": source})
        for task, source in zip(examples().tasks, sources["sources"], strict=True)
    )
    data = replace(examples(), tasks=tasks, **sources)
    ensemble = small_ensemble("single_task", SEEDS, data)
    splits = [split()] * len(ensemble)
    of_source = fit(ensemble, data, splits, training(selection="source"))
    of_model = fit(small_ensemble("single_task", SEEDS, data), data, splits, training())
    assert of_source.best_epochs == of_model.best_epochs


def test_the_models_of_a_seed_can_share_the_best_epoch_of_their_sum():
    ensemble, data, result = fitted("single_task", SEEDS, selection="seed")
    curve_EST = np.array(result.valid_losses).reshape(-1, len(SEEDS), 2)
    expected = [first_best(curve_EST[:, s].sum(-1), 2) for s in range(len(SEEDS))]

    assert [epoch for (epoch,) in result.best_epochs] == np.repeat(expected, 2).tolist()
    kept = evaluate_loss(ensemble, data, ROWS * len(ensemble)).view(-1, 2)
    for s, epoch in enumerate(expected):
        assert kept[s].tolist() == curve_EST[epoch - 1, s].tolist()
    _, _, own = fitted("single_task", SEEDS)
    assert own.best_epochs != result.best_epochs


@pytest.mark.parametrize("method", ["single_task", "mmoe"])
@pytest.mark.parametrize("chosen", [{"selection": "task"}, {"selection": "seed"},
                                    {"loss_weights": (1.0, 3.0)}])  # fmt: skip
def test_a_seed_is_the_same_alone_and_in_company(method, chosen):
    together = fitted(method, SEEDS, **chosen)[2]
    ensemble, _, alone = fitted(method, SEEDS[1:2], **chosen)
    mine = slice(len(ensemble), 2 * len(ensemble))

    assert alone.best_epochs == together.best_epochs[mine]
    for ours, theirs in zip(alone.states, together.states, strict=True):
        for name, tensor in ours.items():
            torch.testing.assert_close(tensor, theirs[name][mine], rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", ["single_task", "share_bottom"])
def test_tasks_weigh_what_the_options_say(method):
    data = examples()
    index_MB = torch.arange(64).repeat(len(small_ensemble(method, [0], data)), 1)

    def loss_of(weights):
        trainer = Trainer(small_ensemble(method, [0], data), data, training(loss_weights=weights))
        x_MBD = trainer.ensemble.encoded(data.inputs, index_MB)
        return trainer.losses(index_MB, trainer.ensemble.logits(x_MBD))[0].sum()

    first, second = loss_of((1.0, 0.0)), loss_of((0.0, 1.0))
    assert torch.isclose(loss_of((0.5, 3.0)), 0.5 * first + 3 * second)
    assert torch.isclose(loss_of(None), first + second)


def test_a_task_without_weight_does_not_train_the_others():
    _, _, alone = fitted("share_bottom", [0], loss_weights=(1.0, 0.0))
    _, _, other = fitted("share_bottom", [0], loss_weights=(0.0, 1.0))
    curve_ET, other_ET = (np.array(result.valid_losses)[:, 0] for result in (alone, other))

    assert curve_ET[:, 0].min() < other_ET[:, 0].min() - 0.05
    assert other_ET[:, 1].min() < curve_ET[:, 1].min() - 0.03
    assert alone.best_epochs == ((first_best(curve_ET[:, 0], 2),),)


@pytest.mark.parametrize("method", ["share_bottom", "mmoe", "snr_trans"])
def test_tables_per_task_are_those_of_one_task_each(method):
    data = examples()
    one, own = (small_ensemble(method, [0, 7], data, embedding_per_task=p) for p in (False, True))
    index_MB = torch.arange(50).repeat(2, 1)

    def logits(ensemble):
        return ensemble.logits(ensemble.encoded(data.inputs, index_MB))

    own.table_MNE.view(*one.table_MNE.shape, 2).copy_(one.table_MNE.unsqueeze(-1))
    same = logits(one)
    torch.testing.assert_close(logits(own), same, rtol=0, atol=1e-12)
    own.table_MNE.view(*one.table_MNE.shape, 2)[..., 1] += 0.1
    torch.testing.assert_close(logits(own)[..., 0], same[..., 0], rtol=0, atol=1e-12)
    assert not torch.isclose(logits(own)[..., 1], same[..., 1]).any()


def test_tables_per_task_are_trained():
    ensemble, data, result = fitted("share_bottom", [0], embedding_per_task=True)

    assert ensemble.table_MNE.shape == (1, data.num_rows, 6)
    assert result.train_loss[-1][0] < result.train_loss[0][0] - 0.1


def test_weights_that_teach_nothing_are_refused():
    with pytest.raises(ValueError, match="nothing to learn"):
        training(loss_weights=(0.0, 0.0))
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        training(loss_weights=(1.0, -1.0))
