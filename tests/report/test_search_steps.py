"""The course of a long search in a small space, judged by every route of it."""

import matplotlib.pyplot as plt
import pytest

from mtnas.report.exhibits.base import Needs, NothingToShowError
from mtnas.report.exhibits.search_steps import EXHIBIT, followed, longest
from mtnas.routes.named import full_sharing
from mtnas.study.plan import plan_of
from tests.helpers.searches import edit_search, write_search
from tests.helpers.studies import shipped
from tests.report.test_regret import PLANTED, SEEDS, SPACE, make_truth

FULL = full_sharing(SPACE).index


def write(folder, variant, routes, *, permuted=False):
    """Write a search whose leading route changes over its steps, for all seeds alike."""
    curve = {"step": [10, 20], "reward": [0, 0], "entropy": [1.0, 0.5]}
    curve |= {"route": routes} if routes else {}
    blocks = {name: {"uniform_entropy": 2.0} for name in SPACE.blocks}
    path = write_search(
        folder / f"{variant}.json",
        dict.fromkeys(SEEDS, full_sharing(SPACE)),
        dataset="insteval",
        variant=variant,
        blocks=lambda route: blocks,
        more={"curve": curve},
    )
    edit_search(path, lambda record: record["spec"]["search"].update(permuted=permuted))
    return {"dataset": "insteval", "variant": variant, "path": str(path)}


@pytest.fixture
def needs(tmp_path, monkeypatch):
    truth = make_truth(tmp_path)
    monkeypatch.setattr(Needs, "truth_files", property(lambda self: [str(truth)]))
    return lambda *judged: Needs(truths=(("insteval", "l1h3"),), judged=judged)


def test_regret_is_that_of_the_route_that_leads_at_each_step(tmp_path, needs):
    told = write(tmp_path, "long", [FULL, PLANTED])
    noise = write(tmp_path, "noise", [PLANTED, FULL], permuted=True)
    frame = EXHIBIT.data(EXHIBIT.read(needs(told, noise)))
    regret = frame.set_index(["permuted", "step"])["regret"]
    assert regret[False, 10] == pytest.approx(0.203)  # 1.2 against .997
    assert regret[False, 20] == regret[True, 10] == 0
    assert regret[True, 20] == pytest.approx(0.203)
    assert frame["random_route"].unique() == pytest.approx([0.103], abs=0.01)
    assert (frame["entropy"] / frame["uniform_entropy"]).tolist() == [0.5, 0.25] * 2


def test_noise_is_dashed_beside_the_search(tmp_path, needs):
    judged = (
        write(tmp_path, "long", [FULL, PLANTED]),
        write(tmp_path, "noise", [PLANTED, FULL], permuted=True),
    )
    figure, caption = EXHIBIT.draw(EXHIBIT.data(EXHIBIT.read(needs(*judged))))
    entropy, regret = figure.axes
    dashed = [line for line in (*entropy.lines, *regret.lines) if line.get_color() == "black"]
    assert [line.get_ydata().tolist() for line in dashed] == [
        pytest.approx([50, 25]),
        pytest.approx([0, 0.203]),
    ]
    assert "pure noise" in caption
    plt.close(figure)


def test_searches_that_recorded_no_route_are_not_drawn(tmp_path, needs):
    with pytest.raises(NothingToShowError, match="no search recorded which route leads"):
        EXHIBIT.read(needs(write(tmp_path, "long", None)))


def test_the_longest_search_and_the_longest_on_noise_are_followed():
    plan = plan_of(shipped("search_study", "long_searches"))
    assert longest(plan, "l1h3") == {"l1h3_long", "l1h3_long_noise"}
    assert {variant for _, _, variant in followed(plan)} == {"l1h3_long", "l1h3_long_noise"}
    without = plan_of(shipped("search_study"))
    assert longest(without, "l1h3") == set()
    assert EXHIBIT.needs(without) == {}
