"""What is measured on a GPU, section by section; each yields its rows as soon as it has them.

A row is what, measured, unit, predicted (nothing: there is no prediction).
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks import work as w
from benchmarks.gpu import predicted, resumed, training
from benchmarks.gpu.training import Size, Training, later, wait
from benchmarks.suite import workflow
from benchmarks.work import make_work
from mtnas.runtime.files import read_json
from mtnas.tasks.scores import auc
from mtnas.training.captured import cuda_graph
from mtnas.training.fit import predict

Row = tuple[str, float | str, str, float | None]
GAP = 5e-4  # of an AUC, that forms and devices may differ by
NAMES = {False: "plain", True: "captured"}


def machine(size: Size) -> Iterator[Row]:
    """Measure what the predictions assume: bandwidth, and what starting a kernel takes."""
    numbers = torch.zeros(10**8 if size.device == "cuda" else 10**5, device=size.device)
    out = torch.empty_like(numbers)
    seconds = _least(lambda: torch.add(numbers, 1.0, out=out), size)
    bandwidth = 1e-12 * predicted.H100.bytes_per_second * predicted.H100.share
    yield "memory, read and written", 8e-12 * len(numbers) / seconds, "TB/s", bandwidth
    small, kernels = torch.zeros(64, device=size.device), 1000

    def many() -> torch.Tensor:
        for _ in range(kernels):
            small.add_(1.0)
        return small

    micro = 1e6 / kernels
    yield "an operation that Python asks for", micro * _least(many, size), "us", 5.0
    replay, _ = (cuda_graph if size.device == "cuda" else later)(many)
    yield ("a kernel of a recorded step", micro * _least(replay, size), "us",
           1e6 * predicted.H100.replay)  # fmt: skip


def models(size: Size) -> Iterator[Row]:
    """Train 1 to 64 models at once, plain and captured."""
    work = make_work(size.rows, steps=20)
    for count in size.counts:
        for captured in (False, True):
            training.forget_peak(size.device)
            own = Training(work, count, size.device, captured=captured)
            took = own.milliseconds(size)
            foreseen = predicted.step(count, size.rows)
            seconds = foreseen.captured if captured else foreseen.plain
            name = f"{count} model{'s' * (count > 1)}, {NAMES[captured]}"
            rate = own.examples / (1e-3 * took)
            yield name, rate, "examples x models/s", own.examples / seconds
            yield f"{name}: memory", training.peak_mib(size.device), "MiB", None


def tables(size: Size) -> Iterator[Row]:
    """Set a dense update against sweeps, by rows and models, both captured."""
    for rows in (size.rows, size.large):
        work = make_work(rows, steps=20)
        for count in size.few:
            for swept in (False, True):
                training.forget_peak(size.device)
                own = Training(work, count, size.device, captured=True, swept=swept)
                foreseen = predicted.step(count, rows, swept=swept).captured
                name = f"{rows:,} rows x {count}, {'swept' if swept else 'dense'}"
                yield name, own.milliseconds(size), "ms", 1e3 * foreseen


def equality(size: Size) -> Iterator[Row]:
    """Train on the CPU and on the GPU in every form; the AUCs of all must be those of the CPU.

    Raises:
        RuntimeError: one differs by more than `GAP`.
    """
    work, found = make_work(size.rows, steps=size.trained), {}
    forms = {
        "CPU, plain": ("cpu", False, False),
        "plain": (size.device, False, False),
        "captured": (size.device, True, False),
        "captured, swept": (size.device, True, True),
    }
    for name, (device, captured, swept) in forms.items():
        found[name] = _auc(Training(work, 1, device, captured=captured, swept=swept), work)
        yield f"AUC, {name}", found[name], "", None
    least, most = min(found.values()), max(found.values())
    yield "AUC, largest less smallest", most - least, "", 0.0
    if not most - least <= GAP:
        raise RuntimeError(f"AUCs differ by {most - least:.1e}, more than {GAP}: {found}")


def memory(size: Size) -> Iterator[Row]:
    """Measure the peak memory at 4,000,000 rows, of one model and of ten."""
    work = make_work(size.large, steps=5)
    for count in (1, 10):
        training.forget_peak(size.device)
        Training(work, count, size.device, captured=True).take(5)
        name = f"{size.large:,} rows x {count}, dense"
        yield name, training.peak_mib(size.device), "MiB", predicted.peak_mib(count, size.large)


def resume(size: Size) -> Iterator[Row]:
    """Interrupt a training, take it up from its checkpoint, and compare with one of a piece."""
    for name, gap in resumed.gaps(size.device):
        yield f"{name}: largest difference of a validation loss", gap, "", 0.0
        if not gap <= resumed.LARGEST:
            raise RuntimeError(f"{name}: resumed, losses differ by {gap:.1e}")


def study(size: Size) -> Iterator[Row]:
    """Run a search and two trainings of the smallest study through Snakemake."""
    runs = [f"results/runs/insteval/{name}/paper" for name in ("mmoe", "mtnas")]
    gpu = ("--resources", "gpu=1", "--set-resources", "train:gpu=1", "search:gpu=1")
    plan = ("-n",) if size.device == "cpu" else ()
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        workflow.check_out(copy)
        started = time.perf_counter()
        targets = [f"{run}/metrics.csv" for run in runs]
        asked = ("--configfile", workflow.SMALLEST, *gpu, *plan)
        workflow.snakemake(copy, *targets, *asked)
        took = time.perf_counter() - started
        for run in () if plan else runs:
            device = read_json(copy / run / "run.json")["timings"]["device"]
            if device != "cuda":
                raise RuntimeError(f"{run}: trained on {device}")
    yield "a search and two trainings through Snakemake", took, "s", None


def _auc(own: Training, work: w.Work) -> float:
    """Return the mean AUC over tasks on the last tenth after one pass over the rest."""
    steps = int(0.9 * work.steps)
    own.take(steps)
    own.check()
    trainer = own.trainer
    trainer.table_optimizer.settle()
    rows = torch.arange(steps * w.BATCH, len(work.ids)).numpy()
    logit_MNT = predict(trainer.ensemble, trainer.examples, [rows])
    labels_NT = torch.from_numpy(work.labels[rows])
    return float(auc(logit_MNT[0].float().cpu().T, labels_NT.T).mean())


def _least(work: Callable[[], object], size: Size) -> float:
    """Return the seconds of the fastest of some calls, after one that warms up."""
    seconds = []
    for _ in range(1 + size.passes):
        wait(size.device)
        started = time.perf_counter()
        work()
        wait(size.device)
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


# Seconds that each may take, eight minutes together.
SECTIONS: dict[str, tuple[Callable[[Size], Iterator[Row]], float]] = {
    "machine": (machine, 30),
    "equality": (equality, 80),
    "models": (models, 120),
    "tables": (tables, 90),
    "memory": (memory, 30),
    "resume": (resume, 40),
    "study": (study, 90),
}
