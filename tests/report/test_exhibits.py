"""What each table and figure takes from the plan of a study."""

from dataclasses import asdict

import pytest
import yaml

from mtnas import study as studies
from mtnas.config.layers import merged
from mtnas.report import exhibits
from mtnas.report.exhibits.base import Needs
from mtnas.report.names import Names
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.provenance import REPOSITORY
from mtnas.study.plan import Facts, Plan, plan_of

MTNAS = [("mtnas", v) for v in ("paper", "inherit", "finetune", "random_routes", "full_sharing")]
MAIN = [(m, "paper") for m in ("single_task", "share_bottom", "mmoe", "ml_mmoe")] + MTNAS
FIGURE1 = [("mmoe", "paper"), ("cut_mmoe", "paper")]


def shipped(*overlays, **changes):
    """Return the plan of a study of this repository."""
    files = [REPOSITORY / "config" / f"{name}.yaml" for name in ("config", *overlays)]
    raw = merged(*(yaml.safe_load(file.read_text()) for file in files), changes)
    return plan_of(studies.load(raw))


DEMONSTRATION = ["transfer_architecture", "transfer_alignment_module", "transfer_demonstration"]


def needs(plan):
    return {name: exhibit.needs for name, exhibit in exhibits.planned(plan).items()}


def names(plan, kind):
    return [name for name, exhibit in exhibits.planned(plan).items() if exhibit.kind == kind]


def on(dataset, rows):
    return tuple((dataset, *row) for row in rows)


def test_the_default_study():
    plan = shipped()
    found = needs(plan)
    assert found["table2"].runs == on("movielens", MAIN) + on("insteval", MAIN)
    assert names(plan, "table") == ["table1", "table2", "table4"]
    shown = ["answer", "figure1", "figure2", "figure3", "search_curves"]
    assert names(plan, "figure") == [*shown, *DEMONSTRATION]
    # Inherited and fine-tuned weights come from the search of `paper`; controls learn nothing.
    assert found["figure3"].searches == (("movielens", *MTNAS[0]), ("insteval", *MTNAS[0]))
    assert found["search_curves"].searches == found["figure3"].searches
    assert plan.controls == [("mtnas", "random_routes"), ("mtnas", "full_sharing")]


def test_three_tasks_have_a_table_of_their_own():
    found = needs(shipped("paper"))
    assert {d for d, _, _ in found["table2"].runs} == {"bookcrossing", "tiktok"}
    assert {d for d, _, _ in found["table3"].runs} == {"goodreads"}


def test_claims_variants_and_sweeps_come_from_any_experiment():
    plan = shipped("all_claims", datasets=["insteval"])
    found = needs(plan)
    variants = {v for _, m, v in found["table5"].runs if m == "mtnas"}
    assert variants == {"paper", "mean_pooling", "no_query_selection"}
    assert {m for _, m, _ in found["table5"].runs} == {"single_task", "mtnas"}
    swept = found["figure7_layers"]
    assert {v for _, _, v in swept.runs} == {"paper", "depth_1", "depth_3", "depth_4"}
    assert swept.searches == swept.runs
    assert len(found["figure7"].runs) == 8
    assert found["figure1"].runs == on("insteval", FIGURE1)
    assert plan.shown == "insteval"


def test_a_sweep_is_of_the_variants_that_change_its_option_alone_whatever_their_names():
    variants = {
        "wide": {"num_subnets": 9},
        "deep_and_wide": {"num_layers": 4, "num_subnets": 9},
        "wide_and_blind": {"num_subnets": 6, "search": {"strategy": "random"}},
    }
    experiment = {"methods": ["mtnas"], "variants": {"mtnas": ["paper", *variants]}}
    plan = shipped(variants={"mtnas": variants}, experiments={"own": experiment})
    found = needs(plan)
    assert {v for _, _, v in found["figure7"].runs} == {"wide", "paper"}
    assert "figure7_layers" not in found


def test_a_sweep_on_some_datasets_is_drawn_for_those():
    sweep = {"datasets": ["insteval"]}
    found = needs(shipped("all_claims", experiments={"sensitivity": sweep}))
    assert {d for d, _, _ in found["figure7"].runs} == {"insteval"}
    assert {d for d, _, _ in found["table5"].runs} == {"movielens", "insteval"}


def test_figure_1_alone_is_no_main_comparison():
    plan = shipped("bookcrossing", "figure1")
    assert tuple(plan.runs) == on("bookcrossing", FIGURE1)
    assert names(plan, "figure") == ["figure1"]
    assert names(plan, "table") == ["table1", "table4"]


