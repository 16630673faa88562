"""Tables and figures of transfer: what they take from a plan, what they show, how it is drawn."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.text import Text

from mtnas import study as studies
from mtnas.config.layers import merged
from mtnas.config.simulated import known_simulated_studies
from mtnas.experiments.simulated import base
from mtnas.report import exhibits
from mtnas.report.exhibits.base import Needs, NothingToShowError
from mtnas.report.render.layout import Table
from mtnas.report.render.style import styled
from mtnas.runtime.provenance import REPOSITORY
from mtnas.study.plan import Facts, Plan, Variant, plan_of
from mtnas.study.specs import SimulatedStudySpec
from tests.helpers.transfer import (
    LABELS,
    PAPER,
    SENTENCES,
    of_all,
    pairs_of,
    planted,
    similar,
    weighed,
)

SMALL = {
    "demonstration": {"rows": 20, "angles": [20, 40], "flips": [0.0, 0.1]},
    "covariance": {"dim": 20, "source_rows": [15, 30], "overlaps": [0.0, 1.0]},
    "capacity_linear": {"rows": [25, 100], "ranks": [1, 2, 5, 6]},
    "reweighting_linear": {"rows": 60, "dim": 10},
}
ROWS = {seed: {"+".join(own): 9 for own in pairs_of(SENTENCES)} for seed in range(6)}
DRAWINGS = ["transfer_architecture", "transfer_alignment_module"]
CAPACITY = ["transfer_capacity", "transfer_capacity_curve", "transfer_leak"]
ALIGNMENT = ["transfer_alignment", "transfer_alignment_pairs", "transfer_similarity"]
WEIGHTS = ["transfer_reweighting", "transfer_weights"]


def shipped(*overlays):
    files = [REPOSITORY / "config" / f"{name}.yaml" for name in ("config", *overlays)]
    return plan_of(studies.load(merged(*(yaml.safe_load(f.read_text()) for f in files))))


def transfer(plan):
    """Return what each exhibit of transfer needs."""
    found = exhibits.planned(plan).items()
    return {name: exhibit for name, exhibit in found if name.startswith("transfer_")}


class Made:
    """Planted runs of subsets, their plan, and the exhibits that it has."""

    def __init__(self, root):
        self.root, self.subsets, self.variants = root, {}, {}

    def add(self, value, *, variant, changes, name="planted", dataset="sentiment_glove", **more):
        planted(self.root, value, variant=variant, name=name, dataset=dataset, **more)
        number = len(self.variants)
        self.variants["share_bottom", variant] = Variant(variant, changes, number)
        self.subsets.setdefault(name, []).append((dataset, "share_bottom", variant))

    @property
    def plan(self):
        runs = (run for runs in self.subsets.values() for run in runs)
        facts = {dataset: Facts(4) for dataset, _, _ in runs}
        return Plan(facts, subsets=self.subsets, variants=self.variants)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Return what collects planted runs, in the folder that paths are relative to."""
    monkeypatch.chdir(tmp_path)
    return Made(tmp_path)


def sized(made, best=100, leaks=("keep",), name="capacity"):
    for leak in leaks:
        for size in (1, 10, 100):
            bonus = {"keep": 0.05, "control": 0.04, "drop": 0.0}[leak]

            def value(subset, task, size=size, bonus=bonus):
                together = len(subset) > 1
                return 0.8 - 0.05 * abs(np.log10(size / best)) + bonus * together

            dropped = {"training.leaks": leak} if leak != "keep" else {}
            made.add(
                value, variant=f"w{size}_{leak}", changes={"hidden_dim": size, **dropped},
                name=name, options={**PAPER, "hidden_dim": size}, training={"leaks": leak},
            )  # fmt: skip


def aligned(made, **gains):
    for mode, gain in {"none": 0.0, **gains}.items():
        changes = {} if mode == "none" else {"training.alignment": mode}
        made.add(
            lambda subset, task, gain=gain: 0.8 + gain, variant=mode, changes=changes,
            name="alignment", subsets=pairs_of(SENTENCES), training={"alignment": mode},
            fits=similar(mode, pairs_of(SENTENCES), rises=4),
        )  # fmt: skip


