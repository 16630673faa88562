"""Claims of Wu, Zhang, Ré on planted results: the truth, its opposite, and nothing."""

from pathlib import Path

import numpy as np
import pytest

from mtnas.evidence.claims import transfer
from mtnas.evidence.claims.evidence import read_evidence
from mtnas.evidence.claims.ledger import ledger
from mtnas.report.claims import summary, to_markdown, write_ledger
from tests.helpers.transfer import (
    LABELS,
    PAPER,
    SEEDS,
    SENTENCES,
    of_all,
    pairs_of,
    planted,
    similar,
    study,
    weighed,
)

REPOSITORY = Path(__file__).resolve().parents[2]
TASKS = 5  # of the linear study
IDS = ["B1", "B2", "B3", "B4", "B5", "B6"]


def judged(identity, subsets=(), studies=()):
    entries = ledger(read_evidence([], subsets=subsets, simulated_studies=studies))
    return next(entry for entry in entries if entry["id"] == identity)


def rows(seeds, **settings):
    """Return a row per seed; `value` is a number, to which the seed adds a little."""
    value = settings.pop("value")
    rng = np.random.default_rng(3)
    return [{"seed": seed, **settings, "value": value + rng.normal(0, 0.001)} for seed in seeds]


def demonstration(root, gain_2, gain_3):
    found = []
    for loss in ("squared", "logistic"):
        for partner, gain in (("task_2", gain_2), ("task_3", gain_3)):
            more = {"loss": loss, "partner": partner, "metric": "gain", "value": gain}
            found += rows(range(8), **more)
    return [study(root, "demonstration", found)]


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ((0.02, -0.1), "replicated"),
        ((0.0, -0.1), "replicated"),  # no harm is enough; that it helps is told beside it
        ((0.02, 0.1), "contradicted"),
        ((-0.1, -0.1), "contradicted"),
        ((-0.0101, -0.1), "inconclusive"),
    ],
)
def test_b1_one_of_two_sources_with_one_model_harms(tmp_path, gains, verdict):
    entry = judged("B1", studies=demonstration(tmp_path, *gains))
    assert entry["verdict"] == verdict
    assert entry["datasets"] == {
        "demonstration": {"verdict": verdict, "simulated": True, "beyond": False}
    }
    helps = [c for c in entry["comparisons"] if c["role"] == "control"]
    expected = "replicated" if gains[0] > 0 else "contradicted" if gains[0] < 0 else "inconclusive"
    assert {c["verdict"] for c in helps} == {expected}


SIZES = (1, 10, 50, 100, 500)


def sweep(
    root,
    best_alone,
    best_together,
    *,
    leaks="keep",
    bonus=0.0,
    dataset="sentiment_glove",
    sizes=SIZES,
):
    """Write runs of some widths: each task is best at one of them alone, all at another one."""

    def value(size):
        def of(subset, task):
            best = best_alone if len(subset) == 1 else best_together
            return 0.8 - 0.05 * abs(np.log10(size / best)) + bonus * (len(subset) > 1)

        return of

    return [
        planted(
            root, value(size), variant=f"w{size}_{leaks}", name="capacity", dataset=dataset,
            options={**PAPER, "hidden_dim": size}, training={"leaks": leaks},
        )
        for size in sizes
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("alone", "together", "verdict"),
    [(100, 100, "replicated"), (50, 100, "replicated"), (10, 500, "contradicted")],
)
def test_b2_together_less_capacity_than_the_sum(tmp_path, alone, together, verdict):
    entry = judged("B2", sweep(tmp_path, alone, together))
    assert entry["verdict"] == verdict
    assert entry["estimate"] == together - len(SENTENCES) * alone


def test_b2_tells_whether_the_tasks_gain_at_their_best_capacities(tmp_path):
    entry = judged("B2", sweep(tmp_path, 100, 100, bonus=-0.03))
    assert entry["verdict"] == "replicated"
    (gain,) = (c for c in entry["comparisons"] if c["role"] == "control")
    assert gain["verdict"] == "contradicted"
    assert gain["estimate"] == pytest.approx(-0.03, abs=0.003)


