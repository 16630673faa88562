"""Figure 7 and its twin over L: what is drawn, and that bytes repeat."""

import numpy as np
import pytest
from PIL import Image

from mtnas.evidence.claims.evidence import read_evidence
from mtnas.report.exhibits.figure7 import APART, EXHIBIT, SPREAD, Sweep, sweep_figure
from mtnas.report.names import SIMULATED
from mtnas.report.render.style import save_figure
from mtnas.routes.named import full_sharing
from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import RecordError
from tests.helpers.runs import NOISE, edit_run_record, make_run
from tests.helpers.searches import write_search

SIZES = {"subnets_1": 1, "subnets_2": 2, "paper": 4, "subnets_8": 8}
SPACE = SearchSpace(1, 2, 2)


@pytest.fixture
def swept(tmp_path):
    return sweep_of(tmp_path, lambda size: (0.7 + size / 100, 0.8))


def sweep_of(tmp_path, scores):
    folders, paths = [], []
    for variant, size in SIZES.items():
        noise = NOISE * (1 + size / 10)
        folder = make_run(tmp_path, "mtnas", scores(size), variant=variant, noise=noise)

        def change(record, size=size):
            record["spec"]["options"] = {"num_layers": 2, "num_subnets": size}
            record["timings"]["train_seconds"] = 10.0 * size

        edit_run_record(folder, change)
        path, routes = tmp_path / f"{variant}.json", dict.fromkeys(range(3), full_sharing(SPACE))
        folders.append(folder)
        paths.append(write_search(path, routes, variant=variant, seconds=20.0 * size))
    return folders, paths


def read(swept, option="num_subnets"):
    return Sweep(option, read_evidence(swept[0], routes=swept[1]))


def figure7(swept, outputs):
    figure, caption = EXHIBIT.draw(EXHIBIT.data(read(swept)))
    save_figure(figure, outputs, caption)


def test_a_sweep_shows_scores_and_times(swept):
    figure = sweep_figure(EXHIBIT.data(read(swept)))
    auc, loss, search, training = figure.axes
    first, second = auc.get_lines()[:2]
    assert first.get_xdata() == pytest.approx(np.array([1, 2, 4, 8]) - SPREAD / 4)
    # Less the mean over the sweep, which the legend tells.
    assert first.get_ydata() == pytest.approx([-0.0275, -0.0175, 0.0025, 0.0425])
    assert second.get_ydata() == pytest.approx([0] * 4)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["AUC0 (0.737)", "AUC1 (0.800)"]
    assert loss.get_lines()[0].get_ydata() == pytest.approx([0.73] * 4)
    # Per seed: there are three.
    assert search.get_lines()[0].get_ydata() == pytest.approx(np.array([20, 40, 80, 160]) / 3)
    assert training.get_lines()[0].get_ydata() == pytest.approx(np.array([10, 20, 40, 80]) / 3)
    assert auc.get_lines()[2].get_xdata()[0] == 4  # the paper's H
    # Noise is NOISE * (1 + H / 10): without the mean of each seed, 0.275 of it stays at H = 1.
    bar = auc.collections[0].get_segments()[0]
    assert np.ptp(bar[:, 1]) == pytest.approx(2 * 0.000275, rel=1e-6)


def test_a_sweep_of_tasks_of_other_kinds_shows_how_far_each_score_is_off_its_mean(tmp_path):
    made = sweep_of(
        tmp_path,
        lambda size: {"rmse_minutes": 10.0 + size, "mae_minutes": 9.0, "accuracy_mood": 0.5},
    )
    figure, caption = EXHIBIT.draw(EXHIBIT.data(read(made)))
    panel = figure.axes[0]
    assert panel.get_title() == "test score off its mean (%)"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["RMSE minutes (13.750)", "accuracy mood (0.500)"]
    away = np.array([11, 12, 14, 18]) / 13.75 - 1
    assert panel.get_lines()[0].get_ydata() == pytest.approx(100 * away)
    assert "AUC" not in caption


def test_times_of_another_machine_stand_apart(swept):
    edit_run_record(swept[0][2], lambda record: record["environment"].update(platform="other"))
    data = EXHIBIT.data(read(swept))
    assert set(data.loc[data["apart"], "size"]) == {4}
    figure = sweep_figure(data)
    together, apart = figure.axes[3].get_lines()[:2]
    assert (together.get_xdata().tolist(), apart.get_xdata().tolist()) == ([1, 2, 8], [4])
    assert apart.get_markerfacecolor() == "white"
    assert APART in [text.get_text() for text in figure.texts]


def test_the_same_runs_give_the_same_bytes(swept, tmp_path):
    for name in ("a", "b"):
        figure7(swept, [tmp_path / f"{name}.png", tmp_path / f"{name}.pdf"])
    for ending in (".png", ".pdf"):
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


def test_without_a_sweep_there_is_no_figure(swept):
    with pytest.raises(RecordError, match="two or more runs of mtnas over num_layers"):
        EXHIBIT.data(Sweep("num_layers", read_evidence(swept[0][:1])))


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_data_say_so(swept, tmp_path, simulated):
    for folder in swept[0]:
        edit_run_record(folder, lambda record: record.update(simulated=simulated))
    figure7(swept, [tmp_path / "f.png"])
    figure = sweep_figure(EXHIBIT.data(read(swept)))
    assert (SIMULATED in [text.get_text() for text in figure.texts]) is simulated
    with Image.open(tmp_path / "f.png") as opened:
        assert opened.info["Description"].startswith(SIMULATED) is simulated
