import subprocess
import sys

import pytest
import yaml

from mtnas import methods
from mtnas import study as studies
from mtnas.config.options import CONTROLS, READ, SearchOptions, TrainingOptions
from mtnas.config.reference import (
    DATASET_MANUAL,
    MANUAL,
    dataset_reference,
    reference,
    with_reference,
)
from mtnas.config.resolve import resolve_training
from mtnas.config.schema import REPOSITORY, SCHEMA_FILE, defaults, method_schemas
from mtnas.config.study_schema import generate
from mtnas.methods.parts.model import count_parameters
from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import read_json
from mtnas.study import search_spaces

SMALL_SEARCHED_BRIEFLY = {
    "num_layers": 1,
    "num_subnets": 3,
    "query_scope": "root",
    "search": {"strategy": "exhaustive", "steps": 48},
}
MAIN = {"main": {"methods": ["mmoe", "mtnas"], "variants": {"mtnas": ["paper", "random_routes"]}}}
STUDY = {
    "seeds": 3,
    "datasets": ["insteval"],
    "methods": {"mmoe": {"num_experts": 5}, "mtnas": {"search": {"steps": 7}}},
    "variants": {
        "mtnas": {
            "random_routes": {"search": {"strategy": "random"}},
            "inherit": {"derive": "inherit"},
        }
    },
    "experiments": MAIN,
}


def study(**changes):
    return studies.load({**STUDY, **changes})


def test_resolution_order():
    config = study(
        methods={"mtnas": {"num_layers": 3, "num_subnets": 5, "search": {"steps": 7}}},
        dataset_options={
            "insteval": {"methods": {"mtnas": {"num_subnets": 6, "search": {"reward": "neg_loss"}}}}
        },
        variants={"mtnas": {"wide": {"num_subnets": 7, "search": {"warmup_steps": 1}}}},
        experiments={},
    )

    paper = studies.resolve_options(config, "insteval", "mtnas")
    wide = studies.resolve_options(config, "insteval", "mtnas", "wide")
    elsewhere = studies.resolve_options(config, "movielens", "mtnas")

    assert (paper["num_layers"], paper["num_subnets"], elsewhere["num_subnets"]) == (3, 6, 5)
    assert wide["num_subnets"] == 7
    assert wide["search"] == {**paper["search"], "warmup_steps": 1}
    assert (wide["search"]["steps"], wide["search"]["reward"]) == (7, "neg_loss")
    default = defaults(config.method("mtnas"))
    assert paper["hidden_dim"] == default["hidden_dim"]
    assert paper["search"]["batch_size"] == default["search"]["batch_size"]


def test_training_options_of_a_dataset_win():
    config = study(
        training={"epochs": 4, "patience": 3},
        dataset_options={"insteval": {"training": {"epochs": 5}}},
    )

    training = studies.run_spec(config, "insteval", "mmoe")["training"]

    assert (training["epochs"], training["patience"], training["batch_size"]) == (5, 3, 512)


def test_run_spec_says_everything_but_the_search():
    spec = studies.run_spec(study(), "insteval", "mtnas", "inherit")

    assert spec["seeds"] == [0, 1, 2]
    assert spec["derive"] == "inherit"
    assert spec["budget"] is None
    assert not {"search", "derive"} & set(spec["options"])
    other = studies.run_spec(study(), "insteval", "mmoe")
    assert other["derive"] is None
    assert other["options"]["num_experts"] == 5
    assert other["budget"] == {
        "num_layers": 2,
        "num_subnets": 4,
        "hidden_dim": 64,
        "pooling": "gate",
    }


def test_specs_do_not_depend_on_the_order_of_keys():
    one = study(methods={"mtnas": {"num_layers": 3, "num_subnets": 5}})
    two = study(methods={"mtnas": {"num_subnets": 5, "num_layers": 3}})

    assert repr(studies.run_spec(one, "insteval", "mmoe")) == repr(
        studies.run_spec(two, "insteval", "mmoe")
    )


def test_variants_with_one_search_share_it():
    config = study()

    def home(variant):
        return studies.search_home(config, "insteval", "mtnas", variant)

    assert home("paper") == home("inherit") == "paper"
    assert home("random_routes") == "random_routes"
    assert studies.experiment_searches(config, "main") == [("insteval", "mtnas", "paper")]


def changed_specs(variant, old, new):
    """Say whether the search of a variant, and its training, differ between two studies."""
    job = ("insteval", "mtnas", variant)
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


def test_a_control_depends_on_no_training():
    old, new = study(), study(training={"epochs": 3}, methods={"mtnas": {"hidden_dim": 32}})

    specs = [studies.run_spec(s, "insteval", "control_perfect") for s in (old, new)]

    assert specs[0] == specs[1]


def test_the_budget_holds_all_that_its_size_depends_on():
    options = studies.resolve_options(study(), "insteval", "mtnas")
    budget = studies.run_spec(study(), "insteval", "mmoe")["budget"]

    def size(**values):
        chosen = methods.load("mtnas").options(**values)
        return count_parameters(methods.load("mtnas"), chosen, input_dim=60, num_tasks=2)

    assert size(**budget) == size(**options)
    for scope in ("root", "previous_layer_and_root"):
        assert size(**{**options, "query_scope": scope}) == size(**budget)
    assert size(**{**options, "pooling": "mean"}) == size(**{**budget, "pooling": "mean"})


