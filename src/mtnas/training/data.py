"""What a stack learns from: one table on the device, and batches as row numbers per member.

Members have their own splits and their own order, so a batch is an index [M, B] into one shared
table: nothing is copied per seed.
Shapes: M members, B batch, F fields, T tasks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas import seeds
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
    """All examples: ids [rows, F] compacted to 0 .. num_rows-1, labels [rows, T] in {0, 1}."""

    ids: Tensor
    labels: Tensor
    num_rows: int

    @classmethod
    def from_arrays(cls, ids: NDArray[np.int32], labels: NDArray[np.float32]) -> "Examples":
        """Keep only the table rows that occur: a row that never occurs changes no prediction.

        Frequent rows come first, so that what most batches read lies close together in memory.
        """
        count = np.zeros(int(ids.max()) + 1, np.int64)
        for field in ids.T:  # one by one: numpy counts over a copy of 64 bits
            count += np.bincount(field, minlength=len(count))
        occurring = np.flatnonzero(count)
        new = np.empty(len(count), np.int32)
        by_frequency = np.argsort(-count[occurring], kind="stable")
        new[occurring[by_frequency]] = np.arange(len(occurring), dtype=np.int32)
        return cls(torch.from_numpy(new[ids]), torch.from_numpy(labels), len(occurring))

    def to(self, device: str) -> "Examples":
        """Return the same examples on a device."""
        return Examples(self.ids.to(device), self.labels.to(device), self.num_rows)

    def labels_of(self, members: Sequence[Member], index_MB: Tensor) -> Tensor:
        """Return y_MBT, for each member the labels of its own tasks."""
        tasks_MT = torch.tensor([m.tasks for m in members], device=index_MB.device)
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
