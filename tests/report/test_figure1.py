"""Figure 1: methods as routes, gate scores and boxes, for the datasets that have them."""

import numpy as np
import pytest
from matplotlib.axis import Tick
from matplotlib.text import Text
from PIL import Image

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.evidence.claims.evidence import read_evidence
from mtnas.evidence.resampling import at_share
from mtnas.evidence.statistics import difference_of
from mtnas.experiments.equivalence import typical_routes
from mtnas.report.exhibits.figure1 import EXHIBIT, Overview, overview_figure, read_typical
from mtnas.report.render.style import save_figure
from mtnas.tasks.metrics import split_column
from tests.helpers.runs import edit_run_record, make_run, make_subgraphs
from tests.helpers.tables import write_manifest

ROUTES = typical_routes(2, 4, {})
SEEDS = range(6)


def make(root, method, dataset="bookcrossing", *, tasks=2, gates=True, simulated=False):
    rng = np.random.default_rng(len(method))
    noise = 0.003 * rng.normal(size=len(SEEDS))
    auc = tuple(0.78 + 0.01 * (task % 3) for task in range(tasks))
    folder = make_run(
        root, method, auc, dataset=dataset, seeds=SEEDS, noise=noise, simulated=simulated
    )
    scores = {str(s): rng.dirichlet([4, 3, 2, 1], size=tasks).tolist() for s in SEEDS}
    edit_run_record(folder, lambda record: record.update(gates=scores if gates else {}))
    return folder


def drawn(folders, routes=ROUTES):
    return overview_figure(EXHIBIT.data(Overview(read_evidence(folders), routes)))


def figure1(folders, subgraphs, outputs):
    figure, caption = EXHIBIT.draw(
        EXHIBIT.data(Overview(read_evidence(folders), read_typical(subgraphs)))
    )
    save_figure(figure, outputs, caption)


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip()]


def test_methods_are_drawn_without_any_run():
    figure = drawn([])
    assert len(figure.axes) == 3
    assert {"(a) Share-Bottom", "(b) MMoE", "(c) Cut MMoE"} <= set(texts(figure))
    names = [{text.get_text() for text in axes.texts} for axes in figure.axes]
    assert names[0] == {"root", "s1", "t0", "t1"}
    assert names[1] == names[2] == {"root", "s1", "s2", "s3", "s4", "t0", "t1"}


def test_gate_scores_and_gaps_have_a_place_for_every_dataset_that_ran(tmp_path):
    folders = [make(tmp_path, m) for m in ("mmoe", "cut_mmoe")]
    folders += [make(tmp_path, "mmoe", d) for d in ("movielens", "insteval", "tiktok")]
    folders += [make(tmp_path, "mmoe", "flights", gates=False)]
    figure = drawn(folders)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["Book-Crossing", "MovieLens", "InstEval", "TikTok"]
    gaps = figure.axes[-2:]
    labels = [
        "AUC: Cut MMoE − MMoE (right is better)",
        "MTL loss: Cut MMoE − MMoE (left is better)",
    ]
    assert [axes.get_xlabel() for axes in gaps] == labels
    names = [label.get_text() for label in gaps[0].get_yticklabels()]
    assert names == ["Book-Crossing: AUC0", "Book-Crossing: AUC1"]
    assert "(e) Cut MMoE against MMoE" in texts(figure)
    assert len(figure.axes) == 3 + 4 + 2
    assert len({axes.get_ylim() for axes in figure.axes[3:7]}) == 1  # one scale for all


def test_gaps_in_different_units_have_panels_of_their_own(tmp_path):
    scores = {f"{metric}_stars": 0.5 for metric in ("rmse", "mae", "r2")} | {"macro_f1_mood": 0.4}
    folders = [make_run(tmp_path, m, scores, 1.4, dataset="library") for m in ("mmoe", "cut_mmoe")]
    figure = drawn(folders)
    labels = [axes.get_xlabel().split(":")[0] for axes in figure.axes[3:]]
    assert labels == ["RMSE", "MAE", "R²", "macro F1", "MTL loss"]
    tops = [round(axes.get_position().y1, 3) for axes in figure.axes[3:]]
    assert tops[0] == tops[1] > tops[2] == tops[3] > tops[4]


def test_gaps_are_those_of_the_runs(tmp_path):
    folders = [make(tmp_path, m, gates=False) for m in ("mmoe", "cut_mmoe")]
    evidence = read_evidence(folders)
    loss = overview_figure(EXHIBIT.data(Overview(evidence, ROUTES))).axes[-1]
    mmoe, cut = (
        evidence.scores(("bookcrossing", method, "paper"))["mtl_loss"]
        for method in ("mmoe", "cut_mmoe")
    )
    dots = loss.collections[0].get_offsets()[:, 0]
    assert sorted(dots) == pytest.approx(sorted(cut - mmoe))
    found = difference_of(cut - mmoe, at_share(0.125))
    _, interval, mean = loss.lines  # the first line is that at 0
    assert interval.get_xdata() == pytest.approx([found.low, found.high])
    assert mean.get_xdata() == pytest.approx([found.mean])


