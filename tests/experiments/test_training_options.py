"""Alignment, label noise and weights of tasks: spec to record, over seeds and interruptions."""

import numpy as np
import pytest

from mtnas.experiments import models
from mtnas.experiments.assembly import assemble
from mtnas.experiments.job import Job
from mtnas.experiments.noisy_labels import examples_of
from mtnas.experiments.search import search
from mtnas.experiments.train import train
from mtnas.experiments.tune import tune
from mtnas.runtime.errors import ConfigError
from mtnas.training import fit as fit_module
from mtnas.training.fit import evaluate_loss
from tests.helpers.mixed import MIXED, mixed_arrays, mixed_table
from tests.helpers.specs import spec_of
from tests.helpers.stops import to_the_end
from tests.helpers.tables import write_table

TRAINING = {
    "epochs": 3,
    "patience": 2,
    "batch_size": 24,
    "learning_rate": 0.03,
    "embedding_dim": 3,
    "dtype": "float64",
}
NOISE = {"label_noise": {"does_click": 0.5, "minutes": 1.0}}
OPTIONAL = ("alignment", "label_noise", "weighting", "weighting_rank")
OPTIONS = {"mtnas": {"num_layers": 1, "num_subnets": 2, "hidden_dim": 8}}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return mixed_table(tmp_path_factory.mktemp("mixed"))


def spec(method="share_bottom", **changes):
    chosen = {key: changes.pop(key) for key in OPTIONAL if key in changes}
    values = {
        "dataset": "mixed",
        "method": method,
        "variant": "paper",
        "seeds": [0, 1, 2],
        "training": {**TRAINING, **chosen},
        "options": OPTIONS.get(method, {"hidden_dim": 6}),
        **changes,
    }
    return spec_of(**values)


WEIGHED = {"weighting": "svd", **NOISE}
CHOSEN = [
    {"alignment": "joint"},
    {"alignment": "frozen"},
    {"alignment": "frozen_control"},
    {"alignment": "control"},
    NOISE,
    {"weighting": "svd"},
    {"weighting": "uncertainty"},
    {"weighting": "random"},
    {"alignment": "frozen", "weighting": "uncertainty", **NOISE},
    {"alignment": "joint", "weighting": "svd_literal", "weighting_rank": 3, **NOISE},
]


@pytest.mark.parametrize("chosen", CHOSEN)
def test_a_seed_alone_equals_that_seed_in_company(chosen, data):
    together = train(spec(**chosen), Job(**data, at_once=3))
    apart = train(spec(**chosen), Job(**data, at_once=1))

    np.testing.assert_allclose(together.metrics.value, apart.metrics.value, rtol=0, atol=1e-11)
    for name, tensor in together.weights.items():
        np.testing.assert_allclose(tensor, apart.weights[name], rtol=0, atol=1e-11)
    assert together.record.changed_labels == apart.record.changed_labels
    for seed, weights in together.record.weights.items():
        assert weights == pytest.approx(apart.record.weights[seed], abs=1e-12)


STEPS = 400 // 24 + 1  # in an epoch, with its batch of validation


@pytest.mark.parametrize("chosen", CHOSEN)
@pytest.mark.parametrize("stops", [[STEPS + 3], [STEPS + 3, 2 * STEPS + 5, STEPS]])
def test_a_run_that_is_interrupted_goes_on_to_the_same_numbers(chosen, stops, data, tmp_path):
    stops = (
        stops if chosen.get("alignment", "").startswith("frozen") else stops[:1]
    )  # or there are too few steps
    straight = train(spec(**chosen), Job(**data, at_once=3))

    again = to_the_end(
        stops,
        lambda: train(spec(**chosen), Job(**data, at_once=3, journal=tmp_path / "kept")),
    )

    assert again.metrics.equals(straight.metrics)
    assert again.predictions.equals(straight.predictions)
    assert again.record.fits == straight.record.fits
    assert again.record.weights == straight.record.weights
    assert not any((weight != again.weights[n]).any() for n, weight in straight.weights.items())


