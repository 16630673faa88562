"""`mtnas explain`: what a route shares, in words that are checked against its definition."""

import json

import pytest

from mtnas.__main__ import main
from mtnas.routes.named import full_sharing, no_sharing, share_bottom
from mtnas.routes.route import Route
from mtnas.routes.space import LocalRoute, SearchSpace
from mtnas.routes.text import described
from tests.helpers.searches import write_search

SPACE = SearchSpace(2, 3, 2)
ROUTE = Route(
    SPACE,
    (
        LocalRoute(("s1", "s2"), "s3"),
        LocalRoute(("s2",), "root"),
        LocalRoute(("s3",), "root"),
        LocalRoute(("s4",), "root"),
        LocalRoute(("s4", "s5"), "root"),
    ),
)


def explain(capsys, *arguments):
    status = main(["explain", *map(str, arguments)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_a_drawing_shows_what_every_node_reads():
    lines = described(ROUTE, ["click", "buy"], {"s4": "[probability 0.5]"}).splitlines()
    assert "layer 2  s4 <- s1 + s2, weighed by a gate that reads s3   [probability 0.5]" in lines
    assert "         s6 <- s3   (no task uses it)" in lines
    assert "tasks    click <- s4" in lines
    assert "         buy <- s4 + s5, weighed by a gate that reads root" in lines
    # The gate of s4 reads s3, so that counts as used.
    assert "click and buy share 4 of the 5 sub-networks they use: s1, s2, s3, s4." in lines
    assert "buy alone uses s5." in lines and "No task uses s6." in lines


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (full_sharing, "So all tasks use the same sub-networks; only their gates"),
        (share_bottom, "So all tasks read the same representation"),
        (no_sharing, "So every task has a network of its own"),
        (lambda space: ROUTE, "So the tasks share a part"),
    ],
)
def test_kinds_of_sharing_are_named(make, words):
    assert words in described(make(SPACE)).splitlines()[-1]


def blocks(route):
    sure = {"probability": 0.25, "entropy": 1.2, "uniform_entropy": 1.5}
    return dict.fromkeys(SPACE.blocks, sure)


@pytest.fixture
def search(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "results/routes/toys/mtnas/paper/routes.json"
    routes = {0: ROUTE, 1: share_bottom(SPACE), 2: share_bottom(SPACE)}
    return write_search(path, routes, dataset="toys", blocks=blocks)


def test_a_search_tells_a_seed_and_how_sure_it_was(search, capsys):
    for given in ("toys/mtnas/paper", search, search.parent):
        status, out, _ = explain(capsys, given)
        assert status == 0
        assert "toys/mtnas/paper, seed 0 of 3, found by reinforce" in out
        assert "[probability 0.25]" in out
        assert "The search has decided in part: 80% of the entropy of blind choice is left" in out
        assert "The 3 seeds found 2 different routes" in out
    out = explain(capsys, search, "--seed", 1)[1]
    assert "seed 1 of 3" in out and "read the same representation" in out
    assert "unknown seed '5'; allowed: 0, 1, 2" in explain(capsys, search, "--seed", 5)[2]


def test_a_route_as_json_is_explained_in_the_smallest_space(capsys):
    text = json.dumps(ROUTE.to_json())
    assert explain(capsys, text)[1] == described(ROUTE) + "\n"
    short = '{"t0": {"values": ["s1", "s3"]}, "t1": {"values": ["s2"]}}'
    out = explain(capsys, short)[1]
    assert "layers: 1, sub-networks in each: 3, tasks: 2" in out
    assert "t0 <- s1 + s3, weighed by a gate that reads root" in out
    whole = json.dumps({"space": SPACE.to_json(), "blocks": ROUTE.to_json()})
    assert explain(capsys, whole)[1] == described(ROUTE) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "blocks are t0, t1"),
        ('{"t0": ["s1"]}', "every block needs `values`, a list"),
        ('{"t0": {"values": ["s1"]}, "x1": {"values": ["s1"]}}', "blocks are t0, t1"),
        ('{"t0": {"values": []}}', "values must be one or more distinct names"),
        ('{"t0": {"values": ["s0"]}}', "unknown value 's0'"),
        ('{"s2": {"values": ["s9"]}, "t0": {"values": ["s2"]}}', "unknown value 's9'"),
        ('{"t0": {"values": 3}}', "every block needs `values`, a list"),
        ('{"space": {"layers": 3}, "blocks": {"t0": {"values": ["s1"]}}}', "`space` is none"),
    ],
)
def test_what_is_no_route_is_one_line(capsys, text, message):
    status, out, err = explain(capsys, text)
    assert status == 1 and out == "" and message in err and err.count("\n") == 1


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".json"])
def test_a_name_too_long_for_a_file_is_one_line(capsys, name):
    status, _, err = explain(capsys, name)
    assert status == 1 and "unknown folder of results/routes" in err and err.count("\n") == 1
