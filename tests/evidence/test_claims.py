"""Every claim on constructed runs: each verdict, what is missing, and what a wrong number does."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from mtnas.data.prepare.manifest import PrepareSpec, TaskSummary
from mtnas.evidence.claims import sweeps
from mtnas.evidence.claims.evidence import read_evidence
from mtnas.evidence.claims.ledger import ledger
from mtnas.evidence.claims.paper import CLAIMS, FIXED_TABLES, TABLES
from mtnas.evidence.claims.sharing import overlap
from mtnas.evidence.claims.verdicts import adjusted, by_interval, compare, decide
from mtnas.evidence.exhaustive_table import GroundTruth
from mtnas.evidence.resampling import INDEPENDENT
from mtnas.report.claims import read_ledger, summary, write_ledger
from mtnas.report.claims import to_markdown as to_ledger_markdown
from mtnas.report.exhibits.table5 import variants
from mtnas.report.render.writers import to_ledger, to_markdown
from mtnas.report.scores import main_results
from mtnas.routes.named import full_sharing, share_bottom
from mtnas.routes.route import Route
from mtnas.routes.space import LocalRoute, SearchSpace
from mtnas.runtime.errors import RecordError
from mtnas.runtime.seeds import of_restarts
from tests.helpers.runs import edit_run_record, make_run, write_scores
from tests.helpers.searches import edit_search, exhaustive_record, write_search
from tests.helpers.tables import write_manifest

REPOSITORY = Path(__file__).resolve().parents[2]
SEEDS = tuple(range(8))
OWN = np.random.default_rng(0).normal(0, 1e-4, len(SEEDS))  # a little noise of MTNAS's own
WILD = np.random.default_rng(1).normal(0, 2e-2, len(SEEDS))
STILL = np.zeros(len(SEEDS))
OVERLAP = "corrected t: splits overlap"
METHODS = ("single_task", "share_bottom", "mmoe", "ml_mmoe")
EQUAL = dict.fromkeys(METHODS, (0.78, 0.80))


def run(root, method, auc, loss=0.73, *, noise=STILL, changes=None, **names):
    folder = make_run(root, method, auc, loss, seeds=SEEDS, noise=noise, **names)

    def change(record):
        for key, value in (changes or {}).items():
            record[key] = {**(record[key] or {}), **value}

    edit_run_record(folder, change)
    return folder


def main_runs(root, mtnas, others=EQUAL, *, loss=0.73, noise=OWN, dataset="bookcrossing"):
    made = [run(root, m, auc, dataset=dataset) for m, auc in others.items()]
    return [*made, run(root, "mtnas", mtnas, loss, noise=noise, dataset=dataset)]


def search(root, routes, dataset="bookcrossing", variant="paper", seconds=100.0):
    """Write a routes.json of the paper's strategy with one route per seed."""
    path = root / "routes" / dataset / variant / "routes.json"
    found = dict(enumerate(routes))
    return write_search(path, found, dataset=dataset, variant=variant, seconds=seconds)


def synthetic(root, method, loss=0.73, *, dataset="synthetic", rho=0, **more):
    changes = {"synthetic": {"dim": 20, "num_sines": 2, "rho": rho}}
    return run(root, method, (), loss, dataset=dataset, changes=changes, simulated=True, **more)


def entry(identity, folders, **files):
    found = ledger(read_evidence(folders, **files))
    assert [claim["id"] for claim in found][:18] == [f"C{i}" for i in range(1, 19)]
    return next(claim for claim in found if claim["id"] == identity)


def test_tasks_of_other_kinds_are_not_judged_by_claims_about_aucs(tmp_path):
    scores = {"rmse_minutes_read": 12.0, "accuracy_mood": 0.7}
    rows = [*METHODS, "cut_mmoe", "mtnas"]
    library = [run(tmp_path, method, scores, 1.4, dataset="library") for method in rows]
    library += [
        run(tmp_path, "mtnas", scores, 1.4, dataset="library", variant=variant)
        for variant in ("mean_pooling", "no_query_selection")
    ]
    tasks = (
        TaskSummary(name="minutes_read", rule="", kind="regression", unit="min"),
        TaskSummary(name="mood", rule="", kind="multiclass", classes=("bad", "good", "odd")),
    )
    files = {
        "routes": [search(tmp_path, [FULL, THIN, HALF], "library")],
        "manifests": [
            write_manifest(tmp_path / "m.json", "library", tasks=tasks, label_pcc={}),
        ],
    }
    alone = {e["id"]: e for e in ledger(read_evidence(library, **files))}
    why = "not judged: no AUC of minutes_read, mood"
    for name in ("C1", "C2", "C3", "C8", "C9", "C12", "C13"):
        assert alone[name]["verdict"] == "not judged"
        assert alone[name]["datasets"]["library"]["verdict"] == why
        assert alone[name]["command"] is None
    assert alone["C4"]["datasets"]["library"]["verdict"] != why  # routes have no kind
    assert alone["C14"]["datasets"]["library"]["verdict"] == "not measured"  # no epochs
    assert "no two labels" in alone["C5"]["datasets"]["library"]["verdict"]
    text = to_ledger_markdown(list(alone.values()))
    assert f"library (beyond the paper): {why} | applies to none of these datasets" in text

    both = [*main_runs(tmp_path, (0.79, 0.82)), *library]
    claim = entry("C1", both, **files)
    assert claim["verdict"] == claim["datasets"]["bookcrossing"]["verdict"] == "replicated"
    assert "]<br>Book-Crossing: AUC of t" in summary([claim])
    assert claim["datasets"]["library"]["verdict"] == why
    assert {c["dataset"] for c in claim["comparisons"]} == {"bookcrossing"}
    assert "**replicated** on 1 of 3" in summary([claim])


