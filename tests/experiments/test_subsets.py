"""Models of subsets of the tasks: each as if there were no other, through a stop, and refused."""

import numpy as np
import pandas as pd
import pytest
import torch

from mtnas.data.prepare.store import read_compact
from mtnas.evidence.subsets_record import SubsetScores
from mtnas.experiments import assembly as assemblies
from mtnas.experiments import input_similarity
from mtnas.experiments import subsets as experiment
from mtnas.experiments.job import Job
from mtnas.experiments.subsets import train_subsets
from mtnas.experiments.train import train
from mtnas.runtime.errors import ConfigError, TrainingError
from mtnas.transfer.covariance import similarity
from tests.experiments.test_sources import assembled, table  # noqa: F401
from tests.helpers.mixed import MIXED, ROWS
from tests.helpers.specs import spec_of
from tests.helpers.stops import to_the_end
from tests.helpers.tables import write_table

TRAINING = {
    "epochs": 3,
    "patience": 2,
    "batch_size": 64,
    "learning_rate": 0.03,
    "embedding_dim": 3,
    "dtype": "float64",
}
OPTIONS = {
    "mmoe": {"root_dim": 8, "num_experts": 2, "hidden_dim": 8},
    "snr_trans": {"num_layers": 1, "num_subnets": 2, "hidden_dim": 8},
}
NAMES = tuple(task.name for task in MIXED)
SUBSETS = [
    ("does_click",),
    ("mood",),
    ("minutes",),
    ("does_click", "minutes"),
    ("mood", "minutes"),
    NAMES,
]
KEYS = ["seed", "split", "task", "metric"]
# Of the values of a field, so far apart that their order by frequency is that of any part.
SHARES = ((0.80, 0.15, 0.05), (0.65, 0.25, 0.10))


def arrays():
    """Return ids, labels of all kinds, a third of them missing, no row without any; a split."""
    rng = np.random.default_rng(5)
    drawn = [rng.choice(3, ROWS, p=share) for share in SHARES]
    ids = np.stack([drawn[0], 3 + drawn[1]], axis=1).astype(np.int32)
    seen = rng.normal(size=(6, 3))[ids].sum(1) + 0.5 * rng.normal(size=(ROWS, 3))
    seen -= seen.mean(0)
    labels = np.stack(
        [seen[:, 0] > 0, np.digitize(seen[:, 1], (-0.5, 0.5)), 40 + 9 * seen[:, 2]], axis=1
    ).astype(np.float32)
    labels[rng.random(labels.shape) < 1 / 3] = np.nan
    labels[np.isnan(labels).all(1), 2] = 41.5
    return ids, labels, rng.permutation(np.repeat([0, 1, 2], [400, 100, 100])).astype(np.int8)


def tables_of(folder, tasks):
    """Write a table as it is prepared with some of the tasks: rows without a label are left out."""
    ids, labels, split = arrays()
    places = [NAMES.index(task) for task in tasks]
    kept = ~np.isnan(labels[:, places]).all(1)
    own = tuple(MIXED[place] for place in places)
    folder.mkdir(parents=True)
    return write_table(
        folder / "table.parquet", ids[kept], labels[kept][:, places], split[kept], tasks=own
    )


def tables_without_gaps(folder):
    """Write the same table with a label of every task in every row."""
    ids, labels, split = arrays()
    labels = np.where(np.isnan(labels), np.nanmax(labels, axis=0), labels)
    folder.mkdir(parents=True)
    return write_table(folder / "table.parquet", ids, labels, split, tasks=MIXED)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tables_of(tmp_path_factory.mktemp("subsets") / "all", NAMES)


def values(method, training=None, **changes):
    return {
        "dataset": "mixed",
        "method": method,
        "variant": "paper",
        "seeds": [0, 1],
        "training": {**TRAINING, **(training or {})},
        "options": OPTIONS.get(method, {"hidden_dim": 8}),
        **changes,
    }


