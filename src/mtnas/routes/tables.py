"""Search spaces in which every task also chooses the embedding tables that it reads (D18).

Beside the nodes of `routes.space` there are tables: `e`, which all tasks may read, and one of each
task, `e0, e1 ...`. Every task has a further block, its input `x0, x1 ...`, that reads the shared
table (S), the task's own (O) or both (B); the network then reads their mean for that task. There
may be a second table of each, `f` and `f0, f1 ...` (`tables_read`).
Nothing here needs torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

from mtnas.routes.space import (
    LocalRoute,
    Pooling,
    QueryScope,
    SearchSpace,
    SpaceArguments,
    SubnetRoutes,
    TableChoice,
    Tables,
    TablesRead,
)
from mtnas.runtime.errors import ConfigError, RecordError, unknown

Choices = tuple[LocalRoute, ...]
CHOICES: tuple[TableChoice, ...] = ("shared", "own", "both")  # in the order of local routes


@dataclass(frozen=True)
class TableSpace(SearchSpace):
    """A space with a choice of tables: `tables` says which choices a task has, by name.

    With `tables_read: two` each choice reads two tables, so that none has an advantage by that;
    with `apart` B reads the second tables, so that no two choices of a task train one table. With
    `subnet_routes: full_sharing` sub-networks are all shared, and only tables are chosen.
    """

    tables: Tables = "searched"
    tables_read: TablesRead = "one_or_two"
    subnet_routes: SubnetRoutes = "searched"

    def __post_init__(self) -> None:
        super().__post_init__()
        for kind, value, known in (
            ("choice of tables", self.tables, get_args(Tables)),
            ("tables_read", self.tables_read, get_args(TablesRead)),
            ("subnet_routes", self.subnet_routes, get_args(SubnetRoutes)),
        ):
            if value not in known:
                raise ConfigError(unknown(kind, value, known, "search space"))

    @cached_property
    def network(self) -> SearchSpace:
        """Return the space of sub-networks and tasks alone."""
        sizes = self.num_layers, self.num_subnets, self.num_tasks
        return SearchSpace(*sizes, self.query_scope, self.pooling)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Name the blocks that choose tables, one of each task."""
        return tuple(f"x{task}" for task in range(self.num_tasks))

    @property
    def table_names(self) -> tuple[str, ...]:
        """Name all tables that some task may read, shared ones first."""
        read = (name for block in self.inputs for name in self.values(block))
        return tuple(sorted(dict.fromkeys(read), key=lambda name: name[1:] != ""))

    @property
    def blocks(self) -> tuple[str, ...]:
        """Name all blocks: those of the network, then the inputs of tasks."""
        return (*self.network.blocks, *self.inputs)

    def values(self, block: str) -> tuple[str, ...]:
        """Name what a block chooses from: for an input, tables."""
        if block not in self.inputs:
            return super().values(block)
        read = (name for local in self._choices(block) for name in local.values)
        return tuple(dict.fromkeys(read))

    def queries(self, block: str) -> tuple[str | None, ...]:
        """Name the nodes that may be the query of a block; tables are averaged, without one."""
        return (None,) if block in self.inputs else super().queries(block)

    def num_local_routes(self, block: str) -> int:
        """Return how many local routes a block has."""
        if block in self.inputs:
            return len(self._choices(block))
        return 1 if self._holds_subnets else super().num_local_routes(block)

    def local_route(self, block: str, index: int) -> LocalRoute:
        """Return local route `index` of a block; those of an input are S, O, B."""
        if block in self.inputs:
            return self._choices(block)[index]
        return self._full(block) if self._holds_subnets else super().local_route(block, index)

    def index_of(self, block: str, local: LocalRoute) -> int:
        """Return the index for which `local_route` gives `local`."""
        if block in self.inputs:
            return self._choices(block).index(local)
        return 0 if self._holds_subnets else super().index_of(block, local)

    def check(self, block: str, local: LocalRoute) -> None:
        """Refuse tables that no choice reads together, and routes that are not searched."""
        allowed: Choices = ()
        if block in self.inputs:
            allowed = self._choices(block)
        elif self._holds_subnets:
            allowed = (self._full(block),)
        if allowed and local not in allowed:
            known = ", ".join("+".join(one.values) for one in allowed)
            read = "+".join(local.values)
            raise RecordError(f"block {block}: reads {read}; allowed in this space: {known}")

    def completed(
        self, of_network: Callable[[SearchSpace], Choices], table: TableChoice
    ) -> Choices:
        """Return the choices of all blocks: `table` in every input, if it can be chosen."""
        held = tuple(map(self._full, self.network.blocks)) if self._holds_subnets else None
        chosen = table if self.tables == "searched" else self.tables
        inputs = (self._read(block, chosen) for block in self.inputs)
        return (*(held or of_network(self.network)), *inputs)

    def to_json(self) -> SpaceArguments:
        """Return the values that define the space."""
        chosen: SpaceArguments = super().to_json()
        chosen["tables"], chosen["tables_read"] = self.tables, self.tables_read
        chosen["subnet_routes"] = self.subnet_routes
        return chosen

    @property
    def _holds_subnets(self) -> bool:
        return self.subnet_routes == "full_sharing"

    def _full(self, block: str) -> LocalRoute:
        return LocalRoute(super().values(block), super().queries(block)[0])

    def _choices(self, block: str) -> Choices:
        chosen = CHOICES if self.tables == "searched" else (self.tables,)
        return tuple(self._read(block, choice) for choice in chosen)

    def _read(self, block: str, choice: str) -> LocalRoute:
        own = f"e{block[1:]}", f"f{block[1:]}"
        tables = {"shared": ("e",), "own": own[:1], "both": ("e", own[0])}
        if self.tables_read == "two":
            tables |= {"shared": ("e", "f"), "own": own}
        elif self.tables_read == "apart":
            tables["both"] = ("f", own[1])
        return LocalRoute(tables[choice], None)


def space_from(
    num_layers: int,
    num_subnets: int,
    num_tasks: int,
    query_scope: QueryScope = "all_below",
    pooling: Pooling = "gate",
    *,
    tables: Tables = "one",
    tables_read: TablesRead = "one_or_two",
    subnet_routes: SubnetRoutes = "searched",
) -> SearchSpace:
    """Return the space with these arguments (`SpaceArguments`): without tables if there is one."""
    of_network = num_layers, num_subnets, num_tasks, query_scope, pooling
    if tables == "one":
        return SearchSpace(*of_network)
    return TableSpace(*of_network, tables, tables_read, subnet_routes)
