"""What jumps over the decay of unread rows change: test AUC against the exact replay, per seed.

Tables of this size are updated as a whole otherwise; here they are updated by rows.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch

from benchmarks.outcome import Outcome, Settings
from mtnas.data.prepare.table import prepare
from mtnas.experiments.job import Job
from mtnas.experiments.train import train
from mtnas.study.specs import RunSpec
from mtnas.training import fit, trainer

DATASETS = ("movielens", "insteval")
METHOD = "mmoe"


def run(settings: Settings) -> Outcome:
    """Train MMoE on both embedded datasets with and without jumps."""
    torch.set_num_threads(1)
    seeds = list(range(2 if settings.quick else 10))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for dataset in DATASETS[:1] if settings.quick else DATASETS:
            files = _prepared(dataset, Path(folder))
            exact = _auc(dataset, seeds, files, exact=True, together=5)
            others = {
                "jumps": _auc(dataset, seeds, files, exact=False, together=5),
                "rounding alone": _auc(dataset, seeds, files, exact=True, together=1),
            }
            for name, other in others.items():
                gap = other - exact
                for task in gap.columns:
                    cells = (gap[task].mean(), gap[task].abs().max(), exact[task].std())
                    rows.append((f"{name}, {dataset} {task}", *map(float, cells)))
    return Outcome(
        simulated=False,
        title=f"Test AUC minus that of an exact replay, MMoE, {len(seeds)} seeds",
        columns=("What differs", "mean", "largest for a seed", "std over seeds"),
        rows=rows,
        note="All tables are updated by rows. Rounding alone: exact replays of seeds one by one "
        "instead of five together, which changes nothing but the last digits of float32 sums.",
    )


def _prepared(dataset: str, folder: Path) -> dict[str, Path]:
    files = {"table": folder / f"{dataset}.parquet", "manifest": folder / f"{dataset}.json"}
    prepare({"dataset": dataset, **PREPARE}, **files)
    return files


PREPARE: dict[str, Any] = {
    "num_features": None, "drop_fields": [], "split": None, "split_seed": 0,
}  # fmt: skip


def _auc(
    dataset: str, seeds: list[int], files: dict[str, Path], *, exact: bool, together: int
) -> pd.DataFrame:
    spec = {
        "dataset": dataset, "method": METHOD, "variant": "paper", "seeds": seeds,
        "fixed_split": False, "options": {"hidden_dim": 64}, "budget": None,
        "training": {},
    }  # fmt: skip
    exactly = patch.object(fit, "Trainer", partial(trainer.Trainer, exact_decay=exact))
    with exactly, patch.object(trainer, "ROWS_PER_READ", 0):
        metrics = train(RunSpec.of(spec), Job(**files, at_once=together)).metrics
    test = metrics[(metrics["split"] == "test") & (metrics["metric"] == "auc")]
    wide: pd.DataFrame = test.pivot(index="seed", columns="task", values="value")
    assert np.isfinite(wide.to_numpy()).all()
    return wide
