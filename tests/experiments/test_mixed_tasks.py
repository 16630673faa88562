"""Tasks of every kind in one table, whose labels are missing here and there: spec to record."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.experiments import every_route, models
from mtnas.experiments.every_route import train_every_route
from mtnas.experiments.job import Job
from mtnas.experiments.models import Models
from mtnas.experiments.search import search
from mtnas.experiments.train import train
from mtnas.experiments.tune import tune
from mtnas.runtime.errors import ConfigError, DataError, StoppedError, TrainingError
from mtnas.tasks.metrics import OF_KIND
from mtnas.training import fit
from tests.helpers.mixed import MIXED, mixed_arrays, mixed_table
from tests.helpers.specs import spec_of
from tests.helpers.stops import to_the_end, told_to_end
from tests.helpers.tables import write_table

TRAINING = {
    "epochs": 8,
    "patience": 2,
    "batch_size": 24,
    "learning_rate": 0.03,
    "embedding_dim": 3,
    "dtype": "float64",
}
MTNAS = {"num_layers": 1, "num_subnets": 2, "hidden_dim": 16}
OPTIONS = {"mtnas": MTNAS, "mmoe": {"root_dim": 8, "num_experts": 2, "hidden_dim": 8}}
CLASSES = MIXED[1].classes


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return mixed_table(tmp_path_factory.mktemp("mixed"))


def spec(method, **changes):
    values = {
        "dataset": "mixed",
        "method": method,
        **({} if "space" in changes else {"variant": "paper"}),
        "seeds": [0, 1, 2],
        "training": TRAINING,
        "options": OPTIONS.get(method, {"hidden_dim": 8}),
        **changes,
    }
    return spec_of(**values)


def measured(rows):
    """Return what scikit-learn says of the predictions of one seed, by task and metric."""
    p = rows[[f"p_mood_{name}" for name in CLASSES]].to_numpy()
    known = rows.y_mood.notna().to_numpy()
    mood = rows.y_mood[known].map(CLASSES.index).to_numpy(int)
    click, minutes = (rows[rows[f"y_{name}"].notna()] for name in ("does_click", "minutes"))
    y, z = click.y_does_click.astype(int), click.p_does_click
    true, said = minutes.y_minutes.astype(float), minutes.p_minutes
    return {
        ("does_click", "auc"): roc_auc_score(y, z),
        ("does_click", "accuracy"): accuracy_score(y, z > 0.5),
        ("does_click", "log_loss"): log_loss(y, z),
        ("mood", "accuracy"): accuracy_score(mood, p[known].argmax(1)),
        ("mood", "macro_f1"): f1_score(mood, p[known].argmax(1), average="macro"),
        ("mood", "log_loss"): log_loss(mood, p[known], labels=range(3)),
        ("minutes", "rmse"): mean_squared_error(true, said) ** 0.5,
        ("minutes", "mae"): mean_absolute_error(true, said),
        ("minutes", "r2"): r2_score(true, said),
    }


@pytest.mark.parametrize(
    ("method", "chosen"),
    [
        ("share_bottom", {}),
        ("mmoe", {}),
        ("single_task", {}),
        ("share_bottom", {"selection": "task"}),
        ("mmoe", {"embedding_per_task": True}),
        ("mmoe", {"loss_weights": [1, 2, 0.5], "dtype": "float32"}),
    ],
)
def test_metrics_equal_scikit_learn_on_the_saved_predictions(method, chosen, data):
    result = train(spec(method, training={**TRAINING, **chosen}), Job(**data))
    found = result.metrics[result.metrics.split == "test"].set_index(["seed", "task", "metric"])
    names = {(task.name, name) for task in MIXED for name in OF_KIND[task.kind]}
    assert {key[1:] for key in found.index} == {*names, ("all", "mtl_loss")}
    _, labels = mixed_arrays()
    for seed, rows in result.predictions.groupby("seed"):
        for (task, metric), expected in measured(rows).items():
            assert found.value[seed, task, metric] == pytest.approx(expected, abs=1e-9)
        assert (rows.y_minutes.isna() == np.isnan(labels[rows.row, 2])).all()
        own = found.value[seed]
        losses = own["does_click", "log_loss"] + own["mood", "log_loss"] + own["minutes", "mse"]
        assert own["all", "mtl_loss"] == pytest.approx(losses)
    means = found.value.groupby(["task", "metric"]).mean()
    assert means["does_click", "auc"] > 0.55
    assert means["minutes", "r2"] > 0.1


def test_predictions_are_written_with_nulls_and_the_names_of_classes(data, tmp_path):
    result = train(spec("share_bottom"), Job(**data))
    result.predictions.to_parquet(tmp_path / "p.parquet", index=False)
    again = pd.read_parquet(tmp_path / "p.parquet")
    assert set(again.y_mood.dropna()) == set(CLASSES)
    assert again.y_does_click.isna().sum() == result.predictions.y_does_click.isna().sum() > 0
    chances = again[[f"p_mood_{name}" for name in CLASSES]].sum(axis=1)
    np.testing.assert_allclose(chances, 1)


@pytest.mark.parametrize("method", ["single_task", "share_bottom"])
def test_a_seed_alone_equals_that_seed_in_company(method, data):
    together = train(spec(method), Job(**data, at_once=3))
    apart = train(spec(method), Job(**data, at_once=1))
    np.testing.assert_allclose(together.metrics.value, apart.metrics.value, rtol=0, atol=1e-11)
    assert together.weights.keys() == apart.weights.keys()
    for name, tensor in together.weights.items():
        np.testing.assert_allclose(tensor, apart.weights[name], rtol=0, atol=1e-11)


def test_models_of_other_kinds_and_rows_are_divided_and_named_by_task(data):
    result = train(spec("single_task"), Job(**data))
    assert result.weights["mood.heads.weight"].shape == (3, 3, 8)
    assert result.weights["minutes.heads.weight"].shape == (3, 1, 8)
    mean, (_, labels) = result.weights["minutes.label_mean"], mixed_arrays()
    assert mean.shape == (3, 1)
    np.testing.assert_allclose(mean, np.nanmean(labels[:, 2]), atol=1)
    own = train(
        spec("share_bottom", training={**TRAINING, "selection": "task"}), Job(**data)
    ).weights
    assert own["mood.heads.weight"].shape == own["minutes.heads.weight"].shape == (3, 5, 8)
    assert [(fit.seed, fit.tasks) for fit in result.record.fits] == [
        (seed, (task,)) for seed in range(3) for task in range(3)
    ]


def test_a_complete_table_of_one_kind_is_one_ensemble(tmp_path):
    from mtnas.experiments.assembly import assemble

    ids, labels = mixed_arrays(0.0)
    split = np.repeat(np.array([0, 1, 2], np.int8), 200)
    binary = np.stack([labels[:, 0], labels[:, 1] > 0], axis=1).astype(np.int8)
    files = write_table(tmp_path / "t.parquet", ids, binary, split)
    assembly = assemble(spec("single_task"), **files)
    models = Models(assembly, assembly.members([0, 1], {}))
    assert len(models.whole) == 4


def bytes_of(result, folder):
    names = {kind: folder / kind for kind in ("metrics", "predictions", "weights", "record")}
    result.write(**names)
    return [names[kind].read_bytes() for kind in ("metrics", "predictions", "weights")]


@pytest.mark.parametrize("stops", [[3], [20, 9, 11], [1, 1, 30]])
def test_models_in_several_ensembles_go_on_and_leave_the_same_bytes(stops, data, tmp_path):
    expected = bytes_of(train(spec("single_task"), Job(**data)), tmp_path / "straight")
    kept = tmp_path / "stopped" / ".unfinished"
    result = to_the_end(
        stops, lambda: train(spec("single_task"), Job(**data, at_once=3, journal=kept))
    )
    left = [path.name for path in kept.rglob("*.safetensors")]
    assert left == ["0-2.done.safetensors"]
    assert bytes_of(result, tmp_path / "stopped") == expected


def test_a_checkpoint_of_another_ensemble_is_not_taken_up(data, tmp_path):
    expected = bytes_of(train(spec("single_task"), Job(**data)), tmp_path / "straight")
    kept = tmp_path / "stopped" / ".unfinished"

    def attempt():
        return train(spec("single_task"), Job(**data, at_once=3, journal=kept))

    with pytest.raises(StoppedError), told_to_end(5):
        attempt()
    (first,) = kept.rglob("*.safetensors")
    assert first.name == "0-2.0.safetensors"
    shutil.copy(first, first.with_name("0-2.1.safetensors"))
    assert bytes_of(attempt(), tmp_path / "stopped") == expected
    assert not kept.exists()


def test_one_best_epoch_of_all_models_of_a_seed_needs_models_that_are_alike(data):
    with pytest.raises(ConfigError, match=r"selection: 'seed', but the tasks of mixed differ"):
        train(spec("single_task", training={**TRAINING, "selection": "seed"}), Job(**data))


@pytest.mark.parametrize("reward", ["auc_sum", "neg_loss"])
@pytest.mark.parametrize("strategy", ["reinforce", "differentiable", "random_search"])
def test_routes_are_searched_and_trained(strategy, reward, data, tmp_path):
    chosen = {"strategy": strategy, "steps": 8, "batch_size": 50, "reward": reward, "candidates": 4}
    found = search(spec("mtnas", search=chosen), Job(**data))
    paths = {"routes": tmp_path / "routes.json", "supernet": tmp_path / "supernet.safetensors"}
    found.write(**paths)
    for derive in ("inherit", "retrain"):
        result = train(spec("mtnas", derive=derive), Job(**data), **paths)
        assert np.isfinite(result.metrics.value).all()


def test_a_grid_is_tuned_with_the_names_of_tasks(data):
    grid = {"training.learning_rate": [0.001, 0.02]}
    result = tune(spec("single_task", grid=grid), Job(**data))
    columns = {"valid_r2_minutes", "valid_macro_f1_mood", "valid_auc_does_click", "valid_mtl_loss"}
    assert {*columns, "best_epoch_minutes"} <= set(result.trials)
    assert result.record.winner.values == {"training.learning_rate": 0.02}


def test_every_route_is_trained_with_the_names_of_tasks(data):
    truth = train_every_route(spec("mtnas", space="tiny", seeds=[0]), Job(**data)).truth.frame
    assert {"valid_loss_mood", "test_auc_does_click", "test_rmse_minutes"} <= set(truth)
    total = truth[[f"test_loss_{task.name}" for task in MIXED]].sum(axis=1)
    np.testing.assert_allclose(total, truth["test_loss"])


def test_tasks_count_by_their_weight_wherever_their_losses_are_compared(tmp_path):
    weights = (2.0, 0.5, 3.0)
    tasks = tuple(
        task.model_copy(update={"loss_weight": weight})
        for task, weight in zip(MIXED, weights, strict=True)
    )
    ids, labels = mixed_arrays()
    split = np.repeat(np.array([0, 1, 2], np.int8), [400, 100, 100])
    files = write_table(tmp_path / "t.parquet", ids, labels, split, tasks=tasks)
    names = ["log_loss_does_click", "log_loss_mood", "mse_minutes"]

    trained = train(spec("single_task", seeds=[0]), Job(**files))
    grid = {"training.learning_rate": [0.001, 0.02]}
    trials = tune(spec("single_task", seeds=[0], grid=grid), Job(**files)).trials
    truth = train_every_route(spec("mtnas", space="tiny", seeds=[0]), Job(**files)).truth.frame

    wide = trained.metrics.assign(name=trained.metrics.metric + "_" + trained.metrics.task)
    wide = wide.pivot(index="split", columns="name", values="value")
    np.testing.assert_allclose(wide[names] @ weights, wide["mtl_loss_all"])
    losses = trials[[f"valid_{name}" for name in names]]
    np.testing.assert_allclose(losses @ weights, trials["valid_mtl_loss"])
    losses = truth[[f"valid_loss_{task.name}" for task in MIXED]]
    np.testing.assert_allclose(losses @ weights, truth["valid_loss"])
    for model in trained.record.fits:
        own = np.array(model.valid_losses) @ [weights[task] for task in model.tasks]
        np.testing.assert_allclose(own, model.valid_loss)


@pytest.mark.parametrize("made", ["run", "space", "trials"])
def test_an_output_that_is_not_finite_is_one_clear_error(made, data, monkeypatch):
    def broken(*args):
        out_MNO = predict(*args)
        return out_MNO.masked_fill(torch.arange(out_MNO.shape[1])[:, None] == 7, torch.inf)

    predict = fit.predict_selected
    monkeypatch.setattr(models, "predict_selected", broken)
    monkeypatch.setattr(every_route, "predict_selected", broken)
    job, told = Job(**data), r"seed 0: an output on the valid rows is not a finite number"
    with pytest.raises(TrainingError, match="1 trials diverged" if made == "trials" else told):
        if made == "space":
            train_every_route(spec("mtnas", space="tiny", seeds=[0]), job)
        elif made == "trials":
            tune(spec("mmoe", grid={"training.learning_rate": [0.01]}), job)
        else:
            train(spec("mmoe", seeds=[0]), job)


def test_a_model_that_predicts_one_value_is_warned_of(data, monkeypatch, caplog):
    def dead(*args):
        out_MNO = predict(*args).clone()
        out_MNO[1, :, -1] = 0.25  # of the second model the task of numbers, which comes last
        return out_MNO

    train(spec("mmoe", seeds=[0, 1]), Job(**data))
    assert "predicts one value" not in caplog.text
    predict = fit.predict_selected
    monkeypatch.setattr(models, "predict_selected", dead)
    train(spec("mmoe", seeds=[0, 1]), Job(**data))
    assert "seed 1: the model predicts one value of minutes for all test rows" in caplog.text
    assert caplog.text.count("predicts one value") == 1


def test_only_what_a_task_reports_is_reported(tmp_path):
    tasks = tuple(
        task.model_copy(update={"metrics": names})
        for task, names in zip(MIXED, (("auc",), ("macro_f1", "log_loss"), ()), strict=True)
    )
    ids, labels = mixed_arrays()
    split = np.repeat(np.array([0, 1, 2], np.int8), [400, 100, 100])
    files = write_table(tmp_path / "t.parquet", ids, labels, split, tasks=tasks)
    result = train(spec("share_bottom", seeds=[0]), Job(**files)).metrics
    test = result[result.split == "test"]
    assert list(zip(test.task, test.metric, strict=True)) == [
        ("does_click", "auc"),
        ("mood", "macro_f1"),
        ("mood", "log_loss"),
        *(("minutes", name) for name in ("rmse", "mae", "r2", "mse")),
        ("all", "mtl_loss"),
    ]


def test_controls_bound_every_kind(data):
    scores = {}
    for name in ("control_perfect", "control_shuffled"):
        result = train(spec(name, options={}), Job(**data))
        frame = result.metrics[result.metrics.split == "test"]
        scores[name] = frame.groupby(["task", "metric"]).value.mean()
    perfect, shuffled = scores["control_perfect"], scores["control_shuffled"]
    for task, metric in (("does_click", "auc"), ("mood", "accuracy"), ("minutes", "r2")):
        assert perfect[task, metric] == pytest.approx(1)
    assert shuffled["does_click", "auc"] == pytest.approx(0.5, abs=0.15)
    assert shuffled["mood", "accuracy"] < 0.6
    assert shuffled["minutes", "r2"] < 0.2


# Before training -------------------------------------------------------------------------------


def rare(folder, kind):
    """Write a table of 300 rows whose second task has too little of a label."""
    rng = np.random.default_rng(0)
    ids = rng.integers(20, size=(300, 4)).astype(np.int32) + 20 * np.arange(4, dtype=np.int32)
    label = {"binary": np.zeros(300), "multiclass": np.arange(300) % 2, "regression": np.ones(300)}
    second = label[kind].astype(np.float32)
    few = {"binary": ([7, 90, 200], 1), "multiclass": ([280, 281, 282], 2), "regression": ([7], 5)}
    rows, value = few[kind]
    second[rows] = value
    classes = ("a", "b", "rarely") if kind == "multiclass" else ()
    tasks = (
        TaskSummary(name="click", rule=""),
        TaskSummary(name="buys", rule="", kind=kind, classes=classes),
    )
    labels = np.stack([rng.integers(2, size=300), second], axis=1).astype(np.float32)
    split = np.repeat(np.array([0, 1, 2], np.int8), [240, 30, 30])
    return write_table(folder / "t.parquet", ids, labels, split, tasks=tasks)


JOBS = {
    "train": (train, "mmoe", {}),
    "train per task": (train, "single_task", {}),
    "control": (train, "control_perfect", {"options": {}}),
    "search": (search, "mtnas", {"search": {"steps": 3}}),
    "tune": (tune, "mmoe", {"grid": {"training.learning_rate": [0.1]}}),
    "every route": (train_every_route, "mtnas", {"space": "tiny"}),
}
SAID = {
    "binary": r"0 ones and 30 zeros among the 30 labelled rows of the valid part, both are needed; "
    r"leave the task out \(of 300 rows 300 are labelled, 3 as 1\)",
    "multiclass": r"classes in the test part that the train part has not: 'rarely' \(3 rows\)",
    "regression": r"one value only, 1, in the 30 labelled rows of the valid part, two are needed",
}


@pytest.mark.parametrize("job", JOBS)
def test_too_rare_a_label_is_refused_by_every_job(job, tmp_path):
    run, method, changes = JOBS[job]
    with pytest.raises(DataError, match=r"^dataset 'mixed', seed \d: label buys has .*both.*split"):
        run(spec(method, **changes), Job(**rare(tmp_path, "binary")))


@pytest.mark.parametrize("kind", SAID)
def test_the_part_and_the_counts_are_said(kind, tmp_path):
    with pytest.raises(DataError, match=rf"seed 0: label buys has {SAID[kind]}"):
        train(spec("mmoe", fixed_split=True), Job(**rare(tmp_path, kind)))


def test_a_part_without_a_label_is_refused(tmp_path):
    ids, labels = mixed_arrays()
    labels[400:500, 0] = np.nan
    split = np.repeat(np.array([0, 1, 2], np.int8), [400, 100, 100])
    files = write_table(tmp_path / "t.parquet", ids, labels, split, tasks=MIXED)
    with pytest.raises(DataError, match="label does_click has no labelled row in the valid part"):
        train(spec("mmoe", fixed_split=True), Job(**files))


def test_names_that_clash_are_refused(tmp_path):
    ids, labels = mixed_arrays()
    clash = MIXED[2].model_copy(update={"name": "mood_good"})
    split = np.repeat(np.array([0, 1, 2], np.int8), [400, 100, 100])
    files = write_table(tmp_path / "t.parquet", ids, labels, split, tasks=(*MIXED[:2], clash))
    with pytest.raises(DataError, match=r"'mixed': two columns .* 'p_mood_good'.*another name"):
        train(spec("mmoe"), Job(**files))
