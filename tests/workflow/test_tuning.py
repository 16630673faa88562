"""A grid search in the real workflow: its winner is trained; a changed grid reruns no other run."""

import pandas as pd
import pytest

from mtnas.runtime.files import read_json

pytestmark = pytest.mark.slow

GRID = """
tuning:
  enabled: true
  methods: [mmoe]
  seeds: 2
  training: {learning_rate: [1.0e-4, 1.0e-2], weight_decay: [5.0e-4]}
  options: {mmoe: {num_experts: [2, 4]}}
"""
RUN = "results/runs/insteval/mmoe/paper/run.json"
TUNING = "results/tuning/insteval/mmoe/paper"


def test_the_winner_of_a_grid_is_trained_and_recorded(again):
    study = ("--configfile", "config/test.yaml", again.write("config/grid.yaml", GRID))

    printed = again.snakemake(RUN, *study)

    assert "trial 4/4  options.num_experts=4 training.learning_rate=0.01" in printed
    trials = pd.read_csv(again.folder / TUNING / "trials.csv")
    assert list(zip(trials["trial"], trials["seed"], strict=True)) == [
        (trial, seed) for trial in (1, 2, 3, 4) for seed in (0, 1)
    ]
    best = read_json(again.folder / TUNING / "best.json")
    means = trials.groupby("trial")["valid_mtl_loss"].mean()
    assert best["winner"]["trial"] == means.idxmin()
    spec = read_json(again.folder / RUN)["spec"]
    rate = best["winner"]["values"]["training.learning_rate"]
    assert rate == spec["training"]["learning_rate"] == 1e-2
    assert spec["tuned"]["training.learning_rate"] == {
        "value": rate,
        "instead_of": 1e-3,
        "from": f"{TUNING}/best.json",
    }
    # The run has trained what the trial did: same seeds, same options.
    metrics = pd.read_csv(again.folder / "results/runs/insteval/mmoe/paper/metrics.csv")
    losses = metrics.query("split == 'valid' and metric == 'mtl_loss'")["value"]
    assert losses.mean() == pytest.approx(best["winner"]["mean"], rel=1e-4)

    again.edit("config/grid.yaml", "[1.0e-4, 1.0e-2]", "[1.0e-3, 1.0e-2]")
    reports = {"table": 1, "figure": 2, "claims": 1, "answer": 1, "report": 1, "all": 1}
    plan = again.plan(*study)
    assert plan.jobs == {"tune": 1, "train": 1, **reports}
    assert plan.trained == {"mmoe/paper"}
