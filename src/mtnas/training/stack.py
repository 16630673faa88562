"""Many models as one: the only file that knows how.

A stack holds M members of one architecture; every parameter, buffer and embedding table has a
leading axis M. A member is a seed, a subset of the tasks and perhaps a route: one seed is the case
M = 1, single-task models are members with one task, routes are buffers.

Shapes: M members, B batch, F fields, E embedding dimension, N rows of a table, T tasks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from mtnas import seeds
from mtnas.model import Model
from mtnas.options import TrainingOptions
from mtnas.routes import Route

Activity = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Member:
    """One model of a stack: its seed, the label columns it learns, its route if it has one."""

    seed: int
    tasks: tuple[int, ...]
    route: Route | None = None


class Stack:
    """M models with their embedding tables, trained and evaluated together."""

    def __init__(
        self,
        members: Sequence[Member],
        build: Callable[[Member], Model],
        *,
        num_rows: int,
        options: TrainingOptions,
    ) -> None:
        """Draw every member from the streams of its own seed; N = `num_rows`."""
        self.members = tuple(members)
        models = [_drawn(build, member) for member in members]
        self._template = models[0]
        params, buffers = stack_module_state(models)
        dtype = getattr(torch, options.dtype)
        self.params = {name: p.detach().to(dtype) for name, p in params.items()}
        self.buffers = dict(buffers)
        drawn = [_embeddings(member.seed, num_rows, options) for member in members]
        self.table_MNE = torch.stack(drawn).to(dtype)
        self._offset_M11 = (torch.arange(len(members)) * num_rows).view(-1, 1, 1)

    def __len__(self) -> int:
        return len(self.members)

    def rows(self, ids_MBF: Tensor) -> Tensor:
        """Return flat row numbers into the tables seen as [M * N, E]."""
        return ids_MBF + self._offset_M11

    def embed(self, rows_MBF: Tensor) -> Tensor:
        """Return the input feature x_MBD, the concatenated embeddings (D = F * E)."""
        members, batch, _ = rows_MBF.shape
        table = self.table_MNE.view(-1, self.table_MNE.shape[-1])
        return table.index_select(0, rows_MBF.flatten()).view(members, batch, -1)

    def logits(self, x_MBD: Tensor, params: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return logit_MBT of every member on its own batch."""

        def one(params: dict[str, Tensor], buffers: dict[str, Tensor], x_BD: Tensor) -> Tensor:
            logits: Tensor = functional_call(self._template, {**params, **buffers}, (x_BD,))
            return logits

        given = dict(self.params if params is None else params)
        logit_MBT: Tensor = vmap(one)(given, self.buffers, x_MBD)
        return logit_MBT

    def state(self) -> dict[str, Tensor]:
        """Return every trained tensor, by name; not copies."""
        return {**self.params, "embedding": self.table_MNE}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Copy tensors named as in `state()` into this stack."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])


def _drawn(build: Callable[[Member], Model], member: Member) -> Model:
    # torch's layers draw from the global generator: lend it the member's stream and put it back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.torch_seed(member.seed, "weights"))
        return build(member)


def _embeddings(seed: int, num_rows: int, options: TrainingOptions) -> Tensor:
    rng = torch.Generator().manual_seed(seeds.torch_seed(seed, "embedding"))
    drawn = torch.empty(num_rows, options.embedding_dim)
    return drawn.normal_(0, options.embedding_std, generator=rng)
