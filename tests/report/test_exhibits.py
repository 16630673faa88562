"""Which runs each table and figure takes from an inventory."""

import subprocess
import sys

import pytest
import yaml

from mtnas import study as studies
from mtnas.config.study import merged
from mtnas.report import selection
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.provenance import REPOSITORY
from mtnas.study.plan import Facts, Inventory, inventory_of

MTNAS = [("mtnas", v) for v in ("paper", "inherit", "finetune", "random_routes", "full_sharing")]
MAIN = [(m, "paper") for m in ("single_task", "share_bottom", "mmoe", "ml_mmoe")] + MTNAS


def shipped(*overlays, **changes):
    """Return the inventory of a study of this repository."""
    files = [REPOSITORY / "config" / f"{name}.yaml" for name in ("config", *overlays)]
    raw = merged(*(yaml.safe_load(file.read_text()) for file in files), changes)
    return inventory_of(studies.load(raw))


def on(dataset, rows):
    return [(dataset, *row) for row in rows]


def test_the_default_study():
    inventory = shipped()
    assert selection.table_runs(inventory) == {
        "table2": [*on("movielens", MAIN), *on("insteval", MAIN)],
        "table3": [],
        "table5": [],
        "why_single": [],
    }
    assert selection.tables(inventory) == ["table1", "table2", "table4"]
    assert selection.figures(inventory) == ["figure1", "figure2", "figure3", "search_curves"]
    # Inherited and fine-tuned weights come from the search of `paper`; controls learn nothing.
    assert selection.searched(inventory) == [("movielens", *MTNAS[0]), ("insteval", *MTNAS[0])]


def test_three_tasks_have_a_table_of_their_own():
    runs = selection.table_runs(shipped("paper"))
    assert {d for d, _, _ in runs["table2"]} == {"bookcrossing", "tiktok"}
    assert {d for d, _, _ in runs["table3"]} == {"goodreads"}


def test_claims_variants_and_sweeps_come_from_any_experiment():
    inventory = shipped("all_claims", datasets=["insteval"])
    table5 = ("single_task", "mtnas")
    variants = {v for _, m, v in selection.table_runs(inventory)["table5"] if m == table5[1]}
    assert variants == {"paper", "mean_pooling", "no_query_selection"}
    assert {m for _, m, _ in selection.table_runs(inventory)["table5"]} == set(table5)
    swept = selection.sweep_runs(inventory, "depth")
    assert {v for _, _, v in swept} == {"paper", "depth_1", "depth_3", "depth_4"}
    assert inventory.searches_of(swept) == swept
    assert selection.figure1_runs(inventory) == on("insteval", selection.FIGURE1)
    assert selection.shown(inventory) == "insteval"


def test_a_sweep_on_some_datasets_is_drawn_for_those():
    sweep = {"datasets": ["insteval"]}
    inventory = shipped("all_claims", experiments={"sensitivity": sweep})
    assert {d for d, _, _ in selection.sweep_runs(inventory, "subnets")} == {"insteval"}
    assert {d for d, _, _ in selection.table_runs(inventory)["table5"]} == {"movielens", "insteval"}


def test_figure_1_alone_is_no_main_comparison():
    inventory = shipped("bookcrossing", "figure1")
    assert inventory.runs == on("bookcrossing", selection.FIGURE1)
    assert selection.figures(inventory) == ["figure1"]
    assert selection.tables(inventory) == ["table1", "table4"]


def test_synthetic_data_are_apart_from_measured_ones():
    inventory = shipped("synthetic")
    assert len(selection.synthetic_runs(inventory)) == 12 * 5
    assert {m for _, m, _ in selection.gated_runs(inventory)} == {"mmoe"}
    apart = ["synthetic_d20_rho00", "synthetic_d50_rho00", "synthetic_d100_rho00"]
    assert selection.unrelated(inventory) == [(name, "mtnas", "paper") for name in apart]
    assert len(selection.principal(inventory)) == 12

    both = Inventory(
        {"insteval": Facts(2), **inventory.datasets},
        {"main": [("insteval", "mmoe", "paper"), *inventory.experiments["main"]]},
    )
    assert selection.principal(both) == ["insteval"]
    assert selection.table_runs(both)["table2"] == [("insteval", "mmoe", "paper")]
    assert len(selection.synthetic_runs(both)) == 12 * 5
    assert selection.figure1_runs(both) == [("insteval", "mmoe", "paper")]
    assert selection.searched_measured(inventory) == []
    assert selection.figures(inventory)[:3] == ["figure1", "figure2", "search_curves"]


def test_small_spaces_name_the_files_that_judge_their_searches():
    inventory = shipped("search_study")
    judged = inventory.judged_by("l1h3")
    by_variant = {e["variant"]: e["path"] for e in judged if e["dataset"] == "insteval"}
    routes = "results/routes/insteval/mtnas/l1h3_warm_up/routes.json"
    assert by_variant["l1h3_warm_up"] == routes
    assert by_variant["l1h3_inherit"] == "results/runs/insteval/mtnas/l1h3_inherit"
    assert ("insteval", "mtnas", "l1h3_inherit") in inventory.judged_runs(by_run=True)
    assert ("insteval", "mtnas", "l1h3_warm_up") in inventory.judged_runs(by_run=False)
    assert selection.tables(inventory)[-2:] == ["regret_l1h3", "regret_l1h4"]
    with pytest.raises(ConfigError, match="unknown space 'l1h5' .*; allowed: l1h3, l1h4"):
        inventory.judged_by("l1h5")


@pytest.mark.parametrize("overlay", ["config", "search_study", "synthetic", "all_claims"])
def test_an_inventory_survives_json(overlay):
    inventory = shipped(overlay)
    assert Inventory.from_json(inventory.to_json()) == inventory


def test_choosing_needs_neither_torch_nor_pandas():
    code = (
        "import sys; from mtnas import inventory, exhibits;"
        "sys.exit(bool({'torch', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