def test_a_variant_without_a_width_is_given_the_size_of_the_paper_s():
    variants = {"mtnas": {"mean": {"pooling": "mean", "hidden_dim": None}}}
    config = study(variants=variants, experiments={})

    job = ("insteval", "mtnas", "mean")
    specs = (studies.run_spec(config, *job), studies.search_spec(config, *job))

    for spec in specs:
        assert spec["options"]["hidden_dim"] is None
        assert (spec["budget"]["pooling"], spec["budget"]["hidden_dim"]) == ("gate", 64)
    assert studies.search_spec(config, "insteval", "mtnas")["budget"] is None


def test_the_stored_split_counts_only_where_it_is_used():
    own = {"insteval": {"split_seed": 3}}

    def prepared(**changes):
        return studies.prepare_spec(study(**changes), "insteval")

    assert prepared(dataset_options=own) == prepared() == prepared(fixed_split=True)
    assert prepared(dataset_options=own, fixed_split=True)["split_seed"] == 3


def test_prepare_spec_says_what_is_in_the_table_not_where_it_came_from(tmp_path):
    config = study(
        bookcrossing_raw=str(tmp_path),
        dataset_options={"bookcrossing": {"num_features": 9, "mirrors": ["https://a.org"]}},
    )

    assert studies.prepare_spec(config, "bookcrossing") == {
        "dataset": "bookcrossing",
        "num_features": 9,
        "drop_fields": [],
        "split": None,
        "split_seed": 0,
    }


def test_simulated_rows_stand_in_for_raw_files():
    config = study(dataset_options={"goodreads": {"simulate": 500, "simulate_seed": 7}})

    assert studies.is_simulated(config, "goodreads")
    assert not studies.is_simulated(config, "tiktok")
    assert studies.simulate_spec(config, "goodreads") == {
        "dataset": "goodreads",
        "rows": 500,
        "seed": 7,
    }
    plain = study(dataset_options={"goodreads": {"raw": "somewhere"}})
    assert studies.prepare_spec(config, "goodreads") == studies.prepare_spec(plain, "goodreads")
    with pytest.raises(ConfigError, match="tiktok: no key `simulate`; set it to a number of rows"):
        studies.simulate_spec(config, "tiktok")


@pytest.mark.parametrize(
    ("dataset", "options", "message"),
    [
        ("tiktok", {"simulate": 9, "raw": "x"}, "9 rows to simulate, but raw: x .* to null"),
        ("insteval", {"simulate": 9}, "unknown dataset to simulate 'insteval'.*allowed: bookcross"),
        ("tiktok", {"simulate": 0}, "0 must be at least 1"),
        ("tiktok", {"simulate": 1e6}, "must be of type integer or null"),
        ("tiktok", {"simulate": "many"}, "must be of type integer or null"),
        ("tiktok", {"simulate": True}, "must be of type integer or null"),
        ("tiktok", {"simulate_seed": -1}, "-1 must be at least 0"),
    ],
)
def test_what_cannot_be_simulated_is_refused(dataset, options, message):
    with pytest.raises(ConfigError, match=message):
        study(dataset_options={dataset: options})


def test_an_experiment_may_run_on_some_datasets_only():
    sweep = {"datasets": ["movielens"], "methods": ["mmoe"]}
    off = {"datasets": [], "methods": ["ple"]}
    config = study(datasets=["insteval", "movielens"], experiments={"sweep": sweep, "off": off})

    assert studies.experiment_runs(config, "sweep") == [("movielens", "mmoe", "paper")]
    assert studies.all_runs(config) == [("movielens", "mmoe", "paper")]
    with pytest.raises(ConfigError) as caught:
        study(experiments={"sweep": sweep})
    assert str(caught.value) == (
        "config: experiments.sweep.datasets: unknown dataset of this study 'movielens'; "
        "allowed: insteval"
    )


