"""Claim C15: methods equal their routes of the search space, and no other route."""

import json
from dataclasses import replace

import pytest

from mtnas.routes import SearchSpace, full_sharing, share_bottom
from mtnas.subgraphs import DRAWS, difference, measure, twins


def test_every_method_equals_its_route(tmp_path):
    measure(tmp_path / "s.json")
    checks = json.loads((tmp_path / "s.json").read_text())["checks"]
    assert [check["method"] for check in checks] == ["share_bottom", "mmoe", "ml_mmoe"]
    for check in checks:
        assert 0 <= check["min_difference"] <= check["max_difference"] < 1e-12
        assert check["draws"] == DRAWS


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