def test_synthetic_data_are_apart_from_measured_ones():
    plan = shipped("synthetic")
    found = needs(plan)
    assert len(found["figure4"].runs) == 12 * 5
    assert {m for _, m, _ in found["figure6"].runs} == {"mmoe"}
    apart = ("synthetic_d20_rho00", "synthetic_d50_rho00", "synthetic_d100_rho00")
    assert found["figure5"].searches == tuple((name, "mtnas", "paper") for name in apart)
    assert len(plan.principal) == 12
    assert names(plan, "figure")[:4] == ["answer", "figure1", "figure2", "search_curves"]

    both = Plan(
        {"insteval": Facts(2), **plan.datasets},
        {"main": [("insteval", "mmoe", "paper"), *plan.main]},
    )
    assert both.principal == ["insteval"]
    found = needs(both)
    assert found["table2"].runs == found["figure1"].runs == (("insteval", "mmoe", "paper"),)
    assert len(found["figure4"].runs) == 12 * 5


def test_small_spaces_name_the_files_that_judge_their_searches():
    plan = shipped("search_study")
    judged = plan.judged_by("l1h3")
    by_variant = {e["variant"]: e["path"] for e in judged if e["dataset"] == "insteval"}
    routes = "results/routes/insteval/mtnas/l1h3_warm_up/routes.json"
    assert by_variant["l1h3_warm_up"] == routes
    assert by_variant["l1h3_inherit"] == "results/runs/insteval/mtnas/l1h3_inherit"
    assert ("insteval", "mtnas", "l1h3_inherit") in plan.judged_runs(by_run=True)
    assert ("insteval", "mtnas", "l1h3_warm_up") in plan.judged_runs(by_run=False)
    assert names(plan, "table")[-2:] == ["regret_l1h3", "regret_l1h4"]
    files = needs(plan)["regret_l1h3"].files
    assert {routes, f"{by_variant['l1h3_inherit']}/run.json"} < set(files)
    assert "results/exhaustive/insteval/l1h3.parquet" in files
    with pytest.raises(ConfigError, match="unknown space 'l1h5' .*; allowed: l1h3, l1h4"):
        plan.judged_by("l1h5")


def test_variants_are_named_by_their_titles():
    plan = shipped("search_study")
    found = Names.of(plan)
    assert found.run("mtnas", "finetune") == "MTNAS (fine-tuned)"
    assert found.run("mtnas", "plus") == "MTNAS+"
    assert found.run("mmoe") == "MMoE"
    assert found.run("toy", "x") == "toy (x)"  # neither a method of ours nor a variant
    assert found.search("mtnas", "l1h3") == found.search("mtnas", "paper")
    assert found.search("mtnas", "l1h3_four_routes") == "MTNAS, 4 routes a step"
    assert found.search("mtnas", "l1h3_plus_with_slow_alpha") == "MTNAS+, slow route updates"
    titles = needs(plan)["regret_l1h3"].titles
    assert (titles["mtnas"], titles["mtnas/l1h3_inherit"]) == ("MTNAS", "inherited weights")


def test_a_new_title_of_a_dataset_is_another_need_of_what_shows_it(monkeypatch):
    plan = shipped("search_study")
    before = needs(plan)
    title = plugins.title
    monkeypatch.setattr(
        plugins, "title", lambda kind, name: "Films" if name == "movielens" else title(kind, name)
    )
    after = needs(plan)
    changed = {name for name in after if after[name] != before[name]}
    planted = {name for name in after if name.startswith("transfer_")}
    assert changed == after.keys() - planted - {"figure1", "figure2"}  # they show no dataset
    assert after["regret_l1h3"].datasets == {"movielens": "Films", "insteval": "InstEval"}
    assert after["table1"].files == before["table1"].files


@pytest.mark.parametrize("overlay", ["config", "search_study", "synthetic", "all_claims"])
def test_plans_and_needs_survive_json(overlay):
    plan = shipped(overlay)
    assert Plan.from_json(plan.to_json()) == plan
    for found in needs(plan).values():
        assert Needs(**asdict(found)) == found


def test_a_table_that_a_study_has_not_is_refused():
    found = exhibits.planned(shipped())
    with pytest.raises(ConfigError, match="unknown table of this study 'table3'.*table1, table2"):
        exhibits.named(found, "table3", "table")
    with pytest.raises(ConfigError, match="unknown figure of this study 'table1'"):
        exhibits.named(found, "table1", "figure")
