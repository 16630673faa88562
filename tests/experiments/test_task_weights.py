"""Weights of tasks from the training rows: of which inputs, of whose labels, in whose record."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mtnas.config.options import TrainingOptions
from mtnas.data.prepare.manifest import Bag, InputLayout, Number, TaskSummary
from mtnas.experiments import assembly as assemblies
from mtnas.experiments import task_weights as module
from mtnas.experiments.assembly import assemble
from mtnas.experiments.job import Job
from mtnas.experiments.models import Models
from mtnas.experiments.noisy_labels import examples_of
from mtnas.experiments.split_cache import SplitCache
from mtnas.experiments.splits import split_of
from mtnas.experiments.task_weights import OfIds, svd_weights, with_task_weights
from mtnas.experiments.train import train
from mtnas.runtime.errors import ConfigError
from mtnas.training.checkpoint import Checkpoint
from mtnas.training.data import Examples, Split
from mtnas.training.inputs import MixedInputs
from mtnas.transfer.coding import coded
from mtnas.transfer.reweighting import task_weights
from mtnas.transfer.theta import theta_of_ids
from tests.helpers.specs import spec_of
from tests.helpers.tables import write_table

TRAINING = {"epochs": 2, "batch_size": 100, "embedding_dim": 3, "dtype": "float64"}
SEEDS = [0, 1, 2, 3]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two binary tasks that follow one direction of the ids, with a third of rarer labels."""
    rng = np.random.default_rng(0)
    ids = rng.integers(30, size=(3000, 3)) + 30 * np.arange(3)
    effect = rng.normal(size=90)
    score = effect[ids].sum(1)
    cuts = score[:, None] + rng.logistic(size=(3000, 3)) - [0, 0, 2]
    split = rng.permutation(np.repeat([0, 1, 2], 1000)).astype(np.int8)
    path = tmp_path_factory.mktemp("related") / "t.parquet"
    return write_table(path, ids.astype(np.int32), (cuts > 0).astype(np.float32), split)


def spec(method="share_bottom", **training):
    return spec_of(
        dataset="related", method=method, variant="paper", seeds=SEEDS,
        training={**TRAINING, **training}, options={"hidden_dim": 6},
    )  # fmt: skip


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8, 1.0])
def test_a_noisy_task_weighs_less_in_every_seed(share, data):
    clean = train(spec(weighting="svd"), Job(**data)).record.weights
    noisy = train(spec(weighting="svd", label_noise={"t0": share}), Job(**data)).record.weights

    assert set(noisy) == set(SEEDS)
    for seed in SEEDS:
        assert sum(noisy[seed].values()) == pytest.approx(3)
        assert noisy[seed]["t0"] < clean[seed]["t0"]
        ratio = noisy[seed]["t0"] / noisy[seed]["t1"]
        assert ratio == pytest.approx(1 - share, abs=0.15)  # what is left of the correlation


def test_literal_weights_repeat_base_rates(data):
    literal = train(spec(weighting="svd_literal"), Job(**data)).record.weights
    standard = train(spec(weighting="svd"), Job(**data)).record.weights
    for seed in SEEDS:
        rare, usual = (found[seed]["t2"] / found[seed]["t0"] for found in (literal, standard))
        assert rare < 0.7 * usual


def test_they_count_in_training_beside_the_weights_of_the_options(data):
    weights = train(spec(weighting="svd", weighting_rank=2), Job(**data)).record.weights[1]
    given = spec(weighting="svd", weighting_rank=2), spec(loss_weights=list(weights.values()))
    models = []
    for one in given:
        assembly = assemble(one, **data)
        members = assembly.members([1], {})
        models.append(Models(assembly, members))
    first, second = (model.members[0].loss_weights for model in models)

    assert first == pytest.approx(tuple(weights.values()))
    assert second == ()


def test_without_weighting_nothing_is_recorded(data):
    record = train(spec(), Job(**data)).record
    assert record.weights == {}
    assert not {"weights", "changed_labels"} & record.to_json().keys()


