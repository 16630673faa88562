"""What a weight step should take on a GPU, from its data sheet and a count of operations.

Nothing of this is measured on a GPU: it stands beside what is, to be proved wrong.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks import ours
from benchmarks import work as w
from benchmarks.work import make_work
from mtnas.training.swept_adam import SWEEP, Moments, SweptAdam
from mtnas.training.trainer import Trainer

# They start no kernel: another view of a tensor, or room for one.
NO_KERNEL = frozenset(
    f"aten::{name}"
    for name in (
        "view", "_unsafe_view", "reshape", "_reshape_alias", "as_strided", "expand", "transpose",
        "t", "numpy_T", "permute", "unsqueeze", "squeeze", "select", "slice", "split", "unbind",
        "unflatten", "flatten", "detach", "detach_", "alias", "movedim", "narrow", "empty",
        "empty_like", "empty_strided", "new_empty", "result_type", "lift_fresh", "resize_",
        "unfold", "is_nonzero", "item", "_local_scalar_dense", "resolve_conj", "resolve_neg",
        "swapaxes", "diagonal", "chunk", "expand_as", "view_as", "set_", "requires_grad_",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Gpu:
    """A GPU as its data sheet has it, and what starting a kernel takes."""

    name: str
    bytes_per_second: float
    flops: float  # float32, without tensor cores
    launch: float  # seconds of the CPU for an operation that Python asks for
    replay: float  # seconds between two kernels of a recorded step
    share: float = 0.7  # of bandwidth and products that such work reaches


REPLAYED = 40  # products' worth of one missed step of one number, with its root and division
H100 = Gpu("H100 SXM", 3.35e12, 67e12, launch=5e-6, replay=1.5e-6)


def _one_kernel(w: Tensor, m: Tensor, v: Tensor, *_: Tensor) -> Moments:
    """Stand in for what is compiled to one kernel on a GPU."""
    return w + 0, m, v


@dataclass(frozen=True)
class Step:
    """The parts of a weight step of M models, in seconds."""

    asked: float  # for by Python, operation by operation
    started: float  # as kernels of a recorded step
    table: float  # reading and writing tables and moments
    products: float

    @property
    def plain(self) -> float:
        """Return how long a plain step takes: Python and the GPU work side by side."""
        return max(self.asked, self.captured)

    @property
    def captured(self) -> float:
        """Return how long a recorded step takes."""
        return self.started + self.table + self.products


@cache
def operations(models: int, *, swept: bool = False) -> int:
    """Count the operations of a weight step that start a kernel, by torch's profiler on a CPU.

    They do not depend on the number of rows, so a small table will do.
    """
    work = make_work(1_500, steps=4)
    trainer = Trainer(ours.ensemble_of(work, "mmoe", range(models)), ours.examples_of(work),
                      ours.TRAINING)  # fmt: skip
    if swept:
        rates = trainer.ensemble.rates(ours.TRAINING)
        trainer.table_optimizer = adam = SweptAdam(trainer.ensemble.table_MNE, **rates)
        adam._replay = _one_kernel
    index_MB = torch.arange(w.BATCH).expand(models, -1)
    trainer.step(index_MB)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        trainer.step(index_MB)
    events = seen.events() or ()
    return sum(
        event.name.startswith("aten::")
        and event.name not in NO_KERNEL
        and not any(child.name.startswith("aten::") and child.name not in NO_KERNEL
                    for child in event.cpu_children)
        for event in events
    )  # fmt: skip


def step(models: int, rows: int, *, swept: bool = False, gpu: Gpu = H100) -> Step:
    """Predict a weight step of MMoE at the paper's size on tables of so many rows."""
    count = operations(min(models, 2), swept=swept)  # of many as of two: they are mapped over
    numbers = models * rows * w.EMBEDDING_DIM
    # w, m and v read and written; of a dense update the gradient, too, which is then cleared.
    moved = 4 * numbers * (6 / SWEEP if swept else 8)
    weights = w.FIELDS * w.EMBEDDING_DIM * w.ROOT_DIM + w.EXPERTS * w.ROOT_DIM * w.EXPERT_DIM
    flops = 3 * 2 * w.BATCH * weights * models + (REPLAYED * numbers if swept else 0)
    return Step(
        asked=count * gpu.launch,
        started=count * gpu.replay,
        table=moved / (gpu.share * gpu.bytes_per_second),
        products=flops / (gpu.share * gpu.flops),
    )


def peak_mib(models: int, rows: int) -> float:
    """Predict the memory of a dense update: weights, two moments and a gradient."""
    return 4 * 4 * models * rows * w.EMBEDDING_DIM / 2**20


def assumptions(gpu: Gpu = H100) -> str:
    """Return in words what a prediction stands on."""
    return (
        f"Predicted for {gpu.name}: {gpu.bytes_per_second / 1e12:.2f} TB/s and "
        f"{gpu.flops / 1e12:.0f} TFLOP/s of float32 by its data sheet, of which {gpu.share:.0%} is "
        f"reached; {1e6 * gpu.launch:.0f} us (4 to 6) for an operation that Python asks for, "
        f"{1e6 * gpu.replay:.1f} us for a kernel of a recorded step; operations of a step counted "
        f"by torch's profiler on a CPU: {operations(1)} of one model, {operations(2)} of several, "
        f"with sweeps {operations(1, swept=True)} and {operations(2, swept=True)}. A dense update "
        f"moves 8 numbers for each of a table, a sweep 6 for every {SWEEP}th, and takes a missed "
        f"step of a number in {REPLAYED} operations."
    )
