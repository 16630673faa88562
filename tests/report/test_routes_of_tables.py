"""Routes that choose tables, from their file to text, rows of data and drawings."""

import pandas as pd
import pytest

from mtnas.report.explained import explained_search
from mtnas.report.render.route_drawing import draw_route
from mtnas.report.render.style import axes_at, new_figure
from mtnas.report.searched import read_routes, route_rows, space_of
from mtnas.report.site.routes import Drawing
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.routes.tables import TableSpace
from tests.helpers.routes import write_routes

SPACE = TableSpace(1, 2, 2, "root", tables_read="two", subnet_routes="full_sharing")
ROUTE = Route.at(SPACE, 5)  # own tables of t0, both kinds of t1


@pytest.fixture
def searched(tmp_path):
    return write_routes(tmp_path / "routes.json", {0: ROUTE, 1: Route.at(SPACE, 0)})


def test_text_tells_which_tables_a_task_reads(searched):
    told = explained_search(searched, 0)
    assert "x0 <- e0 + f0, what the root reads for t0" in told
    assert "t0 reads both tables of its own." in told
    assert "t1 reads the shared table and its own." in told
    assert "one of 9 routes" in told
    assert "t1 reads both shared tables." in explained_search(searched, 1)


def test_a_space_survives_as_columns_beside_one_without_tables(searched):
    read = read_routes(searched)
    assert read.space == SPACE
    assert read.routes["0"] == ROUTE
    plain = Route.at(SearchSpace(1, 2, 2, "root"), 3)
    together = pd.DataFrame([*route_rows(plain), *route_rows(ROUTE)])
    assert space_of(together.iloc[:2]) == plain.space
    assert space_of(together.iloc[2:]) == SPACE


def test_drawings_show_the_sub_networks_of_a_route_that_chooses_tables(searched):
    read = read_routes(searched)
    figure = new_figure(3, 3)
    drawn = draw_route(axes_at(figure, 0, 0, 3, 3), ROUTE)
    assert set(drawn.edges) == set(ROUTE.network.edges)
    drawing = Drawing("0", ROUTE, read.blocks["0"], ("t0", "t1"))
    assert len(drawing.edges) == len(SPACE.layer(0)) + len(ROUTE.edges)
    first, second = (node.words for node in drawing.nodes if node.kind == "task")
    assert "; tables e0 + f0" in first
    assert "; tables e + e1" in second
