"""What an ensemble learns from: one table on the device, and batches as row numbers per member.

Members have their own splits and their own order, so a batch is an index [M, B] into one shared
table: nothing is copied per seed.
Shapes: M members, B batch, T tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.data.prepare.manifest import InputLayout
from mtnas.data.prepare.store import Table
from mtnas.data.prepare.vocabulary import renumbering
from mtnas.runtime import seeds
from mtnas.runtime.seeds import Stream
from mtnas.tasks.kinds import BINARY, TASK_KINDS, TaskKind
from mtnas.training.ensemble import Member
from mtnas.training.inputs import MixedInputs

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Row numbers of one seed's training, validation and test examples."""

    train: Indices
    valid: Indices
    test: Indices


@dataclass(frozen=True)
class Examples:
    """All examples: inputs and labels [rows, T].

    Ids are 0 .. num_rows-1, rows of the embedding table; the last one fills up bags, where there
    are any. Without ids there is no table (num_rows = 0).
    """

    inputs: MixedInputs
    labels: Tensor
    num_rows: int
    kind: TaskKind = BINARY

    @classmethod
    def from_arrays(cls, ids: NDArray[np.int32], labels: NDArray[np.float32]) -> "Examples":
        """Renumber the ids as the ids of a prepared table are (`prepare.vocabulary`)."""
        new, num_rows = renumbering(np.bincount(ids.ravel()))
        inputs = MixedInputs(InputLayout(singles=ids.shape[1]), torch.from_numpy(new[ids]))
        return cls(inputs, torch.from_numpy(labels), num_rows)

    @classmethod
    def of(cls, table: Table) -> "Examples":
        """Take a table that was read with `read_compact`, without a copy."""
        facts, inputs = table.manifest, MixedInputs.of(table.inputs)
        num_rows = facts.num_ids + bool(inputs.layout.bags)
        kind = TASK_KINDS["regression" if facts.tasks[0].kind == "drawn" else "binary"]
        return cls(inputs, torch.from_numpy(table.labels), num_rows, kind)

    def to(self, device: str) -> "Examples":
        """Return the same examples on a device."""
        return replace(self, inputs=self.inputs.to(device), labels=self.labels.to(device))

    def labels_of(self, tasks_MT: Tensor, index_MB: Tensor) -> Tensor:
        """Return y_MBT, for each member the labels of its own tasks."""
        return self.labels[index_MB.unsqueeze(-1), tasks_MT.unsqueeze(1)]


class Batches:
    """Batches index_MB without an end, epoch after epoch.

    Every member is shuffled by the stream of its own seed. The last, incomplete batch of an epoch
    is left out (V9), so all batches have one shape.
    """

    def __init__(
        self,
        rows: Sequence[Indices],
        members: Sequence[Member],
        size: int,
        stream: Stream = "batches",
        device: torch.device | str = "cpu",
    ) -> None:
        """Take `size` of the row numbers of each member at a time; all have equally many."""
        self._rows, self._members, self._device = rows, members, device
        # Single-task members of one seed see the same order, as in a joint model.
        self._rngs = {member.seed: seeds.generator(member.seed, stream) for member in members}
        self._size = min(size, len(rows[0]))
        self.per_epoch = len(rows[0]) // self._size
        self._epoch: Sequence[Tensor] = ()
        self._taken = 0  # batches of this epoch
        self._before = seeds.states(self._rngs.values())  # at the start of this epoch

    def __next__(self) -> Tensor:
        """Return the next batch."""
        if self._taken == len(self._epoch):
            self._before, self._taken = seeds.states(self._rngs.values()), 0
            self._shuffle()
        self._taken += 1
        return self._epoch[self._taken - 1]

    @property
    def upcoming(self) -> Tensor | None:
        """The very batch that comes next, if it is of the same epoch."""
        return self._epoch[self._taken] if self._taken < len(self._epoch) else None

    def state(self) -> dict[str, Any]:
        """Return where this is: what `load` takes."""
        return {"generators": self._before, "taken": self._taken}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state of the same rows and members."""
        self._before = state["generators"]
        seeds.restore(self._rngs.values(), self._before)
        self._shuffle()
        self._taken = state["taken"]

    def _shuffle(self) -> None:
        orders = {s: rng.permutation(len(self._rows[0])) for s, rng in self._rngs.items()}
        pairs = zip(self._rows, self._members, strict=True)
        shuffled = np.stack([rows[orders[member.seed]] for rows, member in pairs])
        whole = shuffled[:, : self.per_epoch * self._size]
        epoch = torch.from_numpy(whole).to(self._device)  # once, not batch by batch
        self._epoch = torch.split(epoch, self._size, dim=1)