def spec(method="share_bottom", training=None, **changes):
    return spec_of(**values(method, training, **{"name": "some", "subsets": SUBSETS, **changes}))


def run(method, training=None, **changes):
    return spec_of(**values(method, training, **changes))


def scores_of(frame, subset):
    """Return the scores of a subset, with the columns of a run, in its order."""
    own = frame[frame["subset"] == "+".join(subset)].drop(columns="subset")
    return own.set_index(KEYS)["value"].sort_index()


def assert_same(one, other):
    """Scores are equal up to rounding, which orders rows of equal inputs: their predictions tie."""
    jumps = one.index.get_level_values("metric").isin(["auc", "calibration_error"])
    pd.testing.assert_series_equal(one[~jumps], other[~jumps], rtol=0, atol=1e-12)
    pd.testing.assert_series_equal(one[jumps], other[jumps], rtol=0, atol=0.05)


def trained(data, *arguments, job=None, **changes):
    return train_subsets(spec(*arguments, **changes), Job(**data, **(job or {}))).scores


@pytest.mark.parametrize(
    ("method", "training"),
    [
        ("share_bottom", {}),
        ("mmoe", {"selection": "task"}),
        ("snr_trans", {}),
        ("share_bottom", {"embedding_per_task": True, "loss_weights": [1, 2, 0.5]}),
        ("share_bottom", {"alignment": "joint", "weighting": "svd"}),
        ("mmoe", {"alignment": "frozen", "weighting": "uncertainty"}),
    ],
)
def test_a_subset_is_a_run_on_data_prepared_with_these_tasks_alone(
    method, training, data, tmp_path
):
    frame = trained(data, method, training, fixed_split=True).frame
    for subset in SUBSETS:
        alone = tables_of(tmp_path / "+".join(subset), subset)
        weights = training.get("loss_weights")
        own = weights and [weights[NAMES.index(task)] for task in subset]
        asked = run(method, {**training, "loss_weights": own}, fixed_split=True)
        expected = train(asked, Job(**alone)).metrics
        assert_same(scores_of(frame, subset), expected.set_index(KEYS)["value"].sort_index())


def test_the_tables_of_the_test_above_have_the_same_ids_and_fewer_rows(data, tmp_path):
    whole = read_compact(data["table"], data["manifest"])
    files = tables_of(tmp_path / "one", ("mood",))
    alone = read_compact(files["table"], files["manifest"])
    kept = ~np.isnan(whole.labels[:, 1])
    np.testing.assert_array_equal(whole.inputs.ids[kept], alone.inputs.ids)
    assert 300 < len(alone.labels) < 0.75 * len(whole.labels)


@pytest.mark.parametrize("split", [True, False])
def test_a_task_alone_is_single_task(split, data):
    frame = trained(data, fixed_split=split).frame
    single = train(run("single_task", fixed_split=split), Job(**data)).metrics
    for task in NAMES:
        own = single[single["task"] == task].set_index(KEYS)["value"].sort_index()
        found = scores_of(frame, (task,))
        assert_same(found[found.index.get_level_values("task") == task], own)


def test_all_tasks_are_the_run_of_the_method(data):
    expected = train(run("share_bottom"), Job(**data)).metrics
    found = scores_of(trained(data).frame, NAMES)
    assert_same(found, expected.set_index(KEYS)["value"].sort_index())


@pytest.mark.parametrize("changes", [{"seeds": [1]}, {"job": {"at_once": 1}}])
def test_a_model_alone_equals_that_model_in_company(changes, data):
    company = trained(data).frame
    alone = trained(data, **changes).frame
    for subset in SUBSETS:
        found = scores_of(alone, subset)
        assert_same(found, scores_of(company, subset).loc[found.index])