def test_runs_of_experiments():
    config = study(experiments={**MAIN, "again": {"methods": ["mmoe"]}})

    assert studies.experiment_runs(config, "main") == [
        ("insteval", "mmoe", "paper"),
        ("insteval", "mtnas", "paper"),
        ("insteval", "mtnas", "random_routes"),
    ]
    assert studies.all_runs(config) == studies.experiment_runs(config, "main")
    with pytest.raises(ConfigError, match="unknown experiment 'mian' .did you mean 'main'"):
        studies.experiment_runs(config, "mian")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sedes": 3}, "unknown key 'sedes' (did you mean 'seeds'?)"),
        ({"datasets": ["instevl"]}, "datasets: unknown dataset 'instevl' (did you mean 'insteval'"),
        ({"dataset_options": {"movilens": {}}}, "unknown dataset 'movilens' (did you mean 'movie"),
        (
            {"dataset_options": {"insteval": {"rwa": ""}}},
            "unknown key 'rwa' (did you mean 'raw'",
        ),
        (
            {"methods": {"mtnas": {"hidden_dim": None}}},
            "methods.mtnas.hidden_dim: null is solved to match variant 'paper', which itself needs",
        ),
        ({"methods": {"mmeo": {}}}, "methods: unknown method 'mmeo' (did you mean 'mmoe'?)"),
        (
            {"methods": {"mtnas": {"num_layer": 2}}},
            "methods.mtnas: unknown option 'num_layer' (did you mean 'num_layers'?)",
        ),
        (
            {"variants": {"mtnas": {"x": {"search": {"step": 2}}}}, "experiments": {}},
            "variants.mtnas.x.search: unknown option 'step' (did you mean 'steps'?)",
        ),
        (
            {"experiments": {"main": {"methods": ["mmoe", "mtnsa"]}}},
            "experiments.main.methods: unknown method 'mtnsa' (did you mean 'mtnas'?)",
        ),
        (
            {"experiments": {"main": {"methods": ["mtnas"], "variants": {"mtnas": ["inherits"]}}}},
            "experiments.main.variants.mtnas: unknown variant of mtnas 'inherits' (did you mean "
            "'inherit'?)",
        ),
        ({"variants": {"mtnas": {"paper": {}}}}, "the name 'paper' is taken"),
        (
            {"variants": {"mmoe": {"x": {"training": {"loss_weights": [1]}}}}, "experiments": {}},
            "variants.mmoe.x.training.loss_weights: 1 numbers, but insteval has 2 tasks",
        ),
        (
            {"training": {"loss_weights": [1, 2, 3]}},
            "training.loss_weights: 3 numbers, but insteval has 2 tasks",
        ),
        (
            {"variants": {"mmoe": {"x": {"training": {"selection": "tasks"}}}}, "experiments": {}},
            "variants.mmoe.x.training.selection: unknown value 'tasks' (did you mean 'task'?)",
        ),
        (
            {
                "variants": {"mtnas": {"x": {"training": {"embedding_per_task": True}}}},
                "experiments": {},
            },
            "variants.mtnas.x.training.embedding_per_task: true, but mtnas searches routes of one "
            "input, not of one per task; leave it out, or set it in `variants` of other methods",
        ),
        (
            {"training": {"embedding_per_task": True}, "experiments": MAIN},
            "config: training.embedding_per_task: true, but mtnas searches routes",
        ),
        (
            {
                "dataset_options": {"insteval": {"training": {"embedding_per_task": True}}},
                "experiments": MAIN,
            },
            "dataset_options.insteval.training.embedding_per_task: true, but mtnas searches",
        ),
        (
            {"training": {"embedding_per_task": True}, "exhaustive": {"small": ["small"]}}
            | {"variants": {"mtnas": {"small": {"num_layers": 1, "query_scope": "root"}}}},
            "training.embedding_per_task: true, but mtnas searches",
        ),
        (
            {
                "variants": {"mtnas": {"x": {"search": {"strategy": "exhaustive"}}}},
                "experiments": {"main": {"methods": ["mtnas"], "variants": {"mtnas": ["x"]}}},
            },
            "variants.mtnas.x.search.strategy: exhaustive, but the space has more routes on "
            "insteval than the search has route evaluations, 7 (steps x routes_per_step)",
        ),
        (
            {"exhaustive": {"small": ["small"]}}
            | {"variants": {"mtnas": {"small": SMALL_SEARCHED_BRIEFLY}}},
            "variants.mtnas.small.search.strategy: exhaustive, but the space has more routes on "
            "insteval than the search has route evaluations, 48 (steps x routes_per_step)",
        ),
        (
            {"exhaustive": {"large": ["paper"]}},
            "exhaustive.large: its network, that of 'paper' (num_layers 2, num_subnets 4, "
            "query_scope all_below), has more than 20,000 routes on insteval, too many to train "
            "one and all; name a variant first that has fewer layers",
        ),
        (
            {"methods": {"mtnas": {"num_layers": 99}}, "exhaustive": {"large": ["paper"]}},
            "(num_layers 99, num_subnets 4, query_scope all_below), has more than 20,000 routes",
        ),
        (
            {"methods": {"cut_mmoe": {"kept": [[0, 9], [1, 2, 3]]}}},
            "methods.cut_mmoe.kept: task 0 keeps [0, 9]; it must name one or more different "
            "experts of 0 .. 3",
        ),
        (
            {"variants": {"cut_mmoe": {"x": {"kept": [[0, 1], [0, 2]]}}}},
            "variants.cut_mmoe.x.kept: no task keeps [3]; every expert needs a task",
        ),
        (
            {"methods": {"cut_mmoe": {"kept": [[0], [1], [2, 3]]}}}
            | {"experiments": {"figure1": {"methods": ["cut_mmoe"]}}},
            "methods.cut_mmoe.kept: on insteval: 3 lists for 2 tasks; give one list of experts",
        ),
        (
            {"methods": {"cut_mmoe": {"num_experts": 2}}},  # Fig. 1(c) shows it in every study
            "methods.cut_mmoe.num_experts: on insteval: 2 leaves no task both an expert of its own",
        ),
        (
            {
                "variants": {"control_perfect": {"x": {"training": {"epochs": 1}}}},
                "experiments": {},
            },
            "variants.control_perfect.x: unknown option 'training'",
        ),
        ({"variants": {"mtnas": {"A/B": {}}}}, "'A/B' must be lower-case letters"),
        ({"seeds": 0}, "seeds: 0 must be at least 1; expected integer >= 1 <= 10000 or list of"),
        ({"seeds": "all"}, "seeds: 'all' is not allowed; expected integer"),
        ({"seeds": 2.0}, "seeds: 2.0 is not allowed; expected integer"),
        ({"seeds": 20261123}, "seeds: 20261123 must be at most 10000"),
        ({"seeds": [1, 1]}, "seeds: [1, 1] names 1 more than once; expected integer"),
        ({"seeds": [0, 1.0]}, "seeds: 1.0 must be of type integer"),
        ({"seeds": [3_000_000_000]}, "seeds: 3000000000 must be at most 2147483647"),
        ({"seeds": [-1]}, "seeds: -1 must be at least 0"),
        ({"training": {"epochs": 0}}, "training.epochs: 0 must be at least 1"),
        ({"training": {"epochs": "ten"}}, "training.epochs: 'ten' must be of type integer"),
        ({"training": {"epochs": 2.0}}, "training.epochs: 2.0 must be of type integer"),
        (
            {"training": {"learning_rate": float("nan")}},
            "training.learning_rate: nan must be a finite number",
        ),
        (
            {"training": {"embedding_std": float("inf")}},
            "training.embedding_std: inf must be a finite number",
        ),
        ({"training": {"learning_rate": 0}}, "training.learning_rate: 0 must be greater than 0"),
        (
            {"methods": {"mtnas": {"derive": "inherits"}}},
            "methods.mtnas.derive: unknown value 'inherits' (did you mean 'inherit'?)",
        ),
        (
            {"variants": {"mtnas": {"x": {"derive": "inherit", "search": {"strategy": "random"}}}}},
            "variants.mtnas.x.derive: 'inherit' needs the weights of a supernet",
        ),
        (
            {"methods": {"mtnas": {"derive": "finetune", "search": {"strategy": "full_sharing"}}}},
            "methods.mtnas.derive: 'finetune' needs the weights of a supernet",
        ),
        (
            {"methods": {"mtnas": {"search": {"leave_one_out": True}}}},
            "methods.mtnas.search: leave_one_out needs routes_per_step of at least 2, not 1",
        ),
        (
            {"variants": {"mtnas": {"x": {"search": {"leave_one_out": True}}}}},
            "variants.mtnas.x.search: leave_one_out needs routes_per_step",
        ),
        (
            {"dataset_options": {"insteval": {"drop_fields": ["dept"]}}},
            "dataset_options.insteval.drop_fields: unknown field 'dept' (did you mean 'department'",
        ),
        (
            {"dataset_options": {"movielens": {"split": [0.5, 0.5, 0.5]}}},
            "dataset_options.movielens.split: split [0.5, 0.5, 0.5]: the ratios add up to 1.5",
        ),
        (
            {"dataset_options": {"movielens": {"num_features": 1}}},
            "dataset_options.movielens.num_features: 1 must be at least 2",
        ),
        (
            {"training": {"loss_weights": [0, 0]}},
            "training.loss_weights: all are 0, so there is nothing to learn",
        ),
        (
            {"dataset_options": {"movielens": {"num_features": 2**31}}},
            "num_features: 2147483648 must be at most 2147483647",
        ),
        (
            {"experiments": {"main": {"methods": []}}},
            "experiments.main.methods: [] must be of at least length 1",
        ),
        ({"experiments": {"main": {}}}, "experiments.main: no key `methods`; list the methods"),
        (
            {"experiments": {"main": {"datasets": ["instevel"], "methods": ["mmoe"]}}},
            "experiments.main.datasets: unknown dataset 'instevel' (did you mean 'insteval'?)",
        ),
        (
            {"experiments": {"main": {"datasets": ["insteval"] * 2, "methods": ["mmoe"]}}},
            "experiments.main.datasets: ['insteval', 'insteval'] names 'insteval' more than once",
        ),
        (
            {"experiments": {"main": {"methods": ["mmoe"], "variants": {"mtnas": ["paper"] * 2}}}},
            "main.variants.mtnas: ['paper', 'paper'] names 'paper' more than once",
        ),
    ],
)
def test_mistakes_are_named_with_their_place(changes, message):
    with pytest.raises(ConfigError) as caught:
        study(**{"experiments": {}, **changes})

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_records_refuse_an_unknown_key_with_the_nearest():
    with pytest.raises(ConfigError, match="^training: unknown key 'epoch' .did you mean 'epochs'"):
        TrainingOptions.of({"epoch": 1, "patience": 0}, "training")
    with pytest.raises(ConfigError, match="^training.patience: 0: Input should be greater"):
        TrainingOptions.of({"patience": 0}, "training")