def test_b2_in_the_linear_study(tmp_path):
    for name, best, verdict in (("a", 2, "replicated"), ("b", 7, "contradicted")):
        entry = judged("B2", studies=linear(tmp_path / name, best=best))
        assert entry["verdict"] == verdict
        assert entry["estimate"] == best - TASKS


def linear(root, *, distance=0.0, below=0.5, best=2):
    found = []
    for rank in range(1, 9):
        place = {"rows": 40, "model": "shared", "rank": rank}
        apart = distance if rank >= TASKS else below
        found += [
            {"seed": seed, **place, "metric": "distance_from_single", "value": apart}
            for seed in range(3)
        ]
        found += rows(range(3), **place, metric="excess_risk", value=1 + abs(rank - best))
    return [study(root, "capacity_linear", found, {"tasks": TASKS})]


@pytest.mark.parametrize(
    ("distance", "below", "verdict", "control"),
    [
        (1e-14, 0.5, "replicated", "replicated"),
        (1e-3, 0.5, "contradicted", "replicated"),
        (1e-14, 0.0, "replicated", "contradicted"),
    ],
)
def test_b5_as_much_capacity_as_tasks_is_no_transfer(tmp_path, distance, below, verdict, control):
    entry = judged("B5", studies=linear(tmp_path, distance=distance, below=below))
    assert entry["verdict"] == verdict
    assert [c["verdict"] for c in entry["comparisons"] if c["role"] == "control"] == [control]
    assert entry["estimate"] == distance


def test_b5_without_a_rank_that_is_large_enough_is_not_measured(tmp_path):
    found = rows(
        range(3), rows=40, model="shared", rank=2, metric="distance_from_single", value=1.0
    )
    entry = judged("B5", studies=[study(tmp_path, "capacity_linear", found, {"tasks": TASKS})])
    assert entry["verdict"] == "not measured"
    assert entry["missing"] == {"capacity_linear": ["a rank of 5 or more"]}


SIX = {**SENTENCES, "cr": "binary", "mpqa": "binary"}  # 15 pairs


def aligned(root, *, worse=2, joint=0.01, control=0.0, modes=("joint", "control"), **more):
    """Write pairs of which all but some improve by `joint`, and all by `control`."""
    pairs = [subset for subset in pairs_of(SIX) if len(subset) == 2]

    def value(gain, spoiled):
        return lambda subset, task: 0.8 + (-gain if subset in pairs[:spoiled] else gain)

    kinds = {"none": (0.0, 0), "joint": (joint, worse), "control": (control, 0)}
    return [
        planted(
            root, value(*kinds[mode]), variant=mode, kinds=SIX, subsets=pairs_of(SIX),
            training={"alignment": mode}, **more,
        )
        for mode in ("none", *modes)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("planted_as", "verdict"),
    [
        ({"worse": 2}, "replicated"),  # 13 of 15, as the paper has it
        ({"worse": 13}, "contradicted"),
        ({"worse": 7}, "inconclusive"),
        ({"worse": 2, "control": 0.03}, "contradicted"),  # as many parameters do more
    ],
)
def test_b3_alignment_improves_most_pairs_by_more_than_parameters_do(tmp_path, planted_as, verdict):
    entry = judged("B3", aligned(tmp_path, **planted_as))
    assert entry["verdict"] == verdict
    first = entry["comparisons"][0]
    assert first["over"] == f"{15 - planted_as['worse']} of 15 pairs, sign test"
    if planted_as["worse"] == 2:
        assert first["p_value"] == pytest.approx(0.0074, abs=1e-4)


def test_b3_each_alignment_has_a_control_of_its_own(tmp_path):
    pairs = pairs_of(SIX)
    kinds = {"none": 0, "joint": 0.02, "control": 0.01, "frozen": 0.02, "frozen_control": 0.03}
    folders = [
        planted(
            tmp_path, lambda subset, task, gain=gain: 0.8 + gain, variant=mode, kinds=SIX,
            subsets=pairs, training={"alignment": mode},
        )
        for mode, gain in kinds.items()
    ]  # fmt: skip
    entry = judged("B3", folders)
    found = {c["what"].partition("better by ")[2]: (c["role"], c["estimate"])
             for c in entry["comparisons"]}  # fmt: skip
    assert found == {
        "joint than no alignment": ("some", 1),
        "frozen than no alignment": ("some", 1),
        "joint than its control": ("all", 1),
        "frozen than its control": ("control", 0),
    }


