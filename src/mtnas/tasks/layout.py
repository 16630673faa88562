"""Which outputs of a model belong to which task, and the losses of all of its tasks together.

Shapes: ... any leading axes (models), N examples, B a batch of them, O outputs, T tasks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from mtnas.tasks.kinds import TASK_KINDS, TaskKind
from mtnas.tasks.metrics import Kind


@dataclass(frozen=True)
class OutputLayout:
    """The kind of every task of a model, and how many outputs it has; they stand in this order."""

    kinds: tuple[Kind, ...]
    widths: tuple[int, ...]

    @cached_property
    def uniform(self) -> TaskKind | None:
        """The kind of all tasks, if they have one and an output each."""
        kind = TASK_KINDS[self.kinds[0]]
        same = len(set(self.kinds)) == 1 and not kind.many_outputs
        return kind if same else None

    def parts(self, out: Tensor) -> list[Tensor]:
        """Split outputs [..., N, O] by task: [..., N], or [..., N, C] of a task with classes."""
        split = torch.split(out, list(self.widths), dim=-1)
        return [
            part if TASK_KINDS[kind].many_outputs else part.squeeze(-1)
            for kind, part in zip(self.kinds, split, strict=True)
        ]

    def losses(self, out: Tensor, y: Tensor) -> Tensor:
        """Return the loss of every example and task, [..., N, T]; no label is missing."""
        if self.uniform is not None:
            return self.uniform.losses(out, y)
        return torch.stack(
            [
                TASK_KINDS[kind].losses(part, y[..., t])
                for t, (kind, part) in enumerate(zip(self.kinds, self.parts(out), strict=True))
            ],
            dim=-1,
        )

    def batch_loss(self, out: Tensor, y: Tensor, *, complete: bool) -> Tensor:
        """Return the mean loss of a batch by task, [..., T], in the precision of its outputs.

        It is the mean over the labelled examples, 0 where there are none. `complete` says that no
        label is missing.
        """
        y = y.to(out.dtype)
        if complete:
            return self.losses(out, y).mean(-2)
        labelled = ~y.isnan()
        losses = self.losses(out, torch.where(labelled, y, 0))
        return torch.where(labelled, losses, 0).sum(-2) / labelled.sum(-2).clamp(min=1)

    def loss(self, out: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of the labelled examples by task, [..., T], in float64.

        It is NaN where there are none.
        """
        if self.uniform is not None:
            return self.uniform.loss(out.transpose(-2, -1), y.transpose(-2, -1))
        return torch.stack(
            [
                TASK_KINDS[kind].loss(part, y[..., t])
                for t, (kind, part) in enumerate(zip(self.kinds, self.parts(out), strict=True))
            ],
            dim=-1,
        )

    def of(self, tasks: Sequence[int]) -> "OutputLayout":
        """Return the layout of a model of some of the tasks."""
        return OutputLayout(
            tuple(self.kinds[t] for t in tasks), tuple(self.widths[t] for t in tasks)
        )
