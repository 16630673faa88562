"""The training loop: weight steps, validation after every epoch, the best epoch of every member.

It does not depend on any method or dataset.
Shapes: M members, B batch, D input, T tasks, O outputs, E epochs.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from mtnas.config.options import TrainingOptions
from mtnas.runtime.errors import TrainingError
from mtnas.training.captured import step_of
from mtnas.training.checkpoint import Checkpoint, Saved
from mtnas.training.data import Examples, Indices, Split, training_batches
from mtnas.training.ensemble import Ensemble
from mtnas.training.selection import Selection, State, weighted, with_selected
from mtnas.training.trainer import Trainer, spare_thread

log = logging.getLogger(__name__)

EVALUATION_BATCH = 4096  # examples per member; speed only


@dataclass(frozen=True)
class FitResult:
    """The course of a training, and the weights that were selected on validation data.

    The ensemble is left with these weights; where every task has its own (U = T), with the last.
    """

    states: tuple[State, ...]  # [U], the best weights; U = 1 or T
    best_epochs: tuple[tuple[int, ...], ...]  # [M][U], from 1; 0: none was better than the start
    train_loss: tuple[tuple[float, ...], ...]  # [E][M], of what was trained on in the epoch
    valid_losses: tuple[tuple[tuple[float, ...], ...], ...]  # [E][M][T]
    seconds: float
    weights: tuple[tuple[tuple[float, ...], ...], ...] = ()  # [E][M][T], if `weighting` sets some


@torch.no_grad()
def predict(
    ensemble: Ensemble,
    examples: Examples,
    rows: Sequence[Indices],
    between: Callable[[], None] = lambda: None,
) -> Tensor:
    """Return out_MNO of every member on its own rows (equally many per member).

    `between` is called after every batch.
    """
    index_MN, parts = _indices(ensemble, rows), []
    for index_MB in torch.split(index_MN, EVALUATION_BATCH, dim=1):
        parts.append(ensemble.logits(ensemble.encoded(examples.inputs, index_MB)))
        between()
    return torch.cat(parts, dim=1)


def predict_selected(
    ensemble: Ensemble, states: Sequence[State], examples: Examples, rows: Sequence[Indices]
) -> Tensor:
    """Return what `predict` does, each task with the weights selected for it."""
    widths = examples.output_layout_of(ensemble).widths
    measure = partial(predict, ensemble, examples, rows)
    return with_selected(ensemble, states, measure, axis=-1, widths=widths)


def evaluate_loss(
    ensemble: Ensemble,
    examples: Examples,
    rows: Sequence[Indices],
    between: Callable[[], None] = lambda: None,
) -> Tensor:
    """Return loss_MT of every member on its own rows, in float64; `between` as in `predict`.

    It is the mean over the labelled rows of a task.
    """
    out_MNO = predict(ensemble, examples, rows, between)
    y_MNT = examples.targets_of(ensemble, _indices(ensemble, rows))
    return examples.output_layout_of(ensemble).loss(out_MNO, y_MNT).cpu()


@torch.no_grad()
def mean_gate_scores(
    ensemble: Ensemble, states: Sequence[State], examples: Examples, rows: Sequence[Indices]
) -> Tensor | None:
    """Return the mean gate scores of every member over its own rows, [M, T, experts] (D13).

    Each task is given the weights selected for it, and the rows of its own source, where it has
    one. None for a method without gate scores.
    """
    if not ensemble.has_gates:
        return None
    index_MN = _indices(ensemble, rows)
    own_MTN = _of_source(ensemble, examples, index_MN)

    def mean() -> Tensor:
        sums = []
        for first in range(0, index_MN.shape[1], EVALUATION_BATCH):
            here = slice(first, first + EVALUATION_BATCH)
            x_MBD = ensemble.encoded(examples.inputs, index_MN[:, here])
            scores = ensemble.gate_scores(x_MBD).double()
            if own_MTN is not None:
                scores = scores * own_MTN[..., here].unsqueeze(-1)
            sums.append(scores.sum(2))
        total = torch.stack(sums).sum(0).cpu()
        if own_MTN is None:
            return total / index_MN.shape[1]
        return total / own_MTN.sum(-1, keepdim=True).cpu()

    return with_selected(ensemble, states, mean, axis=1)


def _of_source(ensemble: Ensemble, examples: Examples, index_MN: Tensor) -> Tensor | None:
    """Return which rows are of each task's source, own_MTN; None where tasks have no source."""
    if examples.source is None or not any(task.source for task in examples.tasks):
        return None
    names = examples.sources
    number_T = torch.tensor([names.index(t.source) if t.source else -1 for t in examples.tasks])
    number_MT1 = number_T[ensemble.tasks_MT.cpu()].unsqueeze(-1)
    source_M1N = torch.from_numpy(examples.source[index_MN.cpu().numpy()]).unsqueeze(1)
    return ((source_M1N == number_MT1) | (number_MT1 < 0)).to(ensemble.device)