def test_runs_of_different_seeds_are_compared_over_those_that_both_have(tmp_path):
    folders = [run(tmp_path, "mmoe", (0.78, 0.80), noise=WILD)]
    noise = np.concatenate([WILD[5:], np.full(12, 0.15)])  # so far off that it would show
    cut = make_run(tmp_path, "cut_mmoe", (0.79, 0.81), 0.72, seeds=range(5, 20), noise=noise)
    claim = entry("C6", [*folders, cut])
    assert [c["estimate"] for c in claim["comparisons"]] == pytest.approx([0.01, 0.01, -0.01])
    assert {(c["seeds"], c["over"]) for c in claim["comparisons"]} == {
        (3, f"3 common seeds, {OVERLAP}")
    }
    assert claim["seeds"] == 3


def test_a_sweep_bends_over_the_seeds_that_its_ends_and_middle_have(tmp_path):
    files = sweep(tmp_path, "num_subnets", SATURATING, [1.5 - a for a in SATURATING], GROWING)
    full = swept("C13", files)["comparisons"][1]
    middle = next(f for f in files["run_folders"] if f.name == "subnets_5")
    metrics = pd.read_csv(middle / "metrics.csv")
    write_scores(middle, metrics[metrics["seed"] > 3])
    fewer = swept("C13", files)["comparisons"][1]
    assert (full["over"], fewer["over"]) == (
        f"8 seeds, {OVERLAP}",
        f"4 common seeds, {OVERLAP}",
    )
    assert fewer["estimate"] == pytest.approx(full["estimate"], abs=2e-4)


@pytest.mark.parametrize(
    ("auc", "noise", "verdict"),
    [
        ((0.79, 0.82), OWN, "replicated"),
        ((0.79, 0.79), OWN, "contradicted"),
        ((0.78, 0.80), OWN - OWN.mean(), "equivalent"),
        ((0.781, 0.801), WILD - WILD.mean(), "inconclusive"),
        ((0.79, 0.80), OWN - OWN.mean(), "inconclusive"),  # one replicated, one equivalent
    ],
)
def test_highest_auc(tmp_path, auc, noise, verdict):
    claim = entry("C1", main_runs(tmp_path, auc, noise=noise))
    assert claim["verdict"] == claim["datasets"]["bookcrossing"]["verdict"] == verdict
    assert claim["interval"][0] <= claim["estimate"] <= claim["interval"][1]
    assert claim["seeds"] == len(SEEDS)
    assert len(claim["comparisons"]) == 4 * 2
    assert str(tmp_path / "bookcrossing/mtnas/paper/metrics.csv") in claim["evidence"]


@pytest.mark.parametrize(
    ("loss", "verdict"), [(0.70, "replicated"), (0.75, "contradicted"), (0.73, "equivalent")]
)
def test_lowest_loss_is_compared_with_multi_task_methods_only(tmp_path, loss, verdict):
    folders = main_runs(tmp_path, (0.8, 0.8), loss=loss, noise=OWN - OWN.mean())
    claim = entry("C2", folders)
    assert claim["verdict"] == verdict
    assert len(claim["comparisons"]) == 3


@pytest.mark.parametrize(
    ("mtnas", "mmoe", "verdict"),
    [
        ((0.79, 0.80), (0.77, 0.81), "replicated"),  # equal to Single is not below it
        ((0.79, 0.79), (0.77, 0.81), "contradicted"),  # MTNAS falls below
        ((0.79, 0.81), (0.79, 0.81), "contradicted"),  # nothing falls below
    ],
)
def test_negative_transfer(tmp_path, mtnas, mmoe, verdict):
    others = {m: mmoe for m in METHODS} | {"single_task": (0.78, 0.80)}
    claim = entry("C3", main_runs(tmp_path, mtnas, others, noise=OWN - OWN.mean()))
    assert claim["verdict"] == verdict


def test_negative_transfer_may_be_open(tmp_path):
    claim = entry("C3", main_runs(tmp_path, (0.78, 0.80), noise=WILD - WILD.mean()))
    assert claim["verdict"] == "inconclusive"


def test_a_lone_contradiction_must_survive_holm():
    values = np.array([-0.001, -0.002, -0.0005, -0.0001])
    how = {"dataset": "d", "unit": "AUC", "claim": "higher"}
    alone = [compare(values, INDEPENDENT, what="bad", **how)]
    assert decide(adjusted(alone)) == "inconclusive"  # p is above .05 already
    surer = [compare(values - 0.001, INDEPENDENT, what="bad", **how)]
    assert decide(adjusted(surer)) == "contradicted"
    good = [compare(WILD + 1, INDEPENDENT, what=str(i), **how) for i in range(2)]
    rest = [compare(WILD - WILD.mean(), INDEPENDENT, what="?", **how) for _ in range(40)]
    many = [*surer, *good, *rest]
    assert decide(adjusted(many)) == "inconclusive"


def test_no_interval_no_verdict(tmp_path):
    folders = [make_run(tmp_path, m, (0.8, 0.8), seeds=(0,)) for m in (*METHODS, "mtnas")]
    claim = entry("C1", folders)
    assert claim["verdict"] == "not measured"
    assert (claim["estimate"], claim["interval"], claim["seeds"]) == (None, None, None)
    assert claim["missing"] == {"bookcrossing": ["a second seed (one has no interval)"]}


