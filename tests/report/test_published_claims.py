"""Published ledgers against verdicts computed by other code, from the published numbers alone."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtnas.data.synthetic import SyntheticOptions
from mtnas.report.exhibits.base import FigureExhibit
from mtnas.report.published.publish import publish
from mtnas.routes.named import random_route
from mtnas.routes.space import SearchSpace
from mtnas.study.plan import Facts, Plan
from tests.helpers.runs import edit_run_record, make_run, make_subgraphs
from tests.helpers.searches import write_search
from tests.helpers.tables import write_manifest
from tests.verdicts import main, recompute

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published"
REAL = ("bookcrossing", "movielens", "insteval")
APART = ("synthetic_d20_rho00", "synthetic_d50_rho00")
MADE = (*REAL, *APART, "synthetic_d20_rho05")
DRAWN = {"dim": 20, "num_sines": 2, "scale": 1}
AUCS = {"single_task": 0.782, "share_bottom": 0.78, "mmoe": 0.781, "ml_mmoe": 0.7805}
CONTROLS = {"random_routes": 0.7805, "full_sharing": 0.7808}
VARIANTS = {"paper": 0.781, "mean_pooling": 0.779, "no_query_selection": 0.7811}
DEPTHS = {"depth_1": 0.778, "depth_3": 0.7812, "depth_4": 0.7811}
WIDTHS = {f"subnets_{h}": 0.782 - 0.004 / h for h in (1, 2, 3, 5, 6, 7, 8)}


def full_study(root, rng):
    """Write runs and searches in which every claim is measured; return what publishes them."""
    runs, routes, homes = {}, [], {}
    for dataset in MADE:
        real = dataset in REAL
        rows = [(name, "paper", auc) for name, auc in AUCS.items() if real or name in NEEDED]
        rows += [("mtnas", v, auc) for v, auc in VARIANTS.items() if real or v == "paper"]
        rows += [("mtnas", v, auc) for v, auc in CONTROLS.items()]
        if dataset == "bookcrossing":
            rows += [("cut_mmoe", "paper", 0.7815)]
            rows += [("mtnas", v, auc) for v, auc in {**DEPTHS, **WIDTHS}.items()]
        split = rng.normal(0, 0.01, 20)  # what all runs of a seed share
        for method, variant, auc in rows:
            seeds = 12 if method in ("mmoe", "cut_mmoe") and dataset == "bookcrossing" else 6
            noise = split[:seeds] + rng.normal(0, 0.0002, seeds)
            aucs = (auc, auc - 0.01) if real else ()
            names = {"dataset": dataset, "variant": variant, "simulated": not real}
            folder = make_run(
                root, method, aucs, 1.5 - auc, seeds=range(seeds), noise=noise, **names
            )
            runs[dataset, method, variant] = folder
            complete(folder, method, variant, seeds, rng, drawn(dataset))
            if method == "mtnas":
                routes.append(make_routes(root, dataset, variant, real, rng))
                homes[dataset, "mtnas", variant] = variant
    subgraphs = root / "subgraphs.json"
    check = {"route": "t0: s1", "draws": 20, "test": "t", "min_difference": 0.0}
    checks = [check | {"method": m, "max_difference": d} for m, d in (("a", 0.0), ("b", 1e-16))]
    make_subgraphs(subgraphs, checks)
    facts = {name: Facts(2, drawn=options(name)) for name in MADE}
    return {
        "plan": Plan(facts, {"main": list(runs)}, homes).to_json(),
        "command": "",
        "run_folders": list(runs.values()),
        "routes": routes,
        "manifests": [make_manifest(root, name, i) for i, name in enumerate(MADE)],
        "subgraphs": subgraphs,
    }


NEEDED = ("share_bottom", "mmoe")


def drawn(dataset):
    """Return what a synthetic dataset is drawn from."""
    return None if dataset in REAL else {**DRAWN, "rho": float("rho05" in dataset) / 2}


def options(dataset):
    """Return the same as the plan of a study holds it."""
    return None if dataset in REAL else SyntheticOptions.of(drawn(dataset))


def complete(folder, method, variant, seeds, rng, synthetic):
    """Add to run.json what claims read: options, seconds, gates, rho."""
    kind, _, value = variant.rpartition("_")

    def change(record):
        record["spec"]["options"] = {
            "num_layers": int(value) if kind == "depth" else 2,
            "num_subnets": int(value) if kind == "subnets" else 4,
        }
        record["synthetic"] = synthetic
        record["code"] = "abc"  # that of the searches
        for fit in record["fits"]:
            fit.update(train_loss=[0.5] * 4, valid_loss=[0.5] * 4, valid_losses=[[0.5]] * 4)
        record["timings"]["train_seconds"] = float(rng.uniform(5, 15) * seeds)
        if method == "mmoe":
            shares = rng.dirichlet([0.5, 3, 3, 3], (seeds, 2))
            record["gates"] = {str(s): shares[s].tolist() for s in range(seeds)}

    edit_run_record(folder, change)


def make_routes(root, dataset, variant, real, rng):
    space = SearchSpace(2, 4, 2) if real else SearchSpace(1, 3, 2, "root")
    kind, _, value = variant.rpartition("_")
    seconds = 2.0 ** int(value) if kind == "subnets" else 30.0
    told = {"probability": 0.1, "entropy": 1.0, "uniform_entropy": 2.0}
    return write_search(
        root / f"{dataset}_{variant}.json",
        {seed: random_route(space, rng) for seed in range(6)},
        dataset=dataset,
        variant=variant,
        simulated=not real,
        seconds=seconds * rng.uniform(0.9, 1.1) * 6,
        blocks=lambda route: dict.fromkeys(space.blocks, told),
        more={"weight_steps": 20},
    )


def make_manifest(root, dataset, at):
    pcc = {"t0_t1": 0.3 + at / 10}
    path = root / f"{dataset}.json"
    sizes = {"train": 5120, "valid": 640, "test": 640}
    simulated = dataset not in REAL
    return write_manifest(path, dataset, simulated=simulated, label_pcc=pcc, split_sizes=sizes)


def blank(exhibit, needs, png, csv, **_):
    """Write a figure that shows nothing, which takes no time."""
    Path(png).parent.mkdir(exist_ok=True)
    Image.new("L", (1, 1)).save(png)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A published study in which every claim is measured."""
    root = tmp_path_factory.mktemp("full")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FigureExhibit, "write", blank)
        publish(root / "published", **full_study(root, np.random.default_rng(5)))
    return root / "published"


