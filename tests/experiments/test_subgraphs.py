"""Claim C15: methods equal their routes of the search space, and no other route."""

import json
from dataclasses import replace

import pytest

from mtnas.experiments.equivalence import DRAWS, Twin, difference, measure, twins, typical_routes
from mtnas.report.exhibits.figure1 import read_typical
from mtnas.routes.named import full_sharing, share_bottom
from mtnas.routes.space import SearchSpace


def test_every_method_equals_its_route(tmp_path):
    typical = {"num_tasks": 2, "num_experts": 4, "cut": {}}
    measure(tmp_path / "s.json", typical)
    checks = json.loads((tmp_path / "s.json").read_text())["checks"]
    assert [check["method"] for check in checks] == ["share_bottom", "mmoe", "ml_mmoe"]
    for check in checks:
        assert 0 <= check["min_difference"] <= check["max_difference"] < 1e-12
        assert check["draws"] == DRAWS
    assert read_typical(tmp_path / "s.json") == typical_routes(**typical)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("share_bottom", full_sharing(SearchSpace(1, 4, 2))),
        ("mmoe", share_bottom(SearchSpace(1, 4, 2))),
        ("ml_mmoe", share_bottom(SearchSpace(2, 4, 2))),
    ],
)
def test_another_route_is_another_function(name, wrong):
    assert difference(name, replace(twins()[name], route=wrong), seed=0) > 1e-3


@pytest.mark.parametrize("name", ["share_bottom", "mmoe", "cut_mmoe"])
def test_what_figure_1_shows_is_the_method(name):
    route = typical_routes(2, 4, {})[name]
    hand_over = twins()["mmoe" if name == "cut_mmoe" else name].hand_over
    assert difference(name, Twin(route, hand_over), seed=0) < 1e-12


def test_figure_1_shows_the_experts_and_the_links_of_the_study():
    routes = typical_routes(3, 5, {"num_experts": 4})
    assert len(routes["share_bottom"].edges) == 3
    assert len(routes["mmoe"].edges) == 3 * 5
    assert [local.values for _, local in routes["cut_mmoe"]] == [
        ("s1", "s4"),
        ("s2", "s4"),
        ("s3", "s4"),
    ]
