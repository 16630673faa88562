"""What a configuration may say, what it may not, and which value wins."""

import subprocess
import sys
from datetime import date

import pytest
import yaml

from mtnas.config.layers import merged
from mtnas.config.load import load
from mtnas.config.options import TrainingOptions
from mtnas.config.reference import (
    DATASET_MANUAL,
    MANUAL,
    dataset_reference,
    reference,
    with_reference,
)
from mtnas.config.schema import SCHEMA_FILE, generate
from mtnas.data.sources.base import Dataset
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import read_json
from mtnas.runtime.provenance import REPOSITORY
from tests.helpers.studies import GRID, STUDY, SYNTHETIC, study, synthetic

TOO_FEW_STEPS = {
    "num_layers": 1,
    "num_subnets": 3,
    "query_scope": "root",
    "search": {"strategy": "exhaustive", "steps": 48},
}


def mtnas(**variants):
    return {"variants": {"mtnas": variants}, "experiments": {}}


def experiment(**main):
    return {"experiments": {"main": main}}


def insteval(**own):
    return {"dataset_options": {"insteval": own}}


# changes of the study; the place that is blamed; what else is named: the value, what is allowed
NAMES = [
    ({"sedes": 3}, "config", "'sedes'", "'seeds'?"),
    ({"datasets": []}, "datasets", "names none", "simulated_studies", "config/transfer.yaml"),
    ({"datasets": ["instevl"]}, "datasets", "'instevl'", "'insteval'?"),
    ({"dataset_options": {"movilens": {}}}, "dataset_options", "'movilens'", "'movielens'?"),
    (insteval(rwa=""), "dataset_options.insteval", "'rwa'", "'raw'?"),
    (insteval(drop_fields=["dept"]), "dataset_options.insteval.drop_fields", "'department'?"),
    ({"methods": {"mmeo": {}}}, "methods", "'mmeo'", "'mmoe'?"),
    ({"methods": {"mtnas": {"num_layer": 2}}}, "methods.mtnas", "'num_layer'", "'num_layers'?"),
    (mtnas(x={"search": {"step": 2}}), "variants.mtnas.x.search", "'step'", "'steps'?"),
    (mtnas(paper={}), "variants.mtnas", "'paper' is taken"),
    (mtnas(**{"A/B": {}}), "variants.mtnas", "'A/B'", "lower-case letters"),
    (mtnas(x={"derive": "inherits"}), "variants.mtnas.x.derive", "'inherits'", "'inherit'?"),
    (
        {"variants": {"control_perfect": {"x": {"training": {"epochs": 1}}}}},
        "variants.control_perfect.x",
        "'training'",
    ),
    (experiment(methods=["mtnsa"]), "experiments.main.methods", "method 'mtnsa'", "'mtnas'?"),
    (
        experiment(methods=["mtnas"], variants={"mtnas": ["inherits"]}),
        "experiments.main.variants.mtnas",
        "variant of mtnas 'inherits'",
        "'inherit'?",
    ),
    (
        experiment(methods=["mmoe"], datasets=["instevel"]),
        "experiments.main.datasets",
        "dataset 'instevel'",
        "'insteval'?",
    ),
    (
        experiment(methods=["mmoe"], datasets=["movielens"]),
        "experiments.main.datasets",
        "dataset of this study 'movielens'; allowed: insteval",
    ),
    ({"exhaustive": {"small": ["papr"]}}, "exhaustive.small", "'papr'", "'paper'?"),
]
VALUES = [
    ({"seeds": 0}, "seeds", "0: ", "1 .. 10000"),
    ({"seeds": "all"}, "seeds", "'all'", "list of seeds"),
    ({"seeds": 2.0}, "seeds", "2.0"),
    ({"seeds": True}, "seeds", "True"),
    ({"seeds": 20261123}, "seeds", "20261123", "10000"),
    ({"seeds": [1, 1]}, "seeds", "[1, 1]", "1 more than once"),
    ({"seeds": [0, 1.0]}, "seeds.1", "1.0", "integer"),
    ({"seeds": [3_000_000_000]}, "seeds.0", "3000000000", "2147483647"),
    ({"seeds": [-1]}, "seeds.0", "-1", "greater than or equal to 0"),
    ({"fixed_split": 1}, "fixed_split", "1", "boolean"),
    ({"training": {"epochs": 0}}, "training.epochs", "0", "equal to 1"),
    ({"training": {"epochs": "ten"}}, "training.epochs", "'ten'", "integer"),
    ({"training": {"epochs": 2.0}}, "training.epochs", "2.0", "integer"),
    ({"training": {"epochs": True}}, "training.epochs", "True", "integer"),
    ({"training": {"learning_rate": True}}, "training.learning_rate", "True", "number"),
    ({"training": {"learning_rate": float("nan")}}, "training.learning_rate", "nan", "finite"),
    ({"training": {"embedding_std": float("inf")}}, "training.embedding_std", "inf", "finite"),
    ({"training": {"learning_rate": 0}}, "training.learning_rate", "0", "greater than 0"),
    ({"training": 3}, "training", "3", "mapping; allowed keys: epochs, "),
    ({"training": {"selection": "tasks"}}, "training.selection", "'tasks'", "'task'?"),
    ({"training": {"loss_weights": [0, 0]}}, "training.loss_weights", "nothing to learn"),
    ({"training": {"loss_weights": [1, 2, 3]}}, "training.loss_weights", "3 numbers", "2 tasks"),
    ({"training": {"mixing": "round"}}, "training.mixing", "'round'", "'round_robin'?"),
    ({"training": {"mixing": "balanced"}}, "training.mixing", "on insteval", "no sources"),
    ({"training": {"selection": "source"}}, "training.selection", "on insteval", "no sources"),
    (
        insteval(training={"mixing": "round_robin", "mixing_weights": {"a": 2}}),
        "dataset_options.insteval.training.mixing",
        "no sources",
    ),
    ({"training": {"mixing_weights": {"a": 2}}}, "training.mixing_weights", "'proportional'"),
    ({"datasets": "insteval"}, "datasets", "list, such as [insteval]; allowed in it: bookcross"),
    ({"datasets": "instevel"}, "datasets", "list; allowed in it: bookcross"),
    ({"bookcrossing_raw": 202401}, "bookcrossing_raw", "202401", "2024_01", "such as ./2024_01"),
    (insteval(raw=date(2024, 1, 2)), "dataset_options.insteval.raw", "write ./ before"),
    (insteval(raw=1e5), "dataset_options.insteval.raw", "100000.0", "write ./ before"),
    (insteval(num_features=1), "dataset_options.insteval.num_features", "1", "equal to 2"),
    (insteval(num_features=2**31), "dataset_options.insteval.num_features", "2147483647"),
    (
        {**insteval(splits="disjoint"), "fixed_split": True},
        "dataset_options.insteval.splits",
        "`fixed_split: true` gives all seeds one split",
    ),
    (
        {**insteval(splits="disjoint"), "seeds": [3, 5]},
        "dataset_options.insteval.splits",
        "seeds must be 0, 1, ...",
    ),
    (insteval(split=[0.5, 0.5, 0.5]), "dataset_options.insteval.split", "add up to 1.5, not 1"),
    (insteval(simulate=9), "dataset_options.insteval.simulate", "'insteval'", "bookcrossing"),
    ({"dataset_options": {"tiktok": {"simulate": 1e6}}}, "dataset_options.tiktok.simulate", "int"),
    (
        {"dataset_options": {"tiktok": {"simulate": 9, "raw": "x"}}},
        "dataset_options.tiktok.simulate",
        "raw: x",
        "null",
    ),
    (
        {"dataset_options": {"tiktok": {"simulate": 9}}, "tiktok_raw": "x"},
        "dataset_options.tiktok.simulate",
        "raw: x",
    ),
    ({"insteval_raw": 3}, "insteval_raw", "3", "write ./ before"),
    (experiment(methods=[]), "experiments.main.methods", "[]", "at least 1"),
    (experiment(), "experiments.main", "'methods' is missing"),
    (
        experiment(methods=["mmoe"], datasets=["insteval"] * 2),
        "experiments.main.datasets",
        "'insteval' more than once",
    ),
    (
        experiment(methods=["mmoe"], variants={"mtnas": ["paper"] * 2}),
        "experiments.main.variants.mtnas",
        "'paper' more than once",
    ),
]
CONTRADICTIONS = [
    ({"methods": {"mtnas": {"hidden_dim": None}}}, "methods.mtnas.hidden_dim", "null", "number"),
    (
        {"variants": {"mmoe": {"x": {"training": {"loss_weights": [1]}}}}, "experiments": {}},
        "variants.mmoe.x.training.loss_weights",
        "1 numbers",
        "2 tasks",
    ),
    (
        mtnas(x={"training": {"embedding_per_task": True}}),
        "variants.mtnas.x.training.embedding_per_task",
        "`variants` of other methods",
    ),
    ({"training": {"embedding_per_task": True}}, "training.embedding_per_task", "mtnas searches"),
    (
        insteval(training={"embedding_per_task": True}),
        "dataset_options.insteval.training.embedding_per_task",
        "mtnas searches",
    ),
    (
        {"training": {"embedding_per_task": True}, "exhaustive": {"small": ["small"]}}
        | mtnas(small={"num_layers": 1, "query_scope": "root"}),
        "training.embedding_per_task",
        "mtnas searches",
    ),
    (
        mtnas(x={"search": {"strategy": "exhaustive"}})
        | experiment(methods=["mtnas"], variants={"mtnas": ["x"]}),
        "variants.mtnas.x.search.strategy",
        "more routes on insteval than the search has route evaluations, 7",
    ),
    (
        {"exhaustive": {"small": ["small"]}} | mtnas(small=TOO_FEW_STEPS),
        "variants.mtnas.small.search.strategy",
        "route evaluations, 48",
    ),
    ({"exhaustive": {"large": ["paper"]}}, "exhaustive.large", "num_layers 2", "20,000 routes"),
    (
        {"methods": {"mtnas": {"num_layers": 99}}, "exhaustive": {"large": ["paper"]}},
        "exhaustive.large",
        "num_layers 99",
    ),
    (  # Fig. 1(c) shows it in every study
        {"methods": {"cut_mmoe": {"num_experts": 2}}},
        "methods.cut_mmoe.num_experts",
        "on insteval: 2 leaves no task",
    ),
    (
        mtnas(x={"derive": "inherit", "search": {"strategy": "random"}}),
        "variants.mtnas.x.derive",
        "'inherit' needs the weights",
    ),
    (
        {"methods": {"mtnas": {"derive": "finetune", "search": {"strategy": "full_sharing"}}}},
        "methods.mtnas.derive",
        "'finetune' needs the weights",
    ),
    (
        mtnas(x={"route": "full_sharing"}),
        "variants.mtnas.x.route",
        "'full_sharing', but new weights are trained",
    ),
    (
        mtnas(x={"size_of": "routes", "search": {"strategy": "full_sharing"}}),
        "variants.mtnas.x.size_of",
        "hidden_dim is a number",
    ),
    (
        mtnas(x={"size_of": "routes", "hidden_dim": None}),
        "variants.mtnas.x.size_of",
        "the search strategy is 'reinforce'",
    ),
    (
        {"seeds": (0, 1_000_000), "training": {"restarts": 2}},
        "training.restarts",
        "seeds must be below 1,000,000",
    ),
    (
        {"methods": {"mtnas": {"search": {"leave_one_out": True}}}},
        "methods.mtnas.search",
        "routes_per_step of at least 2, not 1",
    ),
    (
        mtnas(x={"search": {"leave_one_out": True}}),
        "variants.mtnas.x.search",
        "routes_per_step of at least 2, not 1",
    ),
    (mtnas(**{"x" * 101: {}}), "variants.mtnas", "has 101 letters, at most 100"),
    (mtnas(**{"x\n": {}}), "variants.mtnas", "lower-case letters, digits and _"),
]
GRIDS = [
    ({"enable": True}, "tuning", "'enable'", "'enabled'?"),
    ({"methods": ["mmeo"]}, "tuning.methods", "'mmeo'", "'mmoe'?"),
    ({"methods": ["control_perfect"]}, "tuning.methods", "'control_perfect'"),
    ({"methods": None}, "tuning.methods", "list the methods to tune"),
    ({"variants": ["papr"]}, "tuning.variants.0", "'papr'", "'paper'?"),
    ({"training": {"learning_rates": [1]}}, "tuning.training", "'learning_rate'?"),
    ({"training": {"embedding_dim": [8]}}, "tuning.training", "'embedding_dim'"),
    ({"training": {"learning_rate": []}}, "tuning.training.learning_rate", "[]", "at least 1"),
    ({"training": {"learning_rate": [0.1, 0]}}, "tuning.training.learning_rate.1", "0"),
    ({"training": {"batch_size": [8, 8]}}, "tuning.training.batch_size", "8 more than once"),
    ({"options": {"mmeo": {}}}, "tuning.options", "'mmeo'", "'mmoe'?"),
    ({"options": {"mmoe": {"num_expert": [2]}}}, "tuning.options.mmoe", "'num_experts'?"),
    ({"options": {"mmoe": {"hidden_dim": [8]}}}, "tuning.options.mmoe", "'hidden_dim'"),
    ({"options": {"mmoe": {"num_experts": [0]}}}, "tuning.options.mmoe.num_experts.0", "0"),
    ({"options": {"snr_aver": {"gates": {"l0": [1]}}}}, "tuning.options.snr_aver.gates", "'l0'"),
    ({"options": {"mtnas": {"num_layers": [1]}}}, "tuning.options.mtnas", "allowed: none"),
    ({"methods": ["ple"], "training": {}}, "tuning.training", "'ple'", "tuning.options.ple"),
    ({"methods": ["mtnas"], "seeds": [0, 7]}, "tuning.seeds", "[7]", "allowed: [0, 1, 2]"),
]
DRAWN = [
    ({"datasets": ["neer"]}, "datasets", "'neer'", "'near'?"),
    ({"synthetic": {"near": {"roh": 1}}, "datasets": ["near"]}, "synthetic.near", "'rho'?"),
    ({"synthetic": {"near": {"rho": 2}}, "datasets": ["near"]}, "synthetic.near.rho", "2", "1"),
    (
        {"synthetic": {"insteval": {}}, "datasets": ["insteval"]},
        "synthetic.insteval",
        "another dataset has this name",
    ),
    ({"methods": {}}, "methods.mtnas.search.reward", "'auc_sum'", "reward: neg_loss"),
    (
        {"training": {"embedding_per_task": True}} | experiment(methods=["ple"]),
        "training.embedding_per_task",
        "inputs of near are numbers",
    ),
    (
        experiment(methods=["mmoe", "control_shuffled"]),
        "experiments.main.methods",
        "'control_shuffled'",
        "labels of near are numbers",
    ),
    (
        {"dataset_options": {"near": {"drop_fields": ["x0"]}}},
        "dataset_options.near.drop_fields",
        "allowed: split, ",
    ),
    (
        {"dataset_options": {"near": {"split": [7, 2, 1]}}},
        "dataset_options.near.split",
        "10000 rows",
    ),
]


