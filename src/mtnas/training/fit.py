"""The training loop: weight steps, validation after every epoch, the best epoch of every member.

Knows nothing of methods or datasets. Shapes: M members, B batch, D input, T tasks, E epochs.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtnas.errors import TrainingError
from mtnas.options import TrainingOptions
from mtnas.training.data import Batches, Examples, Indices, Split
from mtnas.training.selection import Selection, State, with_selected
from mtnas.training.stack import Stack
from mtnas.training.trainer import Trainer, spare_thread

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
    batches = Batches(train, stack.members, options.batch_size, device=stack.device)
    selection = Selection(stack, options)
    curves: tuple[list[Tensor], list[Tensor]] = ([], [])
    for epoch in range(1, options.epochs + 1):
        losses = [trainer.step(next(batches), batches.upcoming) for _ in range(batches.per_epoch)]
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
