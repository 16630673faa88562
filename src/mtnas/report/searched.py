"""Routes files as the figures need them: what a search found, seed by seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mtnas.evidence.search_record import SearchRecord
from mtnas.report.names import Names, dataset_name, strategy_name
from mtnas.routes.named import full_sharing
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import RecordError


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
    names: Names = field(default_factory=Names)

    @property
    def name(self) -> str:
        """Return dataset and method on one line."""
        return f"{dataset_name(self.dataset)}: {self.names.run(self.method, self.variant)}"

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

    @property
    def course(self) -> pd.DataFrame:
        """Return the recorded curves, a row per seed and step."""
        frames = [pd.DataFrame({"seed": int(s), **curve}) for s, curve in self.curves.items()]
        frame = pd.concat(frames, ignore_index=True)
        for place, (key, value) in enumerate(self._key.items()):
            frame.insert(place, key, value)
        return frame

    @property
    def _key(self) -> dict[str, str]:
        return {"dataset": self.dataset, "method": self.method, "variant": self.variant}

    def curve(self, name: str) -> pd.DataFrame:
        """Return `reward` or `entropy` with a row per step and a column per seed."""
        columns = {
            seed: pd.Series(curve[name], index=pd.Index(curve["step"], name="step"), dtype=float)
            for seed, curve in self.curves.items()
            if curve.get(name)
        }
        return pd.DataFrame(columns)


def choices(searches: Sequence[Searched]) -> pd.DataFrame:
    """Return a row per search, seed and block: the values and the query that were chosen.

    What the search recorded beside them (their probability, the entropy of the block) follows.
    """
    return pd.DataFrame(
        [
            {**searched._key, "seed": int(seed), "block": name, **_plain(block)}
            for searched in searches
            for seed, blocks in searched.blocks.items()
            for name, block in blocks.items()
        ]
    )


def _plain(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return what fits into a cell; names of several values are joined by `+`."""
    kept = {key: value for key, value in block.items() if key != "distribution"}
    return {k: "+".join(v) if isinstance(v, list | tuple) else v for k, v in kept.items()}


def read_searches(paths: Sequence[str | Path], names: Names) -> list[Searched]:
    """Read some routes.json; `RecordError` if there are none."""
    if not paths:
        raise RecordError("no routes files were given; a figure needs at least one")
    return [read_routes(path, names) for path in paths]


def read_routes(path: str | Path, names: Names | None = None) -> Searched:
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
        names=names or Names(),
    )