@pytest.fixture(params=["committed", "made"])
def published(request, made):
    return {"committed": PUBLISHED, "made": made}[request.param]


def ledger_of(folder, sources=("MTNAS", "our own")):
    entries = json.loads((folder / "claims" / "claims.json").read_text())
    return {c["id"]: c for c in entries if c["source"] in sources}


def test_every_verdict_is_that_of_the_independent_computation(published):
    ledger = ledger_of(published)
    found = recompute(published)
    assert {name: verdict for name, (_, verdict) in found.items()} == {
        name: entry["verdict"] for name, entry in ledger.items()
    }
    for name, (comparisons, _) in found.items():
        written = [c for c in ledger[name]["comparisons"] if c["role"] != "control"]
        assert len(written) == len(comparisons), name
        for theirs, mine in zip(written, comparisons, strict=True):
            assert (theirs["dataset"], theirs["verdict"]) == (mine.dataset, mine.verdict), name
            near = {"rel": 1e-9, "abs": 1e-12}
            for key, value in (("estimate", mine.estimate), ("low", mine.low), ("high", mine.high)):
                assert theirs[key] == pytest.approx(value, **near), (name, key)
            if name != "C11":
                assert theirs.get("holm_p") == (
                    None if mine.holm is None else pytest.approx(mine.holm, abs=1e-9)
                )


def test_the_made_study_measures_every_claim_but_those_on_goodreads_and_tables(made):
    verdicts = {name: entry["verdict"] for name, entry in ledger_of(made).items()}
    assert [name for name, verdict in verdicts.items() if verdict == "not measured"] == [
        "C5",
        "C13",
        "C18",
    ]
    assert len(set(verdicts.values())) >= 3
    cut = ledger_of(made)["C6"]["comparisons"]
    pair = next(c for c in ledger_of(made)["C1"]["comparisons"] if "- mmoe/" in c["what"])
    assert (cut[0]["seeds"], pair["over"]) == (
        12,
        "6 common seeds, corrected t: splits overlap",
    )


def test_the_script_tells_a_ledger_that_is_wrong(made, tmp_path, capsys):
    assert main(made) == 0
    wrong = shutil.copytree(made, tmp_path / "published")
    entries = json.loads((wrong / "claims" / "claims.json").read_text())
    entries[13]["verdict"] = (
        "replicated" if entries[13]["verdict"] != "replicated" else "equivalent"
    )
    (wrong / "claims" / "claims.json").write_text(json.dumps(entries))
    assert main(wrong) == 1
    assert capsys.readouterr().out.count("(!)") == 1


def test_no_verdict_without_its_interval():
    sources = ("MTNAS", "our own", "Wu, Zhang, Ré")
    for entry in ledger_of(PUBLISHED, sources).values():
        assert {"id", "verdict", "estimate", "interval", "seeds", "evidence"} <= set(entry)
        if entry["verdict"] == "not measured":
            assert entry["missing"] and entry["command"]
        else:
            low, high = entry["interval"]
            assert low <= entry["estimate"] <= high
            assert entry["evidence"]