def test_what_is_missing_is_named_with_the_command_that_makes_it(tmp_path):
    folders = main_runs(tmp_path, (0.79, 0.82), loss=0.70)
    found = {claim["id"]: claim for claim in ledger(read_evidence(folders[1:]))}
    assert found["C1"]["missing"] == {"bookcrossing": ["bookcrossing/single_task/paper"]}
    assert found["C2"]["verdict"] == "replicated"
    assert found["C6"]["missing"] == {"bookcrossing": ["bookcrossing/cut_mmoe/paper"]}
    assert found["C6"]["command"] == (
        ".venv/bin/snakemake claims --cores 2 --configfile config/bookcrossing.yaml "
        "config/figure1.yaml --config bookcrossing_raw=FOLDER"
    )
    assert found["C12"]["missing"]["bookcrossing"][0].endswith("mtnas with num_layers 1")
    for claim in found.values():
        measured = claim["verdict"] != "not measured"
        assert measured == (claim["interval"] is not None)
        assert measured or (claim["missing"] and claim["command"])


def test_commands_add_to_that_of_the_study(tmp_path):
    main = "config/bookcrossing.yaml config/bookcrossing_part.yaml config/published.yaml"
    study = f".venv/bin/snakemake publish --cores 2 --configfile {main}"
    raw = "--config bookcrossing_raw=FOLDER"
    commands = {claim.id: claim.command(f"{study} {raw}") for claim in CLAIMS}
    assert commands["C6"] == f"{study} config/figure1.yaml {raw}"
    assert commands["C8"] == f"{study} config/all_claims.yaml {raw}"
    assert commands["C10"] == (
        ".venv/bin/snakemake publish --cores 2 --configfile config/synthetic.yaml"
    )
    assert commands["C5"].endswith("config/paper.yaml --config bookcrossing_raw=FOLDER "
                                   "tiktok_raw=FOLDER goodreads_raw=FOLDER")  # fmt: skip
    overlays = {o for command in commands.values() for o in command.split() if "config/" in o}
    assert all((REPOSITORY / overlay).is_file() for overlay in overlays)


def test_a_dataset_without_its_runs_is_not_measured_beside_one_that_is(tmp_path):
    folders = main_runs(tmp_path, (0.79, 0.82))
    folders += [run(tmp_path, "mtnas", (0.8, 0.8), dataset="insteval")]
    claim = entry("C1", folders)
    assert claim["verdict"] == "replicated"
    assert claim["datasets"]["insteval"]["verdict"] == "not measured"
    assert claim["datasets"]["insteval"]["beyond"]
    told = summary([claim])
    assert "**replicated** on 1 of 3" in told  # of those that the paper has
    assert "on Book-Crossing, TikTok, Goodreads" in told
    assert "InstEval (beyond the paper): not measured" in told


def test_data_of_which_the_paper_does_not_speak_decide_nothing(tmp_path):
    paper = main_runs(tmp_path, (0.79, 0.82))
    other = main_runs(tmp_path, (0.70, 0.70), dataset="insteval")
    alone, both, beyond = (entry("C1", of) for of in (paper, [*paper, *other], other))
    for key in ("verdict", "estimate", "interval", "decided_by", "said"):
        assert alone[key] == both[key]  # not even by the number of comparisons
    assert (alone["verdict"], alone["beyond"]) == ("replicated", "not measured")
    assert (both["verdict"], both["beyond"]) == ("replicated", "contradicted")
    assert both["datasets"]["insteval"] == {
        "verdict": "contradicted", "simulated": False, "beyond": True,
    }  # fmt: skip
    assert {c["dataset"] for c in both["comparisons"] if c["beyond"]} == {"insteval"}
    assert (beyond["verdict"], beyond["beyond"]) == ("not measured", "contradicted")
    assert set(beyond["missing"]) == {"bookcrossing", "tiktok", "goodreads"}
    assert beyond["command"].endswith("config/bookcrossing.yaml config/all_claims.yaml")


def test_every_dataset_of_a_claim_is_one_of_the_paper():
    known = {"bookcrossing", "tiktok", "goodreads", "synthetic"}
    named = {claim.id: set(claim.data) for claim in CLAIMS}
    assert all(of <= known for of in named.values())
    assert [name for name, of in named.items() if not of] == ["C15", "C16", "C17", "C18"]  # any


def test_simulated_data_decide_nothing_and_are_marked(tmp_path):
    others = [run(tmp_path, m, (0.78, 0.8), simulated=True) for m in METHODS]
    folders = [*others, run(tmp_path, "mtnas", (0.79, 0.82), 0.7, noise=OWN, simulated=True)]
    claim = entry("C1", folders)
    assert (claim["verdict"], claim["estimate"]) == ("not measured", None)
    assert {(c["verdict"], c["role"]) for c in claim["comparisons"]} == {("replicated", "control")}
    assert claim["datasets"]["bookcrossing"] == {
        "verdict": "not measured",
        "simulated": True,
        "beyond": False,
    }
    lines = to_ledger_markdown([claim]).splitlines()
    marked = [line for line in lines if "Book-Crossing" in line]
    assert len(marked) == 1 + 8
    assert all("Book-Crossing (SIMULATED DATA)" in line for line in marked)
    assert "lacks real data" in lines[4]


def test_simulated_data_beside_real_ones_leave_the_verdict_alone(tmp_path):
    real = main_runs(tmp_path, (0.79, 0.82))
    more = [
        run(tmp_path, m, (0.9, 0.9), dataset="insteval", simulated=True) for m in METHODS
    ]  # where MTNAS would lose
    more += [run(tmp_path, "mtnas", (0.5, 0.5), dataset="insteval", simulated=True)]
    alone, both = entry("C1", real), entry("C1", [*real, *more])
    for key in ("verdict", "estimate", "interval", "decided_by"):
        assert alone[key] == both[key]


