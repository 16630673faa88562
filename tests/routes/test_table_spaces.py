"""Spaces in which tasks choose tables: what is in them, and what becomes of their routes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtnas.routes.named import full_sharing, no_sharing, random_route, share_bottom
from mtnas.routes.patterns import patterns
from mtnas.routes.route import Route
from mtnas.routes.space import LocalRoute, SearchSpace
from mtnas.routes.tables import TableSpace, space_from
from mtnas.routes.text import described
from mtnas.runtime.errors import RecordError

SPACES = st.builds(
    TableSpace,
    num_layers=st.integers(1, 2),
    num_subnets=st.integers(1, 3),
    num_tasks=st.integers(1, 3),
    query_scope=st.sampled_from(["all_below", "root"]),
    pooling=st.sampled_from(["gate", "mean"]),
    tables=st.sampled_from(["searched", "shared", "own", "both"]),
    tables_read=st.sampled_from(["one_or_two", "two", "apart"]),
    subnet_routes=st.sampled_from(["searched", "full_sharing"]),
)
SEEDS = st.integers(0, 2**32 - 1)
TABLES_ALONE = TableSpace(2, 4, 3, subnet_routes="full_sharing")


def test_every_task_chooses_its_tables_beside_its_sub_networks():
    space = TableSpace(1, 2, 2, "root")
    assert space.blocks == ("t0", "t1", "x0", "x1")
    assert space.table_names == ("e", "e0", "e1")
    assert [space.local_route("x1", i).values for i in range(3)] == [("e",), ("e1",), ("e", "e1")]
    assert space.num_routes == (3 * 3) ** 2
    assert space.network == SearchSpace(1, 2, 2, "root") != space


def test_two_tables_are_read_by_every_choice():
    space = TableSpace(1, 2, 2, tables_read="two")
    read = [space.local_route("x1", i).values for i in range(3)]
    assert read == [("e", "f"), ("e1", "f1"), ("e", "e1")]
    assert space.table_names == ("e", "f", "e0", "f0", "e1", "f1")


def test_choices_may_have_no_table_in_common():
    space = TableSpace(1, 2, 2, tables_read="apart")
    read = [space.local_route("x1", i).values for i in range(3)]
    assert read == [("e",), ("e1",), ("f", "f1")]


def test_with_sub_networks_held_only_tables_are_chosen():
    assert TABLES_ALONE.num_routes == 27
    routes = {Route.at(TABLES_ALONE, i) for i in range(27)}
    assert len(routes) == 27
    assert {route.network for route in routes} == {full_sharing(SearchSpace(2, 4, 3))}
    assert len(set(patterns(TABLES_ALONE))) == 27


@given(SPACES, SEEDS)
def test_a_route_survives_json_indices_and_names(space, seed):
    route = random_route(space, np.random.default_rng(seed))
    again = space_from(**space.to_json())
    assert again == space
    assert Route.from_json(again, route.to_json()) == route
    assert Route.at(space, route.index) == route
    assert route.canonical().used() == route.used()
    assert [route[x] for x in space.inputs] == [route.canonical()[x] for x in space.inputs]
    assert route.network.edges == route.edges
    assert described(route)


@given(SPACES)
def test_what_needs_no_search_reads_the_shared_table_or_own_ones(space):
    for make, choice in ((full_sharing, "shared"), (share_bottom, "shared"), (no_sharing, "own")):
        if make is no_sharing and space.num_subnets < space.num_tasks:
            continue
        route = make(space)
        wanted = choice if space.tables == "searched" else space.tables
        held = TableSpace(1, 1, space.num_tasks, tables=wanted, tables_read=space.tables_read)
        assert [route[x] for x in space.inputs] == [held.local_route(x, 0) for x in held.inputs]
        full = full_sharing(space.network)
        held_network = space.subnet_routes == "full_sharing"
        assert route.network == (full if held_network else make(space.network))


def test_a_task_reaches_its_own_tables_and_no_others():
    route = no_sharing(TableSpace(1, 2, 2))
    assert {"e0"} == route.used(["t0"]) & {"e", "e0", "e1"}
    assert {"e0", "e1"} == route.used() & {"e", "e0", "e1"}


@pytest.mark.parametrize(
    ("space", "block", "local", "allowed"),
    [
        (TableSpace(1, 2, 2, tables="own"), "x0", ("e",), "unknown value 'e'"),
        (TableSpace(1, 2, 2, tables_read="two"), "x0", ("e",), r"x0: reads e; .*: e\+f, e0\+f0, e"),
        (
            TableSpace(1, 2, 2, subnet_routes="full_sharing"),
            "t1",
            ("s1",),
            r"t1: reads s1; .* s1\+",
        ),
    ],
)
def test_a_route_of_another_space_is_refused(space, block, local, allowed):
    route = full_sharing(space)
    query = route[block].query
    changed = [LocalRoute(local, query) if b == block else own for b, own in route]
    with pytest.raises(RecordError, match=allowed):
        Route(space, tuple(changed))