def test_b3_names_the_capacity_of_the_methods_that_have_one(tmp_path):
    without = aligned(tmp_path, modes=("joint",), options={})
    entry = judged("B3", aligned(tmp_path, modes=("joint",), dataset="gss") + without)
    found = {c["dataset"]: (c["what"], c["evidence"]) for c in entry["comparisons"]}
    what = "pairs better by joint than no alignment"
    assert found["gss"][0] == f"share_bottom, capacity 100: {what}"
    assert found["sentiment_glove"] == (
        f"share_bottom: {what}", [f"{folder.as_posix()}/scores.csv" for folder in without],
    )  # fmt: skip


def test_b3_without_a_control_says_what_is_missing(tmp_path):
    entry = judged("B3", aligned(tmp_path, modes=("joint",)))
    assert entry["missing"] == {"sentiment_glove": ["alignment: joint and alignment: control"]}
    assert entry["datasets"]["sentiment_glove"]["verdict"] == "not measured"
    assert entry["command"].endswith("config/text.yaml")


def test_b3_tells_in_how_many_pairs_the_inputs_become_more_similar(tmp_path):
    folders = [
        planted(
            tmp_path, lambda subset, task: 0.8, variant=mode, kinds=SIX, subsets=pairs_of(SIX),
            training={"alignment": mode}, fits=similar(mode, pairs_of(SIX), rises=12),
        )
        for mode in ("none", "frozen")
    ]  # fmt: skip
    entry = judged("B3", folders)
    found = {
        c["what"].partition("similarity ")[2]: (c["role"], c["estimate"], c["over"])
        for c in entry["comparisons"]
        if "similarity" in c["what"]
    }
    assert found == {
        "(score) by frozen than before": ("control", 12 / 15, "12 of 15 pairs, sign test"),
        "(normalised score) by frozen than before": (
            "control", 3 / 15, "3 of 15 pairs, sign test",
        ),
    }  # fmt: skip


def noisy(root, gain, *, shares=(0.2, 0.4), weighting="svd", dataset="gss", ratio=None):
    """Write runs with label noise in which weights gain so much, and leaving out gains more.

    The noisy task weighs `ratio` times the others, if that is given, and 1.2 times without noise.
    """
    folders = []
    for share in shares:
        for name in ("equal", weighting):
            more = {} if name == "equal" else {"weighting": name}
            folders.append(
                planted(
                    root,
                    lambda subset, task, name=name: (
                        0.8 + (gain if name != "equal" and len(subset) == 3 else 0)
                        + 0.05 * (len(subset) == 2)
                    ),
                    variant=f"{name}_{share * 100:.0f}",
                    kinds=LABELS,
                    subsets=pairs_of(LABELS),
                    dataset=dataset,
                    training={"label_noise": {"single": share} if share else {}, **more},
                    fits=weighed(ratio if share else 1.2) if ratio and name != "equal" else (),
                )
            )  # fmt: skip
    return folders


def weights(root, ratio):
    found = []
    for coding in ("literal", "standardised"):
        for share in (0.2, 0.4, 0.8):
            place = {"part": "relabelled", "noise": share, "coding": coding, "rank": 1}
            found += rows(range(5), **place, metric="noisy_to_clean", value=ratio)
    return [study(root, "reweighting_linear", found)]