@pytest.mark.parametrize(("loss", "verdict"), [(0.74, "replicated"), (0.72, "contradicted")])
@pytest.mark.parametrize(
    ("identity", "variant"), [("C8", "mean_pooling"), ("C9", "no_query_selection")]
)
def test_variants(tmp_path, identity, variant, loss, verdict):
    folders = [
        run(tmp_path, "mtnas", (0.8,), 0.73, noise=OWN),
        run(tmp_path, "mtnas", (0.8,), loss, variant=variant),
    ]
    assert entry(identity, folders)["verdict"] == verdict


@pytest.mark.parametrize(
    ("auc", "loss", "verdict"),
    [(0.82, 0.7, "replicated"), (0.82, 0.74, "contradicted"), (0.8, 0.73, "equivalent")],
)
def test_cut_mmoe(tmp_path, auc, loss, verdict):
    folders = [
        run(tmp_path, "mmoe", (0.8,)),
        run(tmp_path, "cut_mmoe", (auc,), loss, noise=OWN - OWN.mean()),
    ]
    assert entry("C6", folders)["verdict"] == verdict


SPACE = SearchSpace(1, 3, 2, "root")


def route(first, second):
    return Route(SPACE, (LocalRoute(first, "root"), LocalRoute(second, "root")))


FULL = full_sharing(SPACE)
THIN = route(("s1",), ("s2",))
HALF = route(("s1", "s2"), ("s1", "s3"))


@pytest.mark.parametrize(
    ("routes", "verdict"),
    [
        ([THIN] * 5, "replicated"),
        ([THIN, THIN, FULL, THIN, THIN], "contradicted"),  # "all" has no exception
        ([FULL] * 5, "contradicted"),
        ([HALF] * 5, "replicated"),  # though denser than routes that nobody searched: a control
        ([THIN, HALF] * 2, "replicated"),
    ],
)
def test_sparsity(tmp_path, routes, verdict):
    path = search(tmp_path, routes)
    data = [write_manifest(tmp_path / "manifest.json", "bookcrossing")]
    claim = entry("C4", [], routes=[path], manifests=data)
    assert claim["verdict"] == verdict
    full, blind = claim["comparisons"]
    edges = [len(r.edges) for r in routes]
    assert (full["low"], full["estimate"], full["high"]) == (
        min(edges) - 6, max(edges) - 6, max(edges) - 6,
    )  # fmt: skip
    assert (full["role"], blind["role"]) == ("all", "control")
    # A blind route has 12 / 7 edges per task on average: 3 * 4 of 7 subsets hold a given value.
    expected = np.mean(edges) - 2 * 12 / 7
    assert blind["estimate"] == pytest.approx(expected, abs=0.1)


def manifest(root, dataset, pcc, synthetic=None, names=("t0", "t1")):
    tasks = tuple(TaskSummary(name=name, rule="") for name in names)
    spec = PrepareSpec(dataset=dataset, synthetic=synthetic)
    path = root / f"{dataset}.json"
    return write_manifest(path, dataset, label_pcc=pcc, spec=spec, tasks=tasks)


THREE = SearchSpace(1, 3, 3, "root")
PAIRS = ("t0_t1", "t0_t2", "t1_t2")
NAMED = ("income", "never_married", "college")


def three_routes(*values):
    return Route(THREE, tuple(LocalRoute(names, "root") for names in values))


@pytest.mark.parametrize("names", [("t0", "t1", "t2"), NAMED])
@pytest.mark.parametrize(
    ("pcc", "verdict"),
    [
        ((0.9, 0.1, 0.2), "replicated"),
        ((0.1, 0.9, 0.8), "contradicted"),
        ((0.5, 0.9, 0.1), "inconclusive"),
    ],
)
def test_relatedness(tmp_path, pcc, verdict, names):
    assert [overlap(r, "t0", "t1") for r in (FULL, THIN, HALF)] == [1, 0, pytest.approx(1 / 3)]
    near, half = ("s1", "s2"), ("s1", "s3")
    # The first two tasks share most, the third next to nothing.
    routes = [
        three_routes(near, near, ("s3",)),
        three_routes(near, near, half),
        three_routes(near, ("s2",), ("s3",)),
        three_routes(near, near, ("s3",)),
        three_routes(half, half, ("s2", "s3")),
    ]
    known = dict(zip(map("_".join, combinations(names, 2)), pcc, strict=True))
    data = manifest(tmp_path, "goodreads", known, names=names)
    claim = entry("C5", [], routes=[search(tmp_path, routes, "goodreads")], manifests=[data])
    assert claim["verdict"] == verdict
    # Independently: the slope of every seed by scipy, and a t-test over them.
    shared = [[overlap(r, *pair.split("_")) for pair in PAIRS] for r in routes]
    slopes = [stats.linregress(pcc, line).slope for line in shared]
    assert claim["estimate"] == pytest.approx(np.mean(slopes))
    apart = slopes - np.mean(slopes)  # spread out, since splits overlap: 1 test row for 8
    wide = np.mean(slopes) + apart * np.sqrt(1 + len(slopes) / 8)
    interval = stats.ttest_1samp(wide, 0).confidence_interval()
    assert claim["interval"] == pytest.approx(list(interval))


def test_routes_to_other_tasks_than_the_manifest_has_are_refused(tmp_path):
    data = manifest(tmp_path, "goodreads", {}, names=("likes",))
    files = {"routes": [search(tmp_path, [FULL], "goodreads")], "manifests": [data]}
    with pytest.raises(RecordError, match=r"routes to 2 tasks, but .*goodreads.json has 1; run"):
        entry("C5", [], **files)


