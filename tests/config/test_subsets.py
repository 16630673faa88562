"""Which subsets of tasks a study names, and what it may not say of them."""

import pytest

from mtnas import study as studies
from mtnas.config.study import Study
from mtnas.config.subset_checks import check_subsets, task_subsets
from mtnas.runtime.errors import ConfigError
from tests.helpers.studies import GRID, study

SEVEN = ("any", "defect", "no_more", "health", "poor", "rape", "single")


def named(tasks="all", methods=("share_bottom",), dataset="gss", **more):
    own = {key: more.pop(key) for key in ("variants", "datasets") if key in more}
    subsets = {"some": {"tasks": tasks, "methods": list(methods), **own}}
    return {"datasets": [dataset], "experiments": {}, "subsets": subsets, **more}


def chosen(tasks, **more):
    return task_subsets(study(**named(tasks, **more)), "some", "gss")


def test_every_subset_is_there_once_in_order():
    found = chosen("all")
    assert len(found) == len(set(found)) == 127
    assert found[:7] == tuple((task,) for task in SEVEN)
    assert (found[7], found[-1]) == (("any", "defect"), SEVEN)
    assert list(map(len, found)) == sorted(map(len, found))


def test_pairs_come_with_each_task_alone_and_all_together():
    found = chosen("pairs")
    assert list(map(len, found)) == [1] * 7 + [2] * 21 + [7]


def test_a_list_is_put_in_the_order_of_the_tasks():
    found = chosen([["single", "any"], ["rape"], ["poor", "health", "any"], ["health", "any"]])
    assert found[7:] == (
        ("any", "health"),
        ("any", "single"),
        ("any", "health", "poor"),
        SEVEN,
    )
    assert found[:7] == tuple((task,) for task in SEVEN)


def test_two_tasks_have_three_subsets():
    assert len(task_subsets(study(**named(dataset="insteval")), "some", "insteval")) == 3


def test_a_spec_is_that_of_the_run_with_its_subsets():
    config = study(**named("pairs", variants={"mmoe": ["paper"]}, methods=["mmoe"], tuning=GRID))
    spec = studies.subsets_spec(config, "some", "gss", "mmoe")
    run = studies.run_spec(config, "gss", "mmoe")
    assert spec.model_dump(exclude={"name", "subsets"}) == run.model_dump()
    assert (spec.name, len(spec.subsets)) == ("some", 29)
    assert config.subset_runs("some") == config.all_subset_runs == [("gss", "mmoe", "paper")]
    assert config.all_runs == []
    with pytest.raises(ConfigError, match=r"unknown set of subsets 'sum'"):
        studies.subsets_spec(config, "sum", "gss", "mmoe")


def test_other_subsets_change_no_other_spec():
    one, other = (study(**named(tasks)) for tasks in ("pairs", "all"))
    key = ("gss", "share_bottom")
    assert studies.run_spec(one, *key) == studies.run_spec(other, *key)
    assert studies.subsets_spec(one, "some", *key) != studies.subsets_spec(other, "some", *key)


SOME = "subsets.some"
MISTAKES = [
    (named("al"), f"{SOME}.tasks", "unknown rule 'al'", "'all'?", "pairs"),
    (named(3), f"{SOME}.tasks", "3", "all, pairs, most, or a list of subsets"),
    (named([]), f"{SOME}.tasks", "[]", "all, pairs, most, or a list of subsets"),
    (named(["any", "poor"]), f"{SOME}.tasks", "[[likes, stars], [likes, shares]]"),
    (named([["any", 3]]), f"{SOME}.tasks", "3 is not the name of a task"),
    (named([["any", "any"]]), f"{SOME}.tasks", "'any' more than once"),
    (named([["any", "poor"], ["poor", "any"]]), f"{SOME}.tasks", "['any', 'poor'] more than once"),
    (named([["any", "helth"]]), f"{SOME}.tasks", "task of gss 'helth'", "'health'?", "no_more"),
    (named(methods=["share_botom"]), f"{SOME}.methods", "'share_botom'", "'share_bottom'?"),
    (named(methods=["single_task"]), f"{SOME}.methods", "'single_task' has a model for every task"),
    (named(methods=["mtnas"]), f"{SOME}.methods", "'mtnas' searches a route", "share_bottom"),
    (named(methods=["control_perfect"]), f"{SOME}.methods", "trains nothing", "mmoe"),
    (named(datasets=["gs"]), f"{SOME}.datasets", "'gs'", "'gss'?"),
    (named(datasets=["insteval"]), f"{SOME}.datasets", "dataset of this study 'insteval'"),
    (named(variants={"share_bottom": ["wide"]}), f"{SOME}.variants.share_bottom", "'wide'"),
    (named(training={"selection": "seed"}), "training.selection", "'seed'", "selection: model"),
    (
        named(training={"loss_weights": [1, 1, 0, 1, 1, 1, 1]}),
        "training.loss_weights",
        "0 for task 'no_more' of gss",
        "positive weight",
    ),
    ({"subsets": {"Some": {"methods": ["mmoe"]}}}, "subsets", "'Some'", "lower-case"),
    ({"subsets": {"some": {"tasks": "all"}}}, SOME, "'methods' is missing"),
    ({"subsets": {"some": {"task": "all", "methods": ["mmoe"]}}}, SOME, "'task'", "'tasks'?"),
]


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_named_with_its_place_its_value_and_what_is_allowed(case):
    changes, place, *words = case
    with pytest.raises(ConfigError) as caught:
        study(**changes)
    message = str(caught.value)
    assert message.startswith(f"config: {place}: "), message
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_options_must_suit_the_tasks_of_every_subset(monkeypatch):
    def check(self, num_tasks):
        if num_tasks == 2:
            raise ConfigError("num_experts: 4 is no number for two")

    config = study(**named("pairs", methods=["cut_mmoe"]))
    monkeypatch.setattr(type(config.options("gss", "cut_mmoe")), "check_tasks", check)
    with pytest.raises(ConfigError) as caught:
        check_subsets(config)
    place = "config: methods.cut_mmoe.num_experts: for 2 tasks of gss: 4 is no number"
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize(("tasks", "number"), [(1, None), (8, 255), (30, 2**30 - 1)])
def test_all_subsets_of_too_many_tasks_are_refused(tasks, number, monkeypatch):
    names = tuple(f"t{place}" for place in range(tasks))
    monkeypatch.setattr(Study, "tasks_of", lambda self, dataset: names)
    with pytest.raises(ConfigError) as caught:
        study(**named())
    if number is None:
        assert "subsets.some: gss has one task" in str(caught.value)
        return
    assert f"the {tasks} tasks of gss have {number} subsets" in str(caught.value)
    assert f"tasks: pairs ({tasks * (tasks - 1) // 2} of them)" in str(caught.value)
    assert len(task_subsets(study(**named("pairs")), "some", "gss")) == (
        tasks * (tasks - 1) // 2 + tasks + 1
    )
