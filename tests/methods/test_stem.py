"""STEM: all tasks read all tables, but only a task's labels train its own."""

import pytest
import torch

from mtnas import methods
from mtnas.config.options import TrainingOptions
from mtnas.runtime.errors import ConfigError
from mtnas.training.fit import fit
from tests.helpers.ensembles import small_ensemble
from tests.helpers.synthetic import examples, split

TASKS = 3


def build(**options):
    torch.manual_seed(0)
    method = methods.load("stem")
    chosen = method.options(hidden_dim=8, num_task_experts=2, **options)
    return method.sharing(chosen, input_dim=6, num_tasks=TASKS).double()


def tables():
    torch.manual_seed(1)
    return torch.randn(TASKS + 1, 5, 6, dtype=torch.float64)


def trained_by(task, **options):
    """Return which tables, and which experts, the output of a task trains."""
    stem, x_RBD = build(**options), tables().requires_grad_()
    stem(x_RBD)[:, task].square().sum().backward()
    experts = stem.experts[0].weight.grad.flatten(1).any(1)
    return x_RBD.grad.flatten(1).any(1).tolist(), experts.tolist()


@pytest.mark.parametrize("task", range(TASKS))
def test_the_table_and_the_experts_of_a_task_are_trained_by_it_alone(task):
    own = [t == task for t in range(TASKS)]
    found, experts = trained_by(task)
    assert experts == [True, *(is_own for is_own in own for _ in range(2))]
    # Of other tables not even the gate takes part: it reads the task's own and the shared one.
    assert found == [True, *own]


def test_without_stopping_gradients_every_task_trains_every_expert():
    assert trained_by(0, stop_gradient=False) == ([True] * (TASKS + 1), [True] * (2 * TASKS + 1))


def test_what_is_stopped_changes_no_prediction():
    x_RBD = tables()
    expected = build(stop_gradient=False)(x_RBD)
    torch.testing.assert_close(build()(x_RBD), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("table", range(TASKS + 1))
def test_every_task_reads_every_table(table):
    stem, x_RBD = build(), tables()
    changed = x_RBD.clone()
    changed[table] += 1
    assert (stem(changed) != stem(x_RBD)).flatten(2).any(-1).any(0).all()


def test_in_training_the_label_of_a_task_alone_moves_its_table():
    data = examples()
    ensemble = small_ensemble("stem", [0], data)
    before = ensemble.table_MNE.clone()
    options = TrainingOptions(
        batch_size=64, dtype="float64", embedding_dim=3, epochs=1, weight_decay=0,
        loss_weights=(1, 0),
    )  # fmt: skip
    fit(ensemble, data, [split()], options)
    moved = (ensemble.table_MNE != before)[0].any(0).view(3, 3).any(0)  # abreast in every element
    assert moved.tolist() == [True, True, False]  # shared, of task 0, of task 1


@pytest.mark.parametrize("changes", [{"embedding_per_task": True}, {"alignment": "joint"}])
def test_options_that_give_every_task_one_input_are_refused(changes):
    training, (option,) = TrainingOptions(**changes), changes
    with pytest.raises(ConfigError, match=f"^{option}: .* stem reads several embedding tables"):
        training.check_tables("stem", 3)
    training.check_tables("mmoe", 0)
