"""A training on a GPU that is interrupted, and taken up from its checkpoint."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from torch import Tensor

from benchmarks import ours
from benchmarks.work import BATCH, Work, make_work
from mtnas.training import trainer
from mtnas.training.checkpoint import Checkpoint
from mtnas.training.checkpoint import Work as Resumable
from mtnas.training.data import Split
from mtnas.training.fit import FitResult, fit

LARGEST = 1e-5  # of losses: on a GPU sums are not added up in one order
OPTIONS = ours.TRAINING.model_copy(update={"epochs": 3, "patience": 3})


class _StoppedError(Exception):
    """It was interrupted, as it was meant to be."""


class _Interrupted(Checkpoint):
    """A checkpoint that is written after every step, and ends the training after some."""

    def __init__(self, path: Path, steps: int) -> None:
        super().__init__(path)
        self._left = steps

    def keep(self, work: Resumable) -> None:
        self._pause, self._left = 0.0, self._left - 1
        super().keep(work)
        if self._left == 0:
            raise _StoppedError


def gaps(device: str) -> Iterator[tuple[str, float]]:
    """Yield, for dense updates and for sweeps, how far losses are from those of one piece.

    Raises:
        RuntimeError: no checkpoint was written.
    """
    work, before = make_work(3_000, steps=12), trainer.is_swept
    try:
        for name, swept in (("dense", False), ("swept", True)):
            trainer.is_swept = partial(_answer, swept)  # type: ignore[assignment]
            yield name, _gap(work, device)
    finally:
        trainer.is_swept = before


def _answer(swept: bool, table_MNE: Tensor) -> bool:
    return swept


def _gap(work: Work, device: str) -> float:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "kept.safetensors"
        try:
            _fit(work, device, _Interrupted(path, steps=14))  # in the second epoch
        except _StoppedError:
            pass
        else:
            raise RuntimeError("the training ended before it was interrupted")
        if not path.is_file():
            raise RuntimeError("no checkpoint was written")
        halves, whole = _fit(work, device, Checkpoint(path)), _fit(work, device, Checkpoint())
    pair = (np.array(found.valid_losses) for found in (halves, whole))
    return float(np.abs(np.subtract(*pair)).max())


def _fit(work: Work, device: str, checkpoint: Checkpoint) -> FitResult:
    ensemble = ours.ensemble_of(work, "snr_trans", range(2), device=device)  # it draws noise, too
    train, valid, test = np.split(np.arange(len(work.ids)), [8 * BATCH, 10 * BATCH])
    splits = [Split(train, valid, test)] * 2
    return fit(ensemble, ours.examples_of(work).to(device), splits, OPTIONS, checkpoint)