def test_models_that_take_equal_batches_are_trained_side_by_side(data, monkeypatch):
    sizes, work = [], experiment._trained

    def counted(assembly, subsets, group, checkpoint):
        sizes.append(len(group))
        return work(assembly, subsets, group, checkpoint)

    monkeypatch.setattr(experiment, "_trained", counted)
    trained(data, job={"at_once": 50})
    assert sum(sizes) == 2 * len(SUBSETS)
    assert len(sizes) < sum(sizes)


@pytest.mark.parametrize("stops", [[3], [20, 9, 31], [1, 1, 15]])
def test_a_job_that_is_stopped_goes_on_and_leaves_the_same_bytes(stops, data, tmp_path):
    def files(folder):
        folder.mkdir()
        return {"scores": folder / "scores.csv", "record": folder / "record.json"}

    straight, resumed = files(tmp_path / "straight"), files(tmp_path / "resumed")
    train_subsets(spec(), Job(**data, at_once=2)).write(**straight)
    kept = tmp_path / "resumed" / ".unfinished"
    to_the_end(stops, lambda: train_subsets(spec(), Job(**data, at_once=2, journal=kept))).write(
        **resumed
    )
    assert resumed["scores"].read_bytes() == straight["scores"].read_bytes()
    assert sorted(p.name for p in (tmp_path / "resumed").iterdir()) == ["record.json", "scores.csv"]


def test_the_record_tells_what_was_trained(data, tmp_path):
    done = train_subsets(spec(), Job(**data, code="abc"))
    done.write(scores=tmp_path / "scores.csv", record=tmp_path / "record.json")
    record = SubsetScores.read(tmp_path).record
    assert record.spec == spec()
    assert record.tasks == {"does_click": "binary", "mood": "multiclass", "minutes": "regression"}
    assert record.dense["mood"] - record.dense["minutes"] == 2 * (8 + 1)  # two heads more
    assert record.dense["does_click+mood+minutes"] == record.parameters.dense
    assert len(record.fits) == 2 * len(SUBSETS)
    assert all(1 <= fit.best_epoch <= 3 for fit in record.fits)
    assert (record.code, record.key) == ("abc", ("some", ("mixed", "share_bottom", "paper")))


def test_every_metric_is_there_whatever_tables_report(tmp_path):
    ids, labels, split = arrays()
    tasks = tuple(task.model_copy(update={"metrics": ()}) for task in MIXED)
    few = (tasks[0].model_copy(update={"metrics": ("accuracy",)}), *tasks[1:])
    files = write_table(tmp_path / "table.parquet", ids, labels, split, tasks=few)
    frame = trained(files, seeds=[0]).frame
    assert {"auc", "log_loss"} < set(frame[frame["task"] == "does_click"]["metric"])


@pytest.mark.parametrize("method", ["single_task", "mtnas", "control_perfect"])
def test_a_method_without_subsets_is_refused(method, data):
    options = {} if method == "control_perfect" else {"hidden_dim": 8}
    with pytest.raises(ConfigError, match=f"'{method}': only a method with one model of all tasks"):
        trained(data, method, options=options)


def test_a_task_that_the_table_has_not_is_refused(data):
    with pytest.raises(ConfigError, match=r"has no task 'moood'; allowed: does_click, mood"):
        trained(data, subsets=[("moood",), NAMES])


@pytest.mark.parametrize(
    "training", [{"mixing": "round_robin", "selection": "source"}, {"mixing": "balanced"}]
)
def test_tasks_of_one_source_read_its_rows_alone(training, table, monkeypatch):  # noqa: F811
    torch.set_num_threads(1)
    assembly = assembled(table, monkeypatch, "share_bottom", dtype="float64", **training)
    chosen = [("good",), ("minutes",), ("good", "minutes")]
    own = assembly.spec.model_dump(mode="json")
    asked = spec_of(**{**own, "name": "some", "subsets": chosen})
    monkeypatch.setattr("mtnas.experiments.job.assemble", lambda *_, **__: assembly)
    together = train_subsets(asked, Job("t", "m", at_once=9)).scores.frame
    apart = train_subsets(asked, Job("t", "m", at_once=1)).scores.frame
    pd.testing.assert_frame_equal(together, apart, rtol=0, atol=1e-10)
    split = assembly.with_labels_of((0,), assembly.split(0))
    assert set(table.source[split.train]) == {0}
    assert isinstance(assembly, assemblies.Assembly)


