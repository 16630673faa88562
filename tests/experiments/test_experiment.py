"""From a spec to a record, on a small slice of InstEval made into a table of its own."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score

from mtnas.data.prepare.table import prepare
from mtnas.experiments.assembly import assemble
from mtnas.experiments.job import Job
from mtnas.experiments.search import search
from mtnas.experiments.train import train
from mtnas.runtime.errors import RecordError, StoppedError, TrainingError
from mtnas.training import fit
from mtnas.training.trainer import Trainer
from tests.helpers.specs import spec_of
from tests.helpers.stops import to_the_end, told_to_end
from tests.helpers.tables import read_hashed, write_table

TRAINING = {"epochs": 2, "patience": 1, "batch_size": 128}
MTNAS = {"num_layers": 1, "num_subnets": 4, "hidden_dim": 48}
SEARCH = {"steps": 10, "batch_size": 128}


FILES = {
    "metrics": "metrics.csv",
    "record": "run.json",
    "predictions": "predictions.parquet",
    "weights": "model.safetensors",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Prepare InstEval and keep every 20th row."""
    folder = tmp_path_factory.mktemp("data")
    paths = {"table": folder / "all.parquet", "manifest": folder / "all.json"}
    prepare({"dataset": "insteval"}, **paths)
    whole = read_hashed(**paths)
    rows = slice(None, None, 20)
    labels = whole.labels[rows].astype(np.int8)
    return write_table(folder / "small.parquet", whole.inputs.ids[rows], labels, whole.split[rows])


def spec(method, **changes):
    values = {
        "dataset": "insteval",
        "method": method,
        "variant": "paper",
        "seeds": [0, 1],
        "fixed_split": False,
        "training": TRAINING,
        "options": MTNAS if method == "mtnas" else {},
        "budget": None if method == "mtnas" else MTNAS,
        **changes,
    }
    return spec_of(**values)


@pytest.mark.parametrize("method", ["single_task", "share_bottom", "control_shuffled"])
def test_metrics_equal_scikit_learn_on_the_saved_predictions(method, data):
    result = train(spec(method), Job(**data))
    test = result.metrics[result.metrics.split == "test"].set_index(["seed", "task", "metric"])
    for seed, rows in result.predictions.groupby("seed"):
        losses = []
        for task in ("t0", "t1"):
            y, p = rows[f"y_{task}"], rows[f"p_{task}"]
            expected = roc_auc_score(y, p)
            assert test.loc[(seed, task, "auc"), "value"] == pytest.approx(expected, abs=1e-12)
            losses.append(log_loss(y, p))
            assert test.loc[(seed, task, "log_loss"), "value"] == pytest.approx(losses[-1])
        assert test.loc[(seed, "all", "mtl_loss"), "value"] == pytest.approx(sum(losses))


def test_methods_are_paired_by_seed_and_splits_move_with_it(data):
    single, bottom = (train(spec(m), Job(**data)) for m in ("single_task", "share_bottom"))
    assert single.record.splits == bottom.record.splits
    assert len(set(single.record.splits.values())) == 2
    fixed = train(spec("share_bottom", fixed_split=True), Job(**data))
    assert len(set(fixed.record.splits.values())) == 1
    stored = read_hashed(**data).split
    first = fixed.predictions[fixed.predictions.seed == 0]
    assert first.row.tolist() == np.flatnonzero(stored == 2).tolist()


def test_labels_of_the_test_set_change_nothing_before_the_test(data, tmp_path):
    table = read_hashed(**data)
    labels = table.labels.astype(np.int8)
    labels[table.split == 2, 0] = 1 - labels[table.split == 2, 0]
    other = write_table(tmp_path / "other.parquet", table.inputs.ids, labels, table.split)
    fixed = spec("mmoe", fixed_split=True)
    before, after = train(fixed, Job(**data)), train(fixed, Job(**other))
    assert before.record.fits == after.record.fits
    assert before.predictions.p_t0.equals(after.predictions.p_t0)
    metrics = before.metrics.compare(after.metrics)
    assert set(before.metrics.loc[metrics.index, "split"]) == {"test"}


def test_groups_of_seeds_give_the_same_numbers(data):
    exact = {**TRAINING, "dtype": "float64"}
    together = train(spec("mmoe", training=exact), Job(**data, at_once=2))
    apart = train(spec("mmoe", training=exact), Job(**data, at_once=1))
    np.testing.assert_allclose(together.metrics.value, apart.metrics.value, rtol=0, atol=1e-12)


