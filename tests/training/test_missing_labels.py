"""Labels that are missing: who learns from what, and from nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtnas.config.options import TrainingOptions
from mtnas.training.data import Batches, Split
from mtnas.training.ensemble import Member
from mtnas.training.fit import evaluate_loss, fit
from mtnas.training.trainer import Trainer
from tests.helpers.ensembles import small_ensemble
from tests.helpers.synthetic import examples, split

TRAINING = TrainingOptions(
    epochs=3, batch_size=64, dtype="float64", embedding_dim=3, learning_rate=0.02
)


def partial(share=0.4):
    """Return examples of which a share lacks the label of either task."""
    data = examples()
    labels = data.labels.clone()
    labels[torch.from_numpy(np.random.default_rng(5).random(labels.shape) < share)] = torch.nan
    return replace(data, labels=labels)


def labelled(data, part, task):
    return part[~data.labels[part, task].isnan().numpy()]


@pytest.mark.parametrize("task", [0, 1])
def test_a_model_of_one_task_is_that_of_a_table_of_its_labelled_rows(task):
    """The same rows in the same order: equal to the last bit."""
    data, whole = partial(), split()
    parts = {name: labelled(data, getattr(whole, name), task) for name in ("train", "valid")}
    rows = np.concatenate([*parts.values(), whole.test])
    alone = replace(
        data,
        inputs=replace(data.inputs, ids=data.inputs.ids[rows]),
        labels=data.labels[rows][:, [task]].nan_to_num(0),
        tasks=data.tasks[:1],
    )
    ends = np.cumsum([len(part) for part in parts.values()])
    first, second, third = np.split(np.arange(len(rows)), ends)
    here = replace(whole, train=parts["train"], valid=parts["valid"])

    theirs = small_ensemble("single_task", [3], alone)
    fitted = fit(theirs, alone, [Split(first, second, third)], TRAINING)
    ours = small_ensemble("single_task", [3], data, tasks=(task,))
    result = fit(ours, data, [here], TRAINING)

    assert alone.complete
    assert not data.complete
    assert result.train_loss == fitted.train_loss
    assert result.valid_losses == fitted.valid_losses
    for name, tensor in theirs.state().items():
        assert torch.equal(ours.state()[name], tensor)


def test_the_gradient_of_a_batch_is_that_of_its_labelled_rows():
    data, rows = partial(), np.arange(200)
    known = labelled(data, rows, 0)
    losses = []
    for index in (rows, known):
        ensemble = small_ensemble("single_task", [0], data, tasks=(0,))
        batch = torch.from_numpy(index)[None]
        trainer = Trainer(ensemble, data, TRAINING)
        params = {n: p.detach().requires_grad_() for n, p in ensemble.params.items()}
        logits = ensemble.logits(ensemble.encoded(data.inputs, batch), params)
        loss = trainer.losses(batch, logits)[0].sum(-1)
        losses.append((loss, *torch.autograd.grad(loss.sum(), list(params.values()))))
    for one, other in zip(*losses, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-14)


@pytest.mark.parametrize("method", ["share_bottom", "mmoe", "mtnas"])
def test_a_joint_model_ignores_what_is_missing(method):
    """Whatever stood in place of a missing label would change nothing: it is not there."""
    data = partial()
    options = {"num_layers": 1, "num_subnets": 2} if method == "mtnas" else {}
    ensemble = small_ensemble(method, [0, 7], data, **options)
    result = fit(ensemble, data, [split()] * 2, TRAINING)
    loss_MT = evaluate_loss(ensemble, data, [split().valid] * 2)
    assert np.isfinite(result.train_loss).all()
    assert result.train_loss[-1][0] < result.train_loss[0][0]
    for task in range(2):
        own = labelled(data, split().valid, task)
        expected = evaluate_loss(ensemble, data, [own] * 2)[:, task]
        torch.testing.assert_close(loss_MT[:, task], expected, rtol=0, atol=1e-12)


def test_tasks_weigh_what_the_dataset_and_the_options_say_together():
    data = examples()
    tasks = tuple(
        t.model_copy(update={"loss_weight": w}) for t, w in zip(data.tasks, (2, 0.5), strict=True)
    )
    heavy = replace(data, tasks=tasks)
    assert data.loss_weights(TRAINING) is None
    assert heavy.loss_weights(TRAINING) == (2, 0.5)
    given = TRAINING.model_copy(update={"loss_weights": (3.0, 4.0)})
    assert heavy.loss_weights(given) == (6, 2)


def test_members_with_other_rows_take_batches_of_their_own():
    members = [Member(0, (0,)), Member(0, (1,)), Member(4, (0,))]
    rows = [np.arange(70), np.arange(100, 175), np.arange(200, 270)]
    together = Batches(rows, members, 32)
    alone = [Batches([own], [m], 32) for own, m in zip(rows, members, strict=True)]
    for _ in range(5):
        batch_MB = next(together)
        for m, own in enumerate(alone):
            assert torch.equal(batch_MB[m], next(own)[0])
            assert set(batch_MB[m].tolist()) <= set(rows[m].tolist())
    with pytest.raises(ValueError, match="other batches"):
        Batches([np.arange(70), np.arange(99)], members[:2], 32)