def weights(made, gain=0.02, subsets=None):
    for share in (0, 0.4):
        for name in ("equal", "svd"):
            noise = {"label_noise": {"single": share}} if share else {}
            other = {"weighting": name} if name != "equal" else {}
            changes = {f"training.{key}": value for key, value in other.items()}
            changes |= {"training.label_noise.single": share} if share else {}
            made.add(
                lambda subset, task, name=name, share=share: (
                    0.8 + gain * (name == "svd") * share - 0.1 * share * (len(subset) == 3)
                ),
                variant=f"{name}_{share * 100:.0f}", changes=changes, name="weights",
                dataset="gss", kinds=LABELS, subsets=subsets or pairs_of(LABELS),
                training={**noise, **other},
                fits=weighed(0.5 if share else 1.2) if other else (),
            )  # fmt: skip


def table(made, name):
    planned = exhibits.planned(made.plan)[name]
    shown = exhibits.load(planned.file).read(planned.needs)
    assert isinstance(shown, Table)
    return shown


def figure(made, name):
    planned = exhibits.planned(made.plan)[name]
    exhibit = exhibits.load(planned.file)
    return exhibit.data(exhibit.read(planned.needs))


def value(block, row, column):
    """Return the number in a row and a column."""
    labels = [c.title for c in block.columns]
    (cells,) = (r.cells for r in block.rows if r.label == row)
    return cells[labels.index(column)].value


def test_a_study_of_planted_tasks_has_its_figures_and_drawings_and_nothing_else():
    plan = shipped("transfer")
    assert list(exhibits.planned(plan)) == [
        *DRAWINGS,
        "transfer_demonstration",
        "transfer_covariance",
        "transfer_capacity_linear",
        "transfer_reweighting_linear",
    ]
    found = transfer(plan)["transfer_covariance"].needs
    assert found.files == [
        f"results/simulated_studies/covariance/{file}" for file in ("results.csv", "record.json")
    ]
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(
    ("overlay", "wanted"), [("text", [*CAPACITY, *ALIGNMENT]), ("reweighting", WEIGHTS)]
)
def test_shipped_studies_of_subsets_have_theirs(overlay, wanted):
    found = transfer(shipped(overlay))
    assert set(found) == {*wanted, *DRAWINGS}
    for exhibit in found.values():
        again = Needs(**json.loads(json.dumps(asdict(exhibit.needs))))
        assert again.files == exhibit.needs.files
        assert len(exhibit.needs.titles) >= bool(exhibit.needs.subsets)


def test_other_studies_have_the_demonstration_or_none_of_them():
    shown = [*DRAWINGS, "transfer_demonstration"]
    assert [*transfer(shipped())] == [*transfer(shipped("gss", "all_claims"))] == shown
    assert transfer(shipped("diagnose")) == {}
    assert "diagnosed_similarity" in exhibits.planned(shipped("diagnose"))


def test_runs_are_chosen_by_what_variants_change_not_by_their_names(made):
    sized(made)
    made.add(lambda subset, task: 0.8, variant="aligned", changes={"training.alignment": "joint"},
             name="other", training={"alignment": "joint"})  # fmt: skip
    made.add(lambda subset, task: 0.8, variant="rate", changes={"training.learning_rate": 0.1},
             name="rates")  # fmt: skip
    found = transfer(made.plan)
    assert {key[0] for key in found["transfer_capacity"].needs.subsets} == {"capacity"}
    assert {key[0] for key in found["transfer_alignment"].needs.subsets} == {"other"}
    assert "transfer_leak" not in found
    assert "transfer_weights" not in found


def test_what_varies_in_an_entry_beside_capacity_makes_it_a_study_of_that(made):
    sized(made)
    made.add(lambda subset, task: 0.8, variant="joint", name="capacity",
             changes={"training.alignment": "joint"}, training={"alignment": "joint"})  # fmt: skip
    assert set(transfer(made.plan)) == {*ALIGNMENT, *DRAWINGS}


