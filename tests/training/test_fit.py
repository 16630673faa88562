"""The training loop: what it validates is what a dense update would have left."""

from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import torch

from mtnas.config.options import TrainingOptions
from mtnas.training import fit as module
from mtnas.training import trainer
from mtnas.training.optim import DenseTableAdam
from mtnas.training.row_adam import RowAdam
from tests.helpers.ensembles import small_ensemble
from tests.helpers.synthetic import examples, split

TRAINING = TrainingOptions(epochs=3, batch_size=64, dtype="float64", embedding_dim=3)


@pytest.fixture(autouse=True)
def _exact_decay(monkeypatch):
    monkeypatch.setattr(module, "Trainer", partial(trainer.Trainer, exact_decay=True))


def fitted():
    torch.set_num_threads(1)
    data = examples()
    ensemble = small_ensemble("mmoe", [0, 1], data)
    result = module.fit(ensemble, data, [split()] * 2, TRAINING)
    return result, ensemble.state()


def test_validation_and_best_weights_equal_those_of_dense_updates(monkeypatch):
    ours, state = fitted()
    monkeypatch.setattr(
        trainer, "RowAdam", lambda table, exact, **rates: DenseTableAdam(table, **rates)
    )
    dense, expected = fitted()
    assert ours.best_epochs == dense.best_epochs
    for name in ("train_loss", "valid_losses"):
        assert close(getattr(ours, name), getattr(dense, name))
    assert all(close(state[name], expected[name]) for name in expected)


def test_a_second_thread_reads_ahead_and_changes_no_bit(monkeypatch):
    reads = []
    original = RowAdam.read_ahead
    monkeypatch.setattr(
        RowAdam, "read_ahead", lambda self, rows: [reads.append(rows), original(self, rows)]
    )
    alone, expected = fitted()
    assert not reads
    monkeypatch.setattr(module, "spare_thread", lambda: nullcontext(True))
    ahead, state = fitted()
    assert reads
    assert alone.valid_losses == ahead.valid_losses
    assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_a_spare_thread_is_taken_from_torch_and_given_back():
    threads = torch.get_num_threads()
    try:
        for had, left in ((1, 1), (3, 2)):
            torch.set_num_threads(had)
            with module.spare_thread() as spare:
                assert spare == (had > 1)
                assert torch.get_num_threads() == left
            assert torch.get_num_threads() == had
    finally:
        torch.set_num_threads(threads)


def close(one, other):
    return np.allclose(one, other, rtol=0, atol=1e-10)
