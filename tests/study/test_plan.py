"""How much a study has to compute, and what a change of it makes anew."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mtnas import study as studies
from mtnas.config.options import RunKey
from mtnas.study.plan import plan_of
from tests.helpers.studies import REPOSITORY, shipped

# Datasets, searches that runs of experiments need, runs, runs that are tuned before.
SIZES = {
    (): (2, 2 * 3, 2 * (4 + 5), 0),  # paper, inherit and finetune share one search
    ("test",): (1, 3, 4 + 5 + 2, 0),
    # Two searches learn besides the paper's: the variants of Table 5 have spaces of their own. Four
    # variants weigh the tasks.
    ("more_methods",): (2, 2 * 3, 2 * (10 + 6 + 3), 0),
    # Table 5's two variants, the cut MMoE, three more depths and seven more widths.
    ("all_claims",): (2, 2 * (3 + 2 + 3 + 7), 2 * (4 + 5 + 2 + 1 + 3 + 7), 0),
    ("tuned",): (2, 2 * 3, 2 * (4 + 5), 2 * 4),
    # MTNAS's options are the paper's.
    ("more_methods", "tuned"): (2, 2 * 3, 2 * (10 + 6 + 3), 2 * (10 + 6)),
    ("bookcrossing",): (1, 3, 9, 0),
    ("simulated",): (3, 9, 27, 0),
    ("paper",): (3, 9, 27, 0),
    ("synthetic",): (12, 12 * 3, 12 * 5, 0),
}


def searches_of(study: studies.Study) -> set[RunKey]:
    """Return the searches behind the runs of a study."""
    runs = study.all_runs
    searched = [run for run in runs if study.method(run[1]).searches]
    return {(d, m, studies.search_home(study, d, m, v)) for d, m, v in searched}


def size_of(study: studies.Study) -> tuple[int, int, int, int]:
    runs = study.all_runs
    tuned = [run for run in runs if studies.is_tuned(study, *run)]
    return len(study.datasets), len(searches_of(study)), len(runs), len(tuned)


@pytest.mark.parametrize("overlays", SIZES, ids="+".join)
def test_size(overlays: tuple[str, ...]) -> None:
    assert size_of(shipped(*overlays)) == SIZES[overlays]


OVERLAYS = sorted((REPOSITORY / "config").glob("*.yaml"))


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.stem)
def test_an_overlay_without_the_main_comparison_names_its_simulated_studies(path: Path) -> None:
    told = yaml.safe_load(path.read_text())
    if told.get("experiments", {}).get("main", {}).get("datasets") == []:
        assert told["simulated_studies"]["studies"] == []


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.stem)
def test_every_overlay_is_listed(path: Path) -> None:
    assert f"\n| `{path.name}` | " in path.with_name("README.md").read_text()


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.stem)
def test_no_target_stands_behind_the_overlays_of_a_command(path: Path) -> None:
    """Snakemake would take it for an overlay."""
    comments = path.read_text().replace("\\\n#", "")
    for given in re.findall(r"snakemake .*--configfile ([^\n]*)", comments):
        files = given.partition(" --")[0].split()
        assert all(name.endswith((".yaml", ".yaml:")) for name in files), given


def test_what_is_simulated() -> None:
    def simulated(name: str) -> list[str]:
        study = shipped(name)
        return [name for name in study.datasets if study.is_simulated(name)]

    assert simulated("simulated") == ["bookcrossing", "tiktok", "goodreads"]
    assert simulated("paper") == []


def test_mtnas_is_tuned_under_the_routes_that_were_searched_if_it_is_listed() -> None:
    study = shipped(tuning={"enabled": True, "methods": ["mtnas"], "options": {}})

    # Routes are searched first; inherit and finetune have weights of the search.
    tuned = [v for _, m, v in study.all_runs if studies.is_tuned(study, "insteval", m, v)]
    assert tuned == ["paper", "random_routes", "full_sharing"] * 2
    assert size_of(study) == (2, 2 * 3, 2 * 9, 2 * 3)


def test_the_variants_that_are_tuned_stand_beside_those_that_are_not() -> None:
    study = shipped("tuned_beside")
    runs = [run[1:] for run in study.all_runs if run[0] == "insteval"]
    tuned = {run for run in runs if studies.is_tuned(study, "insteval", *run)}
    rows = ("single_task", "share_bottom", "mmoe", "ml_mmoe", "mtnas")
    assert tuned == {*((method, "tuned") for method in rows), ("mtnas", "tuned_full_sharing")}
    assert {(method, "paper") for method in rows} < {*runs} - tuned


@pytest.mark.parametrize(
    ("overlays", "by_space"),
    [
        # Two spaces for each of three values of rho; six searches in the one, four in the other.
        (
            ("synthetic", "synthetic_search_study"),
            {"synthetic_l1h3": 3 * 6, "synthetic_l1h4": 3 * 4},
        ),
        (("search_study",), {"l1h3": 2 * 28, "l1h4": 2 * 4}),
    ],
)
def test_small_spaces(overlays: tuple[str, ...], by_space: dict[str, int]) -> None:
    plan = plan_of(shipped(*overlays))

    assert plan.runs == []
    found = {space: sum(map(len, of.values())) for space, of in plan.judged.items()}
    assert found == by_space


RUNS = {
    f"{method}/paper"
    for method in (
        "single_task", "share_bottom", "mmoe", "ml_mmoe", "mtnas", "control_perfect",
        "control_shuffled",
    )
}  # fmt: skip
VARIANTS = {f"mtnas/{v}" for v in ("inherit", "finetune", "random_routes", "full_sharing")}
CONTROLS = {"control_perfect/paper", "control_shuffled/paper"}
ALL = RUNS | VARIANTS
SEARCHED = {"mtnas/paper", "mtnas/inherit", "mtnas/finetune"}
BLIND = {"mtnas/random_routes", "mtnas/full_sharing"}  # their routes are not learned
CHANGES: dict[str, tuple[int, set[str]]] = {
    "methods: {mmoe: {num_experts: 5}}": (0, {"mmoe/paper"}),
    "variants: {mmoe: {wide: {num_experts: 9}}}": (0, set()),  # that no experiment has
    "tuning: {methods: [mmoe], training: {learning_rate: [0.1]}}": (0, set()),  # not enabled
    "methods: {mtnas: {search: {steps: 21}}}": (1, SEARCHED),
    "methods: {mtnas: {query_scope: root}}": (3, SEARCHED | BLIND),
    "methods: {mtnas: {hidden_dim: 32}}": (1, ALL - CONTROLS),
    "training: {patience: 2}": (0, ALL - CONTROLS - {"mtnas/inherit"}),
    "training: {batch_size: 256}": (1, ALL - CONTROLS),
    "dataset_options: {insteval: {split_seed: 3}}": (0, set()),
    "fixed_split: true": (1, ALL),
    "seeds: 3": (3, ALL),
}


def jobs_of(study: studies.Study) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Return what identifies every search, every run with its search, and the data."""
    searches = {run: studies.search_spec(study, *run) for run in searches_of(study)}
    runs = {
        f"{m}/{v}": (
            studies.run_spec(study, d, m, v),
            searches.get((d, m, studies.search_home(study, d, m, v)))
            if study.method(m).searches
            else None,
        )
        for d, m, v in study.all_runs
    }
    return (
        {m + v: spec for (_, m, v), spec in searches.items()},
        runs,
        studies.prepare_spec(study, "insteval"),
    )


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_reaches_what_reads_it_and_nothing_else(change: str) -> None:
    searches, runs, data = jobs_of(shipped("test"))
    searches_then, runs_then, data_then = jobs_of(shipped("test", **yaml.safe_load(change)))

    num_searches, changed_runs = CHANGES[change]
    assert data_then == data
    assert runs_then.keys() == runs.keys() == ALL
    assert len([name for name in searches if searches_then[name] != searches[name]]) == num_searches
    assert {run for run in runs if runs_then[run] != runs[run]} == changed_runs
