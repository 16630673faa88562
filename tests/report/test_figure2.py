"""Figure 2: a block, the whole network and candidates of any search space."""

import pytest
from matplotlib.text import Text

from mtnas.report.exhibits.figure2 import EXHIBIT, space_figure
from mtnas.report.render.space_drawing import draw_block, draw_network
from mtnas.report.render.style import new_figure, save_figure
from mtnas.routes.space import SearchSpace

SPACES = [
    SearchSpace(2, 4, 2),
    SearchSpace(1, 3, 2, "root"),
    SearchSpace(3, 8, 3),
    SearchSpace(2, 2, 4, "root"),
    SearchSpace(1, 1, 1),
    SearchSpace(2, 4, 2, "root", "mean"),
]


def axes():
    return new_figure(4, 4).add_axes((0, 0, 1, 1))


@pytest.mark.parametrize("space", SPACES)
def test_a_block_has_all_its_values_and_queries(space):
    for block in space.blocks:
        drawing = draw_block(axes(), space, block)
        assert list(drawing.edges) == [(value, block) for value in space.values(block)]
        queries = [query for query in space.queries(block) if query is not None]
        assert list(drawing.queries) == queries


@pytest.mark.parametrize("space", SPACES)
def test_the_network_has_every_value_of_every_block(space):
    drawing = draw_network(axes(), space)
    assert set(drawing.edges) == {(v, b) for b in space.blocks for v in space.values(b)}
    assert len(drawing.nodes) == 1 + space.num_layers * space.num_subnets + space.num_tasks


@pytest.mark.parametrize(
    ("space", "count", "routes", "combinations"),
    [
        (
            SPACES[0],
            "15 combinations of values × 9 queries = 135 local routes",
            "576,650,390,625",
            15,
        ),
        (SPACES[1], "7 combinations of values × 1 query = 7 local routes", "49", 7),
        (
            SPACES[2],
            "255 combinations of values (15 shown) × 25 queries = 6,375",
            "2.5 · $10^{67}$",
            15,
        ),
        (SPACES[5], "15 combinations of values without a query = 15", "11,390,625", 15),
    ],
)
def test_counts_are_those_of_the_space(space, count, routes, combinations):
    figure = space_figure(space)
    shown = [text.get_text() for text in figure.texts]
    assert any(text.startswith(count) for text in shown)
    assert f"{routes} routes" in shown
    # A block, its combinations, the network, and two candidates.
    assert len(figure.axes) == 1 + combinations + 1 + 2


def test_all_combinations_are_named_where_they_fit():
    shown = [text.get_text() for text in space_figure(SPACES[1]).texts]
    assert {"s1", "s2", "s3", "s1+s2", "s1+s3", "s2+s3", "s1+s2+s3"} <= set(shown)


@pytest.mark.parametrize("space", SPACES)
def test_texts_neither_overlap_nor_leave_the_page(space):
    figure = space_figure(space)
    figure.canvas.draw()
    renderer, page = figure.canvas.get_renderer(), figure.bbox
    found = [text for text in figure.findobj(Text) if text.get_text().strip()]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in found]
    for i, (name, box) in enumerate(boxes):
        assert page.x0 <= box.x0 < box.x1 <= page.x1, name
        assert page.y0 <= box.y0 < box.y1 <= page.y1, name
        for other, second in boxes[:i]:
            assert not box.padded(-0.5).overlaps(second.padded(-0.5)), (name, other)


def test_bytes_repeat(tmp_path):
    for name in ("a", "b"):
        figure, caption = EXHIBIT.draw(EXHIBIT.data(SPACES[0]))
        save_figure(figure, [tmp_path / f"{name}.png", tmp_path / f"{name}.pdf"], caption)
    for ending in (".png", ".pdf"):
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()
