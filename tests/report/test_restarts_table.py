"""The table of both parts of the variance, and a plan that knows which runs have restarts."""

import numpy as np
import pytest

from mtnas import study as studies
from mtnas.evidence.restarts import components
from mtnas.report.exhibits.base import Needs
from mtnas.report.exhibits.restarts import EXHIBIT
from mtnas.report.render.writers import ledger
from mtnas.runtime.seeds import RESTART, of_restarts
from mtnas.study.plan import Plan, plan_of
from tests.helpers.runs import edit_run_record, make_run
from tests.helpers.studies import study

UNITS = of_restarts((0, 1, 2), 2)
NOISE = np.array([0.01, 0.02, 0.06, 0.03, -0.02, 0.01])
ASKED = ("insteval", "mmoe", "paper")


def restarted(record):
    record["spec"]["training"] = {"restarts": 2}


def test_cells_are_the_components_of_the_scores(tmp_path, monkeypatch):
    folder = make_run(
        tmp_path / "results/runs", "mmoe", (0.7, 0.8), dataset="insteval", seeds=UNITS, noise=NOISE
    )
    edit_run_record(folder, restarted)
    monkeypatch.chdir(tmp_path)

    table = EXHIBIT.read(Needs(runs=(ASKED,)))

    (row,) = table.blocks[0].rows
    assert row.label == "MMoE (3 splits × 2)"
    found = components(NOISE.reshape(2, 3).T)
    cells = ledger(table).query("task == 't0'").set_index("metric")["value"]
    assert cells["sd_between_splits_of_auc"] == pytest.approx(found.sd("between"))
    assert cells["sd_within_splits_of_auc"] == pytest.approx(found.sd("within"))
    assert cells["share_within_of_auc"] == pytest.approx(found.share_within)


def test_a_plan_knows_its_restarts_and_an_older_one_is_as_before():
    variants = {"mmoe": {"again": {"training": {"restarts": 3}}}}
    experiments = {"main": {"methods": ["mmoe"], "variants": {"mmoe": ["paper", "again"]}}}
    plan = plan_of(study(variants=variants, experiments=experiments))

    assert plan.restarted == (("insteval", "mmoe", "again"),)
    assert Plan.from_json(plan.to_json()).restarted == plan.restarted
    assert EXHIBIT.needs(plan)["restarts"].runs == plan.restarted
    usual = plan_of(study())
    assert "restarted" not in usual.to_json()
    assert EXHIBIT.needs(usual) == {}


def test_specs_of_runs_and_searches_have_a_seed_for_every_restart():
    config = study(
        training={"restarts": 2, "of_restarts": "mean"},
        subsets={
            "all": {
                "methods": ["mmoe"],
                "tasks": "all",
            }
        },
    )
    run, search = studies.run_spec(config, *ASKED), studies.search_spec(config, "insteval", "mtnas")
    divided = studies.subsets_spec(config, "all", *ASKED)

    assert run.seeds == search.seeds == (0, 1, 2, RESTART, RESTART + 1, RESTART + 2)
    assert [run.split_seed(seed) for seed in run.seeds] == [0, 1, 2, 0, 1, 2]
    assert (search.training.restarts, search.training.of_restarts) == (2, "best")
    assert (divided.seeds, divided.training.restarts) == ((0, 1, 2), 1)
    assert studies.run_spec(study(), *ASKED).split_seed(RESTART + 1) == RESTART + 1
