"""The table of which embedding tables searches chose, and figures without such searches."""

import pytest

from mtnas.report.exhibits.base import Needs, NothingToShowError
from mtnas.report.exhibits.figure3 import EXHIBIT as FIGURE3
from mtnas.report.exhibits.table_choices import EXHIBIT
from mtnas.report.names import Names, strategy_name
from mtnas.report.render.writers import ledger
from mtnas.report.searched import read_routes
from mtnas.routes.named import full_sharing
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.routes.tables import TableSpace
from mtnas.study.plan import plan_of
from tests.helpers.searches import edit_search, write_search
from tests.helpers.studies import shipped
from tests.helpers.tables import write_manifest

SPACE = TableSpace(1, 2, 2, "root", subnet_routes="full_sharing")
ENTROPY = {"entropy": 0.5, "uniform_entropy": 1.0}


def write(folder, variant, routes):
    """Write a search as a study would have it, with the entropy of its inputs and of no other."""
    return write_search(
        folder / f"results/routes/insteval/mtnas/{variant}/routes.json",
        dict(enumerate(routes)),
        dataset="insteval",
        variant=variant,
        blocks=lambda route: dict.fromkeys(route.space.inputs, ENTROPY),
    )


@pytest.fixture
def needs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "results/data/insteval/manifest.json"
    path.parent.mkdir(parents=True)
    write_manifest(path, dataset="insteval")
    return lambda *variants: Needs(
        searches=tuple(("insteval", "mtnas", name) for name in variants), manifests=("insteval",)
    )


def test_it_counts_the_seeds_that_took_each_choice(tmp_path, needs):
    routes = [Route.at(SPACE, index) for index in (0, 1, 5)]  # (S, S), (S, O), (O, B)
    write(tmp_path, "tables", routes)
    write(tmp_path, "paper", [full_sharing(SearchSpace(1, 2, 2))] * 3)

    table = EXHIBIT.read(needs("paper", "tables"))

    (row,) = table.blocks[0].rows
    assert row.label == "MTNAS (tables) (3 seeds)"
    cells = ledger(table).set_index(["task", "metric"])["value"].to_dict()
    assert cells == {
        ("t0", "seeds_shared"): 2, ("t0", "seeds_own"): 1, ("t0", "seeds_both"): 0,
        ("t1", "seeds_shared"): 1, ("t1", "seeds_own"): 1, ("t1", "seeds_both"): 1,
        ("all", "entropy_left"): 0.5,
    }  # fmt: skip


def test_without_a_choice_of_tables_it_shows_nothing(tmp_path, needs):
    write(tmp_path, "paper", [full_sharing(SearchSpace(1, 2, 2))])
    with pytest.raises(NothingToShowError, match="no search chose embedding tables"):
        EXHIBIT.read(needs("paper"))


def test_figure_3_keeps_to_routes_among_sub_networks():
    plan = plan_of(shipped("tables", datasets=["insteval"]))
    (figure,) = FIGURE3.needs(plan).values()
    (table,) = EXHIBIT.needs(plan).values()
    assert figure.searches == (("insteval", "mtnas", "paper"),)
    assert {variant for *_, variant in table.searches} == {
        "tables_trained", "tables_plus", "tables_plus_late", "tables_plus_two", "routes_and_tables",
    }  # fmt: skip
    assert EXHIBIT.needs(plan_of(shipped())) == {}


def test_a_search_that_trains_each_candidate_has_no_supernet(tmp_path):
    path = write(tmp_path, "tables", [Route.at(SPACE, 0)])
    edit_search(path, lambda record: record.update(strategy="exhaustive"))
    edit_search(path, lambda record: record["spec"]["search"].update(judge="training"))
    assert read_routes(path, Names()).title.endswith("exhaustive, each trained")
    assert strategy_name("exhaustive") == "exhaustive, one supernet"
    assert strategy_name("random_search", "training") == "random search, each trained"