def test_capacities_are_chosen_on_validation_and_the_printed_ones_stand_beside(made):
    six = {**SENTENCES, "cr": "binary", "mpqa": "binary"}
    for size in (10, 200):
        made.add(
            lambda subset, task, size=size: 0.9 if (size == 200) == (len(subset) > 1) else 0.7,
            variant=f"w{size}", changes={"hidden_dim": size}, name="capacity", kinds=six,
            options={**PAPER, "hidden_dim": size},
        )  # fmt: skip
    (block,) = table(made, "transfer_capacity").blocks
    assert [column.title for column in block.columns] == [
        "best capacity alone", "alone", "together, capacity 200", "gain",
    ]  # fmt: skip
    assert value(block, "mr", "best capacity alone") == 10
    assert value(block, "overall", "best capacity alone") == 60
    assert value(block, "mr", "alone") == pytest.approx(0.9, abs=0.005)
    assert value(block, "mr", "gain") == pytest.approx(0.0, abs=0.005)
    printed = {row.label: [cell.paper for cell in row.cells] for row in block.rows}
    assert printed["mr"] == [200, 0.764, 0.96, None]
    assert printed["overall"] == [1205, pytest.approx(0.826), pytest.approx(0.851), None]
    assert "86.8" in table(made, "transfer_capacity").notes[0]


def test_other_tasks_than_the_papers_have_no_printed_numbers(made):
    sized(made)
    (block,) = table(made, "transfer_capacity").blocks
    assert {cell.paper for row in block.rows for cell in row.cells} == {None}


def test_printed_numbers_agree_with_themselves_but_for_the_mean_that_is_noted():
    text = (REPOSITORY / "config/paper/transfer.yaml").read_text()
    printed = yaml.safe_load(text)["capacity"]
    columns = pd.DataFrame(printed["tasks"]).T
    assert columns["capacity"].sum() == printed["overall"]["capacity"]
    assert columns["alone"].mean() == pytest.approx(printed["overall"]["alone"], abs=0.05)
    assert columns["together"].mean() == pytest.approx(printed["mean_of_together"], abs=0.05)
    assert printed["overall"]["together"] == 85.1


def test_what_leaks_bring_is_the_difference_of_both_gains(made):
    sized(made, leaks=("keep", "drop"))
    (block,) = table(made, "transfer_leak").blocks
    for row in (*SENTENCES, "mean of all"):
        assert value(block, row, "gain with leaks") == pytest.approx(0.05, abs=0.006)
        assert value(block, row, "gain without") == pytest.approx(0.0, abs=0.006)
        parts = [value(block, row, name) for name in ("gain with leaks", "gain without")]
        assert value(block, row, "brought by leaks") == pytest.approx(parts[0] - parts[1])
    assert len(table(made, "transfer_capacity").blocks) == 2


def test_leaks_are_compared_with_as_many_other_rows_left_out_where_that_was_trained(made):
    sized(made, leaks=("keep", "drop", "control"))
    (block,) = table(made, "transfer_leak").blocks
    assert [column.title for column in block.columns] == [
        "gain with leaks", "gain without as many other rows", "gain without", "brought by leaks",
        "brought by leaks, rows being as many",
    ]  # fmt: skip
    row = "mean of all"
    assert value(block, row, "gain without as many other rows") == pytest.approx(0.04, abs=0.004)
    found = value(block, row, "brought by leaks, rows being as many")
    assert found == pytest.approx(0.04, abs=0.004)