def test_messages_name_the_file_that_has_the_key(tmp_path):
    base, overlay = tmp_path / "base.yaml", tmp_path / "overlay.yaml"
    base.write_text("seeds: 3\ntraining: {epochs: 2}\n")
    overlay.write_text("training: {epochs: 0}\n")
    raw = {**STUDY, "training": {"epochs": 0}}

    with pytest.raises(ConfigError, match=f"^{overlay}: training.epochs: 0 must"):
        studies.load(raw, [base, overlay])


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"fixed_split": 1}, "--config: fixed_split: 1 must be of type boolean"),
        ({"seeds": "ten"}, "--config: seeds: 'ten' is not allowed; expected integer >= 1"),
        ({"sedes": 3}, "--config: unknown key 'sedes' (did you mean 'seeds'?)"),
        ({"training": {"epochs": "2"}}, "--config: training.epochs: '2' must be of type integer"),
        (
            {"datasets": "insteval"},
            "--config: datasets: 'insteval' must be of type list, such as [insteval]; allowed in "
            "it: bookcrossing, ",
        ),
        ({"datasets": "instevel"}, "datasets: 'instevel' must be of type list; allowed in it: "),
        ({"training": 3}, "--config: training: 3 must be of type mapping; allowed keys: epochs, "),
        ({"experiments": {"main": {"methods": ["mmeo"]}}}, "--config: experiments.main.methods: "),
        ({"insteval_raw": 3}, "--config: insteval_raw: 3 must be of type string or null"),
    ],
)
def test_messages_name_the_command_line_for_what_was_typed_there(tmp_path, typed, message):
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({**STUDY, "fixed_split": False, "training": {"epochs": 2}}))

    with pytest.raises(ConfigError) as caught:
        studies.load({**STUDY, **typed}, [file], typed)

    assert message in str(caught.value)
    assert str(file) not in str(caught.value)


