"""A search step against a training step (claim C14), in one process and in turns."""

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from benchmarks import ours
from benchmarks import work as w
from benchmarks.harness import ratio, spread
from benchmarks.outcome import Outcome, Settings
from benchmarks.work import make_work
from mtnas.options import SearchOptions
from mtnas.routes import SearchSpace
from mtnas.search.reinforce import Search
from mtnas.training.data import Split
from mtnas.training.trainer import Trainer

NUM_ROWS = 100_000
STEPS = 50


def run(settings: Settings) -> Outcome:
    """Train ML-MMoE and search MTNAS at the paper's size, one model each, one thread."""
    torch.set_num_threads(1)
    work = make_work(NUM_ROWS, steps=200)
    turns = {"ML-MMoE, training step": _training(work), "MTNAS, search step": _searching(work)}
    for turn in turns.values():
        _milliseconds(turn, STEPS)  # warm-up
    times: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(2 if settings.quick else 3 * settings.rounds):
        for name, turn in turns.items():
            times[name].append(_milliseconds(turn, STEPS))
    search, training = times["MTNAS, search step"], times["ML-MMoE, training step"]
    return Outcome(
        title="A search step (one weight step, one architecture step) against a training step",
        columns=("Step", "ms, median", "min", "max"),
        rows=[(name, *spread(seen)) for name, seen in times.items()],
        note="512 training examples in both; a search step also scores 1,024 validation examples.",
        ratios={"search_step_vs_training_step": ratio(search, training)},
    )


def _training(work: w.Work) -> Callable[[], object]:
    trainer = Trainer(ours.stack_of(work, "ml_mmoe"), ours.examples_of(work), ours.TRAINING)
    batches = _batches(work)
    return lambda: trainer.step(next(batches))


def _searching(work: w.Work) -> Callable[[], object]:
    rows = np.arange(len(work.ids))
    third = len(rows) // 3
    split = Split(rows[: 2 * third], rows[2 * third :], rows[:0])
    space = SearchSpace(2, w.EXPERTS, w.TASKS, "all_below")
    search = Search(
        ours.stack_of(work, "mtnas"), ours.examples_of(work), [split], space,
        SearchOptions(), ours.TRAINING,
    )  # fmt: skip
    return search.step


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
