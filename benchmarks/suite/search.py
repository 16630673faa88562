"""A search step against a training step (claim C14), in one process and in turns; its parts."""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from benchmarks import ours
from benchmarks import work as w
from benchmarks.harness import ratio, spread
from benchmarks.outcome import Outcome, Settings
from benchmarks.work import make_work
from mtnas.config.options import SearchOptions
from mtnas.search.reinforce import Search
from mtnas.training.data import Split
from mtnas.training.trainer import Trainer

NUM_ROWS = 100_000
STEPS = 50


def run(settings: Settings) -> Outcome:
    """Train ML-MMoE and search MTNAS at the paper's size, one model each, one thread."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as every job does
    work = make_work(NUM_ROWS, steps=200)
    search = _search(work)
    turns = {"ML-MMoE, training step": _training(work), "MTNAS, search step": search.step}
    for turn in turns.values():
        _milliseconds(turn, STEPS)  # warm-up
    clocks = _clocks(search)
    times: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(2 if settings.quick else 3 * settings.rounds):
        for name, turn in turns.items():
            times[name].append(_milliseconds(turn, STEPS))
        for part, clock in clocks.items():
            times.setdefault(part, []).append(1e3 * clock.read() / STEPS)
    whole, training = times["MTNAS, search step"], times["ML-MMoE, training step"]
    return Outcome(
        title="A search step (one weight step, one architecture step) against a training step",
        columns=("Step", "ms, median", "min", "max"),
        rows=[(name, *spread(seen)) for name, seen in times.items()],
        note="512 training examples in both; a search step also scores 1,024 validation examples. "
        "What its parts leave over are the updates of the architecture parameters.",
        ratios={"search_step_vs_training_step": ratio(whole, training)},
    )


class _Clock:
    """The seconds spent in one method of an object, less those in others that it calls."""

    def __init__(self, owner: Any, name: str, *inner: "_Clock") -> None:
        self._seconds, call = 0.0, getattr(owner, name)

        def timed(*args: Any) -> Any:
            started, before = time.perf_counter(), sum(clock._seconds for clock in inner)
            result = call(*args)
            within = sum(clock._seconds for clock in inner) - before
            self._seconds += time.perf_counter() - started - within
            return result

        setattr(owner, name, timed)

    def read(self) -> float:
        """Return the seconds since the last reading."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds


def _clocks(search: Search) -> dict[str, _Clock]:
    """Time the parts of a search step from now on."""
    supernet = search._supernet
    rows = _Clock(supernet.trainer.table_optimizer, "settle")
    return {
        "of it: the weight step": _Clock(supernet, "weight_step"),
        "of it: becoming the sampled network": _Clock(supernet, "take"),
        "of it: bringing the rows of the validation batch up to date": rows,
        "of it: outputs and AUCs of the validation batch": _Clock(search, "_score", rows),
    }


def _training(work: w.Work) -> Callable[[], object]:
    trainer = Trainer(ours.ensemble_of(work, "ml_mmoe"), ours.examples_of(work), ours.TRAINING)
    batches = _batches(work)
    return lambda: trainer.step(next(batches))


def _search(work: w.Work) -> Search:
    rows = np.arange(len(work.ids))
    third = len(rows) // 3
    split = Split(rows[: 2 * third], rows[2 * third :], rows[:0])
    return Search(
        ours.ensemble_of(work, "mtnas"), ours.examples_of(work), [split], SearchOptions(),
        ours.TRAINING,
    )  # fmt: skip


def _batches(work: w.Work) -> Iterator[torch.Tensor]:
    step = 0
    while True:
        rows = work.batch(step)
        yield torch.arange(rows.start, rows.stop).unsqueeze(0)
        step += 1


def _milliseconds(turn: Callable[[], object], steps: int) -> float:
    times = []
    for _ in range(steps):
        started = time.perf_counter()
        turn()
        times.append(time.perf_counter() - started)
    return 1e3 * statistics.mean(times)
