"""The examples that an ensemble learns from, and batches of them.

There is one table on the device for all members. A batch is the row numbers [M, B] of each member,
since each has a split and an order of its own; so nothing is copied for a seed.
Shapes: M members, B batch, T tasks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

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
from mtnas.tasks.layout import OutputLayout
from mtnas.training.checkpoint import Saved
from mtnas.training.ensemble import Ensemble, Member
from mtnas.training.inputs import MixedInputs
from mtnas.training.mixing import BatchPlan, Mixing, divided

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """The row numbers of the training, validation and test examples of one seed.

    `left_out` are training rows that nothing is learned from, `valid_left_out` validation rows by
    whose labels nothing is judged (`training.leaks`); these are in `valid`, too, so that all seeds
    have equally many.
    """

    train: Indices
    valid: Indices
    test: Indices
    left_out: Indices = field(default_factory=lambda: np.empty(0, np.int64))
    valid_left_out: Indices = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True)
class Examples:
    """All examples: inputs and labels [rows, T], which are NaN where they are missing.

    Ids are 0 .. num_rows-1, rows of the embedding table; the last one fills up bags, where there
    are any. Without ids there is no table (num_rows = 0). `source` [rows] is the number of each
    row's source, where there are several. `of_seeds` are the labels that models of some seeds have
    instead, where those have noise.
    """

    inputs: MixedInputs
    labels: Tensor
    num_rows: int
    tasks: tuple[TaskSummary, ...]
    source: NDArray[np.int8] | None = None
    sources: tuple[str, ...] = ()  # their names
    of_seeds: Mapping[int, Tensor] = field(default_factory=dict)

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
        labels = torch.from_numpy(table.labels)
        return cls(inputs, labels, num_rows, facts.tasks, table.source, facts.sources)

    def to(self, device: str) -> "Examples":
        """Return the same examples on a device."""
        return replace(self, inputs=self.inputs.to(device), labels=self.labels.to(device))

    @cached_property
    def output_layout(self) -> OutputLayout:
        """Which outputs of a model of all tasks belong to which."""
        return output_layout(self.tasks)

    def output_layout_of(self, ensemble: Ensemble) -> OutputLayout:
        """Return which outputs of a model of an ensemble belong to which task, alike in all."""
        return self.output_layout.of(ensemble.members[0].tasks)

    @cached_property
    def complete(self) -> bool:
        """Whether no label is missing, for no seed."""
        return not any(bool(y.isnan().any()) for y in (self.labels, *self.of_seeds.values()))

    def labels_of(self, tasks_MT: Tensor, index_MB: Tensor) -> Tensor:
        """Return y_MBT, for each member the labels of its own tasks."""
        return self.labels[index_MB.unsqueeze(-1), tasks_MT.unsqueeze(1)]

    def targets_of(self, ensemble: Ensemble, index_MB: Tensor) -> Tensor:
        """Return what the outputs of an ensemble are to be, y_MBT: labels, those of a regression
        as multiples of their spread from their mean.
        """
        y_MBT = self._seen_by(ensemble, index_MB)
        if ensemble.scale_2MT is None:
            return y_MBT
        mean_MT, spread_MT = ensemble.scale_2MT
        standardized: Tensor = (y_MBT.double() - mean_MT.unsqueeze(1)) / spread_MT.unsqueeze(1)
        return standardized

    def _seen_by(self, ensemble: Ensemble, index_MB: Tensor) -> Tensor:
        """Return the labels that the models of an ensemble learn, each perhaps with its noise."""
        if not self.of_seeds:
            if not ensemble.learns_first(len(self.tasks)):
                return self.labels_of(ensemble.tasks_MT, index_MB)
            return self.labels.index_select(0, index_MB.flatten()).view(*index_MB.shape, -1)
        each = zip(ensemble.members, index_MB.unsqueeze(-1), ensemble.tasks_MT, strict=True)
        return torch.stack([self.of_seeds[m.seed][rows_B1, t_T] for m, rows_B1, t_T in each])

    @cached_property
    def task_weights(self) -> tuple[float, ...] | None:
        """What every task weighs in the MTL loss, as its dataset says; None if all weigh 1.

        By that loss everything is compared: trials of a grid, routes, runs.
        """
        return _unless_one(task.loss_weight for task in self.tasks)

    def loss_weights(self, options: TrainingOptions) -> tuple[float, ...] | None:
        """Return what every task weighs in the training loss, by which the best epoch is chosen,
        too: its own weight times that of the options; None if all weigh 1.
        """
        own = self.task_weights or (1.0,) * len(self.tasks)
        given = options.loss_weights or (1.0,) * len(self.tasks)
        return _unless_one(a * b for a, b in zip(given, own, strict=True))


def _unless_one(weights: Iterable[float]) -> tuple[float, ...] | None:
    found = tuple(weights)
    return None if set(found) == {1.0} else found


def output_layout(tasks: Sequence[TaskSummary]) -> OutputLayout:
    """Return which outputs of a model of some tasks belong to which."""
    return OutputLayout(tuple(task.kind for task in tasks), tuple(task.width for task in tasks))


class Batches:
    """Batches of row numbers, index_MB, epoch after epoch without end.

    Every member is shuffled by the stream of its own seed. The last, incomplete batch of an epoch
    is left out (V9), so all batches have one size; with `mixing`, those of a source with few rows
    are smaller.
    """

    def __init__(
        self,
        rows: Sequence[Indices],
        members: Sequence[Member],
        size: int,
        stream: Stream = "batches",
        device: torch.device | str = "cpu",
        mixing: Mixing | None = None,
        left_out: Sequence[Indices] | None = None,
    ) -> None:
        """Take `size` of the row numbers of each member at a time; all make equal batches.

        Without `mixing` all rows are alike. An epoch has as many batches as it would with the rows
        that are `left_out`: some of the others come again in their place. So members with other
        rows left out take equal steps.

        Raises:
            ValueError: members of one ensemble would not take equal batches.
        """
        self._device = device
        left_out = [own[:0] for own in rows] if left_out is None else left_out
        pairs = zip(rows, left_out, strict=True)
        self._parts, plans = zip(*(divided(*pair, size, mixing) for pair in pairs), strict=True)
        counts = [tuple(map(len, parts)) for parts in self._parts]
        # Single-task members of one seed see the same order, as in a joint model.
        self._keys = [(member.seed, own) for member, own in zip(members, counts, strict=True)]
        self._rngs = {key: seeds.generator(key[0], stream) for key in self._keys}
        self._plan: BatchPlan = plans[0]
        if not all(np.array_equal(plan, self._plan) for plan in plans):
            raise ValueError(f"members with other batches in one ensemble: rows {counts}")
        self._places = _places(self._plan)
        self.per_epoch = len(self._plan)
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
        """The batch that the next call will return; None if that begins a new epoch."""
        return self._epoch[self._taken] if self._taken < len(self._epoch) else None

    def state(self) -> Saved:
        """Return the position in the sequence of batches, for `load`."""
        return {"generators": self._before, "taken": self._taken}

    def load(self, state: Saved) -> None:
        """Go on from a state of the same rows and members."""
        self._before = state["generators"]
        seeds.restore(self._rngs.values(), self._before)
        self._shuffle()
        self._taken = state["taken"]

    def _shuffle(self) -> None:
        needed = self._plan.sum(0).tolist()
        orders = {
            key: [_order(rng, rows, used) for rows, used in zip(key[1], needed, strict=True)]
            for key, rng in self._rngs.items()
        }
        chosen = [
            np.concatenate([part[own] for part, own in zip(parts, orders[key], strict=True)])
            for parts, key in zip(self._parts, self._keys, strict=True)
        ]
        whole = np.stack(chosen)[:, self._places]
        epoch = torch.from_numpy(whole).to(self._device)  # once, not batch by batch
        self._epoch = torch.split(epoch, self._plan.sum(1).tolist(), dim=1)


def _order(rng: np.random.Generator, rows: int, used: int) -> Indices:
    """Return the order in which so many of the rows of a source are used: each before any again."""
    times = max(1, -(-used // rows))
    return np.concatenate([rng.permutation(rows) for _ in range(times)])[:used]


def _places(plan: BatchPlan) -> Indices | slice:
    """Return where the rows of batch after batch stand in those of source after source."""
    if plan.shape[1] == 1:
        return slice(None)
    first = np.cumsum(plan.T.ravel()).reshape(plan.T.shape).T - plan
    taken = zip(first.ravel().tolist(), plan.ravel().tolist(), strict=True)
    return np.concatenate([np.arange(start, start + rows) for start, rows in taken])


def training_batches(
    examples: Examples, splits: Sequence[Split], ensemble: Ensemble, options: TrainingOptions
) -> Batches:
    """Return the batches that an ensemble is trained on, mixed as the options say.

    Raises:
        ConfigError: the options do not suit the sources of the dataset.
    """
    mixing = Mixing.of(options, examples.source, examples.sources)
    return Batches(
        [split.train for split in splits],
        ensemble.members,
        options.batch_size,
        device=ensemble.device,
        mixing=mixing,
        left_out=[split.left_out for split in splits],
    )
