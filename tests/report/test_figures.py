"""Figures: what is drawn, that nothing overlaps, that bytes repeat."""

import contextlib
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from PIL import Image

from mtnas.evidence.search_record import Block
from mtnas.report import searched as searches
from mtnas.report.agreement import by_chance, in_common, told_by_seeds
from mtnas.report.decided import decision, entropy_left, verdict
from mtnas.report.exhibits import figure3, search_curves
from mtnas.report.exhibits.search_curves import curves_figure, with_curves
from mtnas.report.render.route_drawing import draw_route, legend_of, name_size, panel_units
from mtnas.report.render.route_panels import routes_figure
from mtnas.report.render.style import (
    SHARED,
    TASK_COLOURS,
    as_text,
    ink_on,
    new_figure,
    save_figure,
    styled,
    task_colour,
    task_marker,
)
from mtnas.report.searched import choices, course, read_routes
from mtnas.routes.named import full_sharing, random_route, share_bottom
from mtnas.routes.route import Route
from mtnas.routes.space import LocalRoute, SearchSpace
from mtnas.runtime.errors import ConfigError, RecordError
from mtnas.runtime.files import write_record
from tests.helpers.runs import NAMES
from tests.helpers.searches import edit_search, write_search

SPACES = [(1, 3, 2), (2, 4, 2), (3, 8, 3), (2, 2, 4), (2, 1, 1), (2, 4, 2, "root", "mean")]


def make_routes(path, size=(2, 4, 2), seeds=2, steps=30, *, simulated=False):
    """Write a routes.json as a search would, with random routes and made-up curves."""
    space, rng = SearchSpace(*size), np.random.default_rng(0)
    routes = {seed: random_route(space, rng) for seed in range(seeds)}
    reward = rng.normal(1.5, 0.1, steps).tolist()
    curve = {"step": list(range(steps)), "reward": reward, "entropy": [2.0] * steps}

    def blocks(route):
        uniform = {name: float(np.log(space.num_local_routes(name))) for name in space.blocks}
        return {
            name: {"probability": 0.031, "entropy": 0.95 * largest, "uniform_entropy": largest}
            for name, largest in uniform.items()
        }

    more = {"curve": curve}
    names = {"dataset": "movielens", "simulated": simulated}
    return write_search(path, routes, **names, blocks=blocks, more=more)


def drawn(route):
    with styled():
        figure = new_figure(4, 4)
        return figure, draw_route(figure.add_axes((0, 0, 1, 1)), route)


def texts_of(figure):
    return [t for t in figure.findobj(Text) if t.get_text().strip()]


@pytest.mark.parametrize("size", SPACES)
def test_every_edge_that_reaches_a_task_is_drawn_and_no_other(size):
    space, rng = SearchSpace(*size), np.random.default_rng(1)
    for route in (full_sharing(space), share_bottom(space), random_route(space, rng)):
        _, drawing = drawn(route)
        assert tuple(drawing.edges) == route.edges
        asked = [b for b, local in route if b in route.used() and local.has_gate]
        assert list(drawing.gates) == list(drawing.queries) == asked
        assert set(drawing.inputs) == route.used() & set(space.layer(0))
        assert len(drawing.nodes) == 1 + space.num_layers * space.num_subnets + space.num_tasks


def test_colours_say_which_tasks_a_part_serves():
    # s1 feeds t0 only, s2 both, s3 nothing; only t0 has a gate that matters.
    space = SearchSpace(1, 3, 2)
    route = Route(space, (LocalRoute(("s1", "s2"), "root"), LocalRoute(("s2",), "s3")))
    _, drawing = drawn(route)
    assert drawing.inputs["s1"].get_color() == task_colour(0)
    assert drawing.inputs["s2"].get_color() == SHARED
    assert drawing.edges["s2", "t1"].get_color() == task_colour(1)
    assert "s3" not in drawing.inputs
    assert drawing.nodes["s3"].get_linestyle() != drawing.nodes["s1"].get_linestyle()
    assert list(drawing.queries) == ["t0"]


def test_a_sub_network_that_is_only_asked_counts_as_used():
    space = SearchSpace(1, 3, 1)
    _, drawing = drawn(Route(space, (LocalRoute(("s1", "s2"), "s3"),)))
    assert "s3" in drawing.inputs
    assert len(drawing.edges) == 2


def test_the_legend_has_as_many_entries_for_any_number_of_tasks():
    one, two, twelve = (legend_of(tasks)["labels"] for tasks in (1, 2, 12))
    assert "serves two or more tasks" in two and "serves two or more tasks" not in one
    assert twelve == two
    assert [len(legend_of(tasks)["handles"]) for tasks in (2, 12)] == [5, 5]


