"""Gradients of single tasks, compared with those of whole tables; what a step for one changes."""

import pytest
import torch

from mtnas.config.options import TrainingOptions
from mtnas.training.trainer import Trainer
from tests.helpers.ensembles import small_ensemble
from tests.helpers.synthetic import examples

TRAINING = TrainingOptions(batch_size=64, dtype="float64", embedding_dim=3)
LAYERS = ["root", "bottom", "embedding", "all"]


def trainer_of(seeds=(0, 1), **options):
    data = examples(tasks=3)
    return Trainer(small_ensemble("share_bottom", seeds, data, **options), data, TRAINING)


def batch(members=2, rows=40):
    return torch.randint(0, 200, (members, rows), generator=torch.Generator().manual_seed(3))


def dense(trainer, index_MB, member, task):
    """Return the gradient of one task's loss by name, of the whole table, too."""
    ensemble, data = trainer.ensemble, trainer.examples
    trainer.table_optimizer.settle()
    table = ensemble.table_MNE.clone().requires_grad_()
    params = {name: p.clone().requires_grad_() for name, p in ensemble.params.items()}
    ids = data.inputs.ids[index_MB].flatten(1).long()
    looked_up = torch.stack([table[m][ids[m]] for m in range(len(ids))])
    loss = trainer.losses_at(index_MB, params, looked_up)[member, task]
    named = {**params, "embedding": table}
    found = torch.autograd.grad(loss, list(named.values()))
    return {name: grad[member] for name, grad in zip(named, found, strict=True)}


def of_layer(grads, layer):
    """Return what is shared of some gradients, as one vector."""
    chosen = [
        grad.flatten()
        for name, grad in grads.items()
        if (name == "embedding" or name.startswith("sharing."))
        and (layer == "all" or layer in name)
    ]
    return torch.cat(chosen)


@pytest.mark.parametrize("layer", LAYERS)
def test_cosines_are_those_of_the_gradients_of_whole_tables(layer):
    trainer, index_MB = trainer_of(), batch()
    for _ in range(3):
        trainer.step(index_MB)
    cosines = trainer.task_gradients(index_MB).cosines()
    assert list(cosines) == LAYERS
    for member in range(2):
        grads = [of_layer(dense(trainer, index_MB, member, task), layer) for task in range(3)]
        for i in range(3):
            for j in range(3):
                expected = torch.nn.functional.cosine_similarity(grads[i], grads[j], dim=0)
                assert cosines[layer][member, i, j] == pytest.approx(float(expected), abs=1e-9)


def test_affinity_is_the_loss_that_a_step_of_shared_weights_takes_off():
    trainer, index_MB, rate = trainer_of(), batch(), 0.3
    before = trainer.task_gradients(index_MB)
    z_MTT = before.affinity(lambda p, rows: trainer.losses_at(index_MB, p, rows), rate)
    ids = trainer.examples.inputs.ids[index_MB].flatten(1).long()
    for i in range(3):
        grads = [dense(trainer, index_MB, member, i) for member in range(2)]
        params = {
            name: p - rate * torch.stack([g[name] for g in grads]) * name.startswith("sharing.")
            for name, p in trainer.ensemble.params.items()
        }
        table = trainer.ensemble.table_MNE - rate * torch.stack([g["embedding"] for g in grads])
        after = trainer.losses_at(index_MB, params, torch.stack([table[m][ids[m]] for m in (0, 1)]))
        torch.testing.assert_close(z_MTT[:, i], 1 - after / before.loss_MT, rtol=0, atol=1e-10)
    assert (z_MTT.diagonal(dim1=1, dim2=2) > 0).all()  # a step for a task helps it


def test_looking_at_gradients_changes_no_step():
    plain, watched, index_MB = trainer_of(), trainer_of(), batch()
    for _ in range(3):
        watched.task_gradients(index_MB)
        torch.testing.assert_close(plain.step(index_MB), watched.step(index_MB), rtol=0, atol=0)
    plain.table_optimizer.settle()
    watched.table_optimizer.settle()
    for name, tensor in plain.ensemble.state().items():
        assert torch.equal(tensor, watched.ensemble.state()[name])


def test_a_task_without_a_label_in_the_batch_has_no_cosine_and_no_affinity():
    trainer, index_MB = trainer_of(), batch()
    trainer.examples.labels[index_MB.flatten(), 1] = torch.nan
    trainer.examples.__dict__.pop("complete", None)
    gradients = trainer.task_gradients(index_MB)
    z_MTT = gradients.affinity(lambda p, rows: trainer.losses_at(index_MB, p, rows), 0.1)
    for found in (gradients.cosines()["all"], z_MTT):
        unknown = found.isnan()
        assert unknown[:, 1].all()
        assert unknown[:, :, 1].all()
        assert not unknown[:, 0, 2].any()
    assert gradients.loss_MT[:, 1].eq(0).all()


def test_tables_of_their_own_are_not_shared():
    cosines = trainer_of(embedding_per_task=True).task_gradients(batch()).cosines()
    off = ~torch.eye(3, dtype=torch.bool)
    assert cosines["embedding"][:, off].abs().max() < 1e-12
    assert cosines["root"][:, off].abs().max() > 1e-3
