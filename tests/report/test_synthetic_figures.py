"""Figures 4 to 6: what is drawn, and that simulated data say so on their face."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from mtnas.evidence.records import Run, RunRecord
from mtnas.evidence.search_record import Block
from mtnas.report.exhibits import figure4, figure5, figure6
from mtnas.report.exhibits.base import Needs
from mtnas.report.exhibits.figure4 import NamedRuns, losses_figure, valid_losses
from mtnas.report.exhibits.figure5 import overlap
from mtnas.report.exhibits.figure6 import gates_figure
from mtnas.report.names import SIMULATED, Names
from mtnas.report.render.gates import ordered
from mtnas.report.render.route_panels import routes_figure
from mtnas.report.render.style import save_figure
from mtnas.report.searched import Searched, choices, drawn
from mtnas.routes.named import full_sharing, share_disjoint
from mtnas.routes.route import Route
from mtnas.routes.space import LocalRoute, SearchSpace
from mtnas.runtime.errors import RecordError
from tests.helpers.runs import run_record
from tests.helpers.searches import write_search

GATES = [[[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], [[0.1, 0.8, 0.1], [0.5, 0.05, 0.45]]]


METRICS = pd.DataFrame({"task": ["t0", "t1", "all"]})


def losses(*runs):
    return figure4.EXHIBIT.data(NamedRuns(runs, Names()))


def gates(*runs):
    return figure6.EXHIBIT.data(runs)


def make(method="mmoe", rho=0.0, dim=20, simulated=True, tasks=(0, 1), gates=True):
    name = f"d{dim}_rho{rho}" if simulated else "bookcrossing"
    fits = [
        {
            **{"seed": seed, "tasks": tasks, "best_epoch": 1, "train_loss": (), "valid_losses": ()},
            "valid_loss": [2.0 + seed, 1.0, 0.5][: 3 - seed],
        }
        for seed in (0, 1)
    ]
    record = run_record(name, method, seeds=(0, 1), simulated=simulated)
    record |= {"fits": fits, "gates": dict(enumerate(GATES)) if gates else {}}
    if simulated:
        record["synthetic"] = {
            **{"rho": rho, "dim": dim, "num_sines": 2, "scale": 1, "noise_variance": 0.01},
        }
    return Run(METRICS, RunRecord.of(record, "run.json"), Path("folder"))


def with_fits(run, fits):
    return replace(run, record=run.record.model_copy(update={"fits": fits}))


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def shown(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_visible()]


def test_every_setting_has_its_row_and_every_rho_its_place():
    runs = [make(m, rho, d) for d, rho in ((20, 0), (50, 0), (50, 1)) for m in ("mmoe", "mtnas")]
    figure = losses_figure(losses(*runs))
    assert {SIMULATED, "MMoE", "MTNAS", "d = 20, m = 2", "d = 50, m = 2"} <= set(texts(figure))
    ticks = [[label.get_text() for label in axes.get_xticklabels()] for axes in figure.axes]
    assert ticks == [["0"], ["0"], ["0", "1"], ["0", "1"]]
    # Of both methods a bar and a mark at every rho, and the noise; of one of them the ratio.
    assert [len(axes.lines) for axes in figure.axes] == [5, 3, 9, 5]


def test_ratios_are_taken_seed_by_seed():
    first, second = make("mtnas"), make("mmoe")
    worse = [
        f.model_copy(update={"valid_loss": (3.0, (1.1, 1.3)[i])})
        for i, f in enumerate(second.record.fits)
    ]
    _, ratios = losses_figure(losses(first, with_fits(second, worse))).axes
    bar, mark, _ = ratios.lines  # the last line is that at 0
    mean = 100 * (np.sqrt(1.1 * 1.3) - 1)
    assert mark.get_ydata() == pytest.approx([mean])
    low, high = bar.get_ydata()
    assert low < mean < high


def test_losses_end_where_the_first_seed_ends_and_add_up_over_the_models_of_a_seed():
    run = make()
    assert valid_losses(run).tolist() == [[2, 1], [3, 1]]
    run = with_fits(run, run.record.fits + make(tasks=(1,)).record.fits)
    assert valid_losses(run).tolist() == [[4, 2], [6, 2]]
    with pytest.raises(RecordError, match="no learning curve"):
        valid_losses(with_fits(run, ()))


def test_experts_stand_in_the_order_in_which_the_first_task_prefers_them():
    assert ordered(np.array(GATES)).tolist() == [
        [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]],
        [[0.8, 0.1, 0.1], [0.05, 0.45, 0.5]],
    ]


def test_gate_scores_of_measured_data_are_drawn_without_the_label_and_name_the_lowest():
    figure = gates_figure(gates(make(simulated=False)))
    assert shown(figure) == ["Book-Crossing"]
    assert "lowest 0.05" in texts(figure)
    assert SIMULATED not in texts(figure)
    assert SIMULATED in texts(gates_figure(gates(make())))


def test_runs_without_gates_and_no_runs_are_refused():
    with pytest.raises(RecordError, match="no gate scores"):
        gates(make(gates=False))
    with pytest.raises(RecordError, match="at least one"):
        losses()


def searched(*routes):
    space = routes[0].space
    named = {str(seed): route for seed, route in enumerate(routes)}
    blocks = {seed: dict.fromkeys(("t0", "t1"), Block(values=(), query=None)) for seed in named}
    found = Searched("s", "mtnas", "paper", "reinforce", True, space, named, blocks, {})
    return drawn(choices([found]))[0]


def test_figure_5_counts_disjoint_routes_against_chance():
    space = SearchSpace(1, 3, 2, "root")
    apart = Route(space, (LocalRoute(("s1",), "root"), LocalRoute(("s2", "s3"), "root")))
    found = searched(apart, full_sharing(space))
    assert apart.is_disjoint
    assert not full_sharing(space).is_disjoint
    # 12 of the 49 pairs of subsets of three have nothing in common.
    assert share_disjoint(space) == pytest.approx(12 / 49, abs=0.02)
    assert "tasks share no sub-network in 1 of 2 seeds, in 24% of random" in overlap(found)
    assert SIMULATED in texts(routes_figure([found], overlap))


def test_figure_5_names_what_the_data_are_drawn_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = SearchSpace(1, 3, 2, "root")
    needs = Needs(
        searches=(("near", "mtnas", "paper"),),
        facts={"near": {"rho": 0, "dim": 20, "num_sines": 2, "scale": 1}},
    )
    write_search(
        Path(needs.routes_files[0]), {0: full_sharing(space)}, dataset="near", simulated=True
    )
    figure, _ = figure5.EXHIBIT.draw(figure5.EXHIBIT.data(figure5.EXHIBIT.read(needs)))
    assert "d = 20, m = 2, ρ = 0: MTNAS, REINFORCE" in texts(figure)


def test_bytes_repeat(tmp_path):
    for name in ("a.png", "b.png"):
        save_figure(losses_figure(losses(make())), [tmp_path / name])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_data_are_what_is_drawn():
    last = losses(make()).set_index("seed")["valid_loss"]
    assert last.tolist() == valid_losses(make())[:, -1].tolist()
    shown = gates(make()).set_index(["seed", "task", "expert"])["score"]
    assert shown.loc[1, "t0"].tolist() == [0.8, 0.1, 0.1]  # in the order in which they are drawn
