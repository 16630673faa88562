"""Which tasks should share: figures of gains, tables of recommendations and of cheap measures."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from mtnas import study as studies
from mtnas.config.layers import merged
from mtnas.evidence.claims.evidence import Evidence
from mtnas.evidence.claims.ledger import ledger
from mtnas.evidence.diagnosis.predict import Predicts
from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.report import exhibits
from mtnas.report.exhibits._gain_matrix import UNSURE, Grid
from mtnas.report.exhibits.base import Needs, NothingToShowError
from mtnas.report.exhibits.gains import EXHIBIT as GAINS
from mtnas.report.exhibits.measures_told import EXHIBIT as TOLD
from mtnas.report.exhibits.measures_told import NOTHING
from mtnas.report.exhibits.recommendations import EXHIBIT as RECOMMENDATIONS
from mtnas.report.published.publish import publish
from mtnas.report.render.layout import printed
from mtnas.report.render.style import save_figure
from mtnas.report.render.writers import to_csv, to_latex, to_markdown
from mtnas.report.site.page import write_report
from mtnas.report.site.sources import Sources
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import write_json
from mtnas.runtime.provenance import REPOSITORY
from mtnas.study.plan import Facts, Plan, plan_of
from tests.evidence.test_diagnosis import NAMES
from tests.helpers.subsets import make_scores, write_scores
from tests.helpers.tables import write_manifest
from tests.report.test_published_diagnoses import diagnosis

LONG = (
    "feels_life_is_exciting",
    "confidence_in_congress",
    "supports_death_penalty",
    "considers_themselves_religious",
)
BOTH = Needs(diagnoses=("insteval", "gss"))
PLAN = Plan(
    {"insteval": Facts(4), "gss": Facts(4)},
    subsets={
        "diagnosis": [("insteval", "share_bottom", "paper"), ("insteval", "share_bottom", "own")],
        "others": [("gss", "share_bottom", "paper")],
    },
)


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Enter a folder with two planted diagnoses; in one, no measure is defined."""
    monkeypatch.chdir(tmp_path)
    place = Path("results/diagnosis")
    paths = [diagnosis(place, "insteval"), diagnosis(place, "gss", NAMES[:3], told=False)]
    return dict(zip(BOTH.diagnoses, map(Diagnosis.read, paths), strict=True))


def changed(found, **changes):
    """Write a diagnosis again, with something else in it."""
    other = found.model_copy(update=changes)
    other.write(Path("results/diagnosis") / found.dataset / "diagnosis.json")
    return other


def test_a_study_has_them_for_the_datasets_that_it_diagnoses():
    found = exhibits.planned(PLAN)
    assert PLAN.diagnosed == ["insteval"]
    names = ["recommendations", "gains_insteval", "measures_told"]
    assert {name for name, one in found.items() if one.needs.diagnoses} == {
        *names,
        "sharing_by_width",
    }
    for name in names:
        assert found[name].needs.files == ["results/diagnosis/insteval/diagnosis.json"]
        assert set(found[name].needs.datasets) == {"insteval"}
    without = Plan(PLAN.datasets, subsets={"others": PLAN.subsets["others"]})
    assert not any(one.needs.diagnoses for one in exhibits.planned(without).values())


def test_the_shipped_study_has_them():
    files = [REPOSITORY / "config" / f"{name}.yaml" for name in ("config", "diagnose")]
    raw = merged(*(yaml.safe_load(file.read_text()) for file in files))
    found = exhibits.planned(plan_of(studies.load(raw)))
    assert {"gains_movielens", "gains_insteval", "recommendations", "measures_told"} <= set(found)


def test_the_figure_is_drawn_again_from_its_csv(planted, tmp_path):
    GAINS.write(Needs(diagnoses=("gss",)), png="a.png", csv="a.csv")
    save_figure(*_drawn(pd.read_csv("a.csv")))
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def _drawn(frame):
    figure, caption = GAINS.draw(frame)
    return figure, ["b.png"], caption