def test_learned_weights_are_those_of_the_best_epoch(data):
    result = train(spec(weighting="uncertainty", epochs=6, learning_rate=0.001), Job(**data))
    for fit in result.record.fits:
        weights = result.record.weights[fit.seed]
        steps = fit.best_epoch * (1000 // 100)
        assert all(0 < abs(np.log(weight)) <= 0.01 * steps * 1.2 for weight in weights.values())


def test_a_model_per_task_has_no_weights(data):
    with pytest.raises(ConfigError, match="^weighting: 'svd', but single_task"):
        assemble(spec("single_task", weighting="svd"), **data)


def mixed_inputs(rows=40):
    """Return examples of an id, a bag, a number that is missing here and there, and their X."""
    rng = np.random.default_rng(3)
    single, bag = rng.integers(4, size=(rows, 1)), rng.integers(4, 7, size=(rows, 2))
    bag[::5, 1] = 7  # none
    number = rng.normal(size=(rows, 1)) * 9 + 50
    number[::7] = np.nan
    layout = InputLayout(
        singles=1, bags=(Bag(name="b", length=2),),
        numbers=(Number(name="n", standardized=True, has_missing=True),),
    )  # fmt: skip
    ids = torch.from_numpy(np.hstack([single, bag]).astype(np.int32))
    labels = np.stack([single[:, 0] > 1, rng.normal(size=rows), rng.integers(3, size=rows)], 1)
    labels[::4, 0] = np.nan
    kinds = ("binary", "regression", "multiclass")
    tasks = tuple(
        TaskSummary(name=k, rule="", kind=k, classes=("a", "b", "c")[: 3 * (k == "multiclass")])
        for k in kinds
    )
    inputs = MixedInputs(layout, ids, torch.from_numpy(number))
    onehot = np.eye(8)[ids.numpy()].sum(1)[:, :7]
    seen = np.hstack(
        [np.where(np.isnan(number), np.nanmean(number[:30]), number), np.isnan(number)]
    )
    return Examples(inputs, torch.from_numpy(labels), 8, tasks), onehot, seen


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("tasks", [(0, 1, 2), (2, 0), (1,)])
def test_inputs_of_all_kinds_are_those_of_the_network(tasks, rank):
    examples, onehot, seen = mixed_inputs()
    rows = np.arange(30)
    options = TrainingOptions(weighting="svd", weighting_rank=rank)
    assembly = SimpleNamespace(
        training=options,
        split=lambda seed: Split(rows, rows, rows),
        with_labels_of=lambda tasks, split: split,
    )
    found = svd_weights(assembly, examples, OfIds.of(assembly, examples, 0, "standardised"), tasks)

    x = seen[rows]
    dense = np.hstack([onehot[rows], (x - x.mean(0)) / x.std(0)])
    kinds = [examples.tasks[task].kind for task in tasks]
    y = coded(examples.labels[rows][:, list(tasks)].numpy(), "standardised", kinds)
    width_K = np.bincount(y.task_K)[y.task_K]
    columns = task_weights(dense.T @ y.y_NK / np.sqrt(width_K), min(rank, len(tasks)))
    expected = np.sqrt(np.bincount(y.task_K, columns**2))
    np.testing.assert_allclose(found, expected / expected.mean(), atol=1e-12)


def test_the_labels_are_those_that_training_sees(data):
    options = {"weighting": "svd", "label_noise": {"t0": 1.0}}
    assembly = assemble(spec(**options), **data)
    noisy, clean = (
        svd_weights(assembly, examples, OfIds.of(assembly, examples, 1, "standardised"), (0, 1, 2))
        for examples in (examples_of(assembly, [1]), assembly.examples)
    )

    assert noisy[0] < 0.3 * clean[0]


def test_ids_are_counted_once_for_all_subsets_of_the_tasks_of_a_seed(data, monkeypatch):
    counted = []

    def counting(ids, y, n_ids):
        counted.append(y.shape)
        return theta_of_ids(ids, y, n_ids)

    monkeypatch.setattr(module, "theta_of_ids", counting)
    assembly = assemble(spec(weighting="svd"), **data)
    subsets = [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)]
    members = assembly.members([0, 1], {}, subsets)
    weights = [m.loss_weights for m in with_task_weights(assembly, assembly.examples, members)]

    assert counted == [(1000, 3)] * 2
    assert list(map(len, weights)) == [len(tasks) for _ in range(2) for tasks in subsets]


def test_a_split_is_drawn_once(data, monkeypatch):
    drawn = []

    def drawing(table, seed, **options):
        drawn.append(seed)
        return split_of(table, seed, **options)

    monkeypatch.setattr(assemblies, "split_of", drawing)
    train(spec(weighting="svd", label_noise={"t0": 0.5}), Job(**data))
    assert sorted(drawn) == SEEDS


def test_of_many_splits_the_last_are_kept():
    cache, drawn = SplitCache(most_rows=7), []

    def draw(seed):
        drawn.append(seed)
        return Split(np.arange(2), np.arange(1), np.empty(0, np.int64))

    for seed in (0, 1, 0, 2, 0, 1):
        assert len(cache.of(seed, draw).train) == 2
    assert drawn == [0, 1, 2, 1]


@pytest.mark.parametrize(("alignment", "tables"), [("joint", 4), ("frozen", 5)])
def test_two_phases_count_with_the_table_of_the_first(alignment, tables, data, monkeypatch):
    assembly = assemble(spec(alignment=alignment), **data)
    counts = assembly.parameters({})
    room = 3 * 4 * tables * (counts.embedding + counts.dense)
    for change, expected in ((0, 3), (-1, 2)):
        monkeypatch.setattr(assemblies, "CPU_BYTES", room + change)
        assert assembly.seeds_at_once() == expected


def test_of_the_first_phase_no_weights_stay_in_memory(data):
    assembly = assemble(spec(alignment="frozen"), **data)
    models = Models(assembly, assembly.members([0], {}))
    models.fit(Checkpoint())
    assert models._groups[0].before.valid_losses
    assert models._groups[0].before.states == ()