def test_how_many_seeds_train_together_is_chosen_and_recorded(data):
    wide = train(spec("mmoe"), Job(**data)).record.timings
    narrow = train(spec("mmoe", options={"hidden_dim": 2}, budget=None), Job(**data)).record.timings
    assert 1 <= wide.seeds_at_once < narrow.seeds_at_once <= 64


@pytest.mark.parametrize(
    ("method", "width", "alone"), [("mtnas", 64, True), ("mtnas", 16, False), ("mmoe", 64, False)]
)
def test_wide_networks_of_routes_are_trained_one_by_one(data, method, width, alone):
    options = {"hidden_dim": width, **({"num_layers": 2, "num_subnets": 4} if alone else {})}
    assembly = assemble(spec(method, options=options, budget=None), **data)
    assert (assembly.seeds_at_once() == 1) == alone


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU and the CUDA build of torch")
@pytest.mark.parametrize("method", ["mmoe", "single_task", "snr_aver"])
def test_the_gpu_gives_the_numbers_of_the_cpu(data, method, monkeypatch):
    monkeypatch.setattr(fit, "Trainer", partial(Trainer, exact_decay=True))
    exact = {**TRAINING, "dtype": "float64"}
    here, there = (
        train(spec(method, training=exact), Job(**data, device=d)) for d in ("cpu", "cuda")
    )
    np.testing.assert_allclose(here.metrics.value, there.metrics.value, rtol=0, atol=1e-9)


def test_budgets_match_within_two_percent(data):
    counts = {
        name: train(spec(name), Job(**data)).record.parameters.dense
        for name in ("single_task", "share_bottom", "mmoe")
    }
    routes = search_routes(data, data["table"].parent, strategy="full_sharing")
    counts["mtnas"] = train(
        spec("mtnas", derive="retrain"), Job(**data), routes=routes["routes"]
    ).record.parameters.dense
    assert max(counts.values()) / min(counts.values()) < 1.04
    assert all(abs(n - counts["mtnas"]) <= 0.02 * counts["mtnas"] for n in counts.values())


def search_routes(data, folder, **options):
    paths = {"routes": folder / "routes.json", "supernet": folder / "supernet.safetensors"}
    found = search(spec("mtnas", search={**SEARCH, **options}), Job(**data))
    found.write(**paths)
    return paths


def test_inherit_finetune_and_retrain_of_one_search(data, tmp_path):
    paths = search_routes(data, tmp_path)
    record = json.loads(paths["routes"].read_text())
    assert record["seeds"].keys() == {"0", "1"}
    assert record["seeds"]["0"]["blocks"].keys() == {"t0", "t1"}
    inherit = train(spec("mtnas", derive="inherit"), Job(**data), **paths)
    finetune = train(spec("mtnas", derive="finetune"), Job(**data), **paths)
    retrain = train(spec("mtnas", derive="retrain"), Job(**data), routes=paths["routes"])
    assert inherit.record.fits == ()
    values = [tuple(r.metrics.value) for r in (inherit, finetune, retrain)]
    assert len(set(values)) == 3
    again = train(spec("mtnas", derive="inherit"), Job(**data), **paths)
    assert again.metrics.equals(inherit.metrics)


MEAN = {"options": {**MTNAS, "pooling": "mean", "hidden_dim": None}, "budget": MTNAS}


def test_mean_pooling_is_searched_inherited_and_trained_at_an_equal_size(data, tmp_path):
    paths = {"routes": tmp_path / "routes.json", "supernet": tmp_path / "supernet.safetensors"}
    search(spec("mtnas", **MEAN, search=SEARCH), Job(**data)).write(**paths)
    runs = [
        train(spec("mtnas", **MEAN, derive=derive), Job(**data), **paths)
        for derive in ("inherit", "finetune", "retrain")
    ]
    assert len({tuple(r.metrics.value) for r in runs}) == 3
    counts = runs[0].record.parameters
    gated = train(spec("mmoe"), Job(**data)).record.parameters.dense
    assert counts.hidden_dim > MTNAS["hidden_dim"]
    assert abs(counts.dense - gated) <= 0.04 * gated  # both within 2 % of the budget
    assert max(counts.dense_used.values()) <= counts.dense
    with pytest.raises(RecordError, match=r"holds routes of .*'mean'.* needs .*'gate'"):
        train(spec("mtnas", derive="retrain"), Job(**data), routes=paths["routes"])