def test_a_subset_that_diverges_is_named(data):
    pair = ("does_click", "minutes")
    with pytest.raises(TrainingError, match=r"^seed 0, tasks does_click\+minutes: loss is not fin"):
        trained(data, "share_bottom", {"learning_rate": 1e200}, subsets=[pair])


def test_the_record_tells_whose_loss_chose_tuned_options(data):
    chosen = {"training.learning_rate": {"value": 0.03, "instead_of": 0.01, "from": "best.json"}}
    tuned = train_subsets(spec(tuned=chosen), Job(**data)).scores.record

    assert tuned.tuned_for == NAMES
    assert train_subsets(spec(), Job(**data)).scores.record.tuned_for == ()


def test_the_first_of_two_phases_is_recorded(data):
    chosen = {"alignment": "frozen_control"}
    found = train_subsets(spec("share_bottom", chosen), Job(**data)).scores.record
    whole = train(run("share_bottom", chosen), Job(**data)).record

    assert all(fit.before is not None for fit in found.fits)
    own = {fit.seed: fit.before for fit in found.fits if fit.subset == "+".join(NAMES)}
    for fit in whole.fits:
        assert own[fit.seed].best_epoch == fit.before.best_epoch
        assert own[fit.seed].valid_loss == pytest.approx(fit.before.valid_loss, abs=1e-12)


def test_noise_and_weights_of_tasks_are_recorded(data):
    training = {"weighting": "svd", "weighting_rank": 2, "label_noise": {"minutes": 0.5}}
    found = train_subsets(spec("share_bottom", training), Job(**data)).scores.record
    whole = train(run("share_bottom", training), Job(**data)).record

    assert found.changed_labels == whole.changed_labels
    for fit in found.fits:
        assert list(fit.weights) == fit.subset.split("+")
        assert sum(fit.weights.values()) == pytest.approx(len(fit.weights))
    assert {f.seed: f.weights for f in found.fits if f.subset == "+".join(NAMES)} == whole.weights


@pytest.mark.parametrize("alignment", ["none", "joint", "frozen"])
def test_inputs_of_two_tasks_are_compared_where_they_can_differ(alignment, data, tmp_path):
    def found(data):
        record = trained(data, training={"alignment": alignment}).record
        return {fit.subset: fit.similarity for fit in record.fits if fit.seed == 1}

    partly, whole = found(data), found(tables_without_gaps(tmp_path / "whole"))

    pairs = {"+".join(subset) for subset in SUBSETS if len(subset) == 2}
    assert {name for name, similarity in partly.items() if similarity} == pairs
    assert {name for name, similarity in whole.items() if similarity} == (
        set() if alignment == "none" else pairs
    )
    least = 0.9 if alignment == "none" else 0.0  # labels are missing at random
    for similar in filter(None, partly.values()):
        assert least < similar.normalised < 1
        assert least < similar.centred_normalised < 1
        assert 0 < similar.score < 0.9
        assert 0 < similar.centred_score < 0.9


def test_similarity_from_sums_is_that_of_the_rows():
    rng = np.random.default_rng(6)
    inputs = [rng.normal(1, 1, (n, 4)) @ rng.normal(size=(4, 4)) for n in (30, 50)]
    ones = (torch.from_numpy(np.column_stack([np.ones(len(x)), x])) for x in inputs)
    found = input_similarity._similarity(torch.stack([x.T @ x for x in ones]))
    for centred, name in ((False, ""), (True, "centred_")):
        whole = similarity(*(x - x.mean(0) * centred for x in inputs))
        assert found[f"{name}score"] == pytest.approx(whole.score)
        assert found[f"{name}normalised"] == pytest.approx(whole.normalised)