def _indices(ensemble: Ensemble, rows: Sequence[Indices]) -> Tensor:
    return torch.stack([torch.from_numpy(r) for r in rows]).to(ensemble.device)


def fit(
    ensemble: Ensemble,
    examples: Examples,
    splits: Sequence[Split],
    options: TrainingOptions,
    checkpoint: Checkpoint | None = None,
    trained: Sequence[str] = (),
) -> FitResult:
    """Train until no member has improved for `patience` epochs; load the best weights.

    Where parts of the model are named by `trained`, all else stays as it is (`Trainer`), and the
    weights that it begins with are kept unless an epoch is better: they are those of epoch 0.
    If there is a checkpoint, training continues from it; the result is the same to the last bit.
    """
    checkpoint = checkpoint or Checkpoint()
    ensemble.standardize(examples.inputs, [split.train for split in splits])
    trainer = Trainer(ensemble, examples, options, trained=trained)
    with spare_thread(trainer):
        return _Training(trainer, splits, options, keeps_start=bool(trained)).run(checkpoint)


class _Training:
    """A training between two steps: its epoch, and the results of earlier epochs."""

    def __init__(
        self,
        trainer: Trainer,
        splits: Sequence[Split],
        options: TrainingOptions,
        keeps_start: bool = False,
    ) -> None:
        ensemble = trainer.ensemble
        self._trainer, self._options, self._step = trainer, options, step_of(trainer)
        self._valid = [split.valid for split in splits]
        self._batches = training_batches(trainer.examples, splits, ensemble, options)
        self._selection = Selection(ensemble, options, trainer.examples.tasks, trainer.weights)
        self._epoch, self._goes_on, self._keeps_start = 1, True, keeps_start
        self._losses: list[Tensor] = []  # `_noted`, of the steps of this epoch
        self._train_losses: list[Tensor] = []  # [M], of the epochs before
        self._valid_losses: list[Tensor] = []  # [M, T]
        self._weights: list[Tensor] = []  # [M, T], of tasks at the end of an epoch

    def run(self, checkpoint: Checkpoint) -> FitResult:
        """Train to the end, from the present step."""
        started = time.perf_counter()
        checkpoint.resume(self)
        if self._keeps_start and self._epoch == 1 and not self._losses:
            loss_MT = evaluate_loss(self._trainer.ensemble, self._trainer.examples, self._valid)
            self._selection.update(0, loss_MT)
        with checkpoint.watching():
            while self._goes_on:
                while len(self._losses) < self._batches.per_epoch:
                    batch_MB = next(self._batches)
                    loss_MT = self._step(batch_MB, self._batches.upcoming)
                    self._losses.append(self._noted(loss_MT, batch_MB))
                    checkpoint.keep(self)
                self._end_epoch(checkpoint, started)
            checkpoint.keep(self)
        selection = self._selection
        self._trainer.ensemble.load(selection.states[-1])
        return FitResult(
            selection.states,
            selection.best_epochs,
            tuple(tuple(loss.tolist()) for loss in self._train_losses),
            tuple(tuple(map(tuple, loss.tolist())) for loss in self._valid_losses),
            checkpoint.seconds + time.perf_counter() - started,
            tuple(tuple(map(tuple, weight.tolist())) for weight in self._weights),
        )

    def _noted(self, loss_MT: Tensor, index_MB: Tensor) -> Tensor:
        """Return what the training loss needs of a step: its loss, [M], or, where labels may be
        missing, that of every task summed over labelled examples, and their number, [2, M, T].
        """
        examples = self._trainer.examples
        if examples.complete:
            return loss_MT.sum(-1)
        y_MBT = examples.labels_of(self._trainer.ensemble.tasks_MT, index_MB)
        count_MT = (~y_MBT.isnan()).sum(1)
        return torch.stack([loss_MT.double() * count_MT, count_MT.double()])

    def _end_epoch(self, checkpoint: Checkpoint, started: float) -> None:
        """Validate, keep the best weights, and end the training if it is time to."""
        trainer, epoch, options = self._trainer, self._epoch, self._options
        train_loss = _training_loss(torch.stack(self._losses).double(), trainer.examples).cpu()
        trainer.table_optimizer.settle()  # doing so once more changes nothing
        loss_MT = evaluate_loss(
            trainer.ensemble, trainer.examples, self._valid, lambda: checkpoint.keep(self)
        )
        valid_loss = weighted(loss_MT, trainer.ensemble, trainer.examples.task_weights).sum(-1)
        check_finite(trainer, epoch, train_loss, valid_loss, options)
        self._train_losses.append(train_loss)
        self._valid_losses.append(loss_MT)
        if trainer.weighting.now is not None:
            self._weights.append(trainer.weighting.now.double().cpu())
        better_to_come = self._selection.update(epoch, loss_MT)
        seconds = checkpoint.seconds + time.perf_counter() - started
        _report(epoch, options.epochs, train_loss, valid_loss, seconds)
        self._goes_on = better_to_come and epoch < options.epochs
        self._epoch, self._losses = epoch + 1, []

    def _lists(self) -> tuple[list[Tensor], ...]:
        return self._losses, self._train_losses, self._valid_losses, self._weights

    @property
    def at(self) -> str:
        """Say how far it is."""
        if not self._goes_on:
            return f"all {self._epoch - 1} epochs"
        return f"step {len(self._losses)} of {self._batches.per_epoch} in epoch {self._epoch}"

    def state(self) -> Saved:
        """Return all that the rest depends on; of finished training, what it left."""
        under_way = {"trainer": self._trainer.state(), "batches": self._batches.state()}
        return {
            "epoch": self._epoch,
            "goes_on": self._goes_on,
            "losses": [losses and torch.stack(losses) for losses in self._lists()],
            "selection": self._selection.state(),
            **(under_way if self._goes_on else {}),
        }

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        self._epoch, self._goes_on = state["epoch"], state["goes_on"]
        for losses, loaded in zip(self._lists(), state["losses"], strict=True):
            losses[:] = [loss.clone() for loss in loaded]
        self._losses = [loss.to(self._trainer.ensemble.device) for loss in self._losses]
        self._selection.load(state["selection"])
        if self._goes_on:
            self._trainer.load(state["trainer"])
            self._batches.load(state["batches"])


