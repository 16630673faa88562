"""A training step on one shared table of 10^6 rows: ours, plain PyTorch, JAX and five libraries."""

import importlib.util
from collections.abc import Sequence
from typing import Any

from benchmarks.harness import alternate, fastest, ratio, spread
from benchmarks.outcome import Outcome, Settings, UnavailableError

NUM_ROWS = 1_000_000
LIBRARIES = ("deepctr_torch", "torch_rechub", "fuxictr", "libmtl")
OTHERS = {"JAX and optax": "jax", "fbgemm, other mathematics": "fbgemm"}
THREADS = (1, 2)


def run(settings: Settings) -> Outcome:
    """Let every contender use the number of threads that suits it best."""
    measured: dict[str, dict[str, Any]] = {}
    for threads in THREADS:
        found = alternate(contenders(settings, threads), **settings.turns)
        measured |= {f"{name}, {_threads(threads)}": seen for name, seen in found.items()}
    return outcome(measured)


def outcome(measured: dict[str, dict[str, Any]]) -> Outcome:
    """Return the table and the ratios of what was measured."""
    return Outcome(
        title="Training steps on one table of 1,000,000 rows, batch 512",
        columns=("Contender", "examples/s, median", "min", "max", "CPU ms per step"),
        rows=[
            (name, *spread(seen["examples_per_second"]), spread(seen["cpu_ms_per_step"])[0])
            for name, seen in measured.items()
        ],
        note="Libraries: their own MMoE with their own L2. 'per field' gives them 15 small tables "
        "instead of the shared one, their better case; 'memory kept' tells the allocator not to "
        "return freed memory to the system; 'compiled' hands the network to torch.compile. JAX and "
        "optax take the steps of torch's fused Adam, with threads as they please; FBGEMM updates, "
        "by Adagrad, only the rows of a batch. AdaTT: its layout, as large, in plain PyTorch.",
        ratios={
            **_ratios(measured, THREADS, ""),
            **_ratios(measured, THREADS[:1], "_one_thread"),
        },
        measured=measured,
    )


def _ratios(
    measured: dict[str, dict[str, Any]], threads: Sequence[int], suffix: str
) -> dict[str, dict[str, float]]:
    """Return our rate over that of the fastest of each group, each with its best of `threads`."""

    def best(groups: Sequence[str]) -> Sequence[float]:
        names = [f"{group}, {_threads(number)}" for group in groups for number in threads]
        rates: Sequence[float] = measured[fastest(measured, names)]["examples_per_second"]
        return rates

    return {f"{key}{suffix}": ratio(best(["ours"]), best(groups)) for key, groups in RIVALS.items()}


def contenders(settings: Settings, threads: int) -> dict[str, dict[str, Any]]:
    """Return every contender by its name."""
    _require_libraries()
    common = {"num_rows": 50_000 if settings.quick else NUM_ROWS, "threads": threads}
    named: dict[str, dict[str, Any]] = {
        "ours": {**common, "kind": "ours"},
        "ours, compiled": {**common, "kind": "ours", "options": {"compiled": True}},
    }
    for form in ("default", "foreach", "fused", "compiled"):
        named[f"torch {form}"] = {**common, "kind": "torch", "options": {"form": form}}
    for library in LIBRARIES:
        for mode, per_field in (("shared", False), ("per field", True)):
            options = {"per_field": per_field}
            named[f"{library} {mode}"] = {**common, "kind": library, "options": options}
    named["torch fused, AdaTT"] = {
        **common, "kind": "torch", "options": {"form": "fused", "network": "adatt"},
    }  # fmt: skip
    named |= {name: {**common, "kind": kind} for name, kind in OTHERS.items()}
    for name in ("torch fused", "torch fused, AdaTT", *_libraries("shared")):
        named[f"{name}, memory kept"] = {**named[name], "keep_memory": True}
    return named


def _libraries(mode: str) -> list[str]:
    return [f"{library} {mode}" for library in LIBRARIES]


RIVALS = {
    "vs_fastest_library_shared_table": _libraries("shared"),
    "vs_fastest_library_shared_table_memory_kept": _libraries("shared, memory kept"),
    "vs_fastest_library_per_field": _libraries("per field"),
    "vs_torch_fused_dense": ["torch fused"],
    "vs_jax": ["JAX and optax"],
    "vs_ours_compiled": ["ours, compiled"],
    "vs_torch_fused_dense_memory_kept": ["torch fused, memory kept"],
}


def _threads(threads: int) -> str:
    return f"{threads} thread{'s' if threads > 1 else ''}"


def _require_libraries() -> None:
    missing = [name for name in MODULES if importlib.util.find_spec(MODULES[name]) is None]
    if missing:
        raise UnavailableError(f"{', '.join(missing)} not installed; run `make benchmarks`")


MODULES = {
    "deepctr_torch": "deepctr_torch",
    "torch_rechub": "torch_rechub",
    "fuxictr": "fuxictr",
    "libmtl": "LibMTL",
    "optax": "optax",
    "fbgemm": "fbgemm_gpu",
}