def test_twelve_tasks_are_told_apart_and_their_names_can_be_read():
    assert len({(task_colour(t), task_marker(t)) for t in range(156)}) == 156
    assert len({task_colour(t) for t in range(12)}) == 12
    for colour in TASK_COLOURS:
        assert contrast(colour, ink_on(colour)) >= 4.5
        assert contrast(as_text(colour), "white") >= 4.5
    assert ink_on("#E69F00") == "black" and ink_on("#0072B2") == "white"
    assert as_text("#0072B2") == "#0072b2"  # dark enough as it is


def contrast(first, second):
    """Return the contrast of two colours (WCAG 2.1)."""
    light = []
    for colour in (first, second):
        linear = [
            v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(colour)
        ]
        light.append(float(np.dot((0.2126, 0.7152, 0.0722), linear)) + 0.05)
    return max(light) / min(light)


@pytest.mark.parametrize(
    ("size", "seeds"), [((1, 3, 2), 12), ((3, 8, 3), 10), ((2, 4, 2), 1), ((2, 4, 2), 10)]
)
def test_no_text_overlaps_or_leaves_the_page(tmp_path, size, seeds):
    figure = figure_of([read_routes(make_routes(tmp_path / "r.json", size, seeds))])
    assert_no_text_overlaps(figure)


def assert_no_text_overlaps(figure, texts=None):
    figure.canvas.draw()  # places the legend
    renderer = figure.canvas.get_renderer()
    texts = texts_of(figure) if texts is None else texts
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts]
    assert len(boxes) > 5
    page = figure.bbox
    for i, (name, box) in enumerate(boxes):
        assert page.x0 <= box.x0 < box.x1 <= page.x1, name
        assert page.y0 <= box.y0 < box.y1 <= page.y1, name
        for other, second in boxes[:i]:
            assert not box.padded(-0.5).overlaps(second.padded(-0.5)), (name, other)


@pytest.mark.parametrize("scale", [0.2, 0.3, 0.5])
def test_names_fit_into_their_nodes(scale):
    space = SearchSpace(3, 8, 3)
    width, height = panel_units(space)
    with styled():
        figure = new_figure(scale * width, scale * height)
        axes = figure.add_axes((0, 0, 1, 1))
        drawing = draw_route(axes, full_sharing(space), font_size=name_size(scale))
    renderer = figure.canvas.get_renderer()
    for text in axes.texts:
        inside, box = text.get_window_extent(renderer), drawing.nodes[text.get_text()]
        assert inside.width <= box.get_window_extent(renderer).width


def test_figure3_says_how_decided_the_search_was(tmp_path):
    figure = figure_of([read_routes(make_routes(tmp_path / "r.json"))])
    texts = [text.get_text() for text in texts_of(figure)]
    assert "MovieLens: MTNAS, REINFORCE" in texts
    told = "The search has not decided: 95% of the entropy of blind choice is left "
    assert any(text.startswith(told) for text in texts)
    assert any("full sharing has 24" in text for text in texts)
    assert "SIMULATED DATA" not in texts


@pytest.mark.parametrize("draw", [figure3, search_curves])
def test_simulated_data_say_so_on_the_face(tmp_path, draw):
    found = [read_routes(make_routes(tmp_path / "r.json", simulated=True))]
    figure, _ = draw.EXHIBIT.draw(draw.EXHIBIT.data(found))
    assert "SIMULATED DATA" in [text.get_text() for text in texts_of(figure)]


def figure_of(found):
    return routes_figure(searches.drawn(choices(found)))