def test_pairs_of_several_datasets_decide_nothing_of_relatedness(tmp_path):
    names, pcc = ("bookcrossing", "movielens", "insteval"), (0.9, 0.1, 0.5)
    routes = ([FULL, FULL, FULL, HALF], [THIN] * 4, [HALF, FULL, HALF, HALF])
    paths = [search(tmp_path, r, d) for d, r in zip(names, routes, strict=True)]
    data = [manifest(tmp_path, d, {"t0_t1": r}) for d, r in zip(names, pcc, strict=True)]
    claim = entry("C5", [], routes=paths, manifests=data)
    assert claim["verdict"] == "not measured"
    assert claim["missing"] == {"": ["a dataset with three tasks or more, such as goodreads"]}
    (pooled,) = claim["comparisons"]
    assert (pooled["role"], pooled["verdict"]) == ("control", "replicated")
    shared = [[overlap(r, "t0", "t1") for r in seeds] for seeds in routes]
    slopes = [stats.linregress(pcc, column).slope for column in zip(*shared, strict=True)]
    assert pooled["estimate"] == pytest.approx(np.mean(slopes))


@pytest.mark.parametrize(
    ("smallest", "verdict"),
    [
        (0.05 + 10 * OWN, "replicated"),
        (0.24 + 10 * OWN, "contradicted"),  # not small
        (0.0 * OWN, "inconclusive"),  # zero is not shown to be passed
    ],
)
def test_gates(tmp_path, smallest, verdict):
    gates = {
        str(s): [[x, *[(1 - x) / 3] * 3], [0.25] * 4] for s, x in zip(SEEDS, smallest, strict=True)
    }
    folder = run(tmp_path, "mmoe", (0.8,), changes={"gates": gates})
    claim = entry("C7", [folder])
    assert claim["verdict"] == verdict


def test_restarts_of_a_split_are_no_further_values_of_gates(tmp_path):
    """Two starts of each of four splits are what their means are as one start."""
    smallest = np.array([0.02, 0.05, 0.04, 0.09] * 2) + OWN

    def judged(name, values, restarts):
        units = of_restarts(range(4), restarts)
        gates = {str(s): [[x, 1 - x], [0.5] * 2] for s, x in zip(units, values, strict=True)}

        def change(record):
            record["gates"] = gates
            record["spec"]["training"] = {"restarts": restarts, "of_restarts": "mean"}

        folder = make_run(tmp_path / name, "mmoe", (0.8,), 0.73, seeds=units, noise=STILL)
        edit_run_record(folder, change)
        found = entry("C7", [folder])["comparisons"][0]
        return [found[key] for key in ("estimate", "low", "high", "p_value")]

    means = smallest.reshape(2, 4).mean(axis=0)
    assert judged("two", smallest, 2) == pytest.approx(judged("one", means, 1))


def test_gates_that_are_no_shares_are_refused(tmp_path):
    folder = run(tmp_path, "mmoe", (0.8,), changes={"gates": {"0": [[0.5, 0.6]]}})
    with pytest.raises(RecordError, match="`gates` must hold"):
        entry("C7", [folder])


def test_related_synthetic_tasks_are_no_evidence_of_unrelated_ones(tmp_path):
    drawn = {"unrelated": 0, "synthetic_rho00": 0.5}  # what was drawn counts, not the name
    folders = [synthetic(tmp_path, "mmoe", dataset=name, rho=rho) for name, rho in drawn.items()]
    evidence = read_evidence(folders)
    assert (evidence.unrelated, evidence.datasets) == (["unrelated"], [])


def exhaustive(path):
    """Write the ground truth of a space of three routes."""
    lines = [
        {
            "space": "small", "route": r, "seed": s, "same_as": r, "pattern": r, "describe": str(r),
            "edges": e, "dense_used": 9, "best_epoch": 1,
            "valid_loss": v, "test_loss": v + 1e-3 * s * (r + 1),
        }
        for s in range(4)
        for r, (e, v) in enumerate([(2, 0.60), (4, 0.58), (6, 0.65)])
    ]  # fmt: skip
    space = SearchSpace(1, 2, 1, "root")
    record = exhaustive_record(path.stem, "small", space, range(4))
    GroundTruth(pd.DataFrame(lines), {"small": record}).write(path)
    return path


@pytest.mark.parametrize(("loss", "verdict"), [(0.70, "replicated"), (0.76, "contradicted")])
def test_unrelated_tasks(tmp_path, loss, verdict):
    folders = [synthetic(tmp_path, m) for m in METHODS[1:3]]
    folders += [synthetic(tmp_path, "mtnas", loss, noise=OWN)]
    claim = entry("C10", folders)
    assert claim["verdict"] == verdict
    assert claim["estimate"] == pytest.approx(loss / 0.73, abs=1e-3)
    low, high = claim["interval"]
    assert low < claim["estimate"] < high
    assert claim["comparisons"][0]["null"] == 1


def test_one_run_that_is_stuck_does_not_reverse_the_verdict_on_unrelated_tasks(tmp_path):
    stuck = np.where(np.arange(len(SEEDS)) == 0, 0.5, 0.0)  # of the others: their means are worse
    folders = [synthetic(tmp_path, m, 0.10, noise=OWN) for m in METHODS[1:3]]
    folders += [synthetic(tmp_path, "mtnas", 0.07, noise=stuck)]
    assert np.mean(0.07 + stuck) > 0.10
    assert entry("C10", folders)["estimate"] < 1


def test_exhaustive_tables_of_unrelated_tasks_are_a_control(tmp_path):
    folders = [synthetic(tmp_path, m) for m in (*METHODS[1:3], "mtnas")]
    drawn = {"routes": {"rho": 0}, "related": {"rho": 0.5}, "insteval": None}  # without runs
    data = [manifest(tmp_path, name, {}, synthetic=spec) for name, spec in drawn.items()]
    tables = [exhaustive(tmp_path / f"{name}.parquet") for name in drawn]
    claim = entry("C10", folders, manifests=data, exhaustive=tables)
    (control,) = (c for c in claim["comparisons"] if c["role"] == "control")
    assert control["dataset"] == "routes"
    best, dense = (v + 1e-3 * np.arange(4) * (r + 1) for r, v in ((1, 0.58), (2, 0.65)))
    assert control["estimate"] == pytest.approx(stats.gmean(best / dense))