def test_the_data_of_the_figure_are_those_of_the_diagnosis(planted):
    told = json.loads(Path("results/diagnosis/insteval/diagnosis.json").read_text())
    frame = GAINS.data(GAINS.read(Needs(diagnoses=("insteval",)))).set_index(["subset", "task"])
    gains = [gain for gain in told["gains"] if "+" in gain["subset"]]
    assert len(frame) == len(gains) == 6 * 2 + 4 * 3 + 4
    for gain in gains:
        row = frame.loc[gain["subset"], gain["task"]]
        assert [row["mean"], row["low"], row["high"]] == [gain[k] for k in ("mean", "low", "high")]
        assert row["size"] == len(gain["subset"].split("+"))
    for pair in told["pairs"]:
        rows = frame.reset_index()
        (row,) = rows[(rows["partner"] == pair["first"]) & (rows["task"] == pair["second"])].iloc
        assert (row["mean"], row["holm_p"]) == (pair["mean"], pair["adjusted"])


def cells(figure):
    """Return by (row, column) of the matrix its colour and texts."""
    axes = figure.axes[0]
    found = {}
    for patch in axes.patches:
        if isinstance(patch, Rectangle):
            x, y = patch.get_xy()
            inside = [t for t in axes.texts if int(t.get_position()[0]) == x
                      and int(t.get_position()[1]) == y]  # fmt: skip
            found[int(y), int(x)] = (to_hex(patch.get_facecolor()), [t.get_text() for t in inside])
    return found


def test_a_cell_has_number_and_interval_and_is_gray_where_it_holds_0(planted):
    found = planted["insteval"]
    new = {"a": {"mean": 0.0123, "low": -0.001, "high": 0.02},
           "b": {"mean": -0.0042, "low": -0.006, "high": -0.002}}  # fmt: skip
    gains = tuple(
        gain.model_copy(update=new[gain.task] if gain.subset == "a+b" else {})
        for gain in found.gains
    )
    changed(found, gains=gains)
    frame = GAINS.data(GAINS.read(Needs(diagnoses=("insteval",))))
    drawn = cells(GAINS.draw(frame)[0])
    assert drawn[0, 1][0] == UNSURE.lower()
    assert drawn[1, 0][0] != UNSURE.lower()
    assert "+0.0123" in drawn[0, 1][1][0]
    assert "−0.0042" in drawn[1, 0][1][0]
    assert drawn[1, 0][1][1].split() == ["−0.0060", "−0.0020"]
    assert set(drawn) == {(i, j) for i in range(4) for j in range(4) if i != j}


@pytest.mark.parametrize("kinds", [None, ("binary", "multiclass", "regression")])
def test_every_group_is_a_dot_of_the_panel_of_its_task(planted, kinds):
    found = planted["gss"]
    if kinds:
        metrics = dict(zip(found.tasks, ("log_loss", "log_loss", "mse"), strict=True))
        gains = [g.model_copy(update={"metric": metrics[g.task]}) for g in found.gains]
        changed(found, gains=tuple(gains), metric="log_loss and mse", unit="loss")
    frame = GAINS.data(GAINS.read(Needs(diagnoses=("gss",))))
    figure, _ = GAINS.draw(frame)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == (["a\n(log loss)", "b\n(log loss)", "c\n(MSE)"] if kinds else list("abc"))
    assert len(figure.axes) == 1 + 3
    for axes, (_, rows) in zip(figure.axes[1:], frame.groupby("task"), strict=True):
        dots = [float(dot.get_offsets()[0][1]) for dot in axes.collections]
        assert sorted(dots) == sorted(rows["mean"])
        low, high = axes.get_ylim()
        assert low < rows["low"].min() and rows["high"].max() < high


def test_one_seed_has_no_interval(planted):
    found = planted["gss"]
    gains = [g.model_copy(update={"low": None, "high": None}) for g in found.gains]
    changed(found, gains=tuple(gains), pairs=(), seeds=(0,))
    frame = GAINS.data(GAINS.read(Needs(diagnoses=("gss",))))
    figure, _ = GAINS.draw(frame)
    assert all(
        (colour, len(texts)) == (UNSURE.lower(), 1) for colour, texts in cells(figure).values()
    )
    figure.savefig("drawn.png")


