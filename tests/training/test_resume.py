"""Work that was stopped goes on to the same numbers, to the last bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtnas.config.options import SearchOptions, TrainingOptions
from mtnas.routes.named import random_route
from mtnas.routes.space import SearchSpace
from mtnas.routes.tables import TableSpace
from mtnas.search.strategies import searcher
from mtnas.training import checkpoint as module
from mtnas.training.checkpoint import Checkpoint
from mtnas.training.data import Examples
from mtnas.training.fit import fit
from tests.helpers.ensembles import small_ensemble
from tests.helpers.stops import to_the_end
from tests.helpers.synthetic import NUM_FIELDS, split

SPACE = SearchSpace(num_layers=2, num_subnets=2, num_tasks=2)
TRAINING = TrainingOptions(epochs=3, batch_size=16, embedding_dim=3, learning_rate=0.02)
STEPS = 600 * 4 // 6 // 16  # in an epoch


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data():
    """Examples with many rare ids, whose rows miss enough steps for a jump."""
    rng = np.random.default_rng(0)
    ids = (800 * rng.random((600, NUM_FIELDS)) ** 3).astype(np.int32)
    effect = rng.normal(size=(800, 2))
    labels = effect[ids[:, 0]] + rng.normal(size=(600, 2)) > 0
    return Examples.from_arrays(ids, labels.astype(np.float32))


def same(one, other):
    """Whether two results are equal to the last bit; how long they took does not count."""
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def numbers(result):
    return result.best_epochs, result.train_loss, result.valid_losses


def trained(name, data, checkpoint=None, training=TRAINING):
    routes = network = None
    if name == "mtnas":
        rng = np.random.default_rng(0)
        routes = [random_route(SPACE, rng) for _ in range(2)]
        network = {"num_layers": 2, "num_subnets": 2}
    ensemble = small_ensemble(name, [0, 1], data, dtype="float32", routes=routes, **(network or {}))
    splits = [split()] * len(ensemble)
    result = fit(ensemble, data, splits, training, checkpoint)
    return result, {name: tensor.clone() for name, tensor in ensemble.state().items()}


METHODS = pytest.mark.parametrize("name", ["mmoe", "single_task", "snr_trans", "mtnas", "stem"])
# A step of training is a step, and so is a batch of validation; there is one in an epoch.
STOPS = pytest.mark.parametrize(
    "stops", [[1], [STEPS - 3], [STEPS], [STEPS + 1], [STEPS + 2, 1, 1, STEPS, 2, 3]]
)


@METHODS
@STOPS
def test_training_goes_on_to_the_same_numbers(name, stops, data, tmp_path):
    expected, weights = trained(name, data)
    path = tmp_path / "0-1.safetensors"

    result, state = to_the_end(stops, lambda: trained(name, data, Checkpoint(path)))

    assert numbers(result) == numbers(expected)
    assert same(state, weights)
    assert all(map(same, result.states, expected.states))


@pytest.mark.parametrize("changes", [{"selection": "task"}, {"embedding_per_task": True}])
def test_training_with_other_options_goes_on_as_well(changes, data, tmp_path):
    training = TRAINING.model_copy(update=changes)
    expected, weights = trained("mmoe", data, training=training)

    result, state = to_the_end(
        [3, STEPS, 5],
        lambda: trained("mmoe", data, Checkpoint(tmp_path / "0-1.safetensors"), training),
    )

    assert numbers(result) == numbers(expected)
    assert same(state, weights)


def test_training_that_reads_ahead_goes_on_as_well(data, tmp_path):
    expected, weights = trained("mmoe", data)
    torch.set_num_threads(2)

    result, state = to_the_end(
        [5, 30], lambda: trained("mmoe", data, Checkpoint(tmp_path / "0-1.safetensors"))
    )

    assert numbers(result) == numbers(expected)
    assert same(state, weights)


SMALL = SearchSpace(num_layers=1, num_subnets=2, num_tasks=2, query_scope="root")
TABLES = TableSpace(num_layers=1, num_subnets=2, num_tasks=2, tables_read="two")
MEAN = SearchSpace(num_layers=2, num_subnets=2, num_tasks=2, pooling="mean")


def searched(data, space, options, checkpoint=None):
    names = ("num_layers", "num_subnets", "query_scope", "pooling")
    network = {name: getattr(space, name) for name in names}
    if isinstance(space, TableSpace):
        network |= {"tables": space.tables, "tables_read": space.tables_read}
    ensemble = small_ensemble("mtnas", [0, 1], data, dtype="float32", **network)
    chosen = SearchOptions(**{"steps": 30, "batch_size": 32, **options})
    find = searcher(chosen)(ensemble, data, [split()] * 2, chosen, TRAINING)
    result = find.run(checkpoint)
    state = {name: tensor.clone() for name, tensor in result.state.items()}
    return [found.to_json() for found in result.routes], state


@pytest.mark.parametrize(
    ("space", "options", "stops"),
    [
        (SPACE, {}, [1]),
        (SPACE, {}, [14, 1, 15]),  # the last stop is after the last step
        (SPACE, {"warmup_steps": 5, "baseline": "running_mean", "fresh_sample": True}, [3, 9]),
        (SPACE, {"routes_per_step": 3, "leave_one_out": True, "entropy_bonus": 0.1}, [13]),
        (TABLES, {"routes_per_step": 2, "leave_one_out": True}, [13, 2]),
        (TABLES, {"strategy": "random_search", "judge": "training", "candidates": 3}, [17]),
        (MEAN, {"routes_per_step": 2, "shared_batch": False, "reward": "neg_loss"}, [13, 2]),
        (SPACE, {"strategy": "differentiable", "steps": 250}, [7, 111]),
        (SPACE, {"strategy": "random_search", "candidates": 5}, [12, 30 - 12 + 3, 7]),
        (SMALL, {"strategy": "exhaustive"}, [30 + 5, 1]),
        (SPACE, {"strategy": "random_search", "judge": "training", "candidates": 3}, [2, 17, 5]),
        (SMALL, {"strategy": "exhaustive", "judge": "training"}, [20]),
    ],
)
def test_a_search_goes_on_to_the_same_routes_and_weights(space, options, stops, data, tmp_path):
    found, weights = searched(data, space, options)

    result, state = to_the_end(
        stops,
        lambda: searched(data, space, options, Checkpoint(tmp_path / "0-1.safetensors")),
    )

    assert result == found
    assert same(state, weights)


@pytest.mark.parametrize(
    ("options", "stops", "undefined"),
    [
        ({}, [4], 30),
        ({"strategy": "random_search", "judge": "training", "candidates": 3}, [25], 3),
    ],
)
def test_one_class_batches_are_counted_over_all_attempts(options, stops, undefined, data, tmp_path):
    few = data.labels.clone()
    few[:, 1] = 0
    few[0, 1] = 1
    rare = replace(data, labels=few)

    found, _ = to_the_end(
        stops,
        lambda: searched(rare, SPACE, options, Checkpoint(tmp_path / "0-1.safetensors")),
    )

    assert [route["undefined_rewards"] for route in found] == [undefined] * 2


def test_time_counts_from_the_first_attempt(data, tmp_path, monkeypatch):
    path = tmp_path / "0-1.safetensors"
    clock = iter(np.arange(0, 10**6, 0.5))
    monkeypatch.setattr(module.time, "perf_counter", lambda: float(next(clock)))

    straight, _ = trained("mmoe", data, Checkpoint(tmp_path / "2-3.safetensors"))
    result, _ = to_the_end([2 * STEPS], lambda: trained("mmoe", data, Checkpoint(path)))

    assert result.seconds == pytest.approx(straight.seconds, rel=0.2)
