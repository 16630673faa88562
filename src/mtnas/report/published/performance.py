"""The measurements of `benchmarks/`, rendered for docs/performance.md."""

from collections.abc import Sequence
from pathlib import Path

from mtnas.report.published.store import RESTORE
from mtnas.report.render import pipes
from mtnas.runtime.errors import RecordError, unknown
from mtnas.runtime.files import Json, advising, read_json

REMEDY = f"{RESTORE}, or measure again with `make benchmarks`"
STEP = {
    "vs_fastest_library_shared_table": "the fastest library, one shared table",
    "vs_fastest_library_shared_table_memory_kept": "the same, its allocator told to keep memory",
    "vs_fastest_library_per_field": "the fastest library, one table per field",
    "vs_torch_fused_dense": "torch's fused dense Adam",
    "vs_torch_fused_dense_memory_kept": "the same, its allocator told to keep memory",
    "vs_jax": "JAX and optax, the same steps",
    "vs_ours_compiled": "ours, its network compiled",
}
TABLE_SIZES = (1_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 10_000_000)
RATIOS = {
    **STEP,
    **{f"{key}_one_thread": f"{label}, one thread each" for key, label in STEP.items()},
    **{
        f"vs_torch_fused_at_{rows}_threads_{threads}": f"torch's fused dense Adam, memory kept, "
        f"{rows:,} rows, {threads} thread{'s' * (threads > 1)}"
        for rows in TABLE_SIZES
        for threads in (1, 2)
    },
    "vs_dense_floor": "the bandwidth floor of any dense update",
    "exact_vs_dense_floor": "the same, every missed step taken one by one",
    "search_step_vs_training_step": "a search step over a training step of ML-MMoE (time)",
    "ten_seeds_vs_plain": "ten seeds in one job over ten programs in plain PyTorch",
    "ten_seeds_vs_plain_cpu": "the same, CPU time",
    "routes_together_vs_apart": "49 routes x 5 seeds together over one after another",
    "hashing_vs_per_cell_loop": "hashing over a loop with hashlib",
    "prepare_vs_copy_without_hashing": "preparing over copying the same Parquet",
    "prepare_vs_pandas": "preparing over numbering the same values with pandas",
    "prepare_own_vs_copy": "preparing a Parquet of one's own over copying it",
    "prepare_csv_vs_copy": "preparing a CSV of one's own over copying it to Parquet",
    "prepare_csv_vs_pandas": "the same over numbering its values with pandas",
    "exact_decay_vs_jumps": "two epochs on 6,000,000 rows, every missed step one by one (CPU time)",
    "planning_vs_bare_dag": "planning, a bare workflow of as many jobs over ours",
    "gpu_many_vs_one": "64 models over one on the GPU",
}


def ratios(published: Path) -> str:
    """Render the ratios: how many times faster we are, or what the line says."""
    found = _read(published)
    rows = []
    for key, label in RATIOS.items():
        if key in found:
            r = _with(found[key], ("median", "min", "max", "runs"), published, key)
            values = (f"{r[part]:.2f}" for part in ("median", "min", "max"))
            rows.append((label, *values, r["runs"]))
    return pipes.table(("Ratio to", "median", "min", "max", "rounds"), rows)


def table(published: Path, name: str) -> str:
    """Render one table of measurements with the machine it was made on."""
    found = _read(published)["tables"]
    if name not in found:
        raise RecordError(unknown("benchmark", name, found, str(_path(published))))
    parts = ("title", "columns", "rows", "note", "simulated", "machine")
    outcome = _with(found[name], parts, published, f"tables.{name}")
    known = ("cpu", "cores", "gpu", "torch")
    machine = _with(outcome["machine"], known, published, f"tables.{name}.machine")
    label = " (simulated data)" if outcome["simulated"] else ""
    rows = [map(_cell, row) for row in outcome["rows"]]
    gpu = f", {machine['gpu']}" if machine["gpu"] else ""
    commit = f", commit {machine['commit']}" if machine.get("commit") else ""
    made = f"{machine['cpu']}, {machine['cores']} cores{gpu}, torch {machine['torch']}{commit}."
    heading = f"### {outcome['title']}{label}"
    note = " ".join(filter(None, (outcome["note"], made)))
    return "\n\n".join([heading, pipes.table(outcome["columns"], rows), note])


def _path(published: Path) -> Path:
    return published / "performance.json"


def _read(published: Path) -> Json:
    with advising(REMEDY):
        found = read_json(_path(published), ("tables",))
    _with(found["tables"], (), published, "tables")
    return found


def _with(value: object, keys: Sequence[str], published: Path, name: str) -> Json:
    """Return what stands in the file under a name, a mapping that has some keys."""
    lacking = [key for key in keys if not isinstance(value, dict) or key not in value]
    if lacking or not isinstance(value, dict):
        what = f"{name} lacks {', '.join(lacking) or 'a mapping'}"
        raise RecordError(f"{_path(published)}: {what}; {REMEDY}")
    return value


def _cell(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.01 or value == 0 else f"{value:.1e}"
