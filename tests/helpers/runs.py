"""Run folders with known numbers, for tests of tables and of what is published."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtnas.evidence.records import METRIC_COLUMNS, RunRecord
from mtnas.report.names import Names
from mtnas.routes.named import full_sharing, share_bottom
from mtnas.routes.space import SearchSpace
from mtnas.tasks.metrics import split_column
from tests.helpers.searches import DATA

NAMES = Names(
    {
        "mtnas/finetune": "fine-tuned",
        "mtnas/random_routes": "random routes",
        "mtnas/full_sharing": "full sharing",
        "mtnas/mean_pooling": "mean pooling",
        "mtnas/no_query_selection": "root query only",
        "mtnas/plus": "MTNAS+",
    }
)
NOISE = np.array([-0.001, 0.0, 0.001])  # over three seeds, the same for every method


def make_run(
    root: Path,
    method: str,
    auc: Sequence[float] | Mapping[str, float],
    loss: float | None = 0.73,
    *,
    dataset: str = "bookcrossing",
    variant: str = "paper",
    simulated: bool = False,
    split_kind: str = "random",
    seeds: Sequence[int] = (0, 1, 2),
    noise: NDArray[np.float64] = NOISE,
) -> Path:
    """Write one run; test scores are `auc` per task and `loss`, plus `noise` by seed.

    Scores of tasks with names are given by column: `{"auc_likes": 0.8, "rmse_stars": 1.1}`.
    """
    columns = dict(auc) if isinstance(auc, Mapping) else {f"auc_t{i}": v for i, v in enumerate(auc)}
    folder = root / dataset / method / variant
    folder.mkdir(parents=True)
    rows: list[tuple[int, str, str, str, float]] = []
    for seed, shift in zip(seeds, noise, strict=False):
        for column, value in columns.items():
            metric, task = split_column(column)
            rows.append((seed, "test", task, metric, value + shift))
            rows.append((seed, "valid", task, metric, 0.5))  # must never be printed
        if loss is not None:
            rows.append((seed, "test", "all", "mtl_loss", loss + shift))
    pd.DataFrame(rows, columns=list(METRIC_COLUMNS)).to_csv(folder / "metrics.csv", index=False)
    record = run_record(
        dataset, method, variant, seeds=seeds, simulated=simulated, split_kind=split_kind
    )
    write_run_record(folder, record)
    return folder


def run_record(
    dataset: str,
    method: str,
    variant: str = "paper",
    *,
    seeds: Sequence[int] = (0, 1, 2),
    simulated: bool = False,
    split_kind: str = "random",
) -> dict[str, Any]:
    """Return what run.json says of a run of two tasks."""
    epochs = dict(zip(seeds, (3, 5, 4), strict=False))
    return {
        "spec": {
            "dataset": dataset,
            "method": method,
            "variant": variant,
            "seeds": list(seeds),
            "options": {},
        },
        "parameters": {
            "dense": 12345, "embedding": 10, "models_per_seed": 1, "hidden_dim": 8,
        },
        "options": {},
        "simulated": simulated,
        "synthetic": None,
        "data": {**DATA, "split_kind": split_kind},
        "splits": {},
        "fits": [
            {
                "seed": seed, "tasks": [0, 1], "best_epoch": epoch,
                "train_loss": [], "valid_loss": [], "valid_losses": [],
            }
            for seed, epoch in epochs.items()
        ],
        "gates": {},
        "timings": {
            "train_seconds": 12.3, "total_seconds": 14.0, "seeds_at_once": 1, "device": "cpu",
            "threads": 1,
        },
        "environment": {},
        "git": {"commit": "abc", "dirty": False},
        "code": f"code-{method}",
    }  # fmt: skip


def write_run_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write run.json as a job would, for the metrics that lie beside it."""
    path = folder / "run.json"
    told = {key: value for key, value in record.items() if key not in ("digest", "artefacts")}
    RunRecord.of(told, path).write(path, [folder / "metrics.csv"])


def edit_run_record(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what run.json says, as another job would have written it."""
    record = json.loads((folder / "run.json").read_text())
    change(record)
    write_run_record(folder, record)


def write_scores(folder: Path, metrics: pd.DataFrame) -> None:
    """Replace the metrics of a run, as another job would have measured them."""
    metrics.to_csv(folder / "metrics.csv", index=False)
    edit_run_record(folder, lambda record: None)


def make_subgraphs(path: Path, checks: Sequence[Mapping[str, Any]] = ()) -> Path:
    """Write what `experiments.equivalence` measures, with two methods as routes for Figure 1."""
    one, four = SearchSpace(1, 1, 2, "root"), SearchSpace(1, 4, 2, "root")
    routes = {"share_bottom": share_bottom(one), "mmoe": full_sharing(four)}
    typical = {
        name: {"space": route.space.to_json(), "blocks": route.to_json()}
        for name, route in routes.items()
    }
    path.write_text(json.dumps({"checks": list(checks), "typical": typical}))
    return path
