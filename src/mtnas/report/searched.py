"""Searches as figures show them: files of routes become rows of data, rows become routes again."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.search_record import Block, SearchRecord
from mtnas.report.names import Names, dataset_name, strategy_name
from mtnas.routes.named import full_sharing
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.routes.tables import space_from
from mtnas.runtime.errors import RecordError

DRAWN = ("step", "reward", "entropy")  # of the course of a search
OF_SPACE = ("query_scope", "pooling", "tables", "tables_read", "subnet_routes")  # beside its sizes
RECORDED = ("probability", "entropy", "uniform_entropy")  # of a `Block`, beside its choice


@dataclass(frozen=True)
class Searched:
    """One search over all its seeds; `blocks` and `curves` are as written by the search.

    `tasks` names what routes call t0, t1, ..., if that is known.
    """

    dataset: str
    method: str
    variant: str
    strategy: str
    simulated: bool
    space: SearchSpace
    routes: dict[str, Route]
    blocks: dict[str, dict[str, Block]]
    curves: dict[str, dict[str, Sequence[float]]]
    names: Names = field(default_factory=Names)
    tasks: tuple[str, ...] = ()
    permuted: bool = False  # rewards told nothing (D17)
    judge: str = "supernet"  # what scored the routes
    converged: dict[str, bool] = field(default_factory=dict)  # by seed, of a search that may (D16)

    @property
    def name(self) -> str:
        """Return dataset and method on one line."""
        return f"{dataset_name(self.dataset)}: {self.names.run(self.method, self.variant)}"

    @property
    def title(self) -> str:
        """Return dataset, method and strategy on one line."""
        return f"{self.name}, {strategy_name(self.strategy, self.judge)}"

    @property
    def uniform_entropy(self) -> float:
        """Return the entropy (nats) of a choice without preference, mean over blocks."""
        counts = [self.space.num_local_routes(block) for block in self.space.blocks]
        return float(np.mean(np.log(counts)))

    @property
    def about(self) -> dict[str, str | bool]:
        """Return what every row of its data begins with."""
        return {
            **{"dataset": self.dataset, "method": self.method, "variant": self.variant},
            **{"name": self.name, "title": self.title, "simulated": self.simulated},
        }


@dataclass(frozen=True)
class Drawn:
    """One search as it is drawn, from its rows of `choices`."""

    title: str
    simulated: bool
    tasks: tuple[str, ...]
    space: SearchSpace
    routes: dict[str, Route]
    blocks: dict[str, dict[str, Block]]

    @property
    def all_blocks(self) -> list[Block]:
        """Return the blocks of all seeds."""
        return [block for of in self.blocks.values() for block in of.values()]

    @property
    def edges(self) -> list[int]:
        """Return the number of edges in use, seed by seed."""
        return [len(route.edges) for route in self.routes.values()]

    @property
    def all_edges(self) -> int:
        """Return the number of edges of full sharing."""
        return len(full_sharing(self.space).edges)


def drawn(frame: pd.DataFrame) -> list[Drawn]:
    """Return the searches of some rows of `choices`, in their order."""
    found = []
    for _, rows in frame.groupby(["dataset", "method", "variant"], sort=False):
        first, space = rows.iloc[0], space_of(rows)
        seeds = {str(seed): of for seed, of in rows.groupby("seed", sort=False)}
        found.append(
            Drawn(
                str(first["title"]),
                bool(first["simulated"]),
                tuple(str(first["tasks"]).split("+")) if pd.notna(first["tasks"]) else (),
                space,
                {seed: route_of(space, of) for seed, of in seeds.items()},
                {seed: _blocks_of(of) for seed, of in seeds.items()},
            )
        )
    return found


def _blocks_of(rows: pd.DataFrame) -> dict[str, Block]:
    """Return the blocks of a route, and what the search recorded of them, if it did."""
    names = [name for name in RECORDED if name in rows]
    return {
        str(row["block"]): Block(
            values=row["values"].split("+"),
            query=row["query"] if pd.notna(row["query"]) else None,
            **{name: float(row[name]) for name in names if pd.notna(row[name])},
        )
        for row in rows.to_dict("records")
    }


def space_of(rows: pd.DataFrame) -> SearchSpace:
    """Return the space of some rows of data, which have its arguments as columns."""
    first = rows.iloc[0]
    layers, subnets, tasks = (int(first[n]) for n in ("num_layers", "num_subnets", "num_tasks"))
    told = {name: first[name] for name in OF_SPACE if name in rows and pd.notna(first[name])}
    return space_from(layers, subnets, tasks, **told)


def route_rows(route: Route) -> list[dict[str, object]]:
    """Return a row per block of a route: its values, joined by `+`, its query, and the space."""
    space = route.space.to_json()
    return [
        {**space, "block": block, "values": "+".join(local.values), "query": local.query}
        for block, local in route
    ]


def route_of(space: SearchSpace, rows: pd.DataFrame) -> Route:
    """Return the route whose blocks some rows of data are."""
    return Route.from_json(space, {name: dict(own) for name, own in _blocks_of(rows).items()})


def choices(searches: Sequence[Searched]) -> pd.DataFrame:
    """Return a row per search, seed and block: the values and the query that were chosen.

    What the search recorded beside them (their probability, the entropy of the block) follows.
    """
    return pd.DataFrame(
        [
            {
                **searched.about,
                "tasks": "+".join(searched.tasks) or None,
                "seed": int(seed),
                **row,
                **searched.blocks[seed][str(row["block"])].model_dump(include={*RECORDED}),
            }
            for searched in searches
            for seed, route in searched.routes.items()
            for row in route_rows(route)
        ]
    )


def course(searches: Sequence[Searched]) -> pd.DataFrame:
    """Return the curves that searches recorded: a row per search, seed and step."""
    frames = [
        pd.DataFrame(
            {
                **searched.about,
                "uniform_entropy": searched.uniform_entropy,
                **({"permuted": True} if searched.permuted else {}),
                "seed": int(seed),
                **({"converged": searched.converged[seed]} if searched.converged else {}),
                **{name: curve[name] for name in DRAWN if name in curve},
            },
            index=range(len(curve.get("step", ()))),
        )
        for searched in searches
        for seed, curve in searched.curves.items()
    ]
    return pd.concat(frames, ignore_index=True)


def read_searches(
    paths: Sequence[str | Path], names: Names, manifests: Sequence[str | Path] = ()
) -> list[Searched]:
    """Read some routes.json; `RecordError` if there are none. `manifests` name the tasks."""
    if not paths:
        raise RecordError("no routes files were given; a figure needs at least one")
    tasks = {m.dataset: tuple(task.name for task in m.tasks) for m in map(Manifest.read, manifests)}
    found = [read_routes(path, names) for path in paths]
    return [replace(searched, tasks=tasks.get(searched.dataset, ())) for searched in found]


def read_routes(path: str | Path, names: Names | None = None) -> Searched:
    """Read one routes.json.

    Raises:
        RecordError: it is broken, or was changed after it was written.
    """
    record = SearchRecord.read(path)
    seeds = {str(seed): record.seeds[seed] for seed in record.first_routes}
    return Searched(
        dataset=record.dataset,
        method=record.method,
        variant=record.variant,
        strategy=record.strategy,
        simulated=record.simulated,
        space=space_from(**record.space),
        routes={str(seed): route for seed, route in record.first_routes.items()},
        blocks={seed: found.blocks for seed, found in seeds.items()},
        curves={seed: dict(found.curve) for seed, found in seeds.items()},
        names=names or Names(),
        permuted=record.spec.search.permuted,
        judge=record.spec.search.judge,
        converged={
            seed: found.converged is not None
            for seed, found in seeds.items()
            if record.spec.search.until != "steps"
        },
    )
