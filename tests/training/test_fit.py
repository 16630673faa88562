"""The training loop: what it validates is what a dense update would have left."""

from functools import partial

import numpy as np
import pytest
import torch

from mtnas.config.options import TrainingOptions
from mtnas.training import fit as module
from mtnas.training import trainer
from mtnas.training.row_adam import RowAdam
from tests.helpers.ensembles import small_ensemble
from tests.helpers.synthetic import examples, split

TRAINING = TrainingOptions(epochs=3, batch_size=64, dtype="float64", embedding_dim=3)


@pytest.fixture(autouse=True)
def _by_rows_and_exact(monkeypatch):
    monkeypatch.setattr(module, "Trainer", partial(trainer.Trainer, exact_decay=True))
    monkeypatch.setattr(trainer, "ROWS_PER_READ", 0)
    monkeypatch.setattr(torch, "set_num_threads", lambda number: None)


def fitted(monkeypatch, threads=1):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    data = examples()
    ensemble = small_ensemble("mmoe", [0, 1], data)
    result = module.fit(ensemble, data, [split()] * 2, TRAINING)
    return result, ensemble.state()


def test_validation_and_best_weights_equal_those_of_dense_updates(monkeypatch):
    ours, state = fitted(monkeypatch)
    monkeypatch.setattr(trainer, "ROWS_PER_READ", 1000)
    dense, expected = fitted(monkeypatch)
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
    alone, expected = fitted(monkeypatch)
    assert not reads
    ahead, state = fitted(monkeypatch, threads=2)
    assert reads
    assert alone.valid_losses == ahead.valid_losses
    assert all(torch.equal(state[name], expected[name]) for name in expected)


@pytest.mark.parametrize(("rows_per_read", "had", "left"), [(0, 1, 1), (0, 3, 2), (1000, 3, 3)])
def test_a_thread_is_taken_from_torch_where_rows_are_read_ahead(
    rows_per_read, had, left, monkeypatch
):
    given = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: had)
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    monkeypatch.setattr(trainer, "ROWS_PER_READ", rows_per_read)
    data = examples()
    one = trainer.Trainer(small_ensemble("mmoe", [0], data), data, TRAINING)
    with trainer.spare_thread(one):
        assert one.read_ahead == (left < had)
    assert given == [left, had]


@pytest.mark.parametrize(("read", "by_rows"), [(10, True), (99, True), (100, False)])
def test_the_form_of_the_update_follows_from_sizes_alone(read, by_rows, monkeypatch):
    """Not from a stopwatch: the same job gives the same numbers."""
    monkeypatch.setattr(trainer, "ROWS_PER_READ", 10)
    assert trainer.updates_by_rows(torch.empty(1, 1000, 3), read) == by_rows


def close(one, other):
    return np.allclose(one, other, rtol=0, atol=1e-10)