def text_in_pdf(path):
    """Return the letters that a PDF file shows; kerning breaks its text into pieces."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.S)
    shown = []
    for stream in streams:
        with contextlib.suppress(zlib.error):
            shown += re.findall(rb"\(((?:\\.|[^\\)])*)\)", zlib.decompress(stream))
    return b"".join(shown).replace(b"\0", b"").decode("latin-1")  # two bytes a letter


@pytest.mark.parametrize("draw", [figure3, search_curves])
@pytest.mark.parametrize("simulated", [True, False])
def test_figure_files_of_simulated_data_say_so(tmp_path, draw, simulated):
    routes = make_routes(tmp_path / "r.json", simulated=simulated)
    png, pdf = tmp_path / "f.png", tmp_path / "f.pdf"
    figure, caption = draw.EXHIBIT.draw(draw.EXHIBIT.data([read_routes(routes)]))
    save_figure(figure, [png, pdf], caption)
    with Image.open(png) as opened:
        caption = opened.info["Description"]
    assert caption.startswith("SIMULATED DATA: MovieLens. ") is simulated
    assert ("SIMULATED DATA" in text_in_pdf(pdf)) is simulated
    assert "REINFORCE" in text_in_pdf(pdf)


def test_the_label_of_simulated_data_covers_nothing(tmp_path):
    figure = figure_of([read_routes(make_routes(tmp_path / "r.json", simulated=True))])
    assert_no_text_overlaps(figure)


def block(entropy=None, uniform_entropy=None):
    return Block(values=(), query=None, entropy=entropy, uniform_entropy=uniform_entropy)


def searched_of(routes, space, entropy=0.9, **more):
    """Return a search as it is drawn, with some routes by seed."""
    blocks = {
        seed: {b: block(entropy, 1.0 if entropy is not None else None) for b in route.space.blocks}
        for seed, route in routes.items()
    }
    fields = {"title": "s", "simulated": False, "tasks": (), **more}
    return searches.Drawn(space=space, routes=routes, blocks=blocks, **fields)


def test_how_decided_a_search_is_is_said_in_words():
    assert [verdict(share) for share in (1.0, 0.9, 0.7, 0.5, 0.0)] == [
        *("has not decided", "has not decided", "has decided in part", "has decided", "has decided")
    ]
    space = SearchSpace(1, 3, 2, "root")
    routes = {"0": full_sharing(space)}
    told = decision(searched_of(routes, space, 0.25).all_blocks)
    assert told.startswith("The search has decided: 25% of")
    assert decision(searched_of(routes, space, None).all_blocks) == ""


def test_large_blocks_count_more_than_small_ones():
    blocks = [block(3.0, 3.0), block(0.0, 1.0), block()]
    assert entropy_left(blocks) == 0.75
    assert entropy_left([block()]) is None


def test_what_routes_have_in_common_is_counted_in_links():
    space = SearchSpace(1, 3, 2, "root")
    one = Route(space, (LocalRoute(("s1", "s2"), "root"), LocalRoute(("s1",), "root")))
    other = Route(space, (LocalRoute(("s1",), "root"), LocalRoute(("s2",), "root")))
    assert in_common(one, other) == pytest.approx(1 / 4)  # s1-t0 of s1-t0, s2-t0, s1-t1, s2-t1
    assert in_common(one, one) == 1
    # Each of 3 links is in a subset with 4/7; both have 16/49, one or the other 40/49.
    assert 0.35 < by_chance(space) < 0.45


def test_the_figure_says_whether_the_seed_or_the_data_tell_more():
    space, rng = SearchSpace(2, 4, 2), np.random.default_rng(3)
    seeds = {str(s): random_route(space, rng) for s in range(20)}
    others = {str(s): random_route(space, rng) for s in range(20)}
    by_seed = [searched_of(seeds, space), searched_of(seeds, space)]
    text, told = told_by_seeds(by_seed)
    assert "with 100% of their links in common" in text
    assert told.startswith("So the seed tells more about a route than the data do")
    same = full_sharing(space)
    by_data = [searched_of(dict.fromkeys(seeds, r), space) for r in (same, share_bottom(space))]
    assert told_by_seeds(by_data)[1].startswith("So the data tell more about a route")
    neither = [searched_of(seeds, space), searched_of(others, space)]
    assert told_by_seeds(neither)[1] == "No difference between the first two is shown."
    assert told_by_seeds(by_seed[:1]) == []
    assert told_by_seeds([searched_of({"0": same}, space)] * 2) == []


@pytest.mark.parametrize("tasks", [2, 12])
def test_as_many_seeds_are_drawn_as_can_be_read(tmp_path, tasks):
    path = make_routes(tmp_path / "r.json", (2, 4, tasks), seeds=10)
    figure = figure_of([read_routes(path)])
    width = figure.axes[0].get_position().width * figure.get_size_inches()[0]
    assert width / panel_units(SearchSpace(2, 4, tasks))[0] > 0.3  # inches of a unit
    shown = [text.get_text() for text in texts_of(figure)]
    first = {2: "the first 4", 12: "the first"}[tasks]
    assert any(f"Shown: {first} of 10 seeds." in text for text in shown)
    assert_no_text_overlaps(figure)


@pytest.mark.parametrize("draw", [figure3, search_curves])
def test_figures_repeat_byte_for_byte(tmp_path, draw):
    source = make_routes(tmp_path / "r.json", (1, 3, 2))
    for name in ("a", "b"):
        figure, caption = draw.EXHIBIT.draw(draw.EXHIBIT.data([read_routes(source)]))
        save_figure(figure, [tmp_path / name / "f.png", tmp_path / name / "f.pdf"], caption)
    for suffix in ("png", "pdf"):
        first, second = (tmp_path / n / f"f.{suffix}" for n in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
    assert b"CreationDate" not in (tmp_path / "a" / "f.pdf").read_bytes()


def test_tasks_with_other_names_are_named_above_their_routes(tmp_path):
    names = ("income", "never_married", "a_task_with_a_rather_long_name")
    one = read_routes(make_routes(tmp_path / "r.json", (2, 4, 3), seeds=5))
    figure = figure_of([replace(one, tasks=names)])
    shown = [text.get_text() for text in texts_of(figure)]
    assert "t0: income, t1: never_married, t2: a_task_with_a_rather_long_name" in shown
    assert_no_text_overlaps(figure)
    plain = figure_of([replace(one, tasks=("t0", "t1", "t2"))])
    assert not any(text.get_text().startswith("t0: ") for text in texts_of(plain))
    assert plain.get_size_inches()[1] < figure.get_size_inches()[1]


def test_three_datasets_with_ten_seeds_fit_on_a_page(tmp_path):
    one = read_routes(make_routes(tmp_path / "r.json", seeds=10))
    found = [replace(one, dataset=f"d{i}") for i in range(12)]
    assert figure_of(found[:3]).get_size_inches()[1] < 11  # A4, less its margins
    assert curves_figure(course(found)).get_size_inches()[1] < 11


def test_many_searches_stand_in_two_columns_and_are_named(tmp_path):
    one = read_routes(make_routes(tmp_path / "r.json"))
    found = [one, *(replace(one, dataset=f"d{i}") for i in range(4))]
    found[1] = replace(one, variant="mean_pooling", simulated=True, names=NAMES)
    figure = curves_figure(course(found))
    assert len(figure.axes) == 10
    assert "MovieLens: MTNAS (mean pooling)" in [text.get_text() for text in figure.texts]
    assert_no_text_overlaps(figure, figure.texts)


def test_curves_take_the_mean_over_seeds(tmp_path):
    searched = read_routes(make_routes(tmp_path / "r.json", seeds=3))
    left, right = curves_figure(course([searched])).axes
    assert "MovieLens: MTNAS, REINFORCE, 3 seeds" in [t.get_text() for t in left.figure.texts]
    expected = np.mean([np.log(searched.space.num_local_routes(b)) for b in searched.space.blocks])
    assert np.allclose(right.lines[0].get_ydata(), 100 * 2.0 / expected)
    assert np.allclose(right.lines[1].get_ydata(), 100)
    share = round(100 * 2.0 / expected)
    told = f"The search has decided: {share}% of the entropy is left"
    assert told in [text.get_text() for text in right.figure.texts]


@pytest.mark.parametrize(
    ("points", "every", "label"),
    [
        (30, 1, "reward"),
        (30, 10, "reward, mean\nof 10 steps"),
        (200, 10, "reward, mean\nof 100 steps"),
    ],
)
def test_the_reward_says_over_how_many_steps_it_is_averaged(tmp_path, points, every, label):
    path = make_routes(tmp_path / "r.json", steps=points)

    def change(record):
        for found in record["seeds"].values():
            found["curve"]["step"] = [every * (i + 1) for i in range(points)]

    edit_search(path, change)

    left, _ = curves_figure(course([read_routes(path)])).axes

    assert left.get_ylabel() == label


def test_searches_without_curves_have_no_curves_figure(tmp_path):
    path = make_routes(tmp_path / "r.json")
    edit_search(path, lambda record: [found.pop("curve") for found in record["seeds"].values()])
    with pytest.raises(RecordError, match="curve"):
        with_curves([read_routes(path)])


@pytest.mark.parametrize(
    "damage",
    [
        {"seeds": {}},
        {"seeds": {"0": {"blocks": {}, "describe": "", "edges": 0}}},
        {"space": {"num_layers": 0}},
        {"space": {"num_layers": 0, "num_subnets": 4, "num_tasks": 2}},
    ],
)
def test_damaged_routes_files_are_refused_by_name(tmp_path, damage):
    path = make_routes(tmp_path / "r.json")
    write_record(path, json.loads(path.read_text()) | damage)
    with pytest.raises(RecordError, match=r"r\.json"):
        read_routes(path)


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"\.png or \.pdf"):
        save_figure(new_figure(1, 1), [tmp_path / "f.svg"])


def test_the_data_of_routes_are_the_choice_of_every_block(tmp_path):
    searched = read_routes(make_routes(tmp_path / "r.json", (1, 3, 2), seeds=2))
    data = choices([searched])
    assert len(data) == 2 * len(searched.space.blocks)
    for (seed, block), row in data.set_index(["seed", "block"]).iterrows():
        local = searched.routes[str(seed)][block]
        assert row["values"] == "+".join(local.values)
    assert set(data["probability"]) == {0.031}


def test_the_data_of_curves_are_every_recorded_step(tmp_path):
    searched = read_routes(make_routes(tmp_path / "r.json", seeds=3, steps=30))
    data = search_curves.EXHIBIT.data([searched])
    assert data.groupby("seed").size().tolist() == [30] * 3
    assert data["entropy"].eq(2.0).all()
