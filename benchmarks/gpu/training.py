"""A training of MMoE on a device in the forms that are compared, and clocks for it."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks import ours
from benchmarks import work as w
from benchmarks.work import Work
from mtnas.training.captured import WARM_UP, CapturedStep, Record, cuda_graph
from mtnas.training.swept_adam import SweptAdam
from mtnas.training.trainer import Trainer


@dataclass(frozen=True)
class Size:
    """How much is done; the small one walks through all of it on a CPU in seconds."""

    device: str = "cuda"
    rows: int = 1_000_000
    large: int = 4_000_000
    counts: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    few: tuple[int, ...] = (1, 16)  # of large tables
    steps: int = 50  # of one measurement
    passes: int = 3
    trained: int = 400  # steps of a training whose AUC is compared


DRY = Size("cpu", rows=1_500, large=3_000, counts=(1, 2), few=(2,), steps=2, passes=1, trained=10)


def later(work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """Stand in for a recording on a CPU: nothing is done now, all of it when it is replayed."""
    result = torch.zeros(())

    def replay() -> None:
        result.set_(work())

    return replay, result


class Training:
    """Models of one size, their batches, and their weight step in one of its forms."""

    def __init__(
        self, work: Work, models: int, device: str, *, captured: bool, swept: bool = False
    ) -> None:
        """Draw the models; nothing is trained yet."""
        ensemble = ours.ensemble_of(work, "mmoe", range(models), device=device)
        self.trainer = Trainer(ensemble, ours.examples_of(work).to(device), ours.TRAINING)
        if swept:
            self.trainer.table_optimizer = SweptAdam(
                ensemble.table_MNE, **ensemble.rates(ours.TRAINING)
            )
        record: Record = cuda_graph if device == "cuda" else later
        self._captured = CapturedStep(self.trainer, record) if captured else None
        self._work, self._models, self._device, self._at = work, models, device, 0

    def take(self, steps: int) -> float:
        """Take so many steps; return their seconds, which end when the device is done."""
        step = self._captured or self.trainer.step_by_task
        wait(self._device)
        started = time.perf_counter()
        for _ in range(steps):
            rows = self._work.batch(self._at)
            index_B = torch.arange(rows.start, rows.stop, device=self._device)
            step(index_B.expand(self._models, -1), None)
            self._at += 1
        wait(self._device)
        return time.perf_counter() - started

    def milliseconds(self, size: Size) -> float:
        """Return what a step takes: the least of some passes, after the steps that warm up.

        Raises:
            RuntimeError: a step was to be recorded, and was not.
        """
        self.take(WARM_UP + 2)
        self.check()
        return min(1e3 * self.take(size.steps) / size.steps for _ in range(size.passes))

    def check(self) -> None:
        """Raise `RuntimeError` if a step that was to be recorded goes on as plain ones."""
        if self._captured is not None and not self._captured.recorded:
            raise RuntimeError("the step was not recorded (see the warning above)")

    @property
    def examples(self) -> int:
        """Return how many examples, times models, a step trains on."""
        return w.BATCH * self._models


def wait(device: str) -> None:
    """Wait until a device has done all that it was asked for."""
    if device == "cuda":
        torch.cuda.synchronize()


def forget_peak(device: str) -> None:
    """Begin to measure the largest memory anew, where the device can."""
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_mib(device: str) -> float:
    """Return the largest memory since `forget_peak`, on a CPU that of the process, in MiB."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