def test_the_curve_of_capacity_shows_scores_as_they_are_even_of_losses(made):
    sized(made)
    curve = figure(made, "transfer_capacity_curve")
    best = curve[(curve["learner"] == "together") & (curve["capacity"] == 100)].iloc[0]
    assert best["mean"] == pytest.approx(0.85, abs=0.003)
    assert best["low"] < best["mean"] < best["high"]
    assert best["seeds"] == 6
    losses = {"a": "regression", "b": "binary"}
    for size in (1, 10):
        made.add(lambda subset, task: 0.7, variant=f"l{size}", changes={"hidden_dim": size},
                 name="losses", kinds=losses, subsets=of_all(losses),
                 options={**PAPER, "hidden_dim": size})  # fmt: skip
    lines = figure(made, "transfer_capacity_curve")
    own = lines[lines["metric"] != "accuracy"]
    assert own["mean"].tolist() == pytest.approx([0.3] * len(own), abs=0.003)


def test_models_that_predict_one_value_are_counted_below_the_curve(made, monkeypatch):
    sized(made)
    _, caption = redrawn(made, "transfer_capacity_curve")
    assert "predict one value" not in caption
    monkeypatch.setattr("tests.helpers.transfer.noise_of", lambda *of: 0.0)
    made.add(lambda subset, task: 0.5 if subset == ("mr",) else 0.8, variant="dead",
             changes={"hidden_dim": 2}, name="capacity", options={**PAPER, "hidden_dim": 2},
             training={"leaks": "keep"})  # fmt: skip
    _, caption = redrawn(made, "transfer_capacity_curve")
    assert "predict one value" in caption
    assert caption.endswith("this luck, too: 6 at width 2.")


def test_gains_of_pairs_by_alignment_over_none_and_the_control(made):
    aligned(made, joint=0.02, control=0.005)
    (block,) = table(made, "transfer_alignment").blocks
    assert [c.title for c in block.columns] == ["joint − none", "control − none", "joint − control"]
    assert len(block.rows) == 6 + 1
    assert value(block, "mr + sst", "joint − none") == pytest.approx(0.02, abs=0.004)
    assert value(block, "mr + sst", "joint − control") == pytest.approx(0.015, abs=0.004)
    assert value(block, "pairs that improve (share)", "joint − control") == 1
    frame = figure(made, "transfer_alignment_pairs")
    assert set(frame["alignment"]) == {"joint", "control"}
    assert len(frame) == 2 * 6


def test_similarity_of_inputs_before_and_after_alignment(made):
    aligned(made, joint=0.02, control=0.005)
    (block,) = table(made, "transfer_similarity").blocks
    assert [c.title for c in block.columns] == [
        f"{score} {when}"
        for score in ("Score", "Normalised", "Normalised, without means")
        for when in ("before", "joint")
    ]
    assert value(block, "mr + sst", "Score before") == pytest.approx(0.5)
    assert value(block, "mr + sst", "Score joint") == pytest.approx(0.6)
    assert value(block, "sst + trec", "Score joint") == pytest.approx(0.4)
    assert value(block, "sst + trec", "Normalised joint") == pytest.approx(0.6)
    rising = "pairs that become more similar (share)"
    assert value(block, rising, "Score joint") == 4 / 6
    assert value(block, rising, "Normalised joint") == 2 / 6
    assert value(block, rising, "Normalised, without means joint") == 0


def test_inputs_of_diagnosed_tasks_are_one_where_rows_are_and_else_measured(made):
    subsets = pairs_of(SENTENCES)
    own = {"fits": similar("joint", subsets, rises=2)}
    for dataset, found in (("sentiment_glove", own), ("movielens", {"rows": ROWS}), ("gss", {})):
        made.add(
            lambda subset, task: 0.8, variant="paper", changes={}, name="diagnosis",
            dataset=dataset, subsets=subsets, **found,
        )  # fmt: skip
    (block,) = table(made, "diagnosed_similarity").blocks
    assert [row.label for row in block.rows] == [
        "Sentiment (GloVe) (6 seeds)",
        "MovieLens (6 seeds)",
    ]
    shown = [[cell.value for cell in row.cells[:5]] for row in block.rows]
    assert shown == [[6, *map(pytest.approx, (0.4, 0.6, 0.5, 0.5))], [6, 1, 1, 1, 1]]
    assert ["construction" in row.cells[-1].words for row in block.rows] == [False, True]