def refused(build, **changes):
    with pytest.raises(ConfigError) as caught:
        build(**changes)
    return str(caught.value)


def check(message, place, words):
    where = "config" if place == "config" else f"config: {place}"
    assert message.startswith(f"{where}: "), message
    assert all(word in message.removeprefix(where) for word in words), message
    assert "\n" not in message


@pytest.mark.parametrize("case", [*NAMES, *VALUES, *CONTRADICTIONS])
def test_a_mistake_is_named_with_its_place_its_value_and_what_is_allowed(case):
    changes, place, *words = case
    check(refused(study, **changes), place, words)


@pytest.mark.parametrize(
    ("training", "option", "words"),
    [
        ({"mixing_weights": {"c": 1}}, "mixing_weights", ("unknown source 'c'", "allowed: a, b")),
        ({"batch_size": 1}, "batch_size", ("1, but", "each of 2 sources")),
        ({"mixing_weights": {"a": 2}, "selection": "source"}, None, ()),
    ],
)
def test_mixing_must_suit_the_sources_of_a_dataset(monkeypatch, training, option, words):
    monkeypatch.setattr(Dataset, "source_names", ("a", "b"))
    own = insteval(training={"mixing": "balanced", **training})
    if option is None:
        run = ("insteval", "mmoe", "paper")
        assert study(**own).training_of(*run).mixing_weights == {"a": 2}
    else:
        place = f"dataset_options.insteval.training.{option}"
        check(refused(study, **own), place, ("on insteval", *words))


