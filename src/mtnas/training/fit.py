"""The training loop: weight steps, validation after every epoch, the best epoch of every member.

Knows nothing of methods or datasets. Shapes: M members, B batch, D input, T tasks, E epochs.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from mtnas.errors import TrainingError
from mtnas.options import TrainingOptions
from mtnas.training.data import Examples, Indices, Split, epoch_batches
from mtnas.training.noise import Noise
from mtnas.training.optim import DenseTableAdam, MemberAdam, NoTable
from mtnas.training.row_adam import RowAdam
from mtnas.training.selection import Selection, State, weighted, with_selected
from mtnas.training.stack import Stack

log = logging.getLogger(__name__)

EVALUATION_BATCH = 4096  # examples per member; speed only


@dataclass(frozen=True)
class FitResult:
    """What training left behind, besides the best weights, which are now in the stack.

    Where each task has a best epoch of its own (U = T), the stack has those of the last task.
    """

    states: tuple[State, ...]  # [U], the best weights
    best_epochs: tuple[tuple[int, ...], ...]  # [M][U], from 1
    train_loss: tuple[tuple[float, ...], ...]  # [E][M], mean over the epoch
    valid_losses: tuple[tuple[tuple[float, ...], ...], ...]  # [E][M][T]
    seconds: float


class Trainer:
    """A stack with its optimisers: one weight step on one batch per member."""

    def __init__(
        self,
        stack: Stack,
        examples: Examples,
        options: TrainingOptions,
        active: Mapping[str, Tensor] | None = None,
        *,
        read_ahead: bool = False,
    ) -> None:
        """Train `stack` in place; `active` as in `MemberAdam`, `read_ahead` is speed only."""
        self.stack, self.examples, self._options = stack, examples, options
        self._read_ahead = read_ahead
        self._upcoming: tuple[Tensor, Tensor] | None = None
        rates = stack.rates(options)
        self.noise = Noise(stack)
        self.dense = MemberAdam(stack.dense, active=active, **rates)
        self.table: RowAdam | DenseTableAdam | NoTable
        if examples.is_dense:
            self.table = NoTable(stack.table_MNE.dtype)
        elif stack.device.type == "cpu":
            self.table = RowAdam(stack.table_MNE, exact=options.exact_decay, **rates)
        else:
            self.table = DenseTableAdam(stack.table_MNE, **rates)

    def step(self, index_MB: Tensor, upcoming_MB: Tensor | None = None) -> Tensor:
        """Take one weight step and return the loss of every member, summed over its tasks.

        `upcoming_MB` is the batch of the next step, where it is known.
        """
        x_MBE = self.table.read(self._rows(index_MB)).requires_grad_()
        if self._read_ahead and upcoming_MB is not None:
            self._upcoming = upcoming_MB, self._rows(upcoming_MB)
            self.table.read_ahead(self._upcoming[1])
        params = {n: p.detach().requires_grad_() for n, p in self.stack.params.items()}
        logit_MBT = self.stack.logits(x_MBE.view(*index_MB.shape, -1), params, self.noise())
        loss_M = self.loss(index_MB, logit_MBT)
        # Members share nothing, so the gradient of the sum is the gradient of each.
        total = (loss_M + self.stack.penalty(params)).sum()
        *grads, grad_MBE = torch.autograd.grad(total, [*params.values(), x_MBE])
        self.dense.step(dict(zip(params, grads, strict=True)))
        self.table.step(grad_MBE)
        return loss_M.detach()

    def _rows(self, index_MB: Tensor) -> Tensor:
        """Return the rows of the tables that a batch reads, [M, B * F]."""
        if self._upcoming is not None and self._upcoming[0] is index_MB:
            return self._upcoming[1]
        return self.examples.inputs[index_MB].flatten(1)

    def loss(self, index_MB: Tensor, logit_MBT: Tensor) -> Tensor:
        """Return the loss of every member on one batch, a sum over its tasks (Sec. 4.1)."""
        y_MBT = self.examples.labels_of(self.stack.tasks_MT, index_MB).to(logit_MBT.dtype)
        loss_MT = self.examples.kind.losses(logit_MBT, y_MBT).mean(1)
        return weighted(loss_MT, self.stack, self._options).sum(-1)


@torch.no_grad()
def predict(stack: Stack, examples: Examples, rows: Sequence[Indices]) -> Tensor:
    """Return logit_MNT of every member on its own rows (equally many per member)."""
    index_MN = _indices(stack, rows)
    parts = [
        stack.logits(stack.embed(examples.inputs[index_MB]))
        for index_MB in torch.split(index_MN, EVALUATION_BATCH, dim=1)
    ]
    return torch.cat(parts, dim=1)


def predict_selected(
    stack: Stack, states: Sequence[State], examples: Examples, rows: Sequence[Indices]
) -> Tensor:
    """Return what `predict` does, each task with the weights selected for it."""
    return with_selected(stack, states, lambda: predict(stack, examples, rows), axis=-1)


def evaluate_loss(stack: Stack, examples: Examples, rows: Sequence[Indices]) -> Tensor:
    """Return loss_MT of every member on its own rows, in float64."""
    logit_MNT = predict(stack, examples, rows)
    y_MNT = examples.labels_of(stack.tasks_MT, _indices(stack, rows))
    return examples.kind.loss(logit_MNT.transpose(1, 2), y_MNT.transpose(1, 2)).cpu()


@torch.no_grad()
def mean_gate_scores(
    stack: Stack, states: Sequence[State], examples: Examples, rows: Sequence[Indices]
) -> Tensor | None:
    """Return what the gates of every member give on average on its own rows, [M, T, experts].

    Each task with the weights selected for it. None where the method has no gates to tell of.
    """
    if not stack.has_gates:
        return None
    index_MN = _indices(stack, rows)

    def mean() -> Tensor:
        sums = [
            stack.gate_scores(stack.embed(examples.inputs[index_MB])).double().sum(2)
            for index_MB in torch.split(index_MN, EVALUATION_BATCH, dim=1)
        ]
        return torch.stack(sums).sum(0).cpu() / index_MN.shape[1]

    return with_selected(stack, states, mean, axis=1)


def _indices(stack: Stack, rows: Sequence[Indices]) -> Tensor:
    return torch.stack([torch.from_numpy(r) for r in rows]).to(stack.device)


@contextmanager
def spare_thread() -> Iterator[bool]:
    """Keep one of torch's threads, if it has several, for reading embedding rows ahead.

    torch's threads wait actively: a core that they share with other work is lost to it.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads - 1))
    try:
        yield threads > 1
    finally:
        torch.set_num_threads(threads)