def test_a_default_that_contradicts_is_blamed_on_no_file_that_lacks_it(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("seeds: 3\n")

    with pytest.raises(
        ConfigError, match=r"^config: methods\.mtnas\.search\.reward: 'auc_sum', but"
    ):
        studies.load({**SYNTHETIC, "methods": {}}, [file], {"seeds": 3})


def test_what_only_some_methods_can_have_may_be_set_where_they_run_alone():
    alone = {"main": {"methods": ["mmoe", "share_bottom"]}}
    kept = {"kept": [[0], [1], [2, 3]]}

    assert study(training={"embedding_per_task": True}, experiments=alone)
    assert study(
        datasets=["insteval", "goodreads"],
        dataset_options={"goodreads": {"methods": {"cut_mmoe": kept}}},
        experiments={"cut": {"datasets": ["goodreads"], "methods": ["cut_mmoe"]}},
    )


def test_yaml_numbers_without_a_dot_are_numbers():
    raw = yaml.safe_load("training: {learning_rate: 1e-3}\nmethods:\n")

    config = studies.load({**STUDY, **raw})

    assert config["training"] == {"learning_rate": 1e-3}
    assert resolve_training(config, "insteval", "mmoe") == resolve_training(
        study(training={}), "insteval", "mmoe"
    )
    assert config["methods"] == {}


def shipped(*files):
    """Load overlays of the repository over its default."""
    paths = [REPOSITORY / "config" / file for file in ("config.yaml", *files)]
    return studies.load(studies.merged(*(yaml.safe_load(path.read_text()) for path in paths)))


def test_shipped_configurations_are_valid():
    overlays = {path.name for path in (REPOSITORY / "config").glob("*.yaml")}
    overlays -= {"config.yaml", "data.lock.yaml"}
    assert {"test.yaml", "bookcrossing.yaml", "published.yaml"} < overlays

    bases = {"synthetic_search_study.yaml": ("synthetic.yaml",)}
    for overlay in ((), *((*bases.get(name, ()), name) for name in overlays)):
        config = shipped(*overlay)
        assert studies.all_runs(config) or config["exhaustive"]


def test_the_synthetic_search_study_looks_every_search_up():
    study = shipped("synthetic.yaml", "synthetic_search_study.yaml")

    assert {studies.drawn_options(study, name).rho for name in study["datasets"]} == {0, 0.5, 1}
    for dataset in study["datasets"]:
        assert search_spaces.full_space(study, dataset).num_routes == 49
        assert not any(
            entry.by_run for entry in search_spaces.judged(study, dataset, "synthetic_l1h3")
        )


def test_book_crossing_is_the_papers_unless_only_a_part_is_there():
    whole, part = ["bookcrossing.yaml"], ["bookcrossing.yaml", "bookcrossing_part.yaml"]

    dropped = [
        studies.prepare_spec(shipped(*files), "bookcrossing")["drop_fields"]
        for files in (whole, part, [*part, "published.yaml"])
    ]

    assert [len(names) for names in dropped] == [0, 6, 6]
    assert shipped(*part, "published.yaml")["datasets"] == ["bookcrossing", "movielens", "insteval"]


def test_the_generated_files_are_up_to_date():
    schema = generate()

    assert read_json(SCHEMA_FILE) == schema, "options changed: run `make schema`"
    for path, tables in ((MANUAL, reference(schema)), (DATASET_MANUAL, dataset_reference())):
        manual = path.read_text(encoding="utf-8")
        assert manual == with_reference(manual, tables), "run `make schema`"


def test_a_method_that_the_file_does_not_know_is_asked(tmp_path):
    assert method_schemas(tmp_path / "missing.json") == generate()["$defs"]["methods"]


def test_parsing_does_not_import_torch():
    code = (
        "import sys; from mtnas import config, provenance, snakemake_job;"
        f"study = config.load({STUDY!r}); config.run_spec(study, 'insteval', 'mtnas');"
        "sys.exit('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


GRID = {
    "enabled": True,
    "methods": ["mmoe"],
    "training": {"learning_rate": ["1e-3", 0.01]},
    "options": {"mmoe": {"num_experts": [2, 4]}},
}


def test_a_grid_search_is_the_run_with_other_seeds_and_a_grid():
    config, job = study(seeds=5, tuning=GRID), ("insteval", "mmoe")

    tuned = studies.tune_spec(config, *job)

    assert tuned.pop("grid") == {
        "training.learning_rate": [0.001, 0.01],
        "options.num_experts": [2, 4],
    }
    assert tuned.pop("seeds") == [0, 1, 2]
    run = studies.run_spec(config, *job)
    assert tuned == {key: value for key, value in run.items() if key != "seeds"}
    assert run == studies.run_spec(study(seeds=5), *job)
    assert studies.prepare_spec(config, "insteval") == studies.prepare_spec(study(), "insteval")
    more = study(seeds=9, tuning=GRID)
    assert studies.tune_spec(more, *job) == studies.tune_spec(config, *job)


@pytest.mark.parametrize(
    ("changes", "own", "grid"),
    [
        ({}, {}, {"training.learning_rate", "options.num_experts"}),
        ({"enabled": False}, {}, None),
        ({}, {"enabled": False}, None),
        ({"methods": ["share_bottom"]}, {}, None),
        ({}, {"training": {"batch_size": [64, 128]}}, 3),
        ({"training": {}}, {}, {"options.num_experts"}),
    ],
)
def test_what_is_tuned_may_differ_between_datasets(changes, own, grid):
    config = study(tuning={**GRID, **changes}, dataset_options={"insteval": {"tuning": own}})

    assert studies.is_tuned(config, "insteval", "mmoe") == (grid is not None)
    if grid is None:
        with pytest.raises(ConfigError, match=r"mmoe \(paper\) on insteval is not tuned"):
            studies.tune_spec(config, "insteval", "mmoe")
    else:
        found = studies.tune_spec(config, "insteval", "mmoe")["grid"]
        assert found.keys() == grid if isinstance(grid, set) else len(found) == grid


def test_a_variant_keeps_what_it_deviates_in():
    variants = {"mmoe": {"wide": {"num_experts": 9}, "deep": {"root_dim": 9}}}
    config = study(tuning=GRID, variants=variants, experiments={})

    grids = [
        studies.tune_spec(config, "insteval", "mmoe", v)["grid"].keys() for v in ("wide", "deep")
    ]

    assert grids == [{"training.learning_rate"}, {"training.learning_rate", "options.num_experts"}]
    only = study(tuning={**GRID, "training": {}}, variants=variants, experiments={})
    assert not studies.is_tuned(only, "insteval", "mmoe", "wide")


def test_a_variant_may_be_trained_in_its_own_way():
    own = {"selection": "task", "learning_rate": 0.1}
    variants = {"share_bottom": {"own": {"training": own}}, "mtnas": {"own": {"training": own}}}
    everywhere = {"learning_rate": 0.2, "epochs": 3}
    config = study(
        variants=variants,
        experiments={},
        training={"patience": 7},
        dataset_options={"insteval": {"training": everywhere}},
        tuning={**GRID, "methods": ["share_bottom"]},
    )
    paper, varied = (
        studies.run_spec(config, "insteval", "share_bottom", v) for v in ("paper", "own")
    )

    assert paper["options"] == varied["options"]
    assert varied["training"] == {**paper["training"], **own}
    assert (paper["training"]["learning_rate"], paper["training"]["epochs"]) == (0.2, 3)
    assert varied["training"]["patience"] == 7
    # A search selects nothing on the way, and its rate is that of its own variant.
    searched = studies.search_spec(config, "insteval", "mtnas", "own")["training"]
    assert searched["learning_rate"] == 0.1
    assert "selection" not in searched
    # What the variant says of training is not up for tuning.
    assert not studies.is_tuned(config, "insteval", "share_bottom", "own")


def test_a_searched_method_is_tuned_where_its_weights_are_its_own():
    config = study(tuning={**GRID, "methods": ["mtnas"]}, experiments={})

    tuned = {v: studies.is_tuned(config, "insteval", "mtnas", v) for v in config.variants("mtnas")}

    assert tuned == {"paper": True, "random_routes": True, "inherit": False}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"enable": True}, "tuning: unknown key 'enable' (did you mean 'enabled'?)"),
        ({"methods": ["mmeo"]}, "tuning.methods: unknown method 'mmeo' (did you mean 'mmoe'?)"),
        ({"methods": ["control_perfect"]}, "tuning.methods: unknown method 'control_perfect'"),
        ({"methods": None}, "tuning.methods: the grid search is enabled; list the methods to tune"),
        (
            {"training": {"learning_rates": [1]}},
            "tuning.training: unknown option 'learning_rates' (did you mean 'learning_rate'?)",
        ),
        ({"training": {"embedding_dim": [8]}}, "tuning.training: unknown option 'embedding_dim'"),
        ({"training": {"learning_rate": []}}, "learning_rate: [] must be of at least length 1"),
        (
            {"training": {"learning_rate": [0.1, 0]}},
            "tuning.training.learning_rate.1: 0 must be greater than 0",
        ),
        ({"training": {"batch_size": [8, 8]}}, "batch_size: [8, 8] names 8 more than once"),
        ({"options": {"mmeo": {}}}, "tuning.options: unknown method 'mmeo'"),
        (
            {"options": {"mmoe": {"num_expert": [2]}}},
            "tuning.options.mmoe: unknown option 'num_expert' (did you mean 'num_experts'?)",
        ),
        ({"options": {"mmoe": {"hidden_dim": [8]}}}, "options.mmoe: unknown option 'hidden_dim'"),
        ({"options": {"mmoe": {"num_experts": [0]}}}, "num_experts.0: 0 must be at least 1"),
        (
            {"options": {"snr_aver": {"gates": {"l0": [1]}}}},
            "tuning.options.snr_aver.gates: unknown option 'l0'",
        ),
        (
            {"options": {"cut_mmoe": {"kept": [[[0]], [[0]]]}}},
            "tuning.options.cut_mmoe.kept: [[[0]], [[0]]] names [[0]] more than once",
        ),
        (
            {"methods": ["ple"], "training": {}},
            "tuning.training: nothing to try for method 'ple'; list values here, or under "
            "tuning.options.ple",
        ),
        (
            {"methods": ["mtnas"], "seeds": [0, 7]},
            "tuning.seeds: [7] are no seeds of this study, so mtnas has no route for them; "
            "allowed: [0, 1, 2]",
        ),
    ],
)
def test_mistakes_in_a_grid_are_named_with_their_place(changes, message):
    tuning = {key: value for key, value in {**GRID, **changes}.items() if value is not None}

    with pytest.raises(ConfigError) as caught:
        study(tuning=tuning)

    assert message in str(caught.value)


