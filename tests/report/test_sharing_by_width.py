"""What sharing costs by the width of the model: the figure, its data, and its caption."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.evidence.diagnosis.text import recommendation
from mtnas.report import exhibits
from mtnas.report.exhibits.base import Needs, NothingToShowError
from mtnas.report.exhibits.recommendations import EXHIBIT as RECOMMENDATIONS
from mtnas.report.exhibits.recommendations import NOT_MEASURED
from mtnas.report.exhibits.sharing_by_width import CHANGE, CURVE, EXHIBIT, MISSING, TRAINED
from mtnas.report.published import diagnoses
from mtnas.report.render.style import save_figure
from mtnas.study.plan import Facts, Plan
from tests.helpers.subsets import make_scores, write_scores
from tests.report.test_published_diagnoses import diagnosis

NAMES = ("a", "b")
WIDTHS = (4, 64)
NEEDS = Needs(
    diagnoses=("insteval", "gss"),
    subsets=tuple(("diagnosis", name, "share_bottom", "paper") for name in ("insteval", "gss")),
)
PLACE = "results/subsets/diagnosis/{}/share_bottom/paper"


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Enter a folder with two diagnoses, one of them with a curve."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    curve = [
        (w, side, task, seed, "auc", 0.7 + (side == "all") * 0.001 * w + 1e-4 * rng.normal())
        for w in WIDTHS for side in ("single", "all") for task in NAMES for seed in range(5)
    ]  # fmt: skip
    diagnosis(Path("results/diagnosis"), "insteval", NAMES, curve=curve)
    diagnosis(Path("results/diagnosis"), "gss", NAMES)
    for name in NEEDS.diagnoses:
        scores = make_scores(
            lambda *_: 0.5, dict.fromkeys(NAMES, "binary"), (("a",), ("b",), NAMES),
            name="diagnosis", dataset=name, options={"hidden_dim": 32},
        )  # fmt: skip
        write_scores(Path(PLACE.format(name)), scores)
    return {
        name: Diagnosis.read(f"results/diagnosis/{name}/diagnosis.json") for name in NEEDS.diagnoses
    }


def test_a_study_has_it_with_the_runs_that_recommendations_are_about():
    runs = [("insteval", "share_bottom", "paper"), ("insteval", "share_bottom", "own_tables")]
    found = exhibits.planned(Plan({"insteval": Facts(2)}, subsets={"diagnosis": runs}))
    assert found["sharing_by_width"].needs.subset_folders == [PLACE.format("insteval")]


def test_its_data_are_the_curve_the_recommendation_and_the_change(planted):
    frame = EXHIBIT.data(EXHIBIT.read(NEEDS))
    found, rows = planted["insteval"], frame[frame["dataset"] == "insteval"]
    curve = rows[rows["of"] == CURVE]
    assert curve["mean"].tolist() == [point.mean for point in found.capacity]
    assert curve["width"].tolist() == [4, 4, 64, 64]
    trained = rows[rows["of"] == TRAINED]
    assert trained["width"].tolist() == [32, 32]
    assert trained["mean"].tolist() == [g.mean for g in found.gains if g.subset == "a+b"]
    (change,) = rows[rows["of"] == CHANGE].to_dict("records")
    assert [change["mean"], change["low"]] == [
        found.widening.change.mean,
        found.widening.change.low,
    ]
    assert frame[frame["dataset"] == "gss"]["of"].tolist() == [MISSING]


def test_it_is_drawn_again_from_its_csv_and_says_what_one_sees(planted):
    EXHIBIT.write(NEEDS, png="a.png", csv="a.csv")
    figure, caption = EXHIBIT.draw(pd.read_csv("a.csv"))
    save_figure(figure, ["b.png"], caption)
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert caption.startswith("Sharing costs less, or gains more, in the widest model")
    assert "InstEval +0.06" in caption
    assert "Without a capacity curve: GSS." in caption
    (panel,) = (axes for axes in figure.axes if axes.get_visible())
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["4", "32", "64"]


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2, 3, 4)])
def test_a_change_without_seeds_or_interval_is_drawn_and_said(planted, seeds):
    old = planted["insteval"].model_copy(update={"widening": None, "seeds": seeds})
    if len(seeds) == 1:
        points = [p.model_copy(update={"low": None, "high": None}) for p in old.capacity]
        old = old.model_copy(update={"capacity": tuple(points)})
    old.write("results/diagnosis/insteval/diagnosis.json")
    frame = EXHIBIT.data(EXHIBIT.read(NEEDS))
    figure, caption = EXHIBIT.draw(frame)
    figure.savefig("drawn.png")
    assert ("one seed, so without interval" in caption) == (len(seeds) == 1)


def test_without_any_curve_it_is_left_out(planted):
    with pytest.raises(NothingToShowError, match=r"diagnosis\.widths"):
        EXHIBIT.read(Needs(diagnoses=("gss",), subsets=NEEDS.subsets[1:]))


def test_the_recommendation_of_a_user_has_the_curve(planted):
    text = recommendation(planted["insteval"])
    point = planted["insteval"].capacity[0]
    assert f"| 4 | a | {point.mean:+.4f} | {point.low:+.4f} to {point.high:+.4f} |" in text
    assert "Sharing costs less, or gains more, at width 64 than at 4" in text
    assert "`diagnosis.widths` is empty" in recommendation(planted["gss"])


def test_the_table_shows_what_tables_per_task_gain(planted):
    tables = planted["insteval"].grouping.expected
    planted["insteval"].model_copy(update={"tables": tables}).write(
        "results/diagnosis/insteval/diagnosis.json"
    )
    first, second = RECOMMENDATIONS.read(NEEDS).blocks[0].rows
    cell = first.cells[3]
    assert (cell.value, cell.low, cell.high) == (tables.mean, tables.low, tables.high)
    assert second.cells[3].words == NOT_MEASURED


def test_the_page_says_it_of_every_dataset(planted, tmp_path):
    published = tmp_path / "published"
    assert "Nothing is published" in diagnoses.by_width(published)
    diagnoses.publish(published, [f"results/diagnosis/{n}/diagnosis.json" for n in NEEDS.diagnoses])
    page = diagnoses.by_width(published)
    assert "* **InstEval**: Sharing costs less" in page
    assert page.endswith("Without a capacity curve: GSS.")
