"""The training loop: what it validates is what a dense update would have left."""

import numpy as np

from mtnas.options import TrainingOptions
from mtnas.testing.stacks import small_stack
from mtnas.testing.synthetic import examples, split
from mtnas.training import fit as module
from mtnas.training.optim import DenseTableAdam

TRAINING = TrainingOptions(
    epochs=3, batch_size=64, dtype="float64", embedding_dim=3, exact_decay=True
)


def fitted():
    data = examples()
    stack = small_stack("mmoe", [0, 1], data)
    result = module.fit(stack, data, [split()] * 2, TRAINING)
    return result, stack.state()


def test_validation_and_best_weights_equal_those_of_dense_updates(monkeypatch):
    ours, state = fitted()
    monkeypatch.setattr(
        module, "RowAdam", lambda table, exact, **rates: DenseTableAdam(table, **rates)
    )
    dense, expected = fitted()
    assert ours.best_epoch == dense.best_epoch
    for name in ("train_loss", "valid_loss"):
        assert close(getattr(ours, name), getattr(dense, name))
    assert all(close(state[name], expected[name]) for name in expected)


def close(one, other):
    return np.allclose(one, other, rtol=0, atol=1e-10)