SYNTHETIC = {
    "seeds": 3,
    "synthetic": {"near": {"rho": 0.9}, "apart": {"dim": 20}},
    "datasets": ["near", "apart"],
    "methods": {"mtnas": {"search": {"reward": "neg_loss"}}},
    "experiments": {"main": {"methods": ["mmoe", "mtnas"]}},
}


def synthetic(**changes):
    return studies.load({**SYNTHETIC, **changes})


def test_a_synthetic_dataset_is_drawn_once_per_seed_or_once_for_all():
    spec = studies.prepare_spec(synthetic(), "near")
    fixed = studies.prepare_spec(synthetic(fixed_split=True), "near")

    assert (spec["synthetic"]["rho"], spec["synthetic"]["dim"]) == (0.9, 100)
    assert (spec["seeds"], fixed["seeds"]) == ([0, 1, 2], [0])
    assert [run[0] for run in studies.experiment_runs(synthetic(), "main")] == [
        *("near", "near", "apart", "apart"),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"datasets": ["neer"]}, r"datasets: unknown dataset 'neer' \(did you mean 'near'"),
        (
            {"synthetic": {"near": {"roh": 1}}, "datasets": ["near"]},
            r"synthetic\.near: unknown",
        ),
        ({"synthetic": {"near": {"rho": 2}}, "datasets": ["near"]}, "2 must be at most 1"),
        ({"synthetic": {"insteval": {}}, "datasets": ["insteval"]}, "another dataset has this"),
        ({"methods": {}}, "labels of near are numbers and have no AUC; use reward: neg_loss"),
        (
            {
                "training": {"embedding_per_task": True},
                "experiments": {"main": {"methods": ["ple"]}},
            },
            "the inputs of near are numbers, .* or set it in `dataset_options` of other datasets",
        ),
        (
            {"experiments": {"controls": {"methods": ["mmoe", "control_shuffled"]}}},
            "experiments.controls.methods: 'control_shuffled' predicts probabilities, but labels "
            "of near are numbers; leave it out, or give the experiment `datasets`",
        ),
        ({"dataset_options": {"near": {"drop_fields": ["x0"]}}}, "unknown key 'drop_fields'"),
        ({"dataset_options": {"near": {"split": [7, 2, 1]}}}, "the table has 10000 rows"),
    ],
)
def test_synthetic_data_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        synthetic(**changes)