def fit(
    stack: Stack,
    examples: Examples,
    splits: Sequence[Split],
    options: TrainingOptions,
    active: Mapping[str, Tensor] | None = None,
) -> FitResult:
    """Train until no member has improved for `patience` epochs; load the best weights."""
    with spare_thread() as spare:
        return _fit(Trainer(stack, examples, options, active, read_ahead=spare), splits, options)


def _fit(trainer: Trainer, splits: Sequence[Split], options: TrainingOptions) -> FitResult:
    started = time.perf_counter()
    stack, examples = trainer.stack, trainer.examples
    train = [split.train for split in splits]
    epochs = epoch_batches(train, stack.members, options.batch_size, device=stack.device)
    selection = Selection(stack, options)
    curves: tuple[list[Tensor], list[Tensor]] = ([], [])
    for epoch in range(1, options.epochs + 1):
        batches = [*next(epochs), None]
        losses = [trainer.step(now, then) for now, then in pairwise(batches) if now is not None]
        train_loss = torch.stack(losses).double().mean(0).cpu()
        trainer.table.settle()
        loss_MT = evaluate_loss(stack, examples, [s.valid for s in splits])
        valid_loss = loss_MT.sum(-1)
        check_finite(stack, epoch, train_loss, valid_loss, options)
        curves[0].append(train_loss)
        curves[1].append(loss_MT)
        go_on = selection.update(epoch, loss_MT)
        _report(epoch, options.epochs, train_loss, valid_loss, time.perf_counter() - started)
        if not go_on:
            break
    stack.load(selection.states[-1])
    return FitResult(
        selection.states,
        tuple(map(tuple, selection.epoch_MU.tolist())),
        tuple(tuple(loss.tolist()) for loss in curves[0]),
        tuple(tuple(map(tuple, loss.tolist())) for loss in curves[1]),
        time.perf_counter() - started,
    )


def check_finite(
    stack: Stack, epoch: int, train: Tensor, valid: Tensor, options: TrainingOptions
) -> None:
    """Raise `TrainingError` naming the first member whose loss is not a finite number."""
    for member, losses in zip(stack.members, torch.stack([train, valid], 1), strict=True):
        if not bool(losses.isfinite().all()):
            now = (member.rates or options).learning_rate
            raise TrainingError(
                f"seed {member.seed}, tasks {list(member.tasks)}: loss is not finite in epoch "
                f"{epoch} (train {losses[0]:.4g}, valid {losses[1]:.4g}); "
                f"lower training: learning_rate (now {now}) and run again"
            )


def _report(epoch: int, epochs: int, train: Tensor, valid: Tensor, seconds: float) -> None:
    remaining = seconds / epoch * (epochs - epoch)
    log.info(
        "epoch %d/%d  train loss %.4f  valid loss %.4f  %.0f s, at most %.0f s to go",
        epoch, epochs, train.mean(), valid.mean(), seconds, remaining,
    )  # fmt: skip
