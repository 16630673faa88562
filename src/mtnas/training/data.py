"""What an ensemble learns from: one table on the device, and batches as row numbers per member.

Members have their own splits and their own order, so a batch is an index [M, B] into one shared
table: nothing is copied per seed.
Shapes: M members, B batch, T tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.config.options import TrainingOptions
from mtnas.data.prepare.manifest import InputLayout, TaskSummary
from mtnas.data.prepare.store import Table
from mtnas.data.prepare.vocabulary import renumbering
from mtnas.runtime import seeds
from mtnas.runtime.seeds import Stream
from mtnas.tasks.layout import Layout
from mtnas.training.ensemble import Ensemble, Member
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
    """All examples: inputs and labels [rows, T], which are NaN where they are missing.

    Ids are 0 .. num_rows-1, rows of the embedding table; the last one fills up bags, where there
    are any. Without ids there is no table (num_rows = 0).
    """

    inputs: MixedInputs
    labels: Tensor
    num_rows: int
    tasks: tuple[TaskSummary, ...]

    @classmethod
    def from_arrays(
        cls,
        ids: NDArray[np.int32],
        labels: NDArray[np.float32],
        tasks: Sequence[TaskSummary] | None = None,
    ) -> "Examples":
        """Renumber the ids as the ids of a prepared table are (`prepare.vocabulary`).

        Tasks are binary, and named t0, t1, ..., where nothing else is said.
        """
        new, num_rows = renumbering(np.bincount(ids.ravel()))
        plain = (TaskSummary(name=f"t{t}", rule="") for t in range(labels.shape[1]))
        tasks = tuple(plain if tasks is None else tasks)
        inputs = MixedInputs(InputLayout(singles=ids.shape[1]), torch.from_numpy(new[ids]))
        return cls(inputs, torch.from_numpy(labels), num_rows, tasks)

    @classmethod
    def of(cls, table: Table) -> "Examples":
        """Take a table that was read with `read_compact`, without a copy."""
        facts, inputs = table.manifest, MixedInputs.of(table.inputs)
        num_rows = facts.num_ids + bool(inputs.layout.bags)
        return cls(inputs, torch.from_numpy(table.labels), num_rows, facts.tasks)

    def to(self, device: str) -> "Examples":
        """Return the same examples on a device."""
        return replace(self, inputs=self.inputs.to(device), labels=self.labels.to(device))

    @cached_property
    def layout(self) -> Layout:
        """Which outputs of a model of all tasks belong to which."""
        return layout_of(self.tasks)

    def layout_of(self, ensemble: Ensemble) -> Layout:
        """Return the same of every model of an ensemble: their tasks are alike."""
        return self.layout.of(ensemble.members[0].tasks)

    @cached_property
    def complete(self) -> bool:
        """Whether no label is missing."""
        return not bool(self.labels.isnan().any())

    def labels_of(self, tasks_MT: Tensor, index_MB: Tensor) -> Tensor:
        """Return y_MBT, for each member the labels of its own tasks."""
        return self.labels[index_MB.unsqueeze(-1), tasks_MT.unsqueeze(1)]

    def targets_of(self, ensemble: Ensemble, index_MB: Tensor) -> Tensor:
        """Return y_MBT as the outputs of an ensemble are to be: in units of the members' scales."""
        y_MBT = self.labels_of(ensemble.tasks_MT, index_MB)
        if ensemble.scale_2MT is None:
            return y_MBT
        mean_MT, spread_MT = ensemble.scale_2MT
        standardized: Tensor = (y_MBT.double() - mean_MT.unsqueeze(1)) / spread_MT.unsqueeze(1)
        return standardized

    def loss_weights(self, options: TrainingOptions) -> tuple[float, ...] | None:
        """Return what every task weighs in the training loss; None if all weigh 1."""
        given = options.loss_weights or (1.0,) * len(self.tasks)
        own = [task.loss_weight for task in self.tasks]
        weights = tuple(a * b for a, b in zip(given, own, strict=True))
        return None if set(weights) == {1.0} else weights


def layout_of(tasks: Sequence[TaskSummary]) -> Layout:
    """Return which outputs of a model of some tasks belong to which."""
    return Layout(tuple(task.kind for task in tasks), tuple(task.width for task in tasks))


def batch_shape(rows: int, size: int) -> tuple[int, int]:
    """Return how large a batch of so many rows is, and how many whole ones an epoch has."""
    size = min(size, rows)
    return size, rows // size


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
        """Take `size` of the row numbers of each member at a time; all make equally many batches.

        Raises:
            ValueError: they do not.
        """
        self._rows, self._device = rows, device
        # Members of one seed with equally many rows see the same order, as in a joint model.
        self._keys = [(m.seed, len(own)) for m, own in zip(members, rows, strict=True)]
        self._rngs = {key: seeds.generator(key[0], stream) for key in self._keys}
        shapes = {batch_shape(len(own), size) for own in rows}
        if len(shapes) > 1:
            raise ValueError(f"members with other batches in one ensemble: {sorted(shapes)}")
        self._size, self.per_epoch = shapes.pop()
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
        orders = {key: rng.permutation(key[1]) for key, rng in self._rngs.items()}
        length = self.per_epoch * self._size
        pairs = zip(self._rows, self._keys, strict=True)
        whole = np.stack([rows[orders[key][:length]] for rows, key in pairs])
        epoch = torch.from_numpy(whole).to(self._device)  # once, not batch by batch
        self._epoch = torch.split(epoch, self._size, dim=1)