@pytest.mark.parametrize(
    ("routes", "verdict"),
    [([THIN] * 6, "replicated"), ([FULL] * 20, "contradicted"), ([THIN, FULL], "inconclusive")],
)
def test_disjoint_routes(tmp_path, routes, verdict):
    claim = entry(
        "C11", [synthetic(tmp_path, "mtnas")], routes=[search(tmp_path, routes, "synthetic")]
    )
    assert claim["verdict"] == verdict
    assert len(claim["comparisons"]) == 1
    # Of 49 pairs of subsets of three, 12 are disjoint.
    assert claim["comparisons"][0]["null"] == pytest.approx(12 / 49, abs=0.03)
    k, n = sum(r is THIN for r in routes), len(routes)
    exact = stats.binomtest(k, n).proportion_ci()
    assert claim["interval"] == pytest.approx([exact.low, exact.high], rel=1e-6, abs=0)
    chance = claim["comparisons"][0]["null"]
    tails = stats.binom.cdf(k, n, chance), stats.binom.sf(k - 1, n, chance)
    assert claim["comparisons"][0]["p_value"] == pytest.approx(min(1, 2 * min(tails)), abs=1e-6)


def test_disjoint_routes_of_several_settings_are_counted_together(tmp_path):
    names = ("small", "middle", "large")
    folders = [synthetic(tmp_path, "mtnas", dataset=name) for name in names]
    routes = ([FULL] * 19 + [THIN], [FULL] * 20, [FULL] * 20)
    paths = [search(tmp_path, r, name) for r, name in zip(routes, names, strict=True)]
    claim = entry("C11", folders, routes=paths)
    assert claim["verdict"] == "contradicted"
    together, *alone = claim["comparisons"]
    assert together["estimate"] == pytest.approx(1 / 60)
    assert together["over"] == "20 seeds in 3 settings, Clopper-Pearson"
    # A seed draws alike in every setting: no more certain than 20 searches, not 60.
    assert stats.binomtest(0, 20).proportion_ci().high < together["high"]
    assert together["high"] < stats.binomtest(1, 20).proportion_ci().high
    assert [(c["dataset"], c["role"]) for c in alone] == [(name, "control") for name in names]


def sweep(root, option, aucs, losses, seconds=None):
    """Write a run (and a search) for each value of an option; the second or fourth is `paper`."""
    kind, paper = {"num_layers": ("depth", 2), "num_subnets": ("subnets", 4)}[option]
    dataset = SWEPT[option]
    folders, paths = [], []
    rng = np.random.default_rng(2)
    for value, (auc, loss) in enumerate(zip(aucs, losses, strict=True), start=1):
        variant = "paper" if value == paper else f"{kind}_{value}"
        changes = {"spec": {"options": {"num_layers": 2, "num_subnets": 4, option: value}}}
        noise = WILD + rng.normal(0, 1e-4, len(SEEDS))
        folders += [
            run(
                root,
                "mtnas",
                (auc,),
                loss,
                variant=variant,
                changes=changes,
                noise=noise,
                dataset=dataset,
            )
        ]
        if seconds is not None:
            paths += [search(root, [THIN, FULL], dataset, variant, seconds[value - 1])]
    return {"run_folders": folders, "routes": paths}


def swept(identity, files):
    return entry(identity, files["run_folders"], routes=files["routes"])


@pytest.mark.parametrize(
    ("aucs", "verdict"),
    [
        ((0.78, 0.80, 0.8003, 0.8002), "replicated"),
        ((0.78, 0.80, 0.81, 0.82), "contradicted"),
        ((0.80, 0.80, 0.8003, 0.8002), "replicated"),  # no worse than one layer
        ((0.80, 0.78, 0.7803, 0.7802), "contradicted"),  # two layers are worse than one
    ],
)
def test_layers(tmp_path, aucs, verdict):
    losses = (0.75, 0.73, 0.73, 0.73)
    claim = swept("C12", sweep(tmp_path, "num_layers", aucs, losses))
    assert claim["verdict"] == verdict
    assert [(c["claim"], c["null"]) for c in claim["comparisons"][::2]] == [
        ("higher", -0.001), ("lower", 0.001), ("lower", 0.001),
    ]  # fmt: skip


def test_a_run_that_differs_in_more_than_the_option_is_in_no_sweep(tmp_path):
    files = sweep(tmp_path, "num_layers", (0.78, 0.80, 0.8003, 0.8002), (0.73,) * 4)
    evidence = read_evidence(files["run_folders"])
    found = sweeps.sweep(evidence, "bookcrossing", "num_layers")
    assert {value: run[2] for value, run in found.items()} == {
        1: "depth_1", 2: "paper", 3: "depth_3", 4: "depth_4",
    }  # fmt: skip
    for folder, change in zip(
        (files["run_folders"][0], files["run_folders"][2]),
        ({"options": {"num_layers": 1, "num_subnets": 8}}, {"derive": "inherit"}),
        strict=True,
    ):
        edit_run_record(folder, lambda record, change=change: record["spec"].update(change))
    found = sweeps.sweep(read_evidence(files["run_folders"]), "bookcrossing", "num_layers")
    assert list(found) == [2, 4]


SWEPT = {"num_layers": "bookcrossing", "num_subnets": "goodreads"}
GROWING = (10, 14, 21, 29, 41, 60, 80, 115)
SATURATING = (0.70, 0.76, 0.78, 0.79, 0.795, 0.797, 0.798, 0.7985)