def overlapping(figure):
    """Return the pairs of texts that overlap; texts outside the page fail at once."""
    figure.canvas.draw()
    renderer, page = figure.canvas.get_renderer(), figure.bbox
    ticks = [t for tick in figure.findobj(Tick) for t in (tick.label1, tick.label2)]
    found = [t for t in figure.findobj(Text) if t.get_text().strip() and t not in ticks]
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in found]
    for name, box in boxes:
        assert page.x0 <= box.x0 < box.x1 <= page.x1, name
        assert page.y0 <= box.y0 < box.y1 <= page.y1, name
    return [
        (name, other)
        for i, (name, box) in enumerate(boxes)
        for other, second in boxes[:i]
        if box.padded(-0.5).overlaps(second.padded(-0.5))
    ]


def test_tasks_of_every_kind_are_called_by_their_names(tmp_path):
    scores = {"auc_helmet_never": 0.7, "auc_texts": 0.6, "accuracy_mood": 0.5, "rmse_weight": 1.0}
    folder = make_run(tmp_path, "mmoe", scores, 1.4, dataset="youth", seeds=range(2))
    gates = {str(seed): np.full((4, 4), 0.25).tolist() for seed in range(2)}
    edit_run_record(folder, lambda record: record.update(gates=gates))
    tasks = [split_column(column)[1] for column in scores]
    told = tuple(TaskSummary(name=t, column=t, rule=t, labelled=None) for t in tasks)
    data = write_manifest(tmp_path / "manifest.json", "youth", tasks=told)
    evidence = read_evidence([folder], manifests=[data])
    figure = overview_figure(EXHIBIT.data(Overview(evidence, typical_routes(4, 4, {}))))
    named = ", ".join(f"t{i}: {task}" for i, task in enumerate(tasks))
    assert named in texts(figure)
    assert set(tasks) <= {text.get_text() for text in figure.axes[-1].get_legend().get_texts()}
    assert overlapping(figure) == []


@pytest.mark.parametrize("tasks", [2, 3, 12])
def test_texts_neither_overlap_nor_leave_the_page(tmp_path, tasks):
    folders = [
        make(tmp_path, m, d, tasks=tasks, simulated=d == "tiktok")
        for d in ("bookcrossing", "tiktok", "insteval", "goodreads")
        for m in ("mmoe", "cut_mmoe")
    ]
    figure = drawn(folders, typical_routes(tasks, 4, {}))
    assert overlapping(figure) == []


def test_simulated_data_say_so(tmp_path):
    folders = [make(tmp_path, m, "tiktok", simulated=True) for m in ("mmoe", "cut_mmoe")]
    shown = texts(drawn(folders))
    assert "TikTok (SIMULATED DATA)" in shown
    assert "SIMULATED DATA" in shown
    figure1(folders, make_subgraphs(tmp_path / "s.json"), [tmp_path / "f.png"])
    with Image.open(tmp_path / "f.png") as opened:
        assert opened.info["Description"].startswith("SIMULATED DATA: TikTok. ")


def test_the_caption_tells_of_what_is_there(tmp_path):
    for folders, letters in (([], "abc"), ([make(tmp_path, "mmoe")], "abcd")):
        figure1(folders, make_subgraphs(tmp_path / "s.json"), [tmp_path / "f.png"])
        with Image.open(tmp_path / "f.png") as opened:
            caption = opened.info["Description"]
        assert [letter for letter in "abcde" if f"({letter})" in caption] == list(letters)


def test_bytes_repeat(tmp_path):
    folders = [make(tmp_path, m) for m in ("mmoe", "cut_mmoe")]
    for name in ("a", "b"):
        figure1(
            folders,
            make_subgraphs(tmp_path / "s.json"),
            [tmp_path / f"{name}.png", tmp_path / f"{name}.pdf"],
        )
    for ending in (".png", ".pdf"):
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


def test_the_data_are_the_blocks_gates_and_scores_that_are_drawn(tmp_path):
    folders = [make(tmp_path, m) for m in ("mmoe", "cut_mmoe")]
    data = EXHIBIT.data(Overview(read_evidence(folders), ROUTES))
    count = data.groupby("panel").size()
    assert count[["a", "b", "c"]].tolist() == [len(r.space.blocks) for r in ROUTES.values()]
    assert (count["d"], count["e"]) == (6 * 2 * 4, 2 * 6 * 3)
    first = data[(data["panel"] == "e") & (data["method"] == "mmoe") & (data["what"] == "mtl_loss")]
    found = read_evidence(folders).scores(("bookcrossing", "mmoe", "paper"))["mtl_loss"]
    assert first.set_index("seed")["score"].to_dict() == found.to_dict()
