"""A table of several sources: split source by source, and trained, selected, measured."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtnas.config.options import TrainingOptions
from mtnas.data.prepare.manifest import TaskSummary
from mtnas.data.prepare.store import Inputs, Table
from mtnas.experiments import assembly
from mtnas.experiments.job import Job
from mtnas.experiments.train import train
from mtnas.study.specs import RunSpec
from mtnas.training import fit as fit_module
from mtnas.training.data import Examples
from mtnas.training.fit import fit, mean_gate_scores
from tests.helpers.inputs import LAYOUTS, mixed
from tests.helpers.tables import make_manifest

COUNTS = [400, 150, 50]
NAMES = ("reviews", "questions", "notes")


def sizes_of(split):
    return dict(zip(("train", "valid", "test"), np.bincount(split).tolist(), strict=True))


@pytest.fixture
def table():
    """A table of three sources, whose stored split has its own sizes in each."""
    data = mixed()
    source = np.random.default_rng(1).permutation(np.repeat(np.arange(3, dtype=np.int8), COUNTS))
    split = np.zeros(600, np.int8)
    for number, count in enumerate(COUNTS):
        own = np.flatnonzero(source == number)
        split[own[: count // 5]], split[own[-(count // 4) :]] = 1, 2
    sizes = sizes_of(split)
    of_sources = {name: sizes_of(split[source == number]) for number, name in enumerate(NAMES)}
    tasks = (
        TaskSummary(name="good", rule="", source="reviews"),
        TaskSummary(name="minutes", rule="", kind="regression", source="questions"),
    )
    manifest = make_manifest(
        rows=600,
        tasks=tasks,
        sources=NAMES,
        split_sizes=sizes,
        source_sizes=of_sources,
        num_ids=data.num_rows - 1,
    )
    given = data.inputs
    features = tuple((rows.numpy(), matrix.numpy()) for rows, matrix in given.features)
    inputs = Inputs(given.layout, given.ids.numpy(), given.numbers.numpy(), features)
    labels = data.labels.numpy().copy()
    labels[:, 1] = 20 + 5 * labels[:, 1] + np.arange(600) / 300
    for task in range(2):
        labels[source != task, task] = np.nan
    return Table(inputs, labels, split, source, manifest)


def assembled(table, monkeypatch, method="mmoe", seeds=(0, 1), **changes):
    training = TrainingOptions(epochs=2, batch_size=32, embedding_dim=3, **changes)
    options = {"mmoe": {"hidden_dim": 4, "root_dim": 4}}.get(method, {"hidden_dim": 4})
    spec = RunSpec(
        dataset="d", method=method, variant="paper", seeds=seeds, options=options,
        training=training,
    )  # fmt: skip
    monkeypatch.setattr(assembly, "read_compact", lambda *_: table)
    return assembly.assemble(spec, table="t", manifest="m")


def test_every_source_is_split_on_its_own(table, monkeypatch):
    made = assembled(table, monkeypatch, seeds=(0, 1, 2))
    splits = [made.split(seed) for seed in made.spec.seeds]
    for split in splits:
        parts = [split.train, split.valid, split.test]
        assert sorted(np.concatenate(parts)) == list(range(600))
        for number in range(3):
            stored = np.bincount(table.split[table.source == number]).tolist()
            assert [int((table.source[part] == number).sum()) for part in parts] == stored
    assert len({tuple(split.test) for split in splits}) == 3
    again = assembled(table, monkeypatch).split(1)
    assert np.array_equal(again.train, splits[1].train)


def test_weights_for_tasks_of_the_same_rows_are_refused(table, monkeypatch):
    with pytest.raises(
        assembly.ConfigError, match="weighting: 'svd', but the rows are of 3 sources"
    ):
        assembled(table, monkeypatch, "share_bottom", weighting="svd")
    assembled(table, monkeypatch, "share_bottom", weighting="uncertainty")


def test_parameters_of_mixed_inputs_are_counted(table, monkeypatch):
    made = assembled(table, monkeypatch)
    counts = made.parameters({})
    width = made.encoder(2).output_dim
    assert counts.embedding == 41 * 3  # one row fills up bags
    ensemble = made.ensemble(made.members([0], {}))
    assert counts.dense == sum(p[0].numel() for p in ensemble.params.values())
    assert ensemble.params["sharing.root.weight"].shape == (1, 4, width)
    assert Examples.of(table).num_rows == 41
    assert ensemble.table_MNE.shape == (1, 41, 3)


@pytest.mark.parametrize("mixing", ["round_robin", "balanced"])
def test_a_dataset_of_sources_is_trained_and_selected_by_source(table, monkeypatch, mixing):
    made = assembled(table, monkeypatch, mixing=mixing, selection="source")
    ensemble = made.ensemble(made.members([0, 1], {}))
    result = fit(ensemble, made.examples, [made.split(s) for s in (0, 1)], made.training)
    assert len(result.states) == 2
    assert np.isfinite(result.valid_losses).all()
    assert {"number_mean", "number_spread", "embedding"} <= result.states[0].keys()


@pytest.mark.parametrize("method", ["single_task", "mmoe"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mixing": "round_robin", "mixing_weights": {"reviews": 2}},
        {"mixing": "balanced", "selection": "source"},
        {"mixing": "sequential", "selection": "task"},
    ],
)
def test_a_run_is_the_same_seed_by_seed(table, monkeypatch, method, options):
    spec = assembled(table, monkeypatch, method, dtype="float64", **options).spec
    files = {"table": "t", "manifest": "m"}
    together, apart = (train(spec, Job(**files, at_once=n)) for n in (2, 1))
    np.testing.assert_allclose(together.metrics.value, apart.metrics.value, rtol=0, atol=1e-12)
    assert np.isfinite(together.metrics.value).all()
    assert together.weights.keys() == apart.weights.keys()
    for name, tensor in together.weights.items():
        torch.testing.assert_close(tensor, apart.weights[name], rtol=0, atol=1e-12)
    epochs = [fit.best_epoch for fit in together.record.fits]
    by_task = options.get("selection") is not None and method == "mmoe"
    assert all(isinstance(epoch, tuple) == by_task for epoch in epochs)


def test_gate_scores_of_a_task_are_those_on_the_rows_of_its_source(table, monkeypatch):
    monkeypatch.setattr(fit_module, "EVALUATION_BATCH", 17)
    made = assembled(table, monkeypatch)
    ensemble, rows = made.ensemble(made.members([0, 1], {})), [made.split(s).test for s in (0, 1)]
    states, one_source = (ensemble.state(),), replace(made.examples, source=None, sources=())

    found_MTE = mean_gate_scores(ensemble, states, made.examples, rows)

    for task in range(2):
        own = [part[table.source[part] == task] for part in rows]
        expected_MTE = mean_gate_scores(ensemble, states, one_source, own)
        torch.testing.assert_close(found_MTE[:, task], expected_MTE[:, task], rtol=0, atol=1e-6)
    everywhere_MTE = mean_gate_scores(ensemble, states, one_source, rows)
    assert (found_MTE - everywhere_MTE).abs().max() > 1e-5


@pytest.mark.parametrize("layout", ["numbers", "features"])
def test_tables_per_task_need_embeddings(table, monkeypatch, layout):
    data = mixed(layout)
    features = tuple((rows.numpy(), matrix.numpy()) for rows, matrix in data.inputs.features)
    numbers = None if data.inputs.numbers is None else data.inputs.numbers.numpy()
    inputs = Inputs(LAYOUTS[layout], data.inputs.ids.numpy(), numbers, features)
    plain = Table(inputs, table.labels, table.split, None, table.manifest)
    with pytest.raises(assembly.ConfigError, match="embedding_per_task: true, but all inputs"):
        assembled(plain, monkeypatch, embedding_per_task=True)