@pytest.mark.parametrize(
    ("aucs", "seconds", "verdict"),
    [
        (SATURATING, GROWING, "replicated"),
        (SATURATING, GROWING[::-1], "contradicted"),
        (SATURATING, (10, 11, 10, 11, 10, 11, 10, 11), "inconclusive"),
        ([0.7 + 0.001 * i * i for i in range(8)], GROWING, "contradicted"),
        ([0.8 - 0.001 * i * i for i in range(8)], GROWING, "contradicted"),  # no returns at all
        (SATURATING, None, "not measured"),
    ],
)
def test_subnets(tmp_path, aucs, seconds, verdict):
    losses = [1.5 - auc for auc in aucs]
    assert swept("C13", sweep(tmp_path, "num_subnets", aucs, losses, seconds))["verdict"] == verdict


def test_returns_are_counted_per_subnetwork(tmp_path):
    losses = [1.5 - auc for auc in SATURATING]
    entry = swept("C13", sweep(tmp_path, "num_subnets", SATURATING, losses, GROWING))

    estimates = {c["what"]: c["estimate"] for c in entry["comparisons"]}
    early, late = (0.795 - 0.70) / (5 - 1), (0.7985 - 0.795) / (8 - 5)
    assert {what: estimates[what] for what in estimates if "mean AUC" in what} == {
        "mean AUC: gain per sub-network, H = 1..5": pytest.approx(early, rel=1e-3),
        "mean AUC: gain per sub-network, H = 1..5 - H = 5..8": pytest.approx(
            early - late, rel=1e-3
        ),
    }
    growth = entry["comparisons"][-1]
    assert (growth["dataset"], growth["claim"]) == ("goodreads", "higher")
    slope = np.polyfit(range(1, 9), np.log2(GROWING), 1)[0]
    assert growth["estimate"] == pytest.approx(slope, rel=1e-3)


def timed(root, seconds, changes=None, dataset="bookcrossing", taken=200, ended=None):
    """Return runs of 10 epochs of 20 steps, at 12.0, 12.5 and 11.8 s for 8 seeds, and a search of
    `taken` steps for 4; `changes` are those of the last run, `ended` what ends the search.
    """
    fits = [
        {
            "seed": seed, "tasks": [0], "best_epoch": 3, "train_loss": [0.5] * 10,
            "valid_loss": [0.5] * 10, "valid_losses": [[0.5]] * 10,
        }
        for seed in SEEDS
    ]  # fmt: skip
    folders = [
        run(root, m, (0.8,), dataset=dataset, changes={"timings": {"train_seconds": t}})
        for m, t in zip((*METHODS[1:], "mtnas"), (12.0, 12.5, 11.8, 9.0), strict=True)
    ]
    for folder in folders:
        edit_run_record(folder, lambda record: record.update(fits=fits, code="abc"))
    edit_run_record(folders[2], lambda record: record.update(changes or {}))
    half = range(len(SEEDS) // 2)  # of the seeds, so that seconds are compared seed by seed
    path = write_search(
        root / "routes.json", dict.fromkeys(half, THIN), dataset=dataset, seconds=seconds / 2,
        more={} if taken is None else {"weight_steps": taken},
    )  # fmt: skip
    edit_search(path, lambda record: record["spec"]["search"].update(ended or {}))
    sizes = {"train": 10240, "valid": 1, "test": 1}  # 20 batches of 512
    data = write_manifest(root / "manifest.json", dataset, split_sizes=sizes)
    return entry("C14", folders, routes=[path], manifests=[data])


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(13.0, "replicated"), (1000.0, "contradicted"), (24.3, "inconclusive")],
)
def test_cost(tmp_path, seconds, verdict):
    claim = timed(tmp_path, seconds)
    assert claim["verdict"] == verdict
    ratio = seconds / stats.gmean([12.0, 12.5, 11.8])
    assert claim["estimate"] == pytest.approx(ratio)
    # A range over three models that are timed once each, not an interval of chance.
    assert claim["interval"] == pytest.approx([seconds / 12.5, seconds / 11.8])
    step, total, larger = claim["comparisons"]
    assert step["over"] == "range; 3 of 3 regular models timed side by side with it"
    assert [c["role"] for c in (step, total, larger)] == ["all", "control", "control"]
    assert total["estimate"] == pytest.approx(ratio)  # as many steps here as there
    assert larger["estimate"] == pytest.approx(ratio * 10240 / 800_000)
    assert "800,000 training rows" in larger["what"]


@pytest.mark.parametrize("ended", [{"until": "entropy", "steps": 2000}, {"epochs": 99}])
def test_a_step_costs_what_the_steps_that_were_taken_did(tmp_path, ended):
    claim = timed(tmp_path / "a", 13.0, taken=100, ended=ended)
    assert claim["estimate"] == pytest.approx(2 * 13.0 / stats.gmean([12.0, 12.5, 11.8]))
    claim = timed(tmp_path / "b", 13.0, taken=None, ended=ended)
    assert claim["missing"] == {"bookcrossing": ["the steps that its search took"]}


def test_of_a_search_that_makes_all_steps_its_options_tell_them(tmp_path):
    claim = timed(tmp_path, 13.0, taken=None, ended={"steps": 150, "warmup_steps": 50})
    assert claim["estimate"] == pytest.approx(13.0 / stats.gmean([12.0, 12.5, 11.8]))


def test_without_the_epochs_of_a_training_a_step_has_no_cost(tmp_path):
    claim = timed(tmp_path, 130.0, {"fits": []})
    assert claim["missing"] == {"bookcrossing": ["the epochs that a regular model was trained for"]}


