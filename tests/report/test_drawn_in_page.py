"""What the report draws itself from tidy data: intervals, spaces, sweeps, places of numbers."""

import numpy as np
import pandas as pd
import pytest

from mtnas.report.render.style import new_figure, save_figure, styled
from mtnas.report.site.figures import figure, title_of
from mtnas.report.site.intervals import Panel
from mtnas.report.site.scales import Interval, Scale, side_of
from mtnas.report.site.spaces import spaces
from mtnas.report.site.sweeps import sweeps
from mtnas.routes.named import full_sharing
from mtnas.routes.space import SearchSpace
from tests.helpers.pages import EVIL, Page

SPACE = SearchSpace(1, 2, 2, "root")  # 9 routes
FULL = full_sharing(SPACE).index


@pytest.fixture
def routes():
    """Return all routes of a space for two seeds: route r has r more loss than full sharing."""
    rows = [
        {"route": r, "seed": s, "valid_loss": -r + s, "test_loss": r - FULL + 10 * s, "good": r < 2}
        for r in range(SPACE.num_routes)
        for s in (0, 1)
    ]
    about = {"dataset": "insteval", "title": EVIL, "unit": "nats", "simulated": False}
    frame = pd.DataFrame(rows).assign(**about, **SPACE.to_json())
    picks = [{"dataset": "insteval", "simulated": False, "search": EVIL, "seed": s, "route": 3}
             for s in (0, 1)]  # fmt: skip
    return pd.concat([frame, pd.DataFrame(picks)], ignore_index=True)


def test_a_scale_maps_its_ends_and_its_ticks_are_round():
    scale = Scale(-1.0, 3.0, 0.0, 100.0)
    assert [scale.at(v) for v in (-1, 0, 3)] == [0, 25, 100]
    assert ("−1", 0.0) in [(text, x) for x, text in Scale(-1.0, 1.0, 0.0, 10.0).ticks()]
    assert Scale.over([2.0, 2.0], 0, 10).at(2.0) == 5.0


@pytest.mark.parametrize(
    ("low", "high", "side"),
    [(0.1, 0.2, "better"), (-2, -1, "worse"), (-1, 1, "unsure"), (None, None, "unsure")],
)
def test_an_interval_counts_only_off_zero(low, high, side):
    assert side_of(low, high) == side


def test_an_interval_far_wider_than_the_others_ends_in_arrows():
    rows = [Interval("a", -0.1, 0.0, 0.1, "a")] * 3 + [Interval("b", -9.0, 5.0, 9.0, "b")]
    panel = Panel.of("AUC", rows, rows)
    assert panel.scale.high < 1
    assert panel.arrows(rows[0]) == []
    assert [sign for _, sign in panel.arrows(rows[3])] == ["◂", "▸"]
    assert panel.at(5.0) == panel.scale.right
    page = Page(panel.html())
    assert page.tags["circle"] == 4 and page.text.count("▸") == 1


def test_every_route_is_drawn_in_order_with_what_was_picked(routes):
    (space,) = spaces(routes)
    assert space.order == list(range(SPACE.num_routes))  # paired: the shift of a seed is gone
    assert space.means.tolist() == [r - FULL for r in range(SPACE.num_routes)]
    assert not space.spread.any()
    assert [dot.good for dot in space.dots] == [True] * 2 + [False] * 7
    full, best, search = space.picked
    assert full.dots[0][0] == space.across.at(FULL)
    assert [dot[0] for dot in best.dots] == [space.across.at(SPACE.num_routes - 1)]
    assert search.name == EVIL and "place 4 of 9, 2 of 2 seeds" in search.dots[0][2]
    page = Page(space.html())
    assert page.tags["circle"] == SPACE.num_routes + 3
    assert "script" not in page.tags


def test_a_sweep_shows_means_and_the_spread_within_seeds():
    rows = [
        {"title": EVIL, "simulated": True, "option": "num_subnets", "size": size, "label": label,
         "metric": metric, "seed": seed, "value": size + 100.0 * seed, "apart": size == 2}
        for size in (1, 2) for label, metric in (("AUC0", "auc"), ("training (s)", "seconds"))
        for seed in (0, 1)
    ]  # fmt: skip
    (sweep,) = sweeps(pd.DataFrame(rows))
    scores, times = sweep.curves
    assert sweep.title.endswith("(SIMULATED DATA)")
    assert scores.mean == [51.0, 52.0] and np.allclose(scores.spread, 0)
    assert scores.apart == set() and times.apart == {2}
    page = Page(sweep.html())
    assert "better apart" in page.values("class") and "script" not in page.tags


def test_a_figure_with_known_data_is_drawn_from_them(tmp_path, routes):
    path = tmp_path / "exhaustive_l1h2.png"
    with styled():
        save_figure(new_figure(1, 1), [path], "Of the picture.")
    assert figure(path).image.startswith("data:image/png;base64,")
    routes.assign(simulated=True).to_csv(path.with_suffix(".csv"), index=False)
    drawn = figure(path)
    assert drawn.image == "" and len(drawn.drawings) == 1
    assert drawn.caption.startswith("SIMULATED DATA: InstEval. Every route")
    assert drawn.id == "figure-exhaustive_l1h2"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("figure3", "Figure 3"),
        ("figure7_layers", "Figure 7 (layers)"),
        ("exhaustive_l1h3", "Every route of space l1h3"),
        ("gains_gss", "Gains of GSS"),
        ("transfer_capacity_linear", "Transfer: capacity linear"),
        ("search_curves", "Search curves"),
    ],
)
def test_figures_have_titles_in_words(name, title):
    assert title_of(name) == title