@pytest.mark.parametrize(
    ("names", "tilted"), [(LONG[:2], False), (LONG, False), ("abcdefg", False), (LONG * 2, True)]
)
def test_names_are_tilted_where_they_are_wider_than_columns(names, tilted):
    grid = Grid(tuple(names))
    assert grid.tilted == tilted
    assert ["\n" in name for name in grid.names] == [len(name) > 1 and not tilted for name in names]
    assert grid.total > grid.height * len(names) + grid.head


@pytest.mark.parametrize("suffix", ["", "_whatever_it_may_be"])
def test_texts_of_long_names_do_not_overlap(planted, suffix):
    found = diagnosis_of_long_names(suffix)
    figure, _ = GAINS.draw(GAINS.data(found))
    figure.canvas.draw()
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in axes.texts]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
    title = figure.texts[0].get_window_extent()
    for label in axes.get_xticklabels():
        assert label.get_window_extent().y1 < title.y0
    assert all(label.get_window_extent().x0 > 0 for label in axes.get_yticklabels())


def diagnosis_of_long_names(suffix):
    path = diagnosis(Path("long"), "gss", NAMES)
    text = path.read_text()
    found = Diagnosis.model_validate_json(text)
    names = {short: f"{name}{suffix}" for short, name in zip(NAMES, LONG, strict=True)}
    return found.model_copy(
        update={
            "tasks": {names[task]: kind for task, kind in found.tasks.items()},
            "pairs": tuple(
                pair.model_copy(update={"first": names[pair.first], "second": names[pair.second]})
                for pair in found.pairs
            ),
            "gains": tuple(
                gain.model_copy(
                    update={
                        "task": names[gain.task],
                        "subset": "+".join(names[task] for task in gain.subset.split("+")),
                    }
                )
                for gain in found.gains
            ),
        }
    )


def test_recommendations_say_what_the_diagnosis_says(planted):
    table = RECOMMENDATIONS.read(BOTH)
    (block,) = table.blocks
    for row, found in zip(block.rows, planted.values(), strict=True):
        groups, gain, over, _, said = row.cells
        expected = found.grouping.expected
        assert groups.words == "; ".join(" + ".join(g) for g in found.grouping.recommended)
        assert (gain.value, gain.low, gain.high) == (expected.mean, expected.low, expected.high)
        assert over.words.startswith("AUC, over ")
        assert said.words == " ".join(found.sentences)
        assert len(found.sentences) == 3
    assert RECOMMENDATIONS.data(table)["value"].tolist() == [
        found.grouping.expected.mean for found in planted.values()
    ]
    for text in (to_markdown(table), to_latex(table), to_csv(table)):
        assert planted["gss"].sentences[0] in text
    assert "| :-- | :-- | --: | :-- | --: | :-- |" in to_markdown(table)


def predicts(rho, low=None, high=None, pairs=12):
    told = {"measure": "phi", "layer": "", "datasets": ("insteval",), "pairs": pairs}
    return Predicts(**told, rho=rho, low=low, high=high)


WORDS = {
    NOTHING: predicts(0.2, -0.3, 0.6),
    "predicts gains: the larger, the more is gained": predicts(0.7, 0.3, 0.9),
    "predicts gains: the larger, the less is gained": predicts(-0.7, -0.9, -0.3),
    "cannot be judged: too few pairs for an interval": predicts(0.7, pairs=6),
    "cannot be judged: too few pairs, or all alike": predicts(None, pairs=2),
}


@pytest.mark.parametrize("words", WORDS)
def test_what_a_measure_told_is_said_in_words(planted, words):
    told = WORDS[words]
    changed(planted["insteval"], predicts=(told, WORDS[NOTHING]))
    table = TOLD.read(Needs(diagnoses=("insteval",)))
    row, _ = table.blocks[0].rows
    rho, pairs, said = row.cells
    assert said.words == printed(said) == words
    assert (rho.value, rho.low, rho.high, pairs.value) == (
        told.rho,
        told.low,
        told.high,
        told.pairs,
    )
    assert rho.strong == told.told
    assert f"| {words} |" in to_markdown(table)