def test_inherited_weights_go_to_their_own_seed(data, tmp_path):
    paths = search_routes(data, tmp_path)
    both = train(spec("mtnas", derive="inherit"), Job(**data, at_once=1), **paths)
    together = train(spec("mtnas", derive="inherit"), Job(**data, at_once=2), **paths)
    np.testing.assert_allclose(both.metrics.value, together.metrics.value, rtol=1e-5)


def test_impossible_requests_are_one_clear_error(data, tmp_path):
    paths = search_routes(data, tmp_path, strategy="random")
    with pytest.raises(RecordError, match="holds no weights"):
        train(spec("mtnas", derive="inherit"), Job(**data), **paths)
    with pytest.raises(RecordError, match=r"no route for seeds \[7\]"):
        train(spec("mtnas", derive="retrain", seeds=[7]), Job(**data), routes=paths["routes"])
    diverging = {**TRAINING, "learning_rate": 1e30}
    with pytest.raises(TrainingError, match=r"seed 0.*not finite in epoch 1.*learning_rate"):
        train(spec("share_bottom", training=diverging), Job(**data))


def test_a_written_run_is_read_back(data, tmp_path):
    from mtnas.evidence.records import read_run

    result = train(spec("share_bottom"), Job(**data, code="abc"))
    result.write(**{kind: tmp_path / name for kind, name in FILES.items()})
    again = read_run(tmp_path)
    assert again.key == ("insteval", "share_bottom", "paper")
    assert again.record.code == "abc"
    np.testing.assert_allclose(again.metrics.value, result.metrics.value, rtol=1e-9)


def finished(result, folder):
    """Write a run; return the bytes of what it measured."""
    result.write(**{kind: folder / name for kind, name in FILES.items()})
    return [(folder / FILES[kind]).read_bytes() for kind in ("metrics", "predictions", "weights")]


GROUPS = {"at_once": 1}  # of two
EPOCH = 19 + 1  # steps, and a batch of validation
SEED = 2 * EPOCH + 1  # and its end


@pytest.mark.parametrize("stops", [[3], [EPOCH + 2, 1, 2], [SEED + 4], [SEED, 9, EPOCH - 5]])
def test_a_stopped_run_goes_on_and_leaves_the_same_bytes(stops, data, tmp_path):
    expected = finished(train(spec("mmoe"), Job(**data, **GROUPS)), tmp_path / "straight")
    folder = tmp_path / "stopped"
    kept = folder / ".unfinished"

    result = to_the_end(stops, lambda: train(spec("mmoe"), Job(**data, **GROUPS, journal=kept)))

    assert list(kept.rglob("*.safetensors"))
    assert finished(result, folder) == expected
    assert not kept.exists()


def test_a_stopped_search_goes_on_and_leaves_the_same_bytes(data, tmp_path):
    searched, kept = spec("mtnas", search=SEARCH), tmp_path / "stopped" / ".unfinished"
    straight = search(searched, Job(**data, **GROUPS))
    stopped = to_the_end([3, 12, 4], lambda: search(searched, Job(**data, **GROUPS, journal=kept)))
    for found, folder in ((straight, "straight"), (stopped, "stopped")):
        paths = {"routes": "routes.json", "supernet": "supernet.safetensors"}
        found.write(**{kind: tmp_path / folder / name for kind, name in paths.items()})

    assert not kept.exists()
    assert straight.record.seeds == stopped.record.seeds
    files = [tmp_path / folder / paths["supernet"] for folder in ("straight", "stopped")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_checkpoint_of_another_spec_or_code_is_not_taken_up(data, tmp_path, caplog):
    def stopped(method="mmoe", **changes):
        with pytest.raises(StoppedError), told_to_end(1):
            train(spec(method, **changes), Job(**data, **GROUPS, journal=tmp_path, code="a"))
        return len(list(tmp_path.glob("*/*")))

    assert [stopped(), stopped(), stopped(seeds=[0]), stopped("share_bottom")] == [1, 1, 2, 3]
    with pytest.raises(StoppedError), told_to_end(1):
        train(spec("mmoe"), Job(**data, **GROUPS, journal=tmp_path, code="b"))
    assert len(list(tmp_path.glob("*/*"))) == 4
