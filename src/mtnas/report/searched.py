"""Routes files as the figures need them: what a search found, seed by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mtnas.evidence.search_record import SearchRecord
from mtnas.report.names import dataset_name, method_name, strategy_name
from mtnas.routes.named import full_sharing
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace


@dataclass(frozen=True)
class Searched:
    """One search over all its seeds; `blocks` and `curves` are as written by the search."""

    dataset: str
    method: str
    variant: str
    strategy: str
    simulated: bool
    space: SearchSpace
    routes: dict[str, Route]
    blocks: dict[str, dict[str, dict[str, Any]]]
    curves: dict[str, dict[str, Sequence[float]]]

    @property
    def name(self) -> str:
        """Return dataset and method on one line."""
        return f"{dataset_name(self.dataset)}: {method_name(self.method, self.variant)}"

    @property
    def title(self) -> str:
        """Return dataset, method and strategy on one line."""
        return f"{self.name}, {strategy_name(self.strategy)}"

    @property
    def edges(self) -> list[int]:
        """Return the number of edges in use, seed by seed."""
        return [len(route.edges) for route in self.routes.values()]

    @property
    def all_edges(self) -> int:
        """Return the number of edges of full sharing."""
        return len(full_sharing(self.space).edges)

    @property
    def uniform_entropy(self) -> float:
        """Return the entropy (nats) of a choice without preference, mean over blocks."""
        counts = [self.space.num_local_routes(block) for block in self.space.blocks]
        return float(np.mean(np.log(counts)))

    def curve(self, name: str) -> pd.DataFrame:
        """Return `reward` or `entropy` with a row per step and a column per seed."""
        columns = {
            seed: pd.Series(curve[name], index=pd.Index(curve["step"], name="step"), dtype=float)
            for seed, curve in self.curves.items()
            if curve.get(name)
        }
        return pd.DataFrame(columns)


def read_routes(path: str | Path) -> Searched:
    """Read one routes.json.

    Raises:
        RecordError: it is broken, or was changed after it was written.
    """
    record = SearchRecord.read(path)
    seeds = {str(seed): record.seeds[seed] for seed in record.routes}
    return Searched(
        dataset=record.dataset,
        method=record.method,
        variant=record.variant,
        strategy=record.strategy,
        simulated=record.simulated,
        space=SearchSpace(**record.space),
        routes={str(seed): route for seed, route in record.routes.items()},
        blocks={
            seed: {name: block.model_dump() for name, block in found.blocks.items()}
            for seed, found in seeds.items()
        },
        curves={seed: dict(found.curve) for seed, found in seeds.items()},
    )
