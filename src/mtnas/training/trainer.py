"""One weight step of an ensemble on one batch per member.

It does not depend on any method or dataset.
Shapes: M members, B batch, C columns of ids, R = B * C rows of a table, E embedding
dimension, D input, T tasks, O outputs.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from shutil import which
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mtnas.config.options import TrainingOptions
from mtnas.training.checkpoint import Saved
from mtnas.training.data import Examples
from mtnas.training.dense_tables import DenseTableAdam, FixedTable, NoTable
from mtnas.training.ensemble import Ensemble
from mtnas.training.noise import Noise
from mtnas.training.optim import MemberAdam, NetworkAdam
from mtnas.training.selection import weighted
from mtnas.training.surgery import projected
from mtnas.training.swept_adam import SweptAdam
from mtnas.training.task_gradients import TaskGradients
from mtnas.training.weighting import Projection, weighting_of

if TYPE_CHECKING:
    from mtnas.training.row_adam import RowAdam

ROWS_PER_READ = 16  # rows of a table per row looked up, from which on working by rows is faster
# Rows of all members' tables from which on a GPU sweeps over them. Predicted, not measured: there a
# dense update takes about ten times as long as all else of a step (docs/performance.md).
SWEPT_ROWS = 16_000_000


class Trainer:
    """An ensemble with its optimisers: one weight step on one batch per member."""

    def __init__(
        self,
        ensemble: Ensemble,
        examples: Examples,
        options: TrainingOptions,
        *,
        exact_decay: bool = False,
        trained: Sequence[str] = (),
    ) -> None:
        """Train `ensemble` in place, what takes part in its routes.

        Where parts of the model are named by `trained`, such as `heads`, all else stays as it is.
        `exact_decay` takes every step of the weight decay of an embedding row one by one, as a
        dense update does: slower, to compare with one (V10).
        """
        self.ensemble, self.examples = ensemble, examples
        self._layout = examples.output_layout_of(ensemble)
        self.weights = examples.loss_weights(options)
        ones_MT = torch.ones_like(ensemble.tasks_MT, dtype=ensemble.flat_params.flat_MP.dtype)
        # Made once: to make a tensor of numbers on a GPU is to wait for it.
        self._weight_MT = weighted(ones_MT, ensemble, self.weights) if self.weights else None
        self.read_ahead = False  # of the rows of the next batch, in a thread to spare; speed only
        self._upcoming: tuple[Tensor, Tensor] | None = None
        rates = ensemble.rates(options)
        self.weighting = weighting_of(ensemble, self._layout.kinds, options)
        self.noise = Noise(ensemble)
        fixed = [n for n in ensemble.params if trained and n.partition(".")[0] not in trained]
        rests = torch.zeros(len(ensemble), 1, dtype=torch.bool)
        active = {**(ensemble.activity() or {}), **dict.fromkeys(fixed, rests)}
        self.dense_optimizer: MemberAdam | NetworkAdam
        if active:
            self.dense_optimizer = MemberAdam(ensemble.flat_params, active=active, **rates)
        else:
            self.dense_optimizer = NetworkAdam(ensemble.flat_params, **rates)
        self.table_optimizer = _table_optimizer(
            ensemble, examples, options, fixed=bool(trained), exact=exact_decay
        )

    def step(self, index_MB: Tensor, upcoming_MB: Tensor | None = None) -> Tensor:
        """Take one weight step and return the loss of every member, summed over its tasks.

        `upcoming_MB` is the batch of the next step, where it is known.
        """
        return self.step_by_task(index_MB, upcoming_MB).sum(-1)

    def step_by_task(self, index_MB: Tensor, upcoming_MB: Tensor | None = None) -> Tensor:
        """Take one weight step as `step` does; return what every task adds to the loss, loss_MT.

        That is without what `weighting` adds, which only training descends.
        """
        return self.step_with(self.draw(index_MB.shape[1]), index_MB, upcoming_MB)

    def draw(self, examples: int) -> Tensor | None:
        """Draw what the next step, on so many examples, needs at random.

        That is the weights of tasks, where they are random, and the method's noise, which is
        returned.
        """
        self.weighting.draw()
        return self.noise(examples)

    def step_with(
        self, noise_M: Tensor | None, index_MB: Tensor, upcoming_MB: Tensor | None = None
    ) -> Tensor:
        """Take one weight step as `step_by_task` does, with the noise that `draw` returned for it.

        On a GPU nothing here waits for it or reads from the CPU (`training.captured`), but for
        gradients that are projected (V29): those steps are never recorded.
        """
        rows_MR = self.rows(index_MB)
        looked_up = self.table_optimizer.read(rows_MR).requires_grad_()
        if self.read_ahead and upcoming_MB is not None:
            self._upcoming = upcoming_MB, self.rows(upcoming_MB)
            self.table_optimizer.read_ahead(self._upcoming[1])
        leaves = self.ensemble.leaves
        ids_MBC = rows_MR.view(*index_MB.shape, self.examples.inputs.ids.shape[1])
        x_MBD = self.ensemble.joined(looked_up, ids_MBC, self.examples.inputs, index_MB)
        logits_MBO = self.ensemble.logits(x_MBD, leaves, noise_M)
        descended_MT, loss_MT = self.losses(index_MB, logits_MBO)
        grads = self._gradients(descended_MT, looked_up, rows_MR)
        own, (grad_MRE, *others) = grads[: len(leaves)], grads[len(leaves) :]
        self.dense_optimizer.step(dict(zip(leaves, own, strict=True)))
        self.table_optimizer.step(grad_MRE)
        self.weighting.step(others)
        return loss_MT.detach()

    def _gradients(
        self, descended_MT: Tensor, looked_up: Tensor, rows_MR: Tensor
    ) -> tuple[Tensor, ...]:
        """Return those of the leaves, of what was looked up, and of what `weighting` learns.

        Zeros where a route leaves a whole parameter out.
        """
        leaves = self.ensemble.leaves
        wanted = [*leaves.values(), looked_up, *self.weighting.learned]
        penalty_M = self.ensemble.penalty(leaves)
        if isinstance(self.weighting, Projection):
            grads = projected(self.weighting, descended_MT, leaves, looked_up, rows_MR)
            if penalty_M is None:
                return grads
            apart = torch.autograd.grad(penalty_M.sum(), wanted, materialize_grads=True)
            return tuple(map(torch.add, grads, apart))
        # Members share nothing, so the gradient of the sum is the gradient of each.
        total = descended_MT.sum()
        if penalty_M is not None:
            total = total + penalty_M.sum()
        return torch.autograd.grad(total, wanted, materialize_grads=True)

    def task_gradients(self, index_MB: Tensor) -> TaskGradients:
        """Return the gradient of the loss of every task on a batch, without taking a step.

        Losses are those of `losses_at`. A step on the same batch may follow.
        """
        looked_up = self.table_optimizer.read(self.rows(index_MB)).requires_grad_()
        params = {n: p.detach().clone().requires_grad_() for n, p in self.ensemble.params.items()}
        loss_MT = self.losses_at(index_MB, params, looked_up)
        wanted = [*params.values(), looked_up]
        found = [
            torch.autograd.grad(loss_M.sum(), wanted, retain_graph=True, materialize_grads=True)
            for loss_M in loss_MT.unbind(-1)
        ]
        *own, rows_TMRE = map(torch.stack, zip(*found, strict=True))
        return TaskGradients(
            loss_MT=loss_MT.detach(),
            params={n: p.detach() for n, p in params.items()},
            looked_up_MRE=looked_up.detach(),
            of_params=dict(zip(params, own, strict=True)),
            of_rows_TMRE=rows_TMRE,
            rows_MR=self.rows(index_MB),
        )

    def losses_at(
        self, index_MB: Tensor, params: Mapping[str, Tensor], looked_up: Tensor
    ) -> Tensor:
        """Return the loss of every task on a batch, loss_MT, where the model has these weights.

        No task has a weight here, and there is no noise.
        """
        ids_MBC = self.examples.inputs.ids[index_MB]
        x_MBD = self.ensemble.joined(looked_up, ids_MBC, self.examples.inputs, index_MB)
        y_MBT = self.examples.targets_of(self.ensemble, index_MB)
        out_MBO = self.ensemble.logits(x_MBD, params)
        return self._layout.batch_loss(out_MBO, y_MBT, complete=self.examples.complete)

    def state(self) -> Saved:
        """Return all that the next step depends on, between two steps; not copies."""
        return {
            "dense": self.ensemble.flat_params.flat_MP,
            "table": self.ensemble.table_MNE,
            "dense_adam": self.dense_optimizer.state(),
            "table_adam": self.table_optimizer.state(),
            "noise": self.noise.state(),
            "weighting": self.weighting.state(),
        }

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        self.ensemble.flat_params.flat_MP.copy_(state["dense"])
        self.ensemble.table_MNE.copy_(state["table"])
        self.dense_optimizer.load(state["dense_adam"])
        self.table_optimizer.load(state["table_adam"])
        self.noise.load(state["noise"])
        self.weighting.load(state["weighting"])

    def rows(self, index_MB: Tensor) -> Tensor:
        """Return the rows of the tables that a batch reads, rows_MR."""
        if self._upcoming is not None and self._upcoming[0] is index_MB:
            return self._upcoming[1]
        ids = self.examples.inputs.ids.index_select(0, index_MB.flatten())
        return ids.view(len(index_MB), -1)

    def losses(self, index_MB: Tensor, out_MBO: Tensor) -> tuple[Tensor, Tensor]:
        """Return what training descends and the loss, of every task of every member on a batch.

        The loss of a task is the mean over its labelled examples (Sec. 4.1), times its declared
        weight. Training descends that times what `weighting` adds. Both are [M, T].
        """
        y_MBT = self.examples.targets_of(self.ensemble, index_MB)
        complete = self.examples.complete
        loss_MT = self._layout.batch_loss(out_MBO, y_MBT, complete=complete)
        descended_MT = self.weighting(loss_MT, None if complete else (~y_MBT.isnan()).any(1))
        if self._weight_MT is None:
            return descended_MT, loss_MT
        return descended_MT * self._weight_MT, loss_MT * self._weight_MT


def _table_optimizer(
    ensemble: Ensemble, examples: Examples, options: TrainingOptions, *, fixed: bool, exact: bool
) -> "RowAdam | DenseTableAdam | SweptAdam | NoTable":
    table_MNE, columns = ensemble.table_MNE, examples.inputs.layout.num_columns
    rates = ensemble.rates(options)
    if columns == 0:
        return NoTable(table_MNE.dtype)
    if fixed:
        return FixedTable(table_MNE)
    if is_swept(table_MNE):
        return SweptAdam(table_MNE, **rates)
    if not updates_by_rows(table_MNE, options.batch_size * columns):
        return DenseTableAdam(table_MNE, **rates)
    from mtnas.training.row_adam import RowAdam  # and numba, which small tables do without

    return RowAdam(table_MNE, exact=exact, **rates)


def updates_by_rows(table_MNE: Tensor, num_read: int) -> bool:
    """Tell whether tables are large enough to be updated by the rows that a step reads.

    Both forms give the same, up to rounding and jumps (V10). Which is faster depends on how many
    rows a table has for each of the `num_read` that a step looks up; where they cross is measured
    (docs/performance.md). A choice by stopwatch would make numbers depend on the moment.
    """
    return table_MNE.device.type == "cpu" and table_MNE.shape[1] > ROWS_PER_READ * num_read


def is_swept(table_MNE: Tensor) -> bool:
    """Tell whether the tables of all members together are so large that a GPU sweeps over them.

    A sweep is a kernel that torch compiles with Triton and a C compiler; without these it is dense.
    """
    if table_MNE.device.type != "cuda" or table_MNE.shape[:2].numel() < SWEPT_ROWS:
        return False
    return find_spec("triton") is not None and any(map(which, ("cc", "gcc", "clang")))


@contextmanager
def spare_thread(trainer: Trainer) -> Iterator[None]:
    """Let a trainer that works by rows read them ahead in one of torch's threads.

    torch's threads are busy while they wait, so other work on the same core hardly gets on.
    """
    threads = torch.get_num_threads()
    trainer.read_ahead = threads > 1 and trainer.table_optimizer.reads_ahead
    torch.set_num_threads(threads - trainer.read_ahead)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
