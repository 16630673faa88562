"""The published ledger, computed again from the published metrics with scipy alone."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published"
LEDGER = {c["id"]: c for c in json.loads((PUBLISHED / "claims" / "claims.json").read_text())}
METRICS = pd.read_csv(PUBLISHED / "metrics.csv.gz").query("split == 'test'")
DATASETS = list(METRICS["dataset"].unique())
OTHERS = ("share_bottom", "mmoe", "ml_mmoe")


def seeds(dataset, method, metric, task):
    names = {"dataset": dataset, "method": method, "variant": "paper"}
    names |= {"metric": metric, "task": task}
    rows = METRICS[np.logical_and.reduce([METRICS[k] == v for k, v in names.items()])]
    return rows.set_index("seed")["value"].sort_index()


def comparison(dataset, ours, other, metric, task):
    a, b = seeds(dataset, ours, metric, task), seeds(dataset, other, metric, task)
    test = stats.ttest_rel(a, b)
    low, high = test.confidence_interval(0.95)
    margin = 0.001 if metric == "auc" else 0.001 * b.mean()
    tost = max(
        stats.ttest_1samp(a - b, -margin, alternative="greater").pvalue,
        stats.ttest_1samp(a - b, margin, alternative="less").pvalue,
    )
    return {"mean": (a - b).mean(), "low": low, "high": high, "p": test.pvalue, "tost": tost}


def verdict(found, claimed_above):
    if found["low"] > 0 or found["high"] < 0:
        return "replicated" if (found["low"] > 0) == claimed_above else "contradicted"
    return "equivalent" if found["tost"] < 0.05 else "inconclusive"


def holm(p_values):
    order, adjusted, largest = np.argsort(p_values), {}, 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return [adjusted[i] for i in range(len(p_values))]


@pytest.mark.parametrize(
    ("identity", "others", "scores", "above"),
    [
        ("C1", ("single_task", *OTHERS), [("auc", "t0"), ("auc", "t1")], True),
        ("C2", OTHERS, [("mtl_loss", "all")], False),
    ],
)
def test_superiority(identity, others, scores, above):
    entry = LEDGER[identity]
    grid = [(d, comparison(d, "mtnas", o, *s)) for d, o, s in product(DATASETS, others, scores)]
    verdicts = [verdict(found, above) for _, found in grid]
    adjusted = holm([found["p"] for _, found in grid])
    assert len(entry["comparisons"]) == len(grid)
    for written, (dataset, found), mine, p in zip(
        entry["comparisons"], grid, verdicts, adjusted, strict=True
    ):
        assert (written["dataset"], written["verdict"]) == (dataset, mine)
        assert written["estimate"] == pytest.approx(found["mean"], abs=1e-12)
        assert written["low"] == pytest.approx(found["low"], abs=1e-12)
        assert written["high"] == pytest.approx(found["high"], abs=1e-12)
        assert written["tost_p"] == pytest.approx(found["tost"], abs=1e-9)
        assert written["holm_p"] == pytest.approx(p, abs=1e-9)
    for names in ([d] for d in DATASETS):
        mine = [(v, p) for (d, _), v, p in zip(grid, verdicts, adjusted, strict=True) if d in names]
        assert entry["datasets"][names[0]]["verdict"] == overall(mine)
    assert entry["verdict"] == overall(list(zip(verdicts, adjusted, strict=True)))


def overall(found):
    if any(v == "contradicted" and p < 0.05 for v, p in found):
        return "contradicted"
    for name in ("replicated", "equivalent"):
        if all(v == name for v, _ in found):
            return name
    return "inconclusive"


def test_negative_transfer():
    entry, tasks = LEDGER["C3"], ("t0", "t1")
    p_values, below, some = [], [], []
    for d, t in product(DATASETS, tasks):
        for method in (*OTHERS, "mtnas"):
            found = comparison(d, method, "single_task", "auc", t)
            p_values.append(found["p"])
            (below if method == "mtnas" else some).append((found["high"] < 0, len(p_values) - 1))
    adjusted = holm(p_values)
    assert [c["role"] for c in entry["comparisons"]].count("all") == len(below)
    assert any(worse and adjusted[i] < 0.05 for worse, i in some)
    fell = any(worse and adjusted[i] < 0.05 for worse, i in below)
    assert (entry["verdict"] == "contradicted") == fell


def test_edges_of_the_searched_routes():
    full = 4 * 4 + 2 * 4
    for written in LEDGER["C4"]["comparisons"]:
        if written["role"] == "control":
            continue
        path = PUBLISHED / "routes" / written["dataset"] / "mtnas" / "paper.json"
        found = json.loads(path.read_text())["seeds"].values()
        test = stats.ttest_1samp([seed["edges"] - full for seed in found], 0)
        low, high = test.confidence_interval(0.95)
        assert (written["low"], written["high"]) == (pytest.approx(low), pytest.approx(high))
        assert written["verdict"] == "replicated"
        assert high < 0


def test_cost_from_the_published_timings():
    records = json.loads((PUBLISHED / "runs.json").read_text())
    for written in LEDGER["C14"]["comparisons"]:
        dataset = written["dataset"]
        path = PUBLISHED / "routes" / dataset / "mtnas" / "paper.json"
        search = json.loads(path.read_text())["timings"]["search_seconds"]
        train = [records[f"{dataset}/{m}/paper"]["timings"]["train_seconds"] for m in OTHERS]
        logs = np.log(search / np.array(train))
        low, high = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
        assert written["estimate"] == pytest.approx(np.exp(logs.mean()))
        assert (written["low"], written["high"]) == (
            pytest.approx(np.exp(low)),
            pytest.approx(np.exp(high)),
        )


def test_no_verdict_without_its_interval():
    for entry in LEDGER.values():
        assert {"id", "verdict", "estimate", "interval", "seeds", "evidence"} <= set(entry)
        if entry["verdict"] == "not measured":
            assert entry["missing"] and entry["command"]
        else:
            low, high = entry["interval"]
            assert low <= entry["estimate"] <= high
            assert entry["evidence"]
