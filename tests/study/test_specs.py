"""A spec holds what its job reads, and nothing else."""

import pytest

from mtnas import methods
from mtnas import study as studies
from mtnas.config.options import CONTROLS, READ, SearchOptions, TrainingOptions
from mtnas.methods.parts.model import count_parameters
from mtnas.runtime.errors import ConfigError
from mtnas.study.specs import RunSpec, SearchSpec
from tests.helpers.studies import GRID, study, synthetic

MMOE, MTNAS = ("insteval", "mmoe"), ("insteval", "mtnas")


def test_a_run_spec_says_everything_but_the_search():
    spec = studies.run_spec(study(), *MTNAS, "inherit")
    other = studies.run_spec(study(), *MMOE)

    assert spec.seeds == (0, 1, 2)
    assert (spec.derive, spec.budget) == ("inherit", None)
    assert not {"search", "derive"} & set(spec.options)
    assert (other.derive, other.options["num_experts"]) == (None, 5)
    assert other.budget == {
        "num_layers": 2,
        "num_subnets": 4,
        "hidden_dim": 64,
        "pooling": "gate",
    }


def test_a_spec_comes_back_from_plain_data():
    run, search = studies.run_spec(study(), *MTNAS), studies.search_spec(study(), *MTNAS)

    assert RunSpec.of(run.model_dump(mode="json")) == run
    assert SearchSpec.of(search.model_dump(mode="json")) == search
    with pytest.raises(ConfigError, match="unknown key 'seed' .did you mean 'seeds'"):
        RunSpec.of({"seed": 3})


def test_specs_do_not_depend_on_the_order_of_keys():
    one = study(methods={"mtnas": {"num_layers": 3, "num_subnets": 5}})
    two = study(methods={"mtnas": {"num_subnets": 5, "num_layers": 3}})

    assert repr(studies.run_spec(one, *MMOE)) == repr(studies.run_spec(two, *MMOE))


def test_variants_with_one_search_share_it():
    config = study()

    homes = [
        studies.search_home(config, *MTNAS, variant) for variant in config.variants_of("mtnas")
    ]

    assert homes == ["paper", "random_routes", "paper"]
    assert studies.experiment_searches(config, "main") == [(*MTNAS, "paper")]


def changed_specs(variant, old, new):
    """Say whether the search of a variant, and its training, differ between two studies."""
    job = (*MTNAS, variant)
    return (
        studies.search_spec(old, *job) != studies.search_spec(new, *job),
        studies.run_spec(old, *job) != studies.run_spec(new, *job),
    )


@pytest.mark.parametrize(
    ("changes", "paper", "inherit", "random"),
    [
        ({"methods": {"mtnas": {"search": {"steps": 8}}}}, (1, 0), (1, 0), (0, 0)),
        ({"methods": {"mtnas": {"query_scope": "root"}}}, (1, 1), (1, 1), (1, 1)),
        ({"methods": {"mtnas": {"hidden_dim": 32}}}, (1, 1), (1, 1), (0, 1)),
        ({"training": {"epochs": 3, "patience": 3}}, (0, 1), (0, 0), (0, 1)),
        ({"training": {"batch_size": 64}}, (1, 1), (1, 1), (0, 1)),
        ({"training": {"embedding_std": 0.1}}, (1, 1), (1, 1), (0, 1)),
        ({"fixed_split": True}, (1, 1), (1, 1), (0, 1)),
        ({"dataset_options": {"insteval": {"split_seed": 1}}}, (0, 0), (0, 0), (0, 0)),
        ({"seeds": 4}, (1, 1), (1, 1), (1, 1)),
    ],
)
def test_a_spec_holds_what_its_job_reads_and_nothing_else(changes, paper, inherit, random):
    old, new = study(methods={}), study(**{"methods": {}, **changes})

    assert changed_specs("paper", old, new) == paper
    assert changed_specs("inherit", old, new) == inherit
    assert changed_specs("random_routes", old, new) == random


def test_the_title_of_a_variant_moves_no_spec():
    variants = {"mtnas": {"same": {"title": "Same", "training": {"epochs": 3}}}}
    other = {"mtnas": {"same": {"title": "Other", "training": {"epochs": 3}}}}
    old, new = (study(variants=names, experiments={}) for names in (variants, other))

    assert changed_specs("same", old, new) == (False, False)


def test_a_control_depends_on_no_training():
    old, new = study(), study(training={"epochs": 3}, methods={"mtnas": {"hidden_dim": 32}})

    specs = [studies.run_spec(s, "insteval", "control_perfect") for s in (old, new)]

    assert specs[0] == specs[1]
    assert specs[0].training is None


