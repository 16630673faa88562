"""Which embedding tables every task reads (`routes.tables`, D18), as buffers and as an input.

Shapes: B batch, D input, R tables, T tasks, K blocks, V tables that an input may read.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.methods.parts.sharing import Mix
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace

Arrays = dict[str, NDArray[np.bool_]]


def with_tables(route: Route, buffers: Arrays) -> Arrays:
    """Add reads_KR, which tables every block reads, to the buffers of the blocks of a network.

    The rows of inputs are the last ones, and empty in the other buffers. A route without a choice
    of tables has the buffers that are given.
    """
    inputs, tables = len(route.space.inputs), route.space.table_names
    if not inputs:
        return buffers
    reads = [[name in local.values for name in tables] for _, local in route]
    padded = {name: np.pad(array, ((0, inputs), (0, 0))) for name, array in buffers.items()}
    return {**padded, "reads_KR": np.array(reads)}


def inputs_of_tasks(space: SearchSpace, x: Tensor, reads_KR: Tensor, mixed: Mix | None) -> Tensor:
    """Return x_TBD, what the network reads for every task: the mean of the tables of its choice.

    Args:
        space: the space, whose last blocks are the inputs.
        x: the input by every table, x_RBD; x_BD if there is one table.
        reads_KR: which tables every block reads.
        mixed: if given, combines the tables of an input instead (`RoutedSharing`).
    """
    x_RBD = x if x.dim() == 3 else x.unsqueeze(0)
    tables, first = space.table_names, len(space.network.blocks)
    if mixed is None:
        chosen_TR = reads_KR[first:].to(x_RBD.dtype)
        share_TR = chosen_TR / chosen_TR.sum(-1, keepdim=True)
        return torch.einsum("tr,rbd->tbd", share_TR, x_RBD)
    inputs = []
    for k, block in enumerate(space.inputs, start=first):
        x_VBD = x_RBD[[tables.index(name) for name in space.values(block)]]
        inputs.append(mixed(slice(k, k + 1), x_VBD, x_VBD).squeeze(0))
    return torch.stack(inputs)
