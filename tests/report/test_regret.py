"""Searches judged by a ground truth with a planted best route."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.offsetbox import AnnotationBbox
from matplotlib.text import Text
from PIL import Image

from mtnas.evidence.exhaustive_table import GroundTruth
from mtnas.report.exhibits.exhaustive import EXHIBIT, Space, routes_in_order
from mtnas.report.exhibits.regret import regret_table as named_table
from mtnas.report.judged import ONE_SUBNET, Truth, _unit, read_judged
from mtnas.report.names import Names
from mtnas.report.render.layout import CHOSEN, FAMILY
from mtnas.report.render.style import save_figure
from mtnas.report.render.writers import to_ledger, to_markdown
from mtnas.routes.named import full_sharing, no_sharing, share_bottom
from mtnas.routes.patterns import patterns
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import RecordError
from tests.helpers.runs import make_run, write_scores
from tests.helpers.searches import edit_search, exhaustive_record, write_search

NAMES = Names(
    {
        "mtnas/differentiable": "Gumbel-softmax",
        "mtnas/four_routes": "four routes",
        "mtnas/full_sharing": "full sharing",
        "mtnas/inherit": "inherited weights",
        "mtnas/warm_up": "warm up",
    }
)
SPACE = SearchSpace(1, 3, 2, "root")
SEEDS = [0, 1, 2, 3]
PLANTED = no_sharing(SPACE).index  # t0: s1+s2; t1: s3


def regret_table(truths, judged):
    return named_table(truths, judged, NAMES)


def draw(truth_files, judged, outputs):
    truths = [Truth.read(path) for path in truth_files]
    figure, caption = EXHIBIT.draw(EXHIBIT.data(Space(truths, read_judged(truths, judged), NAMES)))
    save_figure(figure, outputs, caption)


def make_truth(
    folder,
    dataset="insteval",
    *,
    simulated=False,
    noise=0.0,
    name="l1h3",
    space=SPACE,
    synthetic=None,
):
    """Write a ground truth: a loss of 1.1 by default, 1.0 for the planted pattern, 1.2 for MMoE."""
    pattern, planted = np.array(patterns(space)), no_sharing(space).index
    loss = np.full(space.num_routes, 1.1)
    loss[pattern == pattern[planted]] = 1.0
    loss[full_sharing(space).index] = 1.2
    loss[planted] -= 0.003
    rng, lines = np.random.default_rng(0), []
    for r in range(space.num_routes):
        route = Route.at(space, r)
        for seed in SEEDS:
            valid = loss[r] + 0.01 * seed
            losses = {"valid_loss": valid, "test_loss": valid + 0.02 + noise * rng.normal()}
            about = {"space": name, "route": r, "seed": seed, "same_as": r, "pattern": pattern[r]}
            more = {"describe": route.describe(), "edges": 2, "dense_used": 9, "best_epoch": 3}
            more |= {} if synthetic else {"test_auc_t0": 0.7}
            lines.append({**about, **more, **losses})
    facts = {"simulated": simulated, "synthetic": synthetic}
    record = exhaustive_record(dataset, name, space, SEEDS, **facts)
    path = folder / dataset / f"{name}.parquet"
    GroundTruth(pd.DataFrame(lines), {name: record}).write(path)
    return path


def make_routes(path, picks, *, mass=None, space=SPACE, strategy="reinforce"):
    """Write what a search of one variant found; `mass` is the probability of what it picked."""

    def blocks(route):
        found = {}
        for name in space.blocks if mass is not None else ():
            size = space.num_local_routes(name)
            p = np.full(size, (1 - mass) / (size - 1))
            p[space.index_of(name, route[name])] = mass
            found[name] = {"distribution": p.tolist()}
        return found

    routes = {seed: Route.at(space, index) for seed, index in picks.items()}
    spent = {"weight_steps": 20, "route_evaluations": 40}
    write_search(path, routes, strategy=strategy, blocks=blocks, more=spent, code="def")
    return {"dataset": "insteval", "variant": path.stem, "path": str(path)}


def everywhere(route):
    return dict.fromkeys(SEEDS, route.index if isinstance(route, Route) else route)


@pytest.fixture
def truth(tmp_path):
    return make_truth(tmp_path)


def ledger(table):
    frame = pd.read_csv(io.StringIO(to_ledger(table)))
    return frame.pivot(index="row", columns="column", values="value")


def test_known_routes_are_judged_without_a_search(truth):
    values = ledger(regret_table([truth], []))
    regret = values["regret"]
    assert regret["oracle"] == regret["best in hindsight"] == regret["no sharing"] == 0
    assert regret["full sharing"] == pytest.approx(0.203)
    assert regret[ONE_SUBNET] == pytest.approx(0.103)
    mean = (3 * 1.0 - 0.003 + 45 * 1.1 + 1.2) / 49 - 0.997
    assert regret["a random route"] == pytest.approx(mean)
    assert values["against a random route"]["oracle"] == pytest.approx(-mean)


def test_what_a_search_spent_is_the_mean_over_its_seeds(tmp_path, truth):
    """Seeds may end at different steps, so no single one tells."""
    judged = make_routes(tmp_path / "warm_up.json", everywhere(PLANTED))

    def differ(record):
        for seed, steps in zip(record["seeds"], (20, 40, 60, 81), strict=True):
            record["seeds"][seed]["weight_steps"] = steps

    edit_search(tmp_path / "warm_up.json", differ)
    (found,) = read_judged([Truth.read(truth)], [judged])
    assert found.spent == (50, 40)


def test_patterns_are_free_of_the_names_of_sub_networks(tmp_path, truth):
    other = Route.at(SPACE, PLANTED).renamed({"s1": "s3", "s2": "s2", "s3": "s1"})
    assert other.index != PLANTED
    judged = [make_routes(tmp_path / "warm_up.json", everywhere(other))]
    line = ledger(regret_table([truth], judged)).loc["warm up"]
    assert line["regret"] == pytest.approx(0.003)
    assert line["regret of the pattern"] == pytest.approx(0)
    assert line["good picks"] == 1


def test_good_routes_hold_a_tenth_of_the_space_and_chance_finds_them_as_often(truth):
    read = Truth.read(truth)
    assert read.good.sum() >= 0.1 * SPACE.num_routes
    assert read.good[PLANTED]
    assert not read.good[full_sharing(SPACE).index]
    values = ledger(regret_table([truth], []))
    assert values["good mass"]["a random route"] == pytest.approx(read.good.mean())


def test_a_search_is_judged_by_its_picks_and_its_probabilities(tmp_path, truth):
    half = {**everywhere(PLANTED), 1: full_sharing(SPACE).index, 3: full_sharing(SPACE).index}
    judged = [
        make_routes(tmp_path / "four_routes.json", half),
        make_routes(tmp_path / "sure.json", everywhere(PLANTED), mass=1.0),
        make_routes(tmp_path / "unsure.json", everywhere(PLANTED), mass=1 / 7),
    ]
    values = ledger(regret_table([truth], judged))
    assert values["regret"]["four routes"] == pytest.approx(0.203 / 2)
    assert values["good picks"]["four routes"] == 0.5
    assert np.isnan(values["good mass"]["four routes"])
    assert values["good mass"]["sure"] == pytest.approx(1)
    assert values["good mass"]["unsure"] == pytest.approx(Truth.read(truth).good.mean())
    assert values["weight steps"]["sure"] == 20
    assert values["route evaluations"]["sure"] == 40


def test_what_cannot_be_looked_up_is_judged_by_its_run(tmp_path, truth):
    noise = 0.01 * np.array(SEEDS)
    run = make_run(tmp_path, "mtnas", (0.7,), 1.05, seeds=SEEDS, noise=noise, variant="inherit")
    judged = [{"dataset": "insteval", "variant": "inherit", "path": str(run)}]
    with pytest.raises(RecordError, match=r"metrics.csv: seeds without a loss on validation"):
        regret_table([truth], judged)
    metrics = pd.read_csv(run / "metrics.csv")
    valid = [(seed, "valid", "all", "mtl_loss", 1.2 + 0.01 * seed) for seed in SEEDS]
    write_scores(run, pd.concat([metrics, pd.DataFrame(valid, columns=metrics.columns)]))
    values = ledger(regret_table([truth], judged))
    assert values["regret"]["inherited weights"] == pytest.approx(1.05 - 1.017)
    assert values["regret on validation"]["inherited weights"] == pytest.approx(1.2 - 0.997)
    assert np.isnan(values["good picks"]["inherited weights"])


def test_a_search_on_one_of_two_datasets_is_a_row_of_that_one(tmp_path, truth):
    other = make_truth(tmp_path, "movielens")
    judged = [make_routes(tmp_path / "warm_up.json", everywhere(PLANTED))]
    table = regret_table([truth, other], judged)
    rows = [[row for row in block.rows if row.label == "warm up"] for block in table.blocks]
    assert [len(found) for found in rows] == [1, 0]
    assert rows[0][0].cells[0].value == pytest.approx(0)
    assert "| warm up |" in to_markdown(table)


def test_a_setting_can_be_chosen_by_validation_alone(tmp_path):
    truth = make_truth(tmp_path, noise=0.2)  # test losses say next to nothing
    other = Route.at(SPACE, PLANTED).renamed({"s1": "s3", "s2": "s2", "s3": "s1"}).index
    judged = [
        make_routes(tmp_path / "near.json", everywhere(other)),
        make_routes(tmp_path / "far.json", everywhere(share_bottom(SPACE))),
        make_routes(tmp_path / "random.json", everywhere(PLANTED), strategy="random"),
    ]
    table = regret_table([truth], judged)
    values = ledger(table)
    assert values["regret on validation"]["oracle"] == 0
    assert values["regret on validation"]["near"] == pytest.approx(0.003)
    assert values["regret on validation"]["far"] == pytest.approx(0.103)
    mean = (3 * 1.0 - 0.003 + 45 * 1.1 + 1.2) / 49 - 0.997
    assert values["regret on validation"]["a random route"] == pytest.approx(mean)
    marked = [row.label for row, _, cell in table.cells() if cell.mark == CHOSEN]
    assert marked == ["near"]  # the nearest of all searched nothing
    assert "+0.0030◂" in to_markdown(table)


def test_many_searches_are_one_family(tmp_path):
    noisy = make_truth(tmp_path, noise=0.01)
    one = [make_routes(tmp_path / "full_sharing.json", everywhere(full_sharing(SPACE)))]
    near = Route.at(SPACE, PLANTED).renamed({"s1": "s3", "s2": "s2", "s3": "s1"})
    many = one + [make_routes(tmp_path / f"n{i}.json", everywhere(near)) for i in range(30)]
    frames = [pd.read_csv(io.StringIO(to_ledger(regret_table([noisy], j)))) for j in (one, many)]
    few, more = (f[(f["row"] == "full sharing") & (f["column"] == "regret")] for f in frames)
    assert few["p_value"].tolist() == more["p_value"].tolist()
    assert (more["holm_p"].to_numpy() > few["holm_p"].to_numpy()).all()
    assert (few["holm_p"] >= few["p_value"]).all()
    marked = [cell for _, _, cell in regret_table([noisy], one).cells() if FAMILY in cell.mark]
    assert marked and all(cell.holm_p < 0.05 for cell in marked)
    # What is chosen by is not tested.
    assert not any(cell.source.metric == "valid_regret" for cell in marked)


def test_the_spread_within_patterns_is_told(tmp_path):
    read = Truth.read(make_truth(tmp_path))
    # Only the planted route stands out of its pattern of three, by .003.
    assert list(patterns(SPACE)).count(patterns(SPACE)[PLANTED]) == 3
    squares = 0.002**2 + 2 * 0.001**2
    spare = SPACE.num_routes - len(set(patterns(SPACE)))
    assert read.spread_in_patterns == pytest.approx((squares / spare) ** 0.5)
    assert f"{read.spread_in_patterns:.4f} on InstEval" in to_markdown(
        regret_table([tmp_path / "insteval/l1h3.parquet"], [])
    )


def test_every_dataset_has_its_block(tmp_path, truth):
    other = make_truth(tmp_path, "movielens", noise=1e-3)
    table = regret_table([truth, other], [])
    assert [block.title for block in table.blocks] == ["InstEval", "MovieLens"]
    assert {cell.source.dataset for _, _, cell in table.cells()} == {"insteval", "movielens"}


def test_intervals_are_paired_by_seed(tmp_path):
    noisy = make_truth(tmp_path, noise=1e-3)
    judged = [make_routes(tmp_path / "full_sharing.json", everywhere(full_sharing(SPACE)))]
    frame = pd.read_csv(io.StringIO(to_ledger(regret_table([noisy], judged))))
    lines = frame[frame["column"] == "regret"].set_index("row")
    assert lines.loc["full sharing", "low"].iloc[0] < lines.loc["full sharing", "value"].iloc[0]
    read = Truth.read(noisy)
    gap = read.losses(everywhere(full_sharing(SPACE))) - read.losses(read.oracle)
    assert lines.loc["full sharing", "value"].iloc[1] == pytest.approx(gap["test"].mean())


@pytest.mark.parametrize(
    ("picks", "space", "message"),
    [
        ({0: 1, 1: 1}, SPACE, r"seeds \[0, 1\], the ground truth .* has \[0, 1, 2, 3\]"),
        (everywhere(1), SearchSpace(1, 2, 2, "root"), "the ground truth is of"),
    ],
)
def test_routes_of_something_else_are_refused(tmp_path, truth, picks, space, message):
    judged = [make_routes(tmp_path / "r.json", picks, space=space)]
    with pytest.raises(RecordError, match=f"r.json: .*{message}"):
        read_judged([Truth.read(truth)], judged)


def test_one_table_is_of_one_space(tmp_path, truth):
    other = make_truth(tmp_path, "movielens", name="other")
    for files, found in (([truth, other], r"\['l1h3', 'other'\]"), ([], "none")):
        with pytest.raises(RecordError, match=f"ground truth of one space, got {found}"):
            regret_table(files, [])
    wider = make_truth(tmp_path, "census", space=SearchSpace(1, 2, 2, "root"))
    with pytest.raises(RecordError, match="space l1h3 is another network on each dataset"):
        regret_table([truth, wider], [])


def test_simulated_data_say_so_in_table_and_figure(tmp_path):
    truth = make_truth(tmp_path, simulated=True)
    text = to_markdown(regret_table([truth], []))
    assert "InstEval (SIMULATED DATA)" in text
    assert "no conclusion about it follows" in text
    figure = routes_in_order(EXHIBIT.data(Space([Truth.read(truth)], [])))
    assert "SIMULATED DATA" in [text.get_text() for text in figure.findobj(Text)]
    draw([truth], [], [tmp_path / "f.png"])
    with Image.open(tmp_path / "f.png") as opened:
        assert opened.info["Description"].startswith("SIMULATED DATA: InstEval. ")


@pytest.mark.parametrize(
    ("scores", "unit"),
    [
        (["auc_never_married", "loss_never_married", "loss"], "nats"),
        (["accuracy_mood", "macro_f1_mood"], "nats"),
        (["rmse_minutes_read", "r2_minutes_read"], "squared error"),
        (["auc_likes", "mae_minutes"], "sum of nats and squared errors"),
        (["loss_likes", "loss"], "loss"),
    ],
)
def test_the_unit_of_a_loss_is_told_by_the_scores_beside_it(scores, unit):
    assert _unit(pd.DataFrame(columns=[f"test_{score}" for score in scores])) == unit


def test_numbers_as_labels_have_another_loss_and_another_name(tmp_path, truth):
    drawn = {"rho": 0.5, "dim": 20, "num_sines": 2, "scale": 1}
    synthetic = make_truth(tmp_path, "synthetic_near", simulated=True, synthetic=drawn)
    text = to_markdown(regret_table([synthetic], []))
    assert "Regret in test loss (squared error)" in text
    assert "#### d = 20, m = 2, ρ = 0.5 (SIMULATED DATA)" in text
    units = [
        routes_in_order(EXHIBIT.data(Space([Truth.read(path)], []))).axes[0].get_ylabel()
        for path in (truth, synthetic)
    ]
    assert units == [f"test loss − full sharing\n({unit})" for unit in ("nats", "squared error")]


@pytest.fixture
def searches(tmp_path):
    picks = {"": full_sharing(SPACE), "differentiable": share_bottom(SPACE), "warm_up": PLANTED}
    return [make_routes(tmp_path / f"{k}.json", everywhere(r)) for k, r in picks.items() if k]


def test_the_figure_orders_all_routes_and_shows_every_pick(truth, searches):
    read = Truth.read(truth)
    figure = routes_in_order(EXHIBIT.data(Space([read], read_judged([read], searches), NAMES)))
    upper, lower = figure.axes
    mean = upper.lines[0].get_ydata()
    assert len(mean) == SPACE.num_routes
    assert (np.diff(mean) >= 0).all()
    assert mean[-1] == 0  # full sharing, against itself
    labels = [label.get_text() for label in lower.get_yticklabels()]
    assert labels == ["oracle", "Gumbel-softmax", "warm up"]
    places = [dots.get_offsets().tolist() for dots in lower.collections]
    assert places[0] == [[1, 0]]
    assert places[2] == [[1, 2]]
    blind, *lines = [line.get_xdata() for line in lower.lines[:-3]]  # then the known routes
    assert blind[0] == (SPACE.num_routes + 1) / 2
    picked = [int(x) for x, _ in places[1]]
    assert any(line == pytest.approx([np.mean(picked)]) for line in lines)
    marked = {box.offsetbox.get_text() for box in upper.findobj(AnnotationBbox)}
    assert marked == {"full sharing", "Share-Bottom", "no sharing"}


def test_texts_do_not_overlap(tmp_path, truth, searches):
    other = make_truth(tmp_path, "movielens", noise=1e-3)
    truths = [Truth.read(truth), Truth.read(other)]
    figure = routes_in_order(EXHIBIT.data(Space(truths, read_judged(truths, searches), NAMES)))
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    texts = [*figure.texts, *figure.axes[1].get_yticklabels()]  # both datasets have the same rows
    assert not any(label.get_text() for label in figure.axes[3].get_yticklabels())
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts]
    for axes in figure.axes[::2]:
        marks = [box.offsetbox for box in axes.findobj(AnnotationBbox)]
        labels = [(mark.get_text(), mark.get_window_extent(renderer)) for mark in marks]
        assert all(axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 for _, box in labels)
        boxes += labels
    assert len(boxes) == 2 * (2 + 3) + 3
    for i, (name, box) in enumerate(boxes):
        for other_name, second in boxes[:i]:
            assert not box.padded(-0.5).overlaps(second.padded(-0.5)), (name, other_name)


def test_the_figure_repeats_byte_for_byte(tmp_path, truth, searches):
    outputs = [[tmp_path / n / "f.png", tmp_path / n / "f.pdf"] for n in ("a", "b")]
    for files in outputs:
        draw([truth], searches, files)
    for first, second in zip(*outputs, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_the_data_are_the_losses_of_every_route_and_who_picked_it(truth, searches):
    read = Truth.read(truth)
    data = EXHIBIT.data(Space([read], read_judged([read], searches), NAMES))
    assert data["search"].isna().sum() == SPACE.num_routes * len(SEEDS)
    picked = data[data["search"] == "warm up"]
    assert (set(picked["route"]), picked["seed"].tolist()) == ({PLANTED}, SEEDS)
    planted = data[data["search"].isna() & (data["route"] == PLANTED)]
    assert planted["test_loss"].tolist() == read.test_RS[PLANTED].tolist()