def test_weights_of_the_noisy_task_are_shown_beside_what_they_gain(made):
    weights(made)
    (block,) = table(made, "transfer_weights").blocks
    row = "SVD, standardised, weight of single"
    assert value(block, row, "0% noise") == pytest.approx(1.2 + 0.025)
    assert value(block, row, "40% noise") == pytest.approx(0.5 + 0.025)


def test_gains_of_weights_and_of_the_oracle(made):
    weights(made)
    (block,) = table(made, "transfer_weights").blocks
    assert [c.title for c in block.columns] == ["0% noise", "40% noise"]
    svd, oracle = (
        "SVD, standardised, all tasks",
        "oracle: without the noisy task, all but the noisy task",
    )
    assert value(block, svd, "0% noise") == pytest.approx(0.0, abs=0.003)
    assert value(block, svd, "40% noise") == pytest.approx(0.008, abs=0.003)
    assert value(block, oracle, "40% noise") == pytest.approx(0.04, abs=0.003)
    frame = figure(made, "transfer_reweighting")
    assert set(frame["judged"]) == {"all tasks", "all but the noisy task"}
    assert set(frame["noisy"]) == {"single"}
    assert set(frame["share"]) == {0, 0.4}


def test_without_the_subset_of_the_others_there_is_no_oracle(made):
    weights(made, subsets=of_all(LABELS))
    assert set(figure(made, "transfer_reweighting")["weighting"]) == {"svd"}


def test_simulated_data_are_marked(made):
    for size in (1, 10):
        made.add(lambda subset, task: 0.8, variant=f"w{size}", changes={"hidden_dim": size},
                 simulated=True, options={**PAPER, "hidden_dim": size})  # fmt: skip
    shown = table(made, "transfer_capacity")
    assert "SIMULATED DATA" in shown.blocks[0].title
    assert any(note.startswith("SIMULATED DATA") for note in shown.notes)
    _, caption = redrawn(made, "transfer_capacity_curve")
    assert caption.startswith("SIMULATED DATA")


def test_a_run_alone_shows_nothing(made):
    made.add(lambda subset, task: 0.8, variant="w9", changes={"hidden_dim": 9},
             options={**PAPER, "hidden_dim": 9})  # fmt: skip
    with pytest.raises(NothingToShowError, match="no two runs"):
        table(made, "transfer_capacity")


def redrawn(made, name):
    """Draw a figure from the CSV that it writes; return the drawing and its caption."""
    planned = exhibits.planned(made.plan)[name]
    exhibit = exhibits.load(planned.file)
    exhibit.write(planned.needs, csv="data.csv", png="first.png")
    return exhibit.draw(pd.read_csv("data.csv"))


def check_drawing(drawing):
    """No text lies outside of the figure, and no two texts on each other."""
    with styled():
        drawing.canvas.draw()
        renderer, whole = drawing.canvas.get_renderer(), drawing.bbox
        boxes = [(t, t.get_window_extent(renderer)) for t in _texts(drawing)]
    for text, box in boxes:
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= whole.x1 + 1 and box.y1 <= whole.y1 + 1
        assert inside, text.get_text()
    for i, (text, box) in enumerate(boxes):
        for other, its in boxes[i + 1 :]:
            apart = box.x1 <= its.x0 + 1 or its.x1 <= box.x0 + 1
            apart = apart or box.y1 <= its.y0 + 1 or its.y1 <= box.y0 + 1
            assert apart, (text.get_text(), other.get_text())