def test_the_budget_holds_all_that_its_size_depends_on():
    mtnas = methods.load("mtnas")
    options = study().options(*MTNAS).model_dump()
    budget = studies.run_spec(study(), *MMOE).budget

    def size(**values):
        return count_parameters(mtnas, mtnas.options(**values), input_dim=60, num_tasks=2)

    assert size(**budget) == size(**options) == size(**{**options, "query_scope": "root"})
    assert size(**{**options, "pooling": "mean"}) == size(**{**budget, "pooling": "mean"})


def test_a_variant_without_a_width_is_given_the_size_of_the_paper_s():
    variants = {"mtnas": {"mean": {"pooling": "mean", "hidden_dim": None}}}
    config = study(variants=variants, experiments={})

    for build in (studies.run_spec, studies.search_spec):
        spec = build(config, *MTNAS, "mean")
        assert spec.options["hidden_dim"] is None
        assert (spec.budget["pooling"], spec.budget["hidden_dim"]) == ("gate", 64)
    assert studies.search_spec(config, *MTNAS).budget is None


@pytest.mark.parametrize("strategy", READ)
def test_a_search_is_identified_by_what_its_strategy_reads(strategy):
    base = {"strategy": strategy}
    changes = {
        **{"steps": 9, "warmup_steps": 1, "routes_per_step": 2, "batch_size": 8, "candidates": 3},
        **{"learning_rate": 0.5, "reward": "neg_loss", "fresh_sample": True, "shared_batch": False},
        **{"baseline": "running_mean", "baseline_momentum": 0.5, "entropy_bonus": 1.0},
        **{"judge": "training", "temperature": 2.0},
        **{"until": "route", "checks": 2, "check_every": 5, "entropy_left": 0.5, "epochs": 3},
        **{"permuted": True},
    }
    assert {"strategy", "leave_one_out", *changes} == set(SearchOptions.model_fields)
    variants = {"base": {"search": base}}
    variants |= {key: {"search": {**base, key: value}} for key, value in changes.items()}
    for key in {"until", "epochs", "permuted"} - set(READ[strategy]):
        with pytest.raises(ConfigError, match=f"{key}: .* is nothing for strategy '{strategy}'"):
            study(variants={"mtnas": {key: variants.pop(key)}}, experiments={})
    config = study(variants={"mtnas": variants}, experiments={})
    found = {name: studies.search_spec(config, *MTNAS, name).search for name in variants}
    moved = {name for name, search in found.items() if search != found["base"]}
    assert moved == set(READ[strategy]) - {"strategy", "leave_one_out"}


def test_every_strategy_has_its_code():
    from mtnas.search import controls, strategies

    assert {*strategies.STRATEGIES, *CONTROLS} == set(READ)
    assert set(controls.ROUTES_OF) == set(CONTROLS)


def test_a_search_without_a_reward_needs_none_of_numbers():
    gradient = {"search": {"strategy": "differentiable", "reward": "auc_sum"}}

    config = synthetic(variants={"mtnas": {"differentiable": gradient}})

    search = studies.search_spec(config, "near", "mtnas", "differentiable").search
    assert search == SearchOptions(strategy="differentiable")


def test_the_stored_split_counts_only_where_it_is_used():
    own = {"insteval": {"split_seed": 3}}

    def prepared(**changes):
        return studies.prepare_spec(study(**changes), "insteval")

    assert prepared(dataset_options=own) == prepared() == prepared(fixed_split=True)
    assert prepared(dataset_options=own, fixed_split=True).split_seed == 3


def test_a_prepare_spec_says_what_is_in_the_table_not_where_it_came_from(tmp_path):
    own = {"bookcrossing": {"num_features": 9}}
    config = study(bookcrossing_raw=str(tmp_path), dataset_options=own)

    assert config.raw("bookcrossing") == str(tmp_path)
    assert studies.prepare_spec(config, "bookcrossing") == studies.prepare_spec(
        study(dataset_options=own), "bookcrossing"
    )


def test_counts_and_shares_of_a_split_stay_what_they_are():
    counts = {"movielens": {"split": [7, 2, 1]}}

    split = studies.prepare_spec(study(dataset_options=counts), "movielens").split

    assert list(map(type, split)) == [int, int, int]


def test_simulated_rows_stand_in_for_raw_files():
    config = study(dataset_options={"goodreads": {"simulate": 500}})
    plain = study(dataset_options={"goodreads": {"raw": "somewhere"}})

    assert config.is_simulated("goodreads")
    assert not config.is_simulated("tiktok")
    assert studies.simulate_spec(config, "goodreads").rows == 500
    assert studies.prepare_spec(config, "goodreads") == studies.prepare_spec(plain, "goodreads")
    with pytest.raises(ConfigError, match="tiktok: no key `simulate`; set it to a number of rows"):
        studies.simulate_spec(config, "tiktok")


