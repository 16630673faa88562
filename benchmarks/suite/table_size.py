"""Time per step against the size of the embedding table: ours, both its forms, PyTorch, JAX."""

import importlib.util
from typing import Any

from benchmarks.harness import alternate, ratio, spread
from benchmarks.outcome import Outcome, Settings
from benchmarks.suite.roofline import triad_gigabytes_per_second
from benchmarks.work import BATCH, EMBEDDING_DIM

SIZES = (1_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 10_000_000)
MOVED = 6 * 4 * EMBEDDING_DIM  # bytes per row: read and write w, m, v
TORCH: dict[str, Any] = {"kind": "torch", "options": {"form": "fused"}, "keep_memory": True}
OURS = {
    "ours": {},
    "ours, by rows": {"by_rows": True},
    "ours, by rows, exact": {"by_rows": True, "exact": True},
    "ours, as a whole": {"by_rows": False},
}


def run(settings: Settings) -> Outcome:
    """Measure our trainer as it is, in each of its forms, and torch's fused Adam at every size."""
    rows, ratios = [], {}
    for size in SIZES[:3] if settings.quick else SIZES:
        floor = 1e3 * MOVED * size / (1e9 * triad_gigabytes_per_second())
        for threads in (1, 2):
            measured = alternate(contenders(size, threads), **settings.turns)
            torch = measured["torch fused, memory kept"]["examples_per_second"]
            for name, seen in measured.items():
                rates = seen["examples_per_second"]
                times = [1e3 * BATCH / rate for rate in rates]
                faster = ratio(rates, torch)["median"]
                rows.append((f"{size:,}", threads, name, *spread(times), faster, floor))
                if name == "ours":
                    ratios[f"vs_torch_fused_at_{size}_threads_{threads}"] = ratio(rates, torch)
                if size == 1_000_000 and threads == 1 and "by rows" in name:
                    key = "exact_vs_dense_floor" if "exact" in name else "vs_dense_floor"
                    ratios[key] = ratio([floor] * len(times), times)
    return Outcome(
        title="Milliseconds of a whole training step against the rows of the table",
        columns=("Rows", "Threads", "Update", "ms, median", "min", "max", "times as fast as torch",
                 "floor of a dense update, ms"),
        rows=rows,
        note="Torch keeps freed memory. 'ours' takes by its sizes one of the two forms below it. "
        "Floor: 240 bytes a row at the triad rate measured in the same session.",
        ratios=ratios,
    )  # fmt: skip


def contenders(size: int, threads: int) -> dict[str, dict[str, Any]]:
    """Return every contender by its name; the forms of ours with one thread alone."""
    common = {"num_rows": size, "threads": threads}
    forms = OURS if threads == 1 else {"ours": OURS["ours"]}
    ours = {name: {**common, "kind": "ours", "options": form} for name, form in forms.items()}
    others = {"torch fused, memory kept": TORCH}
    if importlib.util.find_spec("optax") is not None:
        others["JAX and optax"] = {"kind": "jax"}
    return {**ours, **{name: {**common, **other} for name, other in others.items()}}
