"""What a diagnosis adds to a study, and what it may not ask for."""

import pytest

from mtnas import study as studies
from mtnas.config.subset_checks import task_subsets
from mtnas.runtime.errors import ConfigError
from mtnas.study.plan import plan_of
from tests.helpers.studies import GRID, shipped, study

TABLES = {"share_bottom": {"own": {"training": {"embedding_per_task": True}}, "plain": {}}}


def diagnosing(datasets=("insteval",), more=None, **changes):
    asked = {"datasets": list(datasets), **(more or {})}
    own = {"datasets": ["insteval", "gss"], "experiments": {}, "variants": {}, "methods": {}}
    return study(**{**own, "diagnosis": asked, **changes})


def test_it_adds_the_subsets_of_its_datasets():
    config = diagnosing(["insteval", "gss"])
    runs = [(name, "share_bottom", "paper") for name in ("insteval", "gss")]
    assert config.subset_runs("diagnosis") == runs == plan_of(config).subsets["diagnosis"]
    assert len(task_subsets(config, "diagnosis", "gss")) == 127
    spec = studies.subsets_spec(config, "diagnosis", "insteval", "share_bottom")
    assert spec.subsets == (("t0",), ("t1",), ("t0", "t1"))
    assert not diagnosing([]).subsets


def test_a_variant_with_own_tables_is_run_beside_it():
    config = diagnosing(more={"tables": "own"}, variants=TABLES)
    assert [run[2] for run in config.subset_runs("diagnosis")] == ["paper", "own"]


def test_of_many_tasks_every_pair_and_some_larger_subsets_are_trained(monkeypatch):
    config = diagnosing(["gss"])
    names = tuple("abcdefghij")
    monkeypatch.setattr(type(config), "tasks_of", lambda self, dataset: names)
    found = task_subsets(config, "diagnosis", "gss")
    sizes = [len(subset) for subset in found]
    assert (sizes.count(1), sizes.count(2), found[-1]) == (10, 45, names)
    assert 20 <= sum(2 < size < 10 for size in sizes) <= 30
    assert found == task_subsets(config, "diagnosis", "gss")
    assert len(set(found)) == len(found)


def test_a_spec_holds_the_run_and_what_is_measured():
    config = diagnosing(more={"widths": [4, 8], "rank": 3}, tuning=GRID)
    spec = studies.diagnose_spec(config, "insteval")
    run = studies.run_spec(config, "insteval", "share_bottom")
    assert {name: getattr(spec, name) for name in type(run).model_fields} == dict(run)
    assert (spec.widths, spec.rank, spec.epochs) == ((4, 8), 2, 5)  # of two tasks


@pytest.mark.parametrize(
    ("more", "changes", "message"),
    [
        ({}, {"subsets": {"diagnosis": {"methods": ["mmoe"]}}}, "this name is for what"),
        ({"datasets": ["movielens"]}, {}, "unknown dataset of this study 'movielens'"),
        ({"datasets": ["nowhere"]}, {}, "diagnosis.datasets: unknown dataset 'nowhere'"),
        ({"widths": [4, 4]}, {}, "names 4 more than once"),
        ({"widths": [0]}, {}, "diagnosis.widths"),
        ({"probe_rate": 0}, {}, "diagnosis.probe_rate: 0 should be greater than 0"),
        ({"tables": "nothing"}, {"variants": TABLES}, "unknown variant of share_bottom 'nothing'"),
        ({"tables": "plain"}, {"variants": TABLES}, "'plain' trains one embedding table"),
        (
            {"tables": "own"},
            {"variants": TABLES, "training": {"embedding_per_task": True}},
            "there is nothing to compare",
        ),
        ({}, {"training": {"selection": "seed"}}, "each needs the best epoch of its own"),
    ],
)
def test_what_is_refused(more, changes, message):
    with pytest.raises(ConfigError) as raised:
        diagnosing(more=more, **changes)
    assert message in str(raised.value)


def test_a_dataset_with_one_task_is_refused(monkeypatch):
    config = diagnosing()
    from mtnas.config.diagnosis import check_diagnosis

    monkeypatch.setattr(type(config), "num_tasks", lambda self, dataset: 1)
    with pytest.raises(ConfigError, match=r"insteval has 1 task\(s\), a diagnosis compares groups"):
        check_diagnosis(config)


def test_the_shipped_study_is_one():
    config = shipped("diagnose")
    assert config.diagnosis.datasets == ("movielens", "insteval")
    assert len(config.subset_runs("diagnosis")) == 4