def test_a_synthetic_dataset_is_drawn_once_per_seed_or_once_for_all():
    spec = studies.prepare_spec(synthetic(), "near")
    fixed = studies.prepare_spec(synthetic(fixed_split=True), "near")

    assert (spec.synthetic.rho, spec.synthetic.dim) == (0.9, 100)
    assert (spec.seeds, fixed.seeds) == ((0, 1, 2), (0,))


def test_a_grid_search_is_the_run_with_other_seeds_and_a_grid():
    config = study(seeds=5, tuning=GRID)

    tuned = studies.tune_spec(config, *MMOE)
    run = studies.run_spec(config, *MMOE)

    assert tuned.grid == {
        "training.learning_rate": (0.001, 0.01),
        "options.num_experts": (2, 4),
    }
    assert tuned.seeds == (0, 1, 2)
    assert run.model_dump(exclude={"seeds"}) == tuned.model_dump(exclude={"seeds", "grid"})
    assert run == studies.run_spec(study(seeds=5), *MMOE)
    assert studies.tune_spec(study(seeds=9, tuning=GRID), *MMOE) == tuned


@pytest.mark.parametrize(
    ("changes", "own", "grid"),
    [
        ({}, {}, {"training.learning_rate", "options.num_experts"}),
        ({"enabled": False}, {}, None),
        ({}, {"enabled": False}, None),
        ({"methods": ["share_bottom"]}, {}, None),
        (
            {},
            {"training": {"batch_size": [64, 128]}},
            {"training.learning_rate", "training.batch_size", "options.num_experts"},
        ),
        ({"training": {}}, {}, {"options.num_experts"}),
    ],
)
def test_what_is_tuned_may_differ_between_datasets(changes, own, grid):
    config = study(tuning={**GRID, **changes}, dataset_options={"insteval": {"tuning": own}})

    assert studies.is_tuned(config, *MMOE) == (grid is not None)
    if grid is None:
        with pytest.raises(ConfigError, match=r"mmoe \(paper\) on insteval is not tuned"):
            studies.tune_spec(config, *MMOE)
    else:
        assert set(studies.tune_spec(config, *MMOE).grid) == grid


def test_a_variant_keeps_what_it_deviates_in():
    variants = {"mmoe": {"wide": {"num_experts": 9}, "deep": {"root_dim": 9, "title": "deep"}}}
    config = study(tuning=GRID, variants=variants, experiments={})

    grids = [set(studies.tune_spec(config, *MMOE, v).grid) for v in ("wide", "deep")]

    assert grids == [{"training.learning_rate"}, {"training.learning_rate", "options.num_experts"}]
    only = study(tuning={**GRID, "training": {}}, variants=variants, experiments={})
    assert not studies.is_tuned(only, *MMOE, "wide")


def test_a_variant_may_be_trained_in_its_own_way():
    own = {"selection": "task", "learning_rate": 0.1}
    bottom = ("insteval", "share_bottom")
    config = study(
        variants={"share_bottom": {"own": {"training": own}}, "mtnas": {"own": {"training": own}}},
        experiments={},
        dataset_options={"insteval": {"training": {"learning_rate": 0.2, "epochs": 3}}},
        tuning={**GRID, "methods": ["share_bottom"]},
    )
    paper, varied = (studies.run_spec(config, *bottom, v) for v in ("paper", "own"))

    assert paper.options == varied.options
    assert varied.training == paper.training.model_copy(update=own)
    # A search selects nothing on the way, and its rate is that of its own variant.
    searched = studies.search_spec(config, *MTNAS, "own").training
    assert searched == TrainingOptions(learning_rate=0.1)
    # What the variant says of training is not up for tuning.
    assert not studies.is_tuned(config, *bottom, "own")


def test_a_searched_method_is_tuned_where_its_weights_are_its_own():
    config = study(tuning={**GRID, "methods": ["mtnas"]}, experiments={})

    tuned = {v: studies.is_tuned(config, *MTNAS, v) for v in config.variants_of("mtnas")}

    assert tuned == {"paper": True, "random_routes": True, "inherit": False}


def test_a_share_of_lost_rows_is_in_the_spec_where_it_is_given():
    def told(**own):
        spec = studies.prepare_spec(study(dataset_options={"insteval": own}), "insteval")
        return spec.model_dump(mode="json")

    assert "allow_lost" not in told()  # the spec of older tables
    assert told(allow_lost=0.6) == {**told(), "allow_lost": 0.6}
    with pytest.raises(ConfigError, match=r"dataset_options\.insteval\.allow_lost: 60"):
        told(allow_lost=60)
