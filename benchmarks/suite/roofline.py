"""What this machine can do: multiply matrices, move memory; and the floors that follow."""

import time

import numpy as np
import torch

from benchmarks.outcome import Outcome, Settings
from benchmarks.work import BATCH, EMBEDDING_DIM, EXPERT_DIM, EXPERTS, FIELDS, ROOT_DIM

TRIAD_SIZE = 30_000_000


def run(settings: Settings) -> Outcome:
    """Measure both rates with one thread."""
    torch.set_num_threads(1)
    gemm = gemm_gigaflops()
    tiny, as_zero = tiny_gigaflops(flush=False), tiny_gigaflops(flush=True)
    triad = triad_gigabytes_per_second(TRIAD_SIZE // 10 if settings.quick else TRIAD_SIZE)
    weights = FIELDS * EMBEDDING_DIM * ROOT_DIM + EXPERTS * ROOT_DIM * EXPERT_DIM
    work = 3 * 2 * BATCH * weights / 1e9
    dense = 6 * 4 * EMBEDDING_DIM * 1e6 / 1e9
    return Outcome(
        simulated=False,
        title="What the machine can do with one thread, and the floors of a training step",
        columns=("What", "value", "unit"),
        rows=[
            ("matrix product, float32", gemm, "GFLOP/s"),
            ("matrix product with decayed weights, near 1e-39", tiny, "GFLOP/s"),
            ("the same, where they count as zero, as in our jobs", as_zero, "GFLOP/s"),
            ("memory, triad", triad, "GB/s"),
            ("floor of the products of a step (forward and backward)", 1e3 * work / gemm, "ms"),
            ("floor of a dense update of 1,000,000 rows", 1e3 * dense / triad, "ms"),
            ("examples/s at the floor of the products", BATCH * gemm / work, "1/s"),
            ("examples/s at the floor of a dense update", BATCH * triad / dense, "1/s"),
        ],
    )


def gemm_gigaflops(size: int = 1024, repeats: int = 20, scale: float = 1.0) -> float:
    """Return the rate of a large float32 matrix product (best of `repeats`)."""
    a, b = torch.randn(size, size), torch.randn(size, size) * scale
    return 2 * size**3 / 1e9 / _best(lambda: torch.mm(a, b), repeats)


def tiny_gigaflops(*, flush: bool) -> float:
    """Return that rate where one factor is too small for a normal float32."""
    torch.set_flush_denormal(flush)
    try:
        return gemm_gigaflops(size=512, repeats=3, scale=1e-39)
    finally:
        torch.set_flush_denormal(False)


def triad_gigabytes_per_second(size: int = TRIAD_SIZE, repeats: int = 5) -> float:
    """Return the rate of a = b + c * s over arrays beyond every cache, counting three of them."""
    b, c = np.ones(size, np.float32), np.ones(size, np.float32)
    a, scaled = np.empty_like(b), torch.from_numpy(c)
    out, base = torch.from_numpy(a), torch.from_numpy(b)
    return 12 * size / 1e9 / _best(lambda: torch.add(base, scaled, alpha=2.0, out=out), repeats)


def _best(call: object, repeats: int) -> float:
    assert callable(call)
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)