def _training_loss(noted: Tensor, examples: Examples) -> Tensor:
    """Return the training loss of every member over an epoch, of what `_noted` tells of its steps.

    It is the sum over tasks of the weighted mean over the labelled examples of all batches,
    whatever sources a batch has rows of. A task that no batch has a label of adds nothing.
    """
    if examples.complete:  # batches are equally large
        return noted.mean(0)
    total_MT, count_MT = noted.sum(0)
    mean_MT: Tensor = total_MT / count_MT.clamp(min=1)
    return mean_MT.sum(-1)


def check_finite(
    trainer: Trainer, epoch: int, train: Tensor, valid: Tensor, options: TrainingOptions
) -> None:
    """Raise `TrainingError` naming the first member whose loss is not a finite number."""
    tasks, losses_M2 = trainer.examples.tasks, torch.stack([train, valid], 1)
    for member, losses in zip(trainer.ensemble.members, losses_M2, strict=True):
        if not bool(losses.isfinite().all()):
            names = "+".join(tasks[task].name for task in member.tasks)
            raise TrainingError(
                f"seed {member.seed}, tasks {names}: loss is not finite in epoch {epoch} "
                f"(train {losses[0]:.4g}, valid {losses[1]:.4g}); "
                f"lower training.learning_rate (now {(member.rates or options).learning_rate}) "
                "and run again"
            )


def _report(epoch: int, epochs: int, train: Tensor, valid: Tensor, seconds: float) -> None:
    remaining = seconds / epoch * (epochs - epoch)
    log.info(
        "epoch %d/%d  train loss %.4f  valid loss %.4f  %.0f s, at most %.0f s to go",
        epoch, epochs, train.mean(), valid.mean(), seconds, remaining,
    )  # fmt: skip