@pytest.mark.parametrize("case", GRIDS)
def test_a_mistake_in_a_grid_is_named(case):
    changes, place, *words = case
    tuning = {key: value for key, value in {**GRID, **changes}.items() if value is not None}
    check(refused(study, tuning=tuning), place, words)


@pytest.mark.parametrize("case", DRAWN)
def test_a_mistake_about_drawn_data_is_named(case):
    changes, place, *words = case
    check(refused(synthetic, **changes), place, words)


def test_the_last_file_that_has_the_key_is_named(tmp_path):
    base, overlay = tmp_path / "base.yaml", tmp_path / "overlay.yaml"
    base.write_text("seeds: 3\ntraining: {epochs: 2}\n")
    overlay.write_text("training: {epochs: 0}\n")

    with pytest.raises(ConfigError, match=f"^{overlay}: training.epochs: 0 "):
        load({**STUDY, "training": {"epochs": 0}}, [base, overlay])


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ({"fixed_split": 1}, "fixed_split"),
        ({"seeds": "ten"}, "seeds"),
        ({"sedes": 3}, r"unknown key 'sedes' \(did you mean 'seeds'\?\)"),
        ({"datasets": "insteval"}, r"datasets: 'insteval' should be a list, such as \[insteval\]"),
        ({"training": {"epochs": "2"}}, "training.epochs"),
        (
            {"experiments": {"main": {"methods": ["mmeo"]}}},
            r"experiments.main.methods: unknown method 'mmeo' \(did you mean 'mmoe'\?\)",
        ),
        ({"insteval_raw": 3}, "insteval_raw"),
    ],
)
def test_the_command_line_is_named_for_what_was_typed_there(tmp_path, typed, place):
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({**STUDY, "fixed_split": False, "training": {"epochs": 2}}))

    with pytest.raises(ConfigError, match=f"^--config: {place}"):
        load({**STUDY, **typed}, [file], typed)


