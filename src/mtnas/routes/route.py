"""One sharing route: what every block of a search space reads (paper, Sec. 3.1)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtnas.routes.space import ROOT, LocalRoute, SearchSpace
from mtnas.runtime.errors import RecordError, unknown
from mtnas.runtime.files import Json


@dataclass(frozen=True)
class Route:
    """One route of a space: a local route for each block, in the order of `space.blocks`."""

    space: SearchSpace
    choices: tuple[LocalRoute, ...]

    def __post_init__(self) -> None:
        blocks = self.space.blocks
        if len(self.choices) != len(blocks):
            raise RecordError(
                f"a route has {len(self.choices)} local routes, but its space {len(blocks)} blocks"
            )
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
            self.space.check(block, local)

    def __getitem__(self, block: str) -> LocalRoute:
        return self.choices[self.space.blocks.index(block)]

    def __iter__(self) -> Iterator[tuple[str, LocalRoute]]:
        return zip(self.space.blocks, self.choices, strict=True)

    def used(self, tasks: Sequence[str] | None = None) -> frozenset[str]:
        """Name every node that the outputs of `tasks` (default: all) depend on."""
        wanted = list(self.space.tasks if tasks is None else tasks)
        wanted += self.inputs_of(wanted)
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

    def inputs_of(self, tasks: Sequence[str]) -> list[str]:
        """Name the blocks that choose the tables of some tasks; none where nothing is chosen."""
        inputs = zip(self.space.inputs, self.space.tasks, strict=False)
        return [block for block, task in inputs if task in tasks]

    @property
    def tables(self) -> tuple[str, ...]:
        """Name the embedding tables that some task reads; none where nothing is chosen."""
        used = self.used()
        return tuple(name for name in self.space.table_names if name in used)

    @property
    def network(self) -> "Route":
        """Return the route among sub-networks alone, without the choice of tables."""
        network = self.space.network
        return (
            self if network is self.space else Route(network, self.choices[: len(network.blocks)])
        )

    def renamed(self, names: Mapping[str, str]) -> "Route":
        """Return the route with its sub-networks renamed; they have to stay in their layers."""
        moved = {names.get(block, block): local for block, local in self}
        choices = []
        for block in self.space.blocks:
            local = moved[block]
            values = {names.get(value, value) for value in local.values}
            ordered = tuple(name for name in self.space.values(block) if name in values)
            query = None if local.query is None else names.get(local.query, local.query)
            choices.append(LocalRoute(ordered, query))
        return Route(self.space, tuple(choices))

    def canonical(self) -> "Route":
        """Return one and the same route for all routes that compute the same function.

        The query of a block with one value changes nothing, and neither does any choice of a block
        that no task depends on; each gets its first choice here. Their weights are not trained
        either, so such routes give equal models from equal initial weights. Routes that differ only
        in the names of sub-networks start from different weights and remain different.
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
        """Return the connections (value, block) that the output of some task depends on.

        Those are of sub-networks; which tables a task reads (`inputs_of`) is counted apart.
        """
        used, route = self.used(), self.network
        return tuple((v, block) for block, local in route if block in used for v in local.values)

    def describe(self) -> str:
        """Return the route on one line, such as `s5: s1+s2 ? root; t0: s5`."""
        parts = (
            f"{block}: {'+'.join(local.values)}" + (f" ? {local.query}" if local.has_gate else "")
            for block, local in self
        )
        return "; ".join(parts)

    def to_json(self) -> dict[str, Json]:
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
