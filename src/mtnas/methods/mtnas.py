"""MTNAS: a searched sharing route over layers of sub-networks (paper, Sec. 3 and 4.2).

One fully connected layer (the root), then L layers of H sub-networks; before every sub-network
of layers 2..L and every task stands a block that mixes the values of its local route by a gate
(Eq. 1) or, in the variant with mean pooling, alike. The route is data: buffers, so that models
with different routes train side by side. A supernet is this network plus a bank with one gate for
every local route (`search.gate_bank`). Where tables are chosen (`routes.tables`, D18), the network
reads for every task the mean of the tables of its choice.
Shapes: B batch, D input, L layers, W sub-networks per layer, H hidden, K blocks, C query
candidates, T tasks, R embedding tables.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from torch import Tensor, nn

from mtnas.config.options import SearchedOptions
from mtnas.methods.parts.layers import SubNetworks, gate_scores, gates, mix, weights
from mtnas.methods.parts.sharing import Buffers, Mix, RoutedSharing
from mtnas.methods.parts.table_choice import inputs_of_tasks, with_tables
from mtnas.routes.named import full_sharing
from mtnas.routes.route import Route
from mtnas.routes.space import (
    Pooling,
    QueryScope,
    SearchSpace,
    SubnetRoutes,
    Tables,
    TablesRead,
)
from mtnas.routes.tables import space_from
from mtnas.runtime.files import Json
from mtnas.runtime.record import without_defaults

TITLE = "MTNAS"  # what readers call it
PLACE = 110  # among the methods of a table
# Defaults of options that older specs do not have.
NEWER: Json = {
    **{"dropout": 0.0, "tables": "one"},
    **{"tables_read": "one_or_two", "subnet_routes": "searched"},
}


class Options(SearchedOptions):
    """Options of MTNAS."""

    num_layers: int = Field(2, ge=1, description="layers of sub-networks, L (paper: 2)")
    num_subnets: int = Field(4, ge=1, description="sub-networks per layer, H (paper: 4)")
    hidden_dim: int | None = Field(
        64,
        ge=1,
        description="width of all layers (paper: 64); null: chosen to make the model as large as "
        "variant `paper`",
    )
    query_scope: QueryScope = Field("all_below", description="nodes that a gate may read (D1)")
    pooling: Pooling = Field(
        "gate",
        description="how a block combines its values: weighed by a gate, or as their mean, without "
        "any gates (D11)",
    )
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the outputs of sub-networks that is left out in training, at random "
        "in every example; the others grow by as much (D15)",
    )

    tables: Tables = Field(
        "one",
        description="embedding tables. one: one that all tasks read, as in the paper; searched: "
        "every task reads a table that all share, one of its own or the mean of both, as the "
        "search chooses; shared, own, both: controls in which all tasks make this choice (D18)",
    )
    tables_read: TablesRead = Field(
        "one_or_two",
        description="with a second table of each. two: every choice reads two, both shared ones, "
        "both of its own, or one and one; apart: the mean of both is that of the second tables, so "
        "that no two choices of a task train one table (D18)",
    )
    subnet_routes: SubnetRoutes = Field(
        "searched",
        description="full_sharing: all tasks share all sub-networks, and the search chooses tables "
        "alone (D18)",
    )

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out what is not chosen, so that no older spec differs."""
        return without_defaults(dump(self), NEWER)

    @model_validator(mode="after")
    def _chooses_tables(self) -> Self:
        for name in ("tables_read", "subnet_routes"):
            if self.tables == "one" and getattr(self, name) != NEWER[name]:
                raise ValueError(
                    f"{name}: {getattr(self, name)!r} is nothing for tables: one; leave it out, "
                    "or use tables: searched, shared, own or both"
                )
        return self

    def space(self, num_tasks: int) -> SearchSpace:
        """Return the search space for T tasks."""
        return space_from(
            self.num_layers,
            self.num_subnets,
            num_tasks,
            self.query_scope,
            self.pooling,
            tables=self.tables,
            tables_read=self.tables_read,
            subnet_routes=self.subnet_routes,
        )

    def num_tables(self, num_tasks: int) -> int:
        """Return how many sets of embedding tables T tasks choose from; 0: they choose none."""
        return len(self.space(num_tasks).table_names)