def test_a_default_that_contradicts_is_blamed_on_no_file_that_lacks_it(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("seeds: 3\n")

    with pytest.raises(ConfigError, match=r"^config: methods\.mtnas\.search\.reward: 'auc_sum'"):
        load({**SYNTHETIC, "methods": {}}, [file], {"seeds": 3})


def test_a_record_names_an_unknown_key_with_the_nearest():
    with pytest.raises(ConfigError, match="^training: unknown key 'epoch' .did you mean 'epochs'"):
        TrainingOptions.of({"epoch": 1, "patience": 0}, "training")


def test_yaml_numbers_without_a_dot_are_numbers_and_nothing_is_an_empty_mapping():
    raw = yaml.safe_load(
        "training: {learning_rate: 1e-3}\nmethods:\nvariants: {mtnas: {as_paper: }}\n"
        "experiments:\ntuning:\ndataset_options: {insteval: {training: }}\n"
    )

    loaded = load({**STUDY, **raw})

    assert loaded.training_of("insteval", "mmoe").learning_rate == 1e-3
    assert loaded.methods == {}
    assert loaded.variants_of("mtnas") == ("paper", "as_paper")
    paper, same = (loaded.options("insteval", "mtnas", v) for v in ("paper", "as_paper"))
    assert paper == same


def test_the_order_in_which_values_win():
    loaded = study(
        methods={"mtnas": {"num_layers": 3, "num_subnets": 5, "search": {"steps": 7}}},
        training={"epochs": 4, "patience": 3},
        dataset_options={
            "insteval": {
                "methods": {"mtnas": {"num_subnets": 6, "search": {"reward": "neg_loss"}}},
                "training": {"epochs": 5},
            }
        },
        variants={
            "mtnas": {
                "wide": {
                    "title": "wide",
                    "num_subnets": 7,
                    "search": {"warmup_steps": 1},
                    "training": {"patience": 9},
                }
            }
        },
        experiments={},
    )

    paper, wide = (loaded.options("insteval", "mtnas", v) for v in ("paper", "wide"))
    elsewhere = loaded.options("movielens", "mtnas")
    training = loaded.training_of("insteval", "mtnas", "wide")

    assert (paper.num_layers, paper.num_subnets, elsewhere.num_subnets) == (3, 6, 5)
    assert wide.num_subnets == 7
    assert wide.search == paper.search.model_copy(update={"warmup_steps": 1})
    assert (wide.search.steps, wide.search.reward, wide.search.batch_size) == (7, "neg_loss", 1024)
    assert (training.epochs, training.patience, training.batch_size) == (5, 9, 512)


def test_runs_of_experiments():
    main = STUDY["experiments"]["main"]
    sweep, off = {"datasets": ["movielens"], "methods": ["mmoe"]}, {"datasets": [], **main}

    loaded = study(
        datasets=["insteval", "movielens"],
        experiments={"sweep": sweep, "off": off, "again": sweep},
    )

    assert loaded.runs("sweep") == loaded.all_runs == [("movielens", "mmoe", "paper")]
    assert loaded.runs("off") == []
    assert study().runs("main") == [
        ("insteval", "mmoe", "paper"),
        ("insteval", "mtnas", "paper"),
        ("insteval", "mtnas", "random_routes"),
    ]
    with pytest.raises(ConfigError, match="unknown experiment 'mian' .did you mean 'main'"):
        study().runs("mian")


def test_what_only_some_methods_can_have_may_be_set_where_they_run_alone():
    alone = {"main": {"methods": ["mmoe", "share_bottom"]}}

    assert study(training={"embedding_per_task": True}, experiments=alone)


def shipped(*files):
    """Load overlays of the repository over its default."""
    paths = [REPOSITORY / "config" / file for file in ("config.yaml", *files)]
    return load(merged(*(yaml.safe_load(path.read_text()) for path in paths)))


def test_shipped_configurations_are_valid():
    overlays = {path.name for path in (REPOSITORY / "config").glob("*.yaml")}
    overlays -= {"config.yaml"}
    assert {"test.yaml", "bookcrossing.yaml", "published.yaml"} < overlays

    on_synthetic = ("synthetic_search_study.yaml", "synthetic_diagnoses.yaml")
    bases = dict.fromkeys(on_synthetic, ("synthetic.yaml",))
    bases["long_searches.yaml"] = ("search_study.yaml",)
    for overlay in ((), *((*bases.get(name, ()), name) for name in overlays)):
        loaded = shipped(*overlay)
        trained = loaded.all_runs or loaded.exhaustive or loaded.subsets
        assert trained or loaded.simulated_studies.studies


def test_book_crossing_is_the_papers_unless_only_a_part_is_there():
    whole, part = ["bookcrossing.yaml"], ["bookcrossing.yaml", "bookcrossing_part.yaml"]
    published = shipped(*part, "published.yaml")

    dropped = [
        len(loaded.dataset("bookcrossing").drop_fields)
        for loaded in (shipped(*whole), shipped(*part), published)
    ]

    assert dropped == [0, 6, 6]
    assert published.datasets == ("bookcrossing", "movielens", "insteval")


def test_the_search_study_judges_the_plus_that_is_shipped():
    default, overlay = (
        yaml.safe_load((REPOSITORY / "config" / name).read_text())["variants"]["mtnas"]
        for name in ("config.yaml", "search_study.yaml")
    )
    for variant in ("l1h3_plus", "l1h4_plus"):
        assert overlay[variant]["search"] == default["plus"]["search"]


def test_the_generated_files_are_up_to_date():
    assert read_json(SCHEMA_FILE) == generate(), "options changed: run `make schema`"
    for path, tables in ((MANUAL, reference()), (DATASET_MANUAL, dataset_reference())):
        manual = path.read_text(encoding="utf-8")
        assert manual == with_reference(manual, tables), "run `make schema`"


def test_parsing_imports_neither_torch_nor_methods():
    code = (
        "import sys; from mtnas import study as studies;"
        f"study = studies.load({STUDY!r}); studies.run_spec(study, 'insteval', 'mtnas');"
        "sys.exit('torch' in sys.modules or 'mtnas.methods' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