@pytest.mark.parametrize(
    ("gain", "ratio", "verdict"),
    [
        (0.02, None, "replicated"),
        (0.02, 0.6, "replicated"),
        (0.02, 1.4, "contradicted"),
        (-0.02, 0.6, "contradicted"),
        (0.0, 0.6, "inconclusive"),
    ],
)
def test_b4_weights_help_under_noise(tmp_path, gain, ratio, verdict):
    studies = [] if ratio is None else weights(tmp_path, ratio)
    entry = judged("B4", noisy(tmp_path, gain), studies)
    assert entry["verdict"] == verdict
    oracle = [c for c in entry["comparisons"] if "without it" in c["what"]]
    assert {(c["role"], c["verdict"]) for c in oracle} == {("control", "replicated")}
    assert all(c["estimate"] == pytest.approx(0.05, abs=0.003) for c in oracle)


@pytest.mark.parametrize(("ratio", "verdict"), [(0.6, "replicated"), (1.4, "contradicted")])
def test_b4_needs_noisy_tasks_to_weigh_less_in_the_runs(tmp_path, ratio, verdict):
    entry = judged("B4", noisy(tmp_path, 0.02, shares=(0, 0.2, 0.4), ratio=ratio))
    assert entry["verdict"] == verdict
    found = {
        c["what"].removeprefix("share_bottom, "): (c["role"], c["estimate"])
        for c in entry["comparisons"]
        if "its weight" in c["what"]
    }
    assert {words: role for words, (role, _) in found.items()} == {
        "20% noise in single, svd: its weight / that of the others": "control",
        "20% noise in single, svd: its weight / that without noise": "control",
        "40% noise in single, svd: its weight / that of the others": "all",
        "40% noise in single, svd: its weight / that without noise": "control",
    }
    of_others, before = list(found.values())[2:]
    assert of_others[1] == pytest.approx(ratio + 0.025)
    assert before[1] == pytest.approx(np.mean([(ratio + s / 100) / (1.2 + s / 100) for s in SEEDS]))


@pytest.mark.parametrize(
    "more", [{"shares": (0.2,)}, {"weighting": "uncertainty"}, {"weighting": "svd_literal"}]
)
def test_b4_little_noise_and_other_weights_decide_nothing(tmp_path, more):
    entry = judged("B4", noisy(tmp_path, 0.02, **more), weights(tmp_path, 0.6))
    assert entry["verdict"] == "not measured"
    assert {c["role"] for c in entry["comparisons"]} == {"control"}


@pytest.mark.parametrize(
    ("kept", "dropped", "verdict"),
    [(0.05, 0.0, "replicated"), (0.0, 0.05, "contradicted"), (0.03, 0.03, "inconclusive")],
)
def test_b6_part_of_the_gain_is_leakage(tmp_path, kept, dropped, verdict):
    folders = sweep(tmp_path, 50, 50, bonus=kept)
    folders += sweep(tmp_path, 50, 50, leaks="drop", bonus=dropped)
    entry = judged("B6", folders)
    assert entry["verdict"] == verdict
    assert entry["estimate"] == pytest.approx(kept - dropped, abs=0.003)
    left, *share = (c for c in reversed(entry["comparisons"]) if c["role"] == "control")
    assert left["estimate"] == pytest.approx(dropped, abs=0.003)
    assert len(share) == (kept > 0)  # where nothing is gained, there is no share of it
    for own in share:
        assert own["low"] < own["estimate"] < own["high"]
        assert own["estimate"] == pytest.approx((kept - dropped) / kept, abs=0.03)


def test_b6_is_judged_by_equally_many_rows_where_there_are_such(tmp_path):
    folders = sweep(tmp_path, 50, 50, bonus=0.05)
    folders += sweep(tmp_path, 50, 50, leaks="drop", bonus=0.01)
    folders += sweep(tmp_path, 50, 50, leaks="control", bonus=0.0)
    entry = judged("B6", folders)
    assert entry["verdict"] == "contradicted"
    found = [(c["role"], c["estimate"]) for c in entry["comparisons"]]
    assert [role for role, _ in found] == ["control", "control", "all", "control"]
    values = [value for _, value in found]
    assert values == pytest.approx([0.04, 0.8, -0.01, 0.01], abs=0.03)
    assert values[2] == pytest.approx(-0.01, abs=0.003)


