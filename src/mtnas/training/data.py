"""What a stack learns from: one table on the device, and batches as row numbers per member.

Members have their own splits and their own order, so a batch is an index [M, B] into one shared
table: nothing is copied per seed.
Shapes: M members, B batch, F fields, T tasks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas import seeds
from mtnas.features.compact import renumbering
from mtnas.features.store import Table
from mtnas.metrics import BINARY, TASK_KINDS, TaskKind
from mtnas.seeds import Stream
from mtnas.training.stack import Member

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

    Inputs are ids [rows, F] compacted to 0 .. num_rows-1, or dense: numbers [rows, D] that need no
    embedding table (num_rows = 0).
    """

    inputs: Tensor
    labels: Tensor
    num_rows: int
    kind: TaskKind = BINARY

    @classmethod
    def from_arrays(cls, ids: NDArray[np.int32], labels: NDArray[np.float32]) -> "Examples":
        """Renumber the ids as the ids of a prepared table are (`features.compact`)."""
        new, num_rows = renumbering(np.bincount(ids.ravel()))
        return cls(torch.from_numpy(new[ids]), torch.from_numpy(labels), num_rows)

    @classmethod
    def of(cls, table: Table) -> "Examples":
        """Take a table that was read with `read_compact`, without a copy."""
        num_rows = table.manifest["compact"]["num_ids"]
        kind = TASK_KINDS[table.manifest["task_kind"]]
        return cls(torch.from_numpy(table.ids), torch.from_numpy(table.labels), num_rows, kind)

    @property
    def is_dense(self) -> bool:
        """Whether the inputs are numbers instead of ids."""
        return self.inputs.is_floating_point()

    def to(self, device: str) -> "Examples":
        """Return the same examples on a device."""
        return replace(self, inputs=self.inputs.to(device), labels=self.labels.to(device))

    def labels_of(self, tasks_MT: Tensor, index_MB: Tensor) -> Tensor:
        """Return y_MBT, for each member the labels of its own tasks."""
        return self.labels[index_MB.unsqueeze(-1), tasks_MT.unsqueeze(1)]


def epoch_batches(
    rows: Sequence[Indices],
    members: Sequence[Member],
    size: int,
    stream: Stream = "batches",
    device: torch.device | str = "cpu",
) -> Iterator[list[Tensor]]:
    """Yield, epoch after epoch for ever, the batches of one epoch as index_MB.

    `rows` are the row numbers of each member; every member is shuffled by the stream of its own
    seed. The last, incomplete batch is left out, so all batches have one shape.
    """
    rngs = {member.seed: seeds.generator(member.seed, stream) for member in members}
    size = min(size, min(len(r) for r in rows))
    while True:
        # Single-task members of one seed see the same order, as in a joint model.
        orders = {seed: rng.permutation(len(rows[0])) for seed, rng in rngs.items()}
        shuffled = np.stack([r[orders[m.seed]] for r, m in zip(rows, members, strict=True)])
        whole = shuffled.shape[1] // size * size
        epoch = torch.from_numpy(shuffled[:, :whole]).to(device)  # once, not batch by batch
        yield list(torch.split(epoch, size, dim=1))


def endless(epochs: Iterator[list[Tensor]]) -> Iterator[Tensor]:
    """Yield batch after batch, without an end."""
    for batches in epochs:
        yield from batches