def test_the_first_phase_of_frozen_alignment_is_the_ordinary_training(data):
    plain = train(spec(), Job(**data, at_once=3))
    frozen = train(spec(alignment="frozen"), Job(**data, at_once=3))

    for fit, own in zip(frozen.record.fits, plain.record.fits, strict=True):
        told = own.model_dump(exclude={"seed", "tasks", "before"})
        assert fit.before.model_dump() == told
        assert own.before is None
        assert fit.valid_loss != own.valid_loss
    for name, weight in plain.weights.items():
        same = weight.numpy().tobytes() == frozen.weights[name].numpy().tobytes()
        assert same is not name.startswith("heads."), name
    assert frozen.weights.keys() - plain.weights.keys() == {"alignment.offset_TDD"}
    assert frozen.record.parameters.dense > plain.record.parameters.dense


def test_the_control_of_frozen_alignment_trains_the_task_layers_on(data):
    plain = train(spec(), Job(**data, at_once=3))
    control = train(spec(alignment="frozen_control"), Job(**data, at_once=3))

    assert control.weights.keys() == plain.weights.keys()
    assert control.record.parameters.dense == plain.record.parameters.dense
    for fit, own in zip(control.record.fits, plain.record.fits, strict=True):
        assert fit.before.best_epoch == own.best_epoch
        assert fit.valid_loss != own.valid_loss
    for name, weight in plain.weights.items():
        same = weight.numpy().tobytes() == control.weights[name].numpy().tobytes()
        assert same is not name.startswith("heads."), name


@pytest.mark.parametrize("alignment", ["frozen", "frozen_control"])
def test_a_second_phase_that_only_harms_leaves_the_model_as_it_was(alignment, data, monkeypatch):
    plain = train(spec(weighting="uncertainty"), Job(**data, at_once=3))

    def in_great_steps(*arguments, trained=(), **more):
        if trained:
            ensemble, examples, splits, options, *rest = arguments
            options = options.model_copy(update={"learning_rate": 2.0})
            arguments = ensemble, examples, splits, options, *rest
        return fit_module.fit(*arguments, trained=trained, **more)

    monkeypatch.setattr(models, "fit", in_great_steps)
    harmed = train(spec(alignment=alignment, weighting="uncertainty"), Job(**data, at_once=3))

    assert [fit.best_epoch for fit in harmed.record.fits] == [0] * 3
    assert harmed.record.weights == plain.record.weights
    np.testing.assert_array_equal(harmed.metrics.value, plain.metrics.value)


@pytest.mark.parametrize("method", ["single_task", "mtnas"])
def test_alignment_of_what_has_no_shared_input_is_refused_by_the_job_as_well(method, data):
    with pytest.raises(ConfigError, match="^alignment: 'joint', but " + method):
        assemble(spec(method, alignment="joint"), **data)


def test_every_task_can_have_embeddings_and_a_matrix_of_its_own(data):
    training = {**TRAINING, "alignment": "joint", "embedding_per_task": True}
    result = train(spec(training=training), Job(**data))
    assert result.weights["embedding"].shape[-1] == 3 * 3
    assert np.isfinite(result.metrics.value).all()


def noisy(data, share, seed, **changes):
    assembly = assemble(spec(label_noise={"t0": share}, **changes), **data)
    return assembly, examples_of(assembly, [seed]).of_seeds[seed].numpy()


@pytest.fixture(scope="module")
def balanced(tmp_path_factory):
    """A large table of two balanced binary tasks."""
    rng = np.random.default_rng(0)
    ids = rng.integers(20, size=(6000, 2)).astype(np.int32)
    labels = (rng.random((6000, 2)) < 0.5).astype(np.float32)
    split = rng.permutation(np.repeat([0, 1, 2], 2000)).astype(np.int8)
    return write_table(tmp_path_factory.mktemp("balanced") / "t.parquet", ids, labels, split)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.8, 1.0])
