"""Searches and exhaustive tables with known routes, written as a job would write them."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtnas.evidence.exhaustive_table import ExhaustiveRecord
from mtnas.evidence.search_record import SearchRecord
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace

DATA = {
    "content_sha256": "0" * 64,
    "source_sha256": {},
    "split_kind": "random",
    "test_share": 0.125,  # that of `tables.make_manifest`
}


def write_search(
    path: Path,
    routes: Mapping[int, Route],
    *,
    dataset: str = "bookcrossing",
    variant: str = "paper",
    strategy: str = "reinforce",
    simulated: bool = False,
    seconds: float = 100.0,
    steps: int = 20,
    code: str = "abc",
    blocks: Callable[[Route], Mapping[str, Mapping[str, Any]]] = lambda route: {},
    more: Mapping[str, Any] | None = None,
) -> Path:
    """Write a routes.json of MTNAS with one route per seed.

    `blocks` says more of the blocks of a route, `more` of every seed.
    """
    names = {"dataset": dataset, "method": "mtnas", "variant": variant}
    space = next(iter(routes.values())).space
    record = {
        **names,
        "strategy": strategy,
        "simulated": simulated,
        "space": space.to_json(),
        "num_routes": space.num_routes,
        "seeds": {
            seed: {
                "blocks": {
                    name: {**block, **blocks(route).get(name, {})}
                    for name, block in route.to_json().items()
                },
                "describe": route.describe(),
                "edges": len(route.edges),
                **(more or {}),
            }
            for seed, route in routes.items()
        },
        "spec": {
            **names,
            "seeds": list(routes),
            "options": {},
            "search": {"strategy": strategy, "steps": steps},
        },
        "timings": {
            "search_seconds": seconds, "total_seconds": seconds + 10, "seeds_at_once": 1,
            "device": "cpu",
        },
        "environment": {},
        "code": code,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    SearchRecord.of(record, path).write(path)
    return path


def edit_search(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what a routes.json says, as another job would have written it."""
    record = json.loads(path.read_text())
    change(record)
    told = {key: value for key, value in record.items() if key not in ("digest", "artefacts")}
    SearchRecord.of(told, path).write(path)


def exhaustive_record(
    dataset: str,
    name: str,
    space: SearchSpace,
    seeds: Sequence[int],
    *,
    simulated: bool = False,
    synthetic: Mapping[str, Any] | None = None,
) -> ExhaustiveRecord:
    """Return what made the ground truth of one space."""
    spec = {"dataset": dataset, "method": "mtnas", "space": name, "seeds": seeds, "options": {}}
    return ExhaustiveRecord.model_validate(
        {
            "spec": {**spec, "synthetic": synthetic},
            "space": space.to_json(),
            "seeds": seeds,
            "simulated": simulated,
            "data": DATA,
            "splits": {},
            "parameters": {"dense": 9, "embedding": 9, "models_per_seed": 1, "hidden_dim": 8},
            "timings": {
                "train_seconds": 1.0, "total_seconds": 1.0, "models_at_once": 1, "device": "cpu",
            },
            "environment": {},
            "git": {"commit": None, "dirty": None},
            "code": "abc",
        }
    )  # fmt: skip
