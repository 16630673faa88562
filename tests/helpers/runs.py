"""Run folders with known numbers, for tests of tables and of what is published."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtnas.routes.named import full_sharing, share_bottom
from mtnas.routes.space import SearchSpace

NOISE = np.array([-0.001, 0.0, 0.001])  # over three seeds, the same for every method


def make_run(
    root: Path,
    method: str,
    auc: Sequence[float],
    loss: float | None = 0.73,
    *,
    dataset: str = "bookcrossing",
    variant: str = "paper",
    simulated: bool = False,
    split_kind: str = "random",
    seeds: Sequence[int] = (0, 1, 2),
    noise: NDArray[np.float64] = NOISE,
) -> Path:
    """Write one run; test scores are `auc` per task and `loss`, plus `noise` by seed."""
    folder = root / dataset / method / variant
    folder.mkdir(parents=True)
    rows: list[tuple[int, str, str, str, float]] = []
    for seed, shift in zip(seeds, noise, strict=False):
        for task, value in enumerate(auc):
            rows.append((seed, "test", f"t{task}", "auc", value + shift))
            rows.append((seed, "valid", f"t{task}", "auc", 0.5))  # must never be printed
        if loss is not None:
            rows.append((seed, "test", "all", "mtl_loss", loss + shift))
    columns = ["seed", "split", "task", "metric", "value"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "metrics.csv", index=False)
    record = {
        "spec": {
            "dataset": dataset,
            "method": method,
            "variant": variant,
            "seeds": list(seeds),
        },
        "parameters": {"dense": 12345, "embedding": 10},
        "code": f"code-{method}",
        "simulated": simulated,
        "data": {"split_kind": split_kind},
        "timings": {"train_seconds": 12.3, "threads": 1},
        "fits": [{"seed": s, "best_epoch": e} for s, e in zip(seeds, (3, 5, 4), strict=False)],
        "git": {"commit": "abc", "dirty": False},
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder


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
