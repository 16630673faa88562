"""Planted scores of subsets of tasks and planted simulated studies, to be shown and judged."""

import zlib
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mtnas.evidence.simulated_record import FIRST, LAST, SimulatedStudyRecord
from tests.helpers.subsets import make_scores, write_scores

SENTENCES = {"mr": "binary", "subj": "binary", "sst": "binary", "trec": "multiclass"}
LABELS = {"any": "binary", "poor": "binary", "single": "binary"}
SEEDS = tuple(range(6))
PAPER = {"hidden_dim": 100, "match_budget": False}


def of_all(kinds: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Return each task alone and all of them."""
    return (*((task,) for task in kinds), tuple(kinds))


def pairs_of(kinds: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Return each task alone, every pair, and all of them."""
    return (*((task,) for task in kinds), *combinations(kinds, 2), tuple(kinds))


def noise_of(*key: Any) -> float:
    """Return a small number that is the same for the same key."""
    seed = zlib.crc32("/".join(map(str, key)).encode())
    return float(np.random.default_rng(seed).normal(0, 0.002))


def planted(root: Path, value: Any, *, variant: str, kinds: Mapping[str, str] = SENTENCES,
            subsets: tuple[tuple[str, ...], ...] | None = None, name: str = "planted",
            dataset: str = "sentiment_glove", options: Mapping[str, Any] = PAPER,
            training: Mapping[str, Any] | None = None, **more: Any) -> Path:  # fmt: skip
    """Write scores; `value` is called with subset and task, a little noise of the seed is added.

    Losses get 1 minus the value, so that they are better where the others are.
    """

    def score(subset: tuple[str, ...], seed: int, part: str, task: str, metric: str) -> float:
        if task == "all":
            return 1.0
        found = float(value(subset, task)) + noise_of(seed, part, task, variant, subset, name)
        return 1 - found if metric in ("log_loss", "mse", "calibration_error") else found

    scores = make_scores(score, kinds, subsets or of_all(kinds), SEEDS, variant=variant, name=name,
                         dataset=dataset, options=options, training=training, **more)  # fmt: skip
    return write_scores(
        root / "results/subsets" / name / dataset / "share_bottom" / variant, scores
    )


def similar(
    alignment: str, subsets: tuple[tuple[str, ...], ...], *, rises: int
) -> list[dict[str, Any]]:
    """Return fits of pairs, the first `rises` of which become more similar by alignment."""
    found = []
    for number, subset in enumerate(pair for pair in subsets if len(pair) == 2):
        score = 0.5 + (0 if alignment == "none" else 0.1 if number < rises else -0.1)
        similarity = {"score": score, "normalised": 1 - score}
        similarity |= {"centred_score": 0.5, "centred_normalised": 0.5}
        fit = {"subset": "+".join(subset), "best_epoch": 1, "similarity": similarity}
        found += [{**fit, "seed": seed} for seed in SEEDS]
    return found


def weighed(ratio: float) -> list[dict[str, Any]]:
    """Return fits of the model of all `LABELS`: `single` weighs so much in mean of the others."""
    weights = {"any": 0.9, "poor": 1.1, "single": ratio}
    fit = {"subset": "+".join(LABELS), "best_epoch": 1}
    return [
        {**fit, "seed": seed, "weights": {**weights, "single": ratio + 0.01 * seed}}
        for seed in SEEDS
    ]


def study(
    root: Path, name: str, rows: list[dict[str, Any]], options: Mapping[str, Any] | None = None
) -> Path:
    """Write a simulated study with these rows, which have `seed`, `metric`, `value`, settings."""
    frame = pd.DataFrame(rows).assign(study=name, simulated=True)
    settings = [c for c in frame if c not in (*FIRST, *LAST)]
    folder = root / "results/simulated_studies" / name
    folder.mkdir(parents=True)
    frame[[*FIRST, *settings, *LAST]].to_csv(folder / "results.csv", index=False)
    SimulatedStudyRecord(
        study=name,
        title=name,
        seeds=tuple(dict.fromkeys(frame["seed"])),
        options=dict(options or {}),
        settings=dict.fromkeys(settings, ""),
        metrics=dict.fromkeys(frame["metric"], ""),
        rows=len(frame),
        seconds=1.0,
        environment={},
        git={"commit": None, "dirty": None},
    ).write(folder / "record.json", [folder / "results.csv"])
    return folder