def test_measures_are_judged_on_all_datasets_and_on_each(planted):
    table = TOLD.read(BOTH)
    titles = [block.title for block in table.blocks]
    assert titles[0] == "All data sets with gains in AUC"
    assert len(titles) == 2  # of the other dataset no measure has a value
    first = {row.label: row.cells for row in table.blocks[0].rows}
    own = planted["insteval"].predicts[0]
    assert math.isclose(first["phi"][0].value, own.rho)
    assert first["phi"][1].value == own.pairs == 12
    assert "[" in to_markdown(table)


def test_gains_in_different_metrics_are_not_pooled(planted):
    told = (WORDS[NOTHING],)
    changed(planted["gss"], metric="log_loss and mse", unit="loss", predicts=told)
    titles = [block.title for block in TOLD.read(BOTH).blocks]
    assert len(titles) == 2
    assert "log loss and MSE" in titles[1]


def test_nothing_to_show_is_said(planted):
    for exhibit in (TOLD, RECOMMENDATIONS):
        with pytest.raises(NothingToShowError, match=r"diagnosis\.datasets"):
            exhibit.read(Needs())
    alone = [gain for gain in planted["gss"].gains if "+" not in gain.subset]
    changed(planted["gss"], gains=tuple(alone), predicts=(), measures=())
    with pytest.raises(NothingToShowError, match="gains_gss: no group"):
        GAINS.read(Needs(diagnoses=("gss",)))
    with pytest.raises(NothingToShowError, match="measures_told"):
        TOLD.read(Needs(diagnoses=("gss",)))


def test_a_diagnosis_of_another_dataset_and_a_missing_one_are_refused(planted):
    place = Path("results/diagnosis")
    (place / "gss/diagnosis.json").write_bytes((place / "insteval/diagnosis.json").read_bytes())
    with pytest.raises(RecordError, match="it is of insteval, not of gss"):
        TOLD.read(BOTH)
    with pytest.raises(RecordError, match="census"):
        TOLD.read(replace(BOTH, diagnoses=("census",)))


def test_the_report_shows_them_before_the_claims(planted):
    RECOMMENDATIONS.write(BOTH, md="recommendations.md")
    GAINS.write(Needs(diagnoses=("gss",)), png="gains_gss.png")
    write_json("claims.json", ledger(Evidence({})))
    shown = ["recommendations.md", "gains_gss.png"]
    diagnoses = ["results/diagnosis/gss/diagnosis.json"]
    write_report("r.html", Sources(claims="claims.json", sharing=shown, diagnoses=diagnoses))
    page = Path("r.html").read_text(encoding="utf-8")
    order = ['<article id="diagnosis-gss"', "<h3>Recommended groups of tasks</h3>", "<img alt",
             '<h2 id="claims-heading">Claims</h2>']  # fmt: skip
    assert [page.index(text) for text in order] == sorted(page.index(text) for text in order)
    assert planted["gss"].sentences[0] in page
    write_report("r.html", Sources(claims="claims.json"))
    assert "Should these tasks" not in Path("r.html").read_text(encoding="utf-8")


def test_what_is_published_gives_them_again(planted, tmp_path):
    run = ("insteval", "share_bottom", "paper")
    scores = make_scores(lambda subset, *_: 1.0 * len(subset), name="diagnosis", dataset=run[0])
    publish(
        tmp_path / "published",
        plan=Plan({"insteval": Facts(3)}, subsets={"diagnosis": [run]}).to_json(),
        command=".venv/bin/snakemake publish --cores 2",
        run_folders=[],
        routes=[],
        manifests=[write_manifest(tmp_path / "manifest.json", "insteval")],
        subsets=[write_scores(tmp_path / "scores", scores)],
        diagnoses=["results/diagnosis/insteval/diagnosis.json"],
    )
    published = tmp_path / "published"
    assert planted["insteval"].sentences[0] in (published / "tables/recommendations.md").read_text()
    assert "1.000" in (published / "tables/measures_told.md").read_text()
    frame = pd.read_csv(published / "figures/gains_insteval.csv")
    assert len(frame) == 6 * 2 + 4 * 3 + 4
    assert (published / "figures/gains_insteval.png").is_file()
