"""Options of training that suit some tasks, methods and sizes, and others not."""

import pytest

from mtnas.config.options import TrainingOptions
from mtnas.config.training_checks import check_training
from mtnas.runtime.errors import ConfigError
from mtnas.study.jobs import run_spec
from tests.helpers.studies import study

SHARED = {"main": {"methods": ["single_task", "share_bottom"]}}


def variant(method, name="x", **training):
    return {"variants": {method: {name: {"training": training}}}, "experiments": {}}


def training(methods=("share_bottom",), **options):
    return {"training": options, "experiments": {"main": {"methods": list(methods)}}}


REFUSED = [
    (
        training(alignment="rotate"),
        "training.alignment",
        "'rotate'",
        "control, frozen, frozen_control, joint, none",
    ),
    (training(["mtnas"], alignment="joint"), "training.alignment", "'joint'", "searches routes"),
    (
        training(["share_bottom", "single_task"], alignment="control"),
        "training.alignment",
        "single_task has a model for each task",
        "`variants` of other methods",
    ),
    (
        variant("mtnas", alignment="frozen"),
        "variants.mtnas.x.training.alignment",
        "'frozen'",
        "searches routes",
    ),
    (
        variant("single_task", alignment="joint"),
        "variants.single_task.x.training.alignment",
        "a model for each task",
    ),
    (
        training(alignment="frozen", selection="task"),
        "training.alignment",
        "selection is 'task'",
        "use selection: model",
    ),
    (training(label_noise={"t0": 1.5}), "training.label_noise.t0", "1.5", "less than or equal"),
    (training(label_noise=0.2), "training.label_noise", "0.2", "mapping"),
    (
        training(label_noise={"t5": 0.2}),
        "training.label_noise",
        "on insteval: unknown task 't5'",
        "allowed: t0, t1",
    ),
    (
        {
            "variants": {"share_bottom": {"noisy": {"training": {"label_noise": {"t9": 0.1}}}}},
            "experiments": {
                "main": {"methods": ["share_bottom"], "variants": {"share_bottom": ["noisy"]}}
            },
        },
        "variants.share_bottom.noisy.training.label_noise",
        "'t9'",
    ),
    (training(weighting="svd2"), "training.weighting", "'svd2'", "svd_literal"),
    (training(weighting_rank=2), "training.weighting_rank", "2", "weighting is 'equal'"),
    (training(weighting="svd", weighting_rank=0), "training.weighting_rank", "0"),
    (
        training(weighting="svd", weighting_rank=3),
        "training.weighting_rank",
        "on insteval: 3, but there are 2 tasks",
        "allowed: 1 to 2",
    ),
    (
        training(["share_bottom", "single_task"], weighting="uncertainty"),
        "training.weighting",
        "single_task has a model for each task",
    ),
    (
        variant("single_task", weighting="svd"),
        "variants.single_task.x.training.weighting",
        "nothing to weigh it against",
    ),
    (
        {"methods": {"share_bottom": {"match_budget": False}}, "experiments": SHARED},
        "methods.share_bottom.hidden_dim",
        "null is solved to match the budget",
    ),
    (
        {"methods": {"share_bottom": {"num_layers": 3}}, "experiments": SHARED},
        "methods.share_bottom.num_layers",
        "3",
    ),
]


@pytest.mark.parametrize("case", REFUSED)
def test_what_suits_no_task_or_method_is_refused(case):
    changes, place, *words = case
    with pytest.raises(ConfigError) as caught:
        study(**changes)
    message = str(caught.value)
    assert message.startswith(f"config: {place}: "), message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("weighting", ["svd", "svd_literal"])
def test_rows_of_several_sources_have_no_weights_of_one_input(weighting):
    changes = {"datasets": ["sentiment_minilm"], "experiments": SHARED}
    changes["variants"] = {"share_bottom": {"x": {"training": {"weighting": weighting}}}}
    with pytest.raises(ConfigError, match=f"'{weighting}', but the rows are of . sources"):
        study(**changes)


ALLOWED = [
    training(alignment="joint", embedding_per_task=True),
    training(alignment="frozen", selection="seed"),
    training(["control_perfect", "share_bottom"], alignment="control"),
    training(["single_task", "mtnas"], label_noise={"t1": 0.4}),
    training(["mtnas", "mmoe"], weighting="uncertainty"),
    training(weighting="svd_literal", weighting_rank=2, loss_weights=[1, 2]),
]


@pytest.mark.parametrize("changes", ALLOWED)
def test_what_suits_is_allowed(changes):
    assert study(**changes).all_runs


def test_they_can_be_said_for_all_for_a_dataset_and_for_a_variant():
    told = study(
        training={"label_noise": {"t0": 0.1}},
        dataset_options={"insteval": {"training": {"label_noise": {"t1": 0.2}}}},
        variants={"mmoe": {"x": {"training": {"alignment": "joint", "label_noise": {"t0": 0.4}}}}},
        experiments={"main": {"methods": ["mmoe"], "variants": {"mmoe": ["paper", "x"]}}},
    )
    plain, own = (run_spec(told, "insteval", "mmoe", name).training for name in ("paper", "x"))

    assert (plain.alignment, plain.label_noise) == ("none", {"t0": 0.1, "t1": 0.2})
    assert (own.alignment, own.label_noise) == ("joint", {"t0": 0.4, "t1": 0.2})
    check_training(told, ("insteval", "mmoe", "x"))


def test_a_capacity_of_ones_own_has_no_budget():
    sizes = {"hidden_dim": 1, "num_layers": 1, "match_budget": False}
    told = study(
        variants={"share_bottom": {"r1": sizes, "linear": {"num_layers": 1}}}, experiments=SHARED
    )

    assert run_spec(told, "insteval", "share_bottom", "r1").budget is None
    assert run_spec(told, "insteval", "share_bottom", "r1").options["hidden_dim"] == 1
    assert run_spec(told, "insteval", "share_bottom", "linear").budget is not None


def test_defaults_change_nothing():
    options = TrainingOptions()
    assert (options.alignment, options.label_noise) == ("none", {})
    assert (options.weighting, options.weighting_rank) == ("equal", 1)