class Sharing(RoutedSharing):
    """The network of one route; if none is given, that of full sharing."""

    noise_per_example = True
    values_KW: Tensor
    query_KC: Tensor
    reads_KR: Tensor  # where tables are chosen

    def __init__(
        self, options: Options, *, input_dim: int, num_tasks: int, route: Route | None = None
    ) -> None:
        """Build for D = `input_dim` and T = `num_tasks`."""
        super().__init__()
        assert options.hidden_dim is not None, "solved before a model is built"
        self.space = options.space(num_tasks)
        layers, subnets, width = options.num_layers, options.num_subnets, options.hidden_dim
        self.output_dim = width
        self.root = nn.Linear(input_dim, width)
        self.layers = nn.ModuleList(SubNetworks(subnets, width, width) for _ in range(layers))
        gated = self.space.pooling == "gate"
        self.gate_KWH = gates(len(self.space.network.blocks), subnets, width) if gated else None
        self.gate_name = "gate_KWH" if gated else None
        self.dropout = options.dropout
        self.noise_shape = (layers, subnets, width) if self.dropout else None
        self._asked_K: tuple[int | None, ...] = ()
        self.take(route or full_sharing(self.space))

    def forward(
        self, x: Tensor, noise_BLWH: Tensor | None = None, *, mixed: Mix | None = None
    ) -> Tensor:
        """Return h_BTH of x_BD or, where tables are chosen, of x_RBD, the input by every table.

        That is without some outputs of sub-networks if there is noise. If given, `mixed` combines
        the values of blocks instead of the route.
        """
        if not self.space.inputs:
            return self._network(x, noise_BLWH, mixed)
        inputs_TBD = inputs_of_tasks(self.space, x, self.reads_KR, mixed)
        own = [self._network(x_BD, noise_BLWH, mixed)[:, t] for t, x_BD in enumerate(inputs_TBD)]
        return torch.stack(own, 1)

    def _network(self, x_BD: Tensor, noise_BLWH: Tensor | None, mixed: Mix | None) -> Tensor:
        """Return h_BTH of one input for all tasks."""
        subnets = self.space.num_subnets
        root_BH = self.root(x_BD).relu()
        nodes, first = [root_BH.unsqueeze(0)], 0
        h_KBH: Tensor = root_BH
        for level, layer in enumerate(self.layers, start=1):
            h_WBH = layer(h_KBH)
            if noise_BLWH is not None:
                kept_WBH = noise_BLWH[:, level - 1].transpose(0, 1) >= self.dropout
                h_WBH = h_WBH * kept_WBH / (1 - self.dropout)
            nodes.append(h_WBH)
            num = subnets if level < len(self.layers) else self.space.num_tasks
            block, first = slice(first, first + num), first + num
            if mixed is None and self._asked_K and self.gate_KWH is not None:
                h_KBH = self._asking(block, h_WBH, nodes)
            else:
                nodes = [torch.cat(nodes)]
                h_KBH = (mixed or self._mixed)(block, h_WBH, nodes[0])
        return h_KBH.transpose(0, 1)

    def _mixed(self, block: slice, h_WBH: Tensor, nodes_CBH: Tensor) -> Tensor:
        """Return what blocks pass on, h_KBH, given the layer and all nodes below them."""
        values_KW = self.values_KW[block]
        if self.gate_KWH is None:
            chosen_KW = values_KW.to(h_WBH.dtype)
            share_KW = chosen_KW / chosen_KW.sum(-1, keepdim=True)
            return torch.einsum("kw,wbh->kbh", share_KW, h_WBH)
        # A product with one-hot rows: exact, and cheaper backwards than indexing.
        chosen_KC = self.query_KC[block, : len(nodes_CBH)].to(nodes_CBH.dtype)
        query_KBH = torch.einsum("kc,cbh->kbh", chosen_KC, nodes_CBH)
        return mix(gate_scores(query_KBH, self.gate_KWH[block], values_KW), h_WBH)

    def _asking(self, block: slice, h_WBH: Tensor, nodes: Sequence[Tensor]) -> Tensor:
        """Return what `_mixed` does, where it is known which node every gate reads.

        So no other node is copied, and gates that do not matter are left out.
        """
        assert self.gate_KWH is not None
        nodes_BH = [node_BH for nodes_CBH in nodes for node_BH in nodes_CBH.unbind()]
        gates, asked = self.gate_KWH[block].unbind(), self._asked_K[block]
        nothing_WB = h_WBH.new_zeros(len(gates[0]), h_WBH.shape[1])
        e_KWB = [
            nothing_WB if node is None else gate_WH @ nodes_BH[node].T
            for gate_WH, node in zip(gates, asked, strict=True)
        ]
        return mix(weights(torch.stack(e_KWB), self.values_KW[block]), h_WBH)

    @staticmethod
    def route_buffers(route: Route) -> dict[str, NDArray[np.bool_]]:
        """Return a route as values_KW and one-hot query_KC, both boolean.

        Without a query the row of a block in query_KC is empty. Where tables are chosen, reads_KR
        says which (`methods.parts.table_choice`), and the rows of inputs are last.
        """
        network, space = route.network, route.space
        values = [
            [name in local.values for name in space.values(block)] for block, local in network
        ]
        query = [[name == local.query for name in space.nodes] for _, local in network]
        return with_tables(route, {"values_KW": np.array(values), "query_KC": np.array(query)})

    def stand(self, buffers: Buffers) -> None:
        """Note which node the gate of every block reads; none where it has a single value."""
        query_KC, used_K = buffers["query_KC"], _gated(buffers)
        told = zip(query_KC.argmax(-1).tolist(), used_K.tolist(), strict=True)
        self._asked_K = tuple(node if used else None for node, used in told)

    def activity(self, buffers: Buffers) -> dict[str, NDArray[np.bool_]]:
        """Return which sub-networks and gates take part in each of M routes."""
        network = slice(len(self.space.network.blocks))  # without inputs, which have no weights
        buffers = {name: array[:, network] for name, array in buffers.items()}
        space, values_MKW, query_MKC = self.space, buffers["values_KW"], buffers["query_KC"]
        subnets = space.num_subnets
        active: dict[str, NDArray[np.bool_]] = {}
        gated_MK = _gated(buffers)
        alive_MK = np.zeros(gated_MK.shape, bool)
        alive_MK[:, -space.num_tasks :] = True
        for layer in reversed(range(space.num_layers)):
            above = slice(layer * subnets, None)  # blocks that may ask this layer
            readers = slice(layer * subnets, (layer + 1) * subnets)  # blocks that mix it
            if layer == space.num_layers - 1:
                readers = above
            nodes = slice(1 + layer * subnets, 1 + (layer + 1) * subnets)
            read = (alive_MK[:, readers, None] & values_MKW[:, readers]).any(1)
            asks_MK = (alive_MK & gated_MK)[:, above, None]
            alive_MW = np.asarray(read | (asks_MK & query_MKC[:, above, nodes]).any(1))
            active |= {f"layers.{layer}.{part}": alive_MW for part in ("weight", "bias")}
            if layer > 0:
                alive_MK[:, (layer - 1) * subnets : layer * subnets] = alive_MW
        return active if space.pooling == "mean" else {**active, "gate_KWH": alive_MK & gated_MK}

    def used_parameters(self, route: Route) -> int:
        """Count the parameters that a route uses: w^k is s x H for s values."""
        width, used = self.output_dim, route.used()
        subnets = sum(name.startswith("s") for name in used)
        gate_rows = sum(len(local.values) for b, local in route if b in used and local.has_gate)
        root = (self.root.in_features + 1) * width
        return root + subnets * (width + 1) * width + gate_rows * width


def _gated(buffers: Buffers) -> NDArray[np.bool_]:
    """Return which blocks have a gate that matters: with a single value its weight is one."""
    return np.asarray((buffers["values_KW"].sum(-1) > 1) & buffers["query_KC"].any(-1))