def test_b6_compares_the_capacities_that_were_trained_with_leaks_and_without(tmp_path):
    folders = sweep(tmp_path, 50, 50, bonus=0.05)
    folders += sweep(tmp_path, 50, 50, leaks="drop", bonus=0.05, sizes=(1, 10))
    entry = judged("B6", folders)
    assert entry["estimate"] == pytest.approx(0, abs=0.003)
    assert judged("B6", folders[:1] + folders[-1:])["verdict"] == "not measured"


def test_b6_of_a_pair_is_told_beside_that_of_all_tasks_also_at_one_capacity(tmp_path):
    subsets = (*of_all(SENTENCES), ("mr", "sst"))
    folders = [
        planted(
            tmp_path,
            lambda subset, task, gain=gain: 0.8 + (gain if len(subset) == 2 else 0),
            variant=leaks, subsets=subsets, training={"leaks": leaks},
        )
        for leaks, gain in (("keep", 0.07), ("drop", 0.01))
    ]  # fmt: skip
    entry = judged("B6", folders)
    assert (entry["verdict"], entry["estimate"]) == ("inconclusive", pytest.approx(0, abs=0.003))
    (brought,) = (c for c in entry["comparisons"] if "mr + sst: mean gain with" in c["what"])
    assert (brought["role"], brought["verdict"]) == ("control", "replicated")
    assert brought["estimate"] == pytest.approx(0.06, abs=0.003)
    (share,) = (c for c in entry["comparisons"] if "mr + sst: share" in c["what"])
    assert share["estimate"] == pytest.approx(6 / 7, abs=0.05)


def test_b6_one_of_both_is_not_enough(tmp_path):
    entry = judged("B6", sweep(tmp_path, 50, 50, bonus=0.05))
    assert (entry["verdict"], entry["estimate"]) == ("not measured", None)


def test_simulated_rows_that_stand_in_for_real_ones_decide_nothing(tmp_path):
    def value(subset, task):
        return 0.8

    folders = [
        planted(tmp_path, value, variant=f"w{size}", simulated=True, dataset="bookcrossing",
                options={**PAPER, "hidden_dim": size})
        for size in (10, 100)
    ]  # fmt: skip
    entry = judged("B2", folders)
    assert entry["verdict"] == "not measured"
    assert {c["role"] for c in entry["comparisons"]} == {"control"}
    assert all(c["simulated"] for c in entry["comparisons"])


def test_ids_sources_and_overlays():
    assert [claim.id for claim in transfer.CLAIMS] == IDS
    assert {claim.source for claim in transfer.CLAIMS} == {"Wu, Zhang, Ré"}
    study = ".venv/bin/snakemake publish --cores 2 --configfile config/bookcrossing.yaml"
    for claim in transfer.CLAIMS:
        words = claim.command(study).split()
        assert words[-1] in (f"config/{n}.yaml" for n in ("transfer", "text", "reweighting"))
        assert (REPOSITORY / words[-1]).is_file()


def test_a_source_of_which_there_is_nothing_is_one_line():
    entries = ledger(read_evidence([]))
    assert {entry["verdict"] for entry in entries if entry["id"] in IDS} == {"not measured"}
    text = to_markdown(entries)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "### Claims of the paper",
        "### Claims of our own",
        "### Claims of Wu, Zhang, Ré",
    ]
    (line,) = (line for line in text.splitlines() if line.startswith("B1–B6"))
    assert line.count("config/transfer.yaml") == 1
    assert "| B1 |" not in text


def test_a_page_has_a_part_for_each_source(tmp_path):
    paths = tmp_path / "claims.json", tmp_path / "claims.md"
    write_ledger(*paths, run_folders=[], simulated_studies=linear(tmp_path))
    text = paths[1].read_text()
    assert "C1–C16: not measured." in text
    assert "| C1 |" not in text
    assert "| B5 |" in text
    assert "#### B5." in text
    assert text.count("A **comparison** is") == 1
    entries = ledger(read_evidence([], simulated_studies=[tmp_path / LINEAR]))
    assert "| C1 |" not in summary(entries)
    assert "| B1 |" in summary(entries)


LINEAR = "results/simulated_studies/capacity_linear"