def test_half_of_the_share_changes_in_training_and_nothing_elsewhere(share, balanced):
    assembly, labels = noisy(balanced, share, 1)
    split, clean = assembly.split(1), assembly.table.labels
    differs = labels != clean

    assert differs[split.train, 0].mean() == pytest.approx(share / 2, abs=0.03)
    assert not differs[:, 1].any()
    assert not differs[np.concatenate([split.valid, split.test])].any()
    assert labels[split.train].sum() == clean[split.train].sum()


def test_seeds_have_noise_of_their_own_and_more_noise_holds_less(balanced):
    assembly, of_one = noisy(balanced, 0.4, 1, fixed_split=True)
    _, of_two = noisy(balanced, 0.4, 2, fixed_split=True)
    _, again = noisy(balanced, 0.4, 1, fixed_split=True)

    assert (of_one != of_two).any()
    assert (of_one == again).all()
    order = np.flatnonzero((noisy(balanced, 0.1, 1, fixed_split=True)[1] != of_one).any(1))
    assert np.isin(order, assembly.split(1).train).all()


def test_noise_is_counted_and_trained_on_but_not_measured_on(data):
    result, plain = train(spec(**NOISE), Job(**data)), train(spec(), Job(**data))
    assembly = assemble(spec(**NOISE), **data)
    _, labels = mixed_arrays()

    assert plain.record.changed_labels == {}
    for seed, changed in result.record.changed_labels.items():
        train_rows = assembly.split(seed).train
        known = ~np.isnan(labels[train_rows])
        assert changed["mood"] == 0
        assert changed["does_click"] == pytest.approx(known[:, 0].sum() / 4, rel=0.3)
        assert changed["minutes"] == pytest.approx(known[:, 2].sum(), rel=0.05)
    columns = ["seed", "row", *(f"y_{task.name}" for task in MIXED)]
    assert result.predictions[columns].equals(plain.predictions[columns])
    assert not result.metrics.equals(plain.metrics)
    r2 = result.metrics.query("metric == 'r2' and split == 'test'").value
    assert (r2 < 0.1).all()  # nothing is left to learn of minutes


def test_training_and_validation_of_a_model_see_the_labels_of_its_seed(data):
    assembly = assemble(spec(label_noise={"minutes": 1.0}), **data)
    members = assembly.members([0, 1], {})
    ensemble, examples = assembly.ensemble(members), examples_of(assembly, [0, 1])
    splits = assembly.splits(members)

    def losses(of, part):
        rows = [getattr(split, part)[:90] for split in splits]
        return evaluate_loss(ensemble, of, rows)

    clean = assembly.examples
    assert (losses(examples, "valid") == losses(clean, "valid")).all()
    assert (losses(examples, "train") != losses(clean, "train")).tolist() == [
        [False, False, True]
    ] * 2


@pytest.mark.parametrize("method", ["single_task", "mmoe"])
def test_noise_suits_every_method(method, data):
    assert train(
        spec(method, options={"hidden_dim": 6}, **NOISE), Job(**data)
    ).record.changed_labels


def test_searches_and_grids_have_noise_and_weights_as_well(data):
    job = Job(**data)
    search_of = {"search": {"steps": 8, "batch_size": 50, "reward": "neg_loss"}}
    found = [search(spec("mtnas", **own, **search_of), job) for own in ({}, WEIGHED)]
    grid = {"grid": {"training.learning_rate": [0.03, 0.01]}}
    tuned = [tune(spec(**own, **grid), job) for own in ({}, WEIGHED)]

    assert any((w != found[1].weights[n]).any() for n, w in found[0].weights.items())
    assert (
        not tuned[0].trials.drop(columns="seconds").equals(tuned[1].trials.drop(columns="seconds"))
    )