SPACE = {"num_layers": 1, "num_subnets": 3, "query_scope": "root", "hidden_dim": 16}
IN_SPACE = {
    "small": SPACE,
    "small_random": {**SPACE, "search": {"strategy": "random_search"}},
    "small_alike": {**SPACE, "search": {"strategy": "reinforce"}},
    "small_inherit": {**SPACE, "derive": "inherit"},
    "small_queries": {**SPACE, "query_scope": "all_below"},
    "small_slow": {**SPACE, "training": {"loss_weights": [1.0, 2.0]}},
}


def spaces_of(names):
    return study(variants={"mtnas": IN_SPACE}, experiments={}, exhaustive={"small": names})


def test_a_space_is_the_network_of_its_first_variant():
    config = spaces_of(["small_random", "small"])

    spec = search_spaces.exhaustive_spec(config, "insteval", "small")

    assert spec["options"].items() >= SPACE.items()
    assert spec == search_spaces.exhaustive_spec(spaces_of(["small"]), "insteval", "small")
    assert set(spec) == {
        *("space", "dataset", "method", "seeds", "fixed_split", "options", "training", "budget"),
    }


def test_the_spec_of_a_space_says_what_synthetic_data_are_drawn_from():
    small = {"mtnas": {"small": SPACE}}
    config = synthetic(variants=small, exhaustive={"small": ["small"]})

    spec = search_spaces.exhaustive_spec(config, "near", "small")

    assert spec["synthetic"] == studies.prepare_spec(config, "near")["synthetic"]


