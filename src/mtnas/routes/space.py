"""The search space: all sharing routes of a network (paper, Sec. 3.1).

Nodes are named as in the paper's figures: `root`, the sub-networks `s1 ... s(L*H)` layer by
layer, the tasks `t0 ... t(T-1)`. Every sub-network of layers 2..L and every task has a block, named
like it, that chooses what it reads: one or more sub-networks of the layer below (the values), and
the node whose output decides how a gate weighs them (the query). This choice is its local route.
Nothing here needs torch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NotRequired, get_args

from typing_extensions import TypedDict

from mtnas.runtime.errors import ConfigError, unknown

QueryScope = Literal["all_below", "root"]
Pooling = Literal["gate", "mean"]
TableChoice = Literal["shared", "own", "both"]
Tables = Literal["one", "searched", "shared", "own", "both"]
TablesRead = Literal["one_or_two", "two", "apart"]
SubnetRoutes = Literal["searched", "full_sharing"]
ROOT = "root"
MOST_ROUTES = 20_000  # of a space all of whose routes can be trained


class SpaceArguments(TypedDict):
    """What a space is made from, as records hold it; the last three where tables are chosen."""

    num_layers: int
    num_subnets: int
    num_tasks: int
    query_scope: QueryScope
    pooling: Pooling
    tables: NotRequired[Tables]
    tables_read: NotRequired[TablesRead]
    subnet_routes: NotRequired[SubnetRoutes]


@dataclass(frozen=True)
class LocalRoute:
    """What one block reads: `values`, weighed by a gate that reads `query`; alike if it is None."""

    values: tuple[str, ...]
    query: str | None

    @property
    def has_gate(self) -> bool:
        """Whether there is a gate that matters: with a single value, its weight is always one."""
        return self.query is not None and len(self.values) > 1


@dataclass(frozen=True)
class SearchSpace:
    """All routes over L layers of H sub-networks for T tasks.

    `query_scope` says which nodes may be the query of a block (D1). With `pooling: mean` there are
    no gates and no queries, so each subset of values is one local route (D11).
    """

    num_layers: int
    num_subnets: int
    num_tasks: int
    query_scope: QueryScope = "all_below"
    pooling: Pooling = "gate"

    def __post_init__(self) -> None:
        if min(self.num_layers, self.num_subnets, self.num_tasks) < 1:
            raise ConfigError(
                f"search space: layers, sub-networks and tasks must be at least 1: {self}"
            )
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
        """Name the nodes that may be the query of a block (D1), root first; None without gates."""
        if self.pooling == "mean":
            return (None,)
        level = self.level(block)
        below = (self.layer(i) for i in range(level if self.query_scope == "all_below" else 0))
        return (ROOT, *(name for layer in below for name in layer))

    def num_local_routes(self, block: str) -> int:
        """Return |R| = (2^H - 1) |Q| of a block."""
        return ((1 << self.num_subnets) - 1) * len(self.queries(block))

    @property
    def network(self) -> "SearchSpace":
        """Return the space of sub-networks and tasks alone, which is this one."""
        return self

    @property
    def inputs(self) -> tuple[str, ...]:
        """Name the blocks that choose embedding tables: none, as all tasks read one table."""
        return ()

    @property
    def table_names(self) -> tuple[str, ...]:
        """Name the embedding tables that are chosen from: none."""
        return ()

    def check(self, block: str, local: LocalRoute) -> None:  # noqa: B027
        """Raise `RecordError` for what a subclass leaves out of the local routes of a block."""

    def completed(
        self,
        of_network: Callable[["SearchSpace"], tuple[LocalRoute, ...]],
        table: TableChoice,
    ) -> tuple[LocalRoute, ...]:
        """Return the choices of all blocks, given those of the network: here they are the same."""
        return of_network(self)

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

    def to_json(self) -> SpaceArguments:
        """Return the five values that define the space."""
        return {
            "num_layers": self.num_layers,
            "num_subnets": self.num_subnets,
            "num_tasks": self.num_tasks,
            "query_scope": self.query_scope,
            "pooling": self.pooling,
        }