@pytest.mark.parametrize(
    "changes",
    [{"git": {"commit": "another", "dirty": False}}, {"environment": {"platform": "another"}}],
)
def test_times_of_another_day_or_machine_decide_nothing(tmp_path, changes):
    claim = timed(tmp_path, 1000.0, changes)
    assert (claim["verdict"], claim["said"]) == (
        "inconclusive",
        "neither for nor against the claim",
    )
    assert claim["interval"] == pytest.approx([80.0, 1000 / 12.0])
    assert claim["comparisons"][0]["over"].startswith("range; 2 of 3 regular models")


@pytest.mark.parametrize(
    ("largest", "verdict"), [(2e-16, "replicated"), (1e-3, "contradicted"), (None, "not measured")]
)
def test_subgraphs(tmp_path, largest, verdict):
    path = tmp_path / "subgraphs.json"
    check = {"method": "mmoe", "route": "t0: s1", "draws": 20, "min_difference": 0.0, "test": "t"}
    checks = [] if largest is None else [check | {"max_difference": largest}]
    path.write_text(json.dumps({"checks": checks}))
    assert entry("C15", [], subgraphs=path)["verdict"] == verdict


@pytest.mark.parametrize(
    ("best", "verdict"), [(0.0, "replicated"), (-0.02, "contradicted"), (0.02, "replicated")]
)
def test_routes_that_choose_tables_are_nowhere_behind(tmp_path, best, verdict):
    """The best of what chooses none loses less by `-best`; another one loses more."""
    folders = [run(tmp_path, TABLES[0], (0.8, 0.8), 0.7, variant=TABLES[1], noise=OWN)]
    for place, (method, variant) in enumerate(FIXED_TABLES):
        loss = 0.7 + (best if place == 3 else 0.05)
        folders.append(run(tmp_path, method, (0.8, 0.8), loss, variant=variant))
    claim = entry("C18", folders)
    assert (claim["verdict"], claim["source"]) == (verdict, "our own")
    assert "stem/paper" in min(claim["comparisons"], key=lambda c: -c["estimate"])["what"]
    assert entry("C18", folders[:-1])["verdict"] == "not measured"


def test_an_interval_on_the_null_value_is_open():
    assert by_interval(0.5, 0.2, 0.8, 0.5, "higher") == "inconclusive"
    assert by_interval(0.5, 0.4, 0.6, 0.3, "lower") == "contradicted"


def test_ids_are_those_of_the_ledger():
    assert [claim.id for claim in CLAIMS] == [f"C{i}" for i in range(1, 19)]
    assert [claim.id for claim in CLAIMS if claim.source != "MTNAS"] == ["C17", "C18"]


def test_a_planted_wrong_number_changes_table_ledger_and_claim(tmp_path):
    folders = main_runs(tmp_path / "runs", (0.79, 0.82), loss=0.70)
    folders += [run(tmp_path / "runs", "mtnas", (0.79, 0.82), 0.74, variant="mean_pooling")]
    before = _everything(tmp_path, folders)
    metrics = pd.read_csv(folders[4] / "metrics.csv")
    planted = metrics["split"].eq("test") & metrics["metric"].isin(["auc", "mtl_loss"])
    metrics.loc[planted & metrics["metric"].eq("auc"), "value"] -= 0.05
    metrics.loc[planted & metrics["metric"].eq("mtl_loss"), "value"] += 0.05
    write_scores(folders[4], metrics)
    after = _everything(tmp_path, folders)
    assert [a == b for a, b in zip(before, after, strict=True)] == [False] * len(before)
    assert (before[-1], after[-1]) == (
        ["replicated", "replicated", "replicated"],
        ["contradicted", "contradicted", "contradicted"],
    )


def _everything(root, folders):
    """Return Tables 2 and 5, their ledgers, and the verdicts of C1, C2 and C8."""
    write_ledger(root / "claims.json", root / "claims.md", run_folders=folders)
    found = {claim["id"]: claim for claim in read_ledger(root / "claims.json", "")}
    tables = [main_results(folders), variants(folders)]
    texts = [render(table) for table in tables for render in (to_markdown, to_ledger)]
    return [
        *texts,
        (root / "claims.md").read_text(),
        [found[identity]["estimate"] for identity in ("C1", "C2", "C8")],
        [found[identity]["verdict"] for identity in ("C1", "C2", "C8")],
    ]


def test_the_same_files_give_the_same_ledger(tmp_path):
    folders = main_runs(tmp_path, (0.79, 0.82))
    for name in ("a", "b"):
        write_ledger(tmp_path / f"{name}.json", tmp_path / f"{name}.md", run_folders=folders)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (tmp_path / "a.md").read_bytes() == (tmp_path / "b.md").read_bytes()


def test_a_broken_ledger_or_routes_file_is_refused(tmp_path):
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(RecordError, match="not a claims ledger"):
        read_ledger(tmp_path / "c.json", "restore it")
    path = search(tmp_path, [share_bottom(SPACE)])
    path.write_text(path.read_text().replace('"s1"', '"s2"'))  # a route of the space, too
    with pytest.raises(RecordError, match=r"routes.json: was changed after .*; delete it and run"):
        read_evidence([], routes=[path])
    table = exhaustive(tmp_path / "insteval.parquet")
    whole = table.read_bytes()
    table.write_bytes(whole[:-20])
    with pytest.raises(RecordError, match=r"insteval.parquet: not an exhaustive table .* run `"):
        read_evidence([], exhaustive=[table])
    table.write_bytes(whole)
    lines = pq.read_table(table)
    better = pa.array(np.asarray(lines["test_loss"]) - 0.1)
    lines = lines.set_column(lines.column_names.index("test_loss"), "test_loss", better)
    pq.write_table(lines, table)
    with pytest.raises(RecordError, match=r"insteval.parquet: was changed after it .* run `"):
        read_evidence([], exhaustive=[table])