def test_a_search_without_a_reward_needs_none_of_numbers():
    gradient = {"search": {"strategy": "differentiable", "reward": "auc_sum"}}

    config = synthetic(variants={"mtnas": {"differentiable": gradient}})

    search = studies.search_spec(config, "near", "mtnas", "differentiable")["search"]
    assert "reward" not in search


def test_figures_show_the_methods_and_the_space_of_a_dataset():
    config = synthetic(methods={**SYNTHETIC["methods"], "mmoe": {"num_experts": 3}})

    assert search_spaces.typical_methods(config, "near")["num_experts"] == 3
    assert search_spaces.full_space(config, "near") == SearchSpace(2, 4, 2)
    assert search_spaces.full_space(config, "goodreads").num_tasks == 3


def test_searches_of_the_same_network_are_looked_up_and_others_are_run():
    found = search_spaces.judged(spaces_of(list(IN_SPACE)), "insteval", "small")

    assert [(j.variant, j.home, j.by_run) for j in found] == [
        ("small", "small", False),
        ("small_random", "small_random", False),
        ("small_alike", "small", False),  # the same search, so the same routes
        ("small_inherit", "small_inherit", True),
        ("small_queries", "small_queries", True),
        ("small_slow", "small_slow", True),  # trained otherwise
    ]


def test_unknown_variants_and_spaces_are_refused():
    with pytest.raises(ConfigError, match=r"exhaustive.small: unknown variant of mtnas 'smal'"):
        spaces_of(["smal"])
    with pytest.raises(ConfigError, match=r"config: exhaustive: unknown space 'smal'"):
        search_spaces.judged(spaces_of(["small"]), "insteval", "smal")


@pytest.mark.parametrize("strategy", READ)
def test_a_search_is_identified_by_what_its_strategy_reads(strategy):
    base = {"strategy": strategy}
    changes = {
        **{"steps": 9, "warmup_steps": 1, "routes_per_step": 2, "batch_size": 8, "candidates": 3},
        **{"learning_rate": 0.5, "reward": "neg_loss", "fresh_sample": True, "shared_batch": False},
        **{"baseline": "running_mean", "baseline_momentum": 0.5, "entropy_bonus": 1.0},
        **{"judge": "training", "temperature": 2.0},
    }
    assert {"strategy", "leave_one_out", *changes} == set(SearchOptions.model_fields)
    variants = {"base": {"search": base}}
    variants |= {key: {"search": {**base, key: value}} for key, value in changes.items()}
    config = study(variants={"mtnas": variants}, experiments={})
    specs = {
        name: studies.search_spec(config, "insteval", "mtnas", name)["search"] for name in variants
    }
    moved = {name for name, spec in specs.items() if spec != specs["base"]}
    assert moved == set(READ[strategy]) - {"strategy", "leave_one_out"}
    assert SearchOptions.of(specs["base"], "search").strategy == strategy


def test_every_strategy_has_its_code():
    from mtnas.search import controls, strategies

    assert {*strategies.STRATEGIES, *CONTROLS} == set(READ)
    assert set(controls.ROUTES_OF) == set(CONTROLS)


def test_the_search_study_judges_the_plus_that_is_shipped():
    default, overlay = (
        yaml.safe_load((REPOSITORY / "config" / name).read_text())["variants"]["mtnas"]
        for name in ("config.yaml", "search_study.yaml")
    )
    for variant in ("l1h3_plus", "l1h4_plus"):
        assert overlay[variant]["search"] == default["plus"]["search"]