def _texts(drawing):
    """Return every text that is seen: ticks beyond the limits of an axis have labels, too."""
    hidden = set()
    for panel in drawing.axes:
        for axis in (panel.xaxis, panel.yaxis):
            seen = {id(tick) for tick in axis._update_ticks()}
            ticks = [*axis.majorTicks, *axis.minorTicks]
            hidden |= {id(label) for tick in ticks if id(tick) not in seen
                       for label in (tick.label1, tick.label2)}  # fmt: skip
        if not panel.get_visible() or not panel.axison:
            hidden |= {id(t) for axis in (panel.xaxis, panel.yaxis) for t in axis.findobj(Text)}
    found = drawing.findobj(Text)
    return [t for t in found if t.get_text().strip() and t.get_visible() and id(t) not in hidden]


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("transfer_capacity_curve", lambda made: sized(made, leaks=("keep", "drop"))),
        ("transfer_alignment_pairs", lambda made: aligned(made, joint=0.02, control=0.005)),
        ("transfer_reweighting", weights),
        *((name, sized) for name in DRAWINGS),
    ],
)
def test_figures_of_subsets_are_drawn_from_their_data_and_readable(made, name, plant):
    plant(made)
    drawing, caption = redrawn(made, name)
    assert caption.endswith(".")
    check_drawing(drawing)


def test_long_titles_of_panels_are_wrapped(made):
    sized(made, leaks=("keep", "drop"))
    drawn = exhibits.load(exhibits.planned(made.plan)["transfer_capacity_curve"].file)
    frame = figure(made, "transfer_capacity_curve")
    long = frame["panel"].unique()[-1]
    title = "Sentiment (MiniLM), Share-Bottom, as few rows with leaks"
    check_drawing(drawn.draw(frame.replace({"panel": {long: title}}))[0])


def test_drawings_have_a_box_for_every_task_and_one_that_they_share(made):
    sized(made)
    for name, rows in zip(DRAWINGS, ("XBA", "ERZBA"), strict=True):
        frame = figure(made, name)
        boxes = frame[frame["kind"] == "node"]["name"].tolist()
        assert boxes == [
            b for row in rows for b in ([row] if row == "B" else [f"{row}{i}" for i in range(1, 5)])
        ]
        assert len(frame[frame["kind"] == "edge"]) == 4 * (len(rows) - 1)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Run all simulated studies, small; return the folder with their results."""
    root = tmp_path_factory.mktemp("simulated")
    for name, options in SMALL.items():
        folder = root / f"results/simulated_studies/{name}"
        folder.mkdir(parents=True)
        whole = known_simulated_studies()[name].of(options, name).model_dump(mode="json")
        spec = SimulatedStudySpec(study=name, seeds=(0, 1, 2), options=whole)
        base.write(spec, folder / "results.csv", folder / "record.json")
    return root


@pytest.mark.parametrize("study", SMALL)
def test_figures_of_simulated_studies_are_drawn_from_their_data_and_readable(
    simulated, study, monkeypatch, tmp_path
):
    monkeypatch.chdir(simulated)
    name = f"transfer_{study}"
    planned = exhibits.planned(Plan(simulated_studies=(study,)))[name]
    exhibit = exhibits.load(planned.file)
    exhibit.write(planned.needs, csv=tmp_path / "data.csv", png=tmp_path / "first.png")
    frame = pd.read_csv(tmp_path / "data.csv")
    assert frame["simulated"].eq(True).all()
    drawing, caption = exhibit.draw(frame)
    assert caption.startswith("SIMULATED DATA. ")
    assert any(t.get_text() == "SIMULATED DATA" for t in drawing.texts)
    check_drawing(drawing)


def test_the_demonstration_shows_what_was_drawn_and_learned(simulated, monkeypatch):
    monkeypatch.chdir(simulated)
    exhibit = exhibits.load("transfer_demonstration")
    frame = exhibit.data(exhibit.read(Needs(simulated_studies=("demonstration",))))
    gains = frame[frame["metric"] == "gain"]
    assert len(gains) == 2 * 2 * 2 * 2  # loss, angle, flips, partner
    assert gains["seeds"].eq(3).all()
    raw = pd.read_csv("results/simulated_studies/demonstration/results.csv")
    one = gains.iloc[0]
    same = raw[raw["metric"] == "gain"]
    for key in ("loss", "angle", "flips", "partner"):
        same = same[same[key] == one[key]]
    assert one["mean"] == pytest.approx(same["value"].mean())
    assert len(frame[frame["metric"] == "label"]) == 3 * 20
