"""PCGrad against the algorithm as it is printed, parameter by parameter (V29)."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtnas.config.options import TrainingOptions
from mtnas.training.checkpoint import Checkpoint
from mtnas.training.fit import fit
from mtnas.training.trainer import Trainer
from mtnas.training.weighting import Projection
from tests.helpers.ensembles import small_ensemble
from tests.helpers.stops import to_the_end
from tests.helpers.synthetic import examples, split

TRAINING = TrainingOptions(
    epochs=2,
    batch_size=64,
    dtype="float64",
    embedding_dim=3,
    learning_rate=0.02,
    weighting="pcgrad",
)


def printed(gradients, order):
    """Algorithm 1 of Yu et al.: each gradient loses what points against another, in an order."""
    total = np.zeros_like(gradients[0])
    for i, own in enumerate(gradients):
        own = own.copy()
        for j in order[i]:
            if j != i and own @ gradients[j] < 0:
                own -= own @ gradients[j] / (gradients[j] @ gradients[j]) * gradients[j]
        total += own
    return total


@pytest.mark.parametrize("tasks", [1, 2, 3, 5])
def test_shares_of_gradients_are_the_projections_as_they_are_printed(tasks):
    rng = np.random.default_rng(tasks)
    gradients = rng.normal(size=(4, tasks, 6))
    gradients[1, 0] = 0  # such as of a batch without a label of this task
    ensemble = small_ensemble("share_bottom", range(4), examples(tasks=tasks))
    projection = Projection(ensemble)
    projection.draw()
    products = torch.from_numpy(gradients @ gradients.transpose(0, 2, 1))
    shares = projection.shares(products).numpy()
    for m in range(4):
        expected = printed(gradients[m], projection._order_MTT[m])
        np.testing.assert_allclose(shares[m] @ gradients[m], expected, rtol=0, atol=1e-12)


def conflicting(tasks=2):
    """Return examples whose tasks have opposite labels, so that gradients conflict."""
    data = examples(tasks=tasks)
    labels = data.labels.clone()
    labels[:, 1] = 1 - labels[:, 0]
    return replace(data, labels=labels)


def with_equal_heads(name, seeds, data):
    """Return an ensemble whose tasks have layers with the same weights."""
    ensemble = small_ensemble(name, seeds, data)
    for part in ("weight", "bias"):
        of_heads = ensemble.params[f"heads.{part}"]
        of_heads[:, 1] = of_heads[:, 0]
    return ensemble


@pytest.mark.parametrize("name", ["share_bottom", "mmoe", "mtnas"])
@pytest.mark.parametrize("seeds", [[1], [0, 1]])
def test_a_step_descends_projected_gradients_of_what_is_shared(name, seeds, monkeypatch):
    """Plain descent in place of Adam shows the gradients; heads follow their own."""
    data, index = conflicting(), torch.arange(64).expand(len(seeds), -1)
    trainer = Trainer(with_equal_heads(name, seeds, data), data, TRAINING)
    found = trainer.task_gradients(index)
    stepped = {}
    monkeypatch.setattr(trainer.dense_optimizer, "step", stepped.update)
    monkeypatch.setattr(trainer.table_optimizer, "step", lambda g: stepped.update(table=g))
    trainer.step(index)
    order, conflicts = trainer.weighting._order_MTT, 0
    for m in range(len(seeds)):
        shared = [n for n in found.of_params if n.startswith("sharing.")]
        flat = [
            np.concatenate([found.of_params[n][t, m].numpy().ravel() for n in shared])
            for t in range(2)
        ]
        rows, table = found.rows_MR[m].long(), []
        for t in range(2):
            whole = torch.zeros(int(rows.max()) + 1, 3, dtype=torch.float64)
            table.append(whole.index_add_(0, rows, found.of_rows_TMRE[t, m]).numpy().ravel())
        both = [np.concatenate(pair) for pair in zip(flat, table, strict=True)]
        conflicts += both[0] @ both[1] < 0
        expected = printed(both, order[m])
        grads = {n: g.view(len(seeds), -1)[m].numpy() for n, g in stepped.items() if n != "table"}
        got = np.concatenate([grads[n] for n in shared])
        np.testing.assert_allclose(got, expected[: len(got)], rtol=0, atol=1e-14)
        whole = torch.zeros(int(rows.max()) + 1, 3, dtype=torch.float64)
        got_table = whole.index_add_(0, rows, stepped["table"][m]).numpy().ravel()
        np.testing.assert_allclose(got_table, expected[len(got) :], rtol=0, atol=1e-14)
        for n in set(found.of_params) - set(shared):
            own = found.of_params[n][:, m].sum(0).numpy().ravel()
            np.testing.assert_allclose(grads[n], own, rtol=0, atol=1e-14)
    assert conflicts


def test_without_a_conflict_it_is_plain_training():
    data = examples()
    data = replace(data, labels=data.labels[:, :1].expand(-1, 2).contiguous())
    losses = []
    for weighting in ("equal", "pcgrad"):
        training = TRAINING.model_copy(update={"weighting": weighting})
        trainer = Trainer(with_equal_heads("share_bottom", [0], data), data, training)
        losses.append([float(trainer.step(torch.arange(64)[None])) for _ in range(5)])
    assert losses[0] == pytest.approx(losses[1], abs=1e-12)


def test_penalties_are_no_gradient_of_a_task():
    data = conflicting()
    trainer = Trainer(small_ensemble("snr_trans", [0], data), data, TRAINING)
    loss = float(trainer.step(torch.arange(64)[None]))
    assert np.isfinite(loss)
    assert all(bool(p.isfinite().all()) for p in trainer.ensemble.params.values())


@pytest.mark.parametrize("name", ["share_bottom", "mmoe"])
def test_one_seed_alone_equals_that_seed_among_many(name):
    data = conflicting()

    def trained(seeds):
        ensemble = small_ensemble(name, seeds, data)
        fit(ensemble, data, [split()] * len(seeds), TRAINING)
        return ensemble.state()

    many, one = trained([3, 1, 4]), trained([1])
    for key, tensor in one.items():
        torch.testing.assert_close(tensor[0], many[key][1], rtol=0, atol=1e-12)


def test_training_goes_on_to_the_same_numbers(tmp_path):
    data = conflicting(3)

    def trained(checkpoint=None):
        ensemble = small_ensemble("mmoe", [0, 1], data, dtype="float32")
        result = fit(ensemble, data, [split()] * 2, TRAINING, checkpoint)
        return replace(result, seconds=0.0, states=()), ensemble.state()

    expected, weights = trained()
    result, state = to_the_end([2, 3], lambda: trained(Checkpoint(tmp_path / "0.safetensors")))
    assert result == expected
    assert all(torch.equal(state[key], tensor) for key, tensor in weights.items())
