"""Sharing routes and the space they come from (paper, Sec. 3.1).

Nodes are named as in the paper's figures: `root`, the sub-networks `s1 ... s(L*H)` layer by
layer, the tasks `t0 ... t(T-1)`. A block stands before every sub-network of layers 2..L and
before every task and is named after that node. Its local route is a non-empty subset of the layer
below (the values) and the node that asks the gate (the query). Nothing here needs torch.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any, Literal, get_args

from mtnas.runtime.errors import ConfigError, RecordError, unknown

QueryScope = Literal["all_below", "root"]
Pooling = Literal["gate", "mean"]
ROOT = "root"
MOST_ROUTES = 20_000  # of a space all of whose routes can be trained


@dataclass(frozen=True)
class LocalRoute:
    """What one block does: mix `values` by a gate that reads `query`; without one, their mean."""

    values: tuple[str, ...]
    query: str | None

    @property
    def has_gate(self) -> bool:
        """Whether the gate matters: the softmax over a single value is always one."""
        return self.query is not None and len(self.values) > 1


@dataclass(frozen=True)
class SearchSpace:
    """All routes over L layers of H sub-networks for T tasks.

    `query_scope` is deviation D1: which nodes may be the query of a block. With `pooling` by the
    mean there are no gates, so no queries: one local route per subset of values (D11).
    """

    num_layers: int
    num_subnets: int
    num_tasks: int
    query_scope: QueryScope = "all_below"
    pooling: Pooling = "gate"

    def __post_init__(self) -> None:
        if min(self.num_layers, self.num_subnets, self.num_tasks) < 1:
            raise ConfigError(f"search space: layers, sub-networks and tasks must be >= 1: {self}")
        for kind, value, known in (
            ("query scope", self.query_scope, get_args(QueryScope)),
            ("pooling", self.pooling, get_args(Pooling)),
        ):
            if value not in known:
                raise ConfigError(unknown(kind, value, known, "search space"))

    def subnet(self, layer: int, index: int) -> str:
        """Name sub-network `index` (from 0) of `layer` (from 0)."""
        return f"s{layer * self.num_subnets + index + 1}"

    def layer(self, layer: int) -> tuple[str, ...]:
        """Name the sub-networks of one layer, counted from 0."""
        return tuple(self.subnet(layer, index) for index in range(self.num_subnets))

    @property
    def tasks(self) -> tuple[str, ...]:
        """Name the tasks."""
        return tuple(f"t{task}" for task in range(self.num_tasks))

    @property
    def nodes(self) -> tuple[str, ...]:
        """Name the root and all sub-networks, inputs first: whatever a gate could read."""
        return (ROOT, *(name for layer in range(self.num_layers) for name in self.layer(layer)))

    @property
    def blocks(self) -> tuple[str, ...]:
        """Name all B = (L-1) H + T blocks, inputs first."""
        inner = (name for layer in range(1, self.num_layers) for name in self.layer(layer))
        return (*inner, *self.tasks)

    def level(self, block: str) -> int:
        """Return the number of sub-network layers below a block (1 .. L)."""
        if block.startswith("t"):
            return self.num_layers
        return (int(block[1:]) - 1) // self.num_subnets

    def values(self, block: str) -> tuple[str, ...]:
        """Name the H sub-networks a block chooses from: the layer below it."""
        return self.layer(self.level(block) - 1)

    def queries(self, block: str) -> tuple[str | None, ...]:
        """Name the candidates for the query of a block (D1); the root, or none at all, is first."""
        if self.pooling == "mean":
            return (None,)
        level = self.level(block)
        below = (self.layer(i) for i in range(level if self.query_scope == "all_below" else 0))
        return (ROOT, *(name for layer in below for name in layer))

    def num_local_routes(self, block: str) -> int:
        """Return |R| = (2^H - 1) |Q| of a block."""
        return ((1 << self.num_subnets) - 1) * len(self.queries(block))

    @property
    def num_routes(self) -> int:
        """Return the size of the whole space, the product over its blocks."""
        return math.prod(self.num_local_routes(block) for block in self.blocks)

    def local_route(self, block: str, index: int) -> LocalRoute:
        """Return local route `index` of a block: the query varies slowest, then the subset."""
        query, subset = divmod(index, (1 << self.num_subnets) - 1)
        names = self.values(block)
        chosen = tuple(name for i, name in enumerate(names) if (subset + 1) >> i & 1)
        return LocalRoute(chosen, self.queries(block)[query])

    def index_of(self, block: str, local: LocalRoute) -> int:
        """Return the index for which `local_route` gives `local`."""
        names = self.values(block)
        subset = sum(1 << names.index(name) for name in local.values) - 1
        return self.queries(block).index(local.query) * ((1 << self.num_subnets) - 1) + subset

    def to_json(self) -> dict[str, Any]:
        """Return the five values that define the space."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Route:
    """One candidate of the space: a local route for each block, in the order of `space.blocks`."""

    space: SearchSpace
    choices: tuple[LocalRoute, ...]

    def __post_init__(self) -> None:
        blocks = self.space.blocks
        if len(self.choices) != len(blocks):
            raise RecordError(f"route has {len(self.choices)} blocks, its space {len(blocks)}")
        for block, local in zip(blocks, self.choices, strict=True):
            allowed = self.space.values(block)
            for name in local.values:
                if name not in allowed:
                    raise RecordError(unknown("value", name, allowed, f"block {block}"))
            if not local.values or len(set(local.values)) != len(local.values):
                raise RecordError(f"block {block}: values must be one or more distinct names")
            queries = self.space.queries(block)
            if local.query not in queries:
                names = [str(name) for name in queries]
                raise RecordError(unknown("query", str(local.query), names, f"block {block}"))

    def __getitem__(self, block: str) -> LocalRoute:
        return self.choices[self.space.blocks.index(block)]

    def __iter__(self) -> Iterator[tuple[str, LocalRoute]]:
        return zip(self.space.blocks, self.choices, strict=True)

    def used(self, tasks: Sequence[str] | None = None) -> frozenset[str]:
        """Name every node that feeds `tasks` (default: all): values, and queries that matter."""
        wanted = list(self.space.tasks if tasks is None else tasks)
        seen: set[str] = set()
        while wanted:
            name = wanted.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in self.space.blocks:
                local = self[name]
                wanted += local.values
                if local.query is not None and local.has_gate:
                    wanted.append(local.query)
            elif name != ROOT:
                wanted.append(ROOT)
        return frozenset(seen)

    def renamed(self, names: Mapping[str, str]) -> "Route":
        """Return the route after its sub-networks changed their names (within their layers)."""
        moved = {names.get(block, block): local for block, local in self}
        choices = []
        for block in self.space.blocks:
            local = moved[block]
            values = {names[value] for value in local.values}
            ordered = tuple(name for name in self.space.values(block) if name in values)
            query = None if local.query is None else names.get(local.query, local.query)
            choices.append(LocalRoute(ordered, query))
        return Route(self.space, tuple(choices))

    def canonical(self) -> "Route":
        """Return the representative of all routes that compute the same function.

        A block with one value has no use for its query, and a block that feeds no task for
        anything: they take their first choice. Neither takes part in a weight step either, so such
        routes are equal for every initialisation and after any training. Routes that differ in the
        names of their sub-networks only start from different weights, so they are kept apart.
        """
        space, used, choices = self.space, self.used(), []
        for block, local in self:
            if block not in used:
                local = space.local_route(block, 0)
            elif not local.has_gate:
                local = LocalRoute(local.values, space.queries(block)[0])
            choices.append(local)
        return Route(space, tuple(choices))

    @property
    def index(self) -> int:
        """Return the number of this route in its space, the one that `at` takes."""
        number = 0
        for block, local in self:
            number = number * self.space.num_local_routes(block) + self.space.index_of(block, local)
        return number

    @classmethod
    def at(cls, space: SearchSpace, index: int) -> "Route":
        """Return route `index` of a space, 0 .. num_routes - 1; the last block varies fastest."""
        chosen = []
        for block in reversed(space.blocks):
            index, local = divmod(index, space.num_local_routes(block))
            chosen.append(space.local_route(block, local))
        return cls(space, tuple(reversed(chosen)))

    @property
    def is_disjoint(self) -> bool:
        """Whether no two tasks reach a common sub-network (paper, Sec. 5.1)."""
        reached = [
            {name for name in self.used([task]) if name.startswith("s")}
            for task in self.space.tasks
        ]
        return sum(map(len, reached)) == len(set().union(*reached))

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Return the (value, block) pairs that carry anything to a task."""
        used = self.used()
        return tuple((v, block) for block, local in self if block in used for v in local.values)

    def describe(self) -> str:
        """Return the route on one line, such as `s5: s1+s2 ? root; t0: s5`."""
        parts = (
            f"{block}: {'+'.join(local.values)}" + (f" ? {local.query}" if local.has_gate else "")
            for block, local in self
        )
        return "; ".join(parts)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Return `{block: {values, query}}`."""
        return {b: {"values": list(local.values), "query": local.query} for b, local in self}

    @classmethod
    def from_json(cls, space: SearchSpace, blocks: Any) -> "Route":
        """Build a route from `to_json`; `RecordError` if a block is missing or unknown."""
        try:
            chosen = [(tuple(blocks[b]["values"]), blocks[b]["query"]) for b in space.blocks]
        except (KeyError, TypeError):
            names = ", ".join(space.blocks)
            raise RecordError(f"each of the blocks {names} needs `values` and `query`") from None
        return cls(space, tuple(LocalRoute(values, query) for values, query in chosen))


def patterns(space: SearchSpace) -> list[int]:
    """Return, for every route of a space, the first route that shares in the same way.

    That is one which computes the same (`canonical`) after sub-networks changed their names within
    their layers. Models of such routes differ in the initialisation alone.
    """
    layers = [space.layer(layer) for layer in range(space.num_layers)]
    orders = [
        {
            old: new
            for names, order in zip(layers, chosen, strict=True)
            for old, new in zip(names, order, strict=True)
        }
        for chosen in product(*(permutations(names) for names in layers))
    ]
    first: dict[int, int] = {}
    found = []
    for index in range(space.num_routes):
        route = Route.at(space, index).canonical()
        if route.index not in first:
            for names in orders:
                first[route.renamed(names).canonical().index] = index
        found.append(first[route.index])
    return found
