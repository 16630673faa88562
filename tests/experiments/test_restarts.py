"""Several initialisations of a split: trained as if each stood alone."""

import numpy as np
import pytest
import torch

from mtnas.evidence.predictions import predictions_of
from mtnas.evidence.records import read_run, scores_by_seed
from mtnas.evidence.restarts import chosen
from mtnas.experiments.job import Job
from mtnas.experiments.search import search
from mtnas.experiments.train import train
from mtnas.runtime.errors import RecordError
from mtnas.runtime.seeds import RESTART, of_restarts
from tests.experiments import test_experiment as base
from tests.experiments.test_experiment import FILES, SEARCH, TRAINING, finished, spec
from tests.helpers.stops import to_the_end

data = base.data
TWICE = {**TRAINING, "dtype": "float64", "restarts": 2}
UNITS = of_restarts((0, 1), 2)


def run(data, method="mmoe", at_once=0, training=None, **changes):
    own = {"training": {**TWICE, **(training or {})}, "seeds": UNITS, **changes}
    return train(spec(method, **own), Job(**data, at_once=at_once))


def of_seed(result, seed):
    return result.metrics[result.metrics["seed"] == seed]["value"].to_numpy()


@pytest.fixture(scope="module")
def twice(data):
    return run(data)


def test_restart_0_is_the_run_without_restarts(data, twice):
    usual = {**TRAINING, "dtype": "float64"}
    alone = train(spec("mmoe", training=usual), Job(**data, at_once=2))
    for seed in (0, 1):
        np.testing.assert_allclose(of_seed(twice, seed), of_seed(alone, seed), rtol=0, atol=1e-12)


def test_a_restart_has_the_rows_of_its_split_and_another_start(twice):
    splits = twice.record.splits
    assert splits[0] == splits[RESTART] != splits[1] == splits[RESTART + 1]
    first, again = (of_seed(twice, seed) for seed in (0, RESTART))
    assert (first != again).mean() > 0.5  # accuracies may be equal
    rows = {seed: own["row"].tolist() for seed, own in twice.predictions.groupby("seed")}
    assert rows[0] == rows[RESTART] != rows[1]


@pytest.mark.parametrize("method", ["mmoe", "single_task", "snr_aver"])
def test_one_restart_alone_is_what_it_is_among_all(method, data):
    together = run(data, method, at_once=4)
    apart = run(data, method, at_once=1)
    alone = run(data, method, seeds=[RESTART + 1])
    for seed in UNITS:
        np.testing.assert_allclose(
            of_seed(together, seed), of_seed(apart, seed), rtol=0, atol=1e-12
        )
    seed = RESTART + 1
    np.testing.assert_allclose(of_seed(alone, seed), of_seed(together, seed), rtol=0, atol=1e-12)


@pytest.mark.parametrize("stops", [[3], [base.SEED + 4, 30]])
def test_stopped_restarts_go_on_and_leave_the_same_bytes(stops, data, tmp_path):
    wanted = spec("mmoe", training={**TRAINING, "restarts": 2}, seeds=of_restarts((0,), 2))
    expected = finished(train(wanted, Job(**data, at_once=1)), tmp_path / "straight")
    kept = tmp_path / "stopped" / ".unfinished"

    result = to_the_end(stops, lambda: train(wanted, Job(**data, at_once=1, journal=kept)))

    assert finished(result, tmp_path / "stopped") == expected


def test_label_noise_belongs_to_the_rows(data):
    noisy = run(data, training={"label_noise": {"t0": 0.5}}).record.changed_labels
    assert noisy[0] == noisy[RESTART]
    assert noisy[1] == noisy[RESTART + 1]


def test_a_search_begins_anew_in_every_restart(data, tmp_path):
    changes = {"training": TWICE, "search": {**SEARCH, "steps": 4}}
    found = search(spec("mtnas", seeds=UNITS, **changes), Job(**data))
    plain = {**changes, "training": {**TRAINING, "dtype": "float64"}}
    alone = search(spec("mtnas", **plain), Job(**data))
    paths = {"routes": tmp_path / "routes.json", "supernet": tmp_path / "s.safetensors"}
    found.write(**paths)

    tuned = train(
        spec("mtnas", seeds=UNITS, training=TWICE, derive="inherit"), Job(**data), **paths
    )

    name = "sharing.root.weight"
    weights = dict(zip(UNITS, found.weights[name], strict=True))
    for place, seed in enumerate((0, 1)):
        torch.testing.assert_close(weights[seed], alone.weights[name][place], rtol=0, atol=1e-12)
        assert not torch.equal(weights[seed], weights[seed + RESTART])
    assert torch.equal(tuned.weights[name], found.weights[name])
    assert set(found.record.routes) == set(UNITS)
    assert set(found.record.first_routes) == {0, 1}


def test_a_run_with_restarts_has_a_score_a_split(twice, data, tmp_path):
    twice.write(**{kind: tmp_path / name for kind, name in FILES.items()})
    read = read_run(tmp_path)
    best, scores = chosen(read.metrics, where="run"), scores_by_seed(read)
    tasks = Job(**data).assemble(spec("mmoe")).examples.tasks

    shown = {(own.seed, own.task.name): own for own in predictions_of(read, tasks)}

    assert scores.index.tolist() == [0, 1]
    for split, seed in best.items():
        assert seed in (split, split + RESTART)
        own = read.metrics.query("seed == @seed and split == 'test' and metric == 'auc'")
        assert scores.loc[split, ["auc_t0", "auc_t1"]].tolist() == own["value"].tolist()
        expected = twice.predictions[twice.predictions["seed"] == seed]["p_t0"]
        np.testing.assert_allclose(shown[split, "t0"].p, expected)
    averaged = run(data, training={"of_restarts": "mean"})
    averaged.write(**{kind: tmp_path / "mean" / name for kind, name in FILES.items()})
    with pytest.raises(RecordError, match="means over restarts"):
        list(predictions_of(read_run(tmp_path / "mean"), tasks))
