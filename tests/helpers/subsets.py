"""Scores of subsets of tasks with known content."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mtnas.evidence.subsets_record import COLUMNS, PARTS, SubsetScores, SubsetsRecord, subset_name
from mtnas.tasks.metrics import ALL_TASKS, MTL_LOSS, OF_KIND
from tests.helpers.searches import DATA

Value = Callable[[tuple[str, ...], int, str, str, str], float]

KINDS = {"click": "binary", "mood": "multiclass", "minutes": "regression"}
SUBSETS = (
    ("click",),
    ("mood",),
    ("minutes",),
    ("click", "minutes"),
    ("click", "mood", "minutes"),
)


def make_scores(
    value: Value,
    kinds: Mapping[str, str] = KINDS,
    subsets: tuple[tuple[str, ...], ...] = SUBSETS,
    seeds: tuple[int, ...] = (0, 1, 2),
    **changes: Any,
) -> SubsetScores:
    """Return scores; `value` is called with subset, seed, split, task and metric."""
    lines = []
    for subset in subsets:
        measured = [(task, name) for task in subset for name in OF_KIND[kinds[task]]]  # type: ignore[index]
        for seed in seeds:
            for part in PARTS:
                for task, metric in [*measured, (ALL_TASKS, MTL_LOSS)]:
                    found = value(subset, seed, part, task, metric)
                    lines.append((subset_name(subset), seed, part, task, metric, found))
    return SubsetScores(
        pd.DataFrame(lines, columns=list(COLUMNS)), make_record(kinds, subsets, seeds, **changes)
    )


def make_record(
    kinds: Mapping[str, str],
    subsets: tuple[tuple[str, ...], ...],
    seeds: tuple[int, ...],
    *,
    name: str = "pairs",
    dataset: str = "insteval",
    method: str = "share_bottom",
    variant: str = "paper",
    data: Mapping[str, Any] = DATA,
    options: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    simulated: bool = False,
    fits: Sequence[Mapping[str, Any]] = (),
    rows: Mapping[int, Mapping[str, int]] | None = None,
    splits: Mapping[int, str] | None = None,
) -> SubsetsRecord:
    """Return what made such scores."""
    spec = {"dataset": dataset, "method": method, "variant": variant, "seeds": seeds}
    return SubsetsRecord.model_validate(
        {
            "spec": {
                **spec, "options": options or {}, "training": training, "name": name,
                "subsets": subsets,
            },
            "simulated": simulated,
            "synthetic": None,
            "tasks": kinds,
            "parameters": {"dense": 9, "embedding": 9, "models_per_seed": 1, "hidden_dim": 8},
            "dense": {subset_name(subset): 9 for subset in subsets},
            "options": options or {},
            "data": data,
            "splits": splits or {},
            "rows": rows or {},
            "fits": list(fits),
            "timings": {
                "train_seconds": 1.0, "total_seconds": 1.0, "models_at_once": 1, "device": "cpu",
                "threads": 1,
            },
            "environment": {},
            "git": {"commit": None, "dirty": None},
            "code": "abc",
        }
    )  # fmt: skip


def write_scores(folder: Path, scores: SubsetScores) -> Path:
    """Write them as a job does; return the folder."""
    scores.write(folder / "scores.csv", folder / "record.json")
    return folder
