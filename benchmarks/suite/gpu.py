"""The same work on a GPU: precision, graph capture, many models, memory at 4,000,000 rows.

Skipped without a GPU. A captured step replays the kernels of one step without asking Python again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from benchmarks import ours
from benchmarks import work as w
from benchmarks.harness import ratio, spread
from benchmarks.outcome import Outcome, Settings, UnavailableError
from benchmarks.work import Work, make_work
from mtnas.tasks.scores import auc
from mtnas.training.fit import predict
from mtnas.training.trainer import Trainer

COUNTS = (1, 2, 4, 8, 16, 32, 64)
PRECISIONS = ("float32", "tf32", "bf16")
GRAPH = "float32, captured"
WARM_UP = 3  # steps before a capture, as torch asks for
LARGE = 4_000_000


def run(settings: Settings) -> Outcome:
    """Measure MMoE at N = 10^6 in three precisions and counts, then memory at N = 4,000,000."""
    if not torch.cuda.is_available():
        raise UnavailableError("torch sees no GPU (CUDA build and a device are needed)")
    work = make_work(1_000_000, steps=400)
    rows: list[tuple[Any, ...]] = []
    rates: dict[tuple[str, int], list[float]] = {}
    forms = (*PRECISIONS, GRAPH)
    aucs = {form: _auc(work, form) for form in forms}
    for precision in forms:
        for models in COUNTS[:2] if settings.quick else COUNTS:
            rates[precision, models] = _rates(work, precision, models, settings)
            gap = aucs[precision] - aucs["float32"]
            memory = torch.cuda.max_memory_allocated() / 2**20
            rows.append(
                (precision, models, *spread(rates[precision, models]), gap, f"{memory:.0f}")
            )
    large = make_work(LARGE, steps=20)
    peak = _rates(large, "float32", 1, settings)
    memory = torch.cuda.max_memory_allocated() / 2**20
    rows.append((f"float32, {LARGE:,} rows", 1, *spread(peak), 0.0, f"{memory:.0f}"))
    many = max(models for _, models in rates)
    return Outcome(
        title=f"MMoE on {torch.cuda.get_device_name()}, one table of 1,000,000 rows per model",
        columns=("Precision", "models", "examples x models/s, median", "min", "max",
                 "AUC minus float32's", "peak MiB"),
        rows=rows,
        note="The AUC gaps are to stay within 5e-4.",
        ratios={
            "gpu_many_vs_one": ratio(rates["float32", many], rates["float32", 1]),
            "gpu_captured_vs_not": ratio(rates[GRAPH, 1], rates["float32", 1]),
        },
    )  # fmt: skip


@contextmanager
def _precision(name: str) -> Iterator[None]:
    torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
    with torch.autocast("cuda", torch.bfloat16, enabled=name == "bf16"):
        yield
    torch.backends.cuda.matmul.allow_tf32 = False


def _trainer(work: Work, models: int) -> Trainer:
    ensemble = ours.ensemble_of(work, "mmoe", range(models), device="cuda")
    return Trainer(ensemble, ours.examples_of(work).to("cuda"), ours.TRAINING)


def _rates(work: Work, precision: str, models: int, settings: Settings) -> list[float]:
    torch.cuda.reset_peak_memory_stats()
    steps, rates = 5 if settings.quick else 50, []
    with _precision(precision):
        step_of = _step(_trainer(work, models), work, models, precision)
        for number in range(settings.turns["rounds"] + 1):
            torch.cuda.synchronize()
            started = time.perf_counter()
            for step in range(steps):
                step_of(_index(work, step, models))
            torch.cuda.synchronize()
            if number > 0:  # the first round warms up
                rates.append(steps * models * w.BATCH / (time.perf_counter() - started))
    return rates


def _auc(work: Work, precision: str) -> float:
    """Return the mean AUC over tasks on the last tenth after one pass over the rest."""
    trainer, train = _trainer(work, 1), int(0.9 * work.steps)
    with _precision(precision):
        step_of = _step(trainer, work, 1, precision)
        for step in range(WARM_UP, train):
            step_of(_index(work, step, 1))
        rows = torch.arange(train * w.BATCH, len(work.ids)).numpy()
        logit_MNT = predict(trainer.ensemble, trainer.examples, [rows])
    labels_NT = torch.from_numpy(work.labels[rows])
    return float(auc(logit_MNT[0].float().cpu().T, labels_NT.T).mean())


def _step(trainer: Trainer, work: Work, models: int, form: str) -> Callable[[torch.Tensor], Any]:
    """Take the first steps of a training, and return a step for the next ones."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for step in range(WARM_UP):
            trainer.step(_index(work, step, models))
    torch.cuda.current_stream().wait_stream(side)
    if form != GRAPH:
        return trainer.step
    index_MB, graph = _index(work, 0, models).clone(), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):  # records and does nothing: the weights stay as they are
        trainer.step(index_MB)

    def replay(next_MB: torch.Tensor) -> None:
        index_MB.copy_(next_MB)
        graph.replay()

    return replay


def _index(work: Work, step: int, models: int) -> torch.Tensor:
    rows = work.batch(step)
    return torch.arange(rows.start, rows.stop, device="cuda").expand(models, -1)
