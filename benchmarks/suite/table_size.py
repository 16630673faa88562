"""Time per step against the size of the embedding table: row-wise, dense, and the dense floor."""

from benchmarks.harness import alternate, ratio, spread
from benchmarks.outcome import Outcome, Settings
from benchmarks.suite.roofline import triad_gigabytes_per_second
from benchmarks.work import BATCH, EMBEDDING_DIM

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
MOVED = 6 * 4 * EMBEDDING_DIM  # bytes per row: read and write w, m, v


def run(settings: Settings) -> Outcome:
    """Measure both forms of our trainer and torch's fused Adam at every size."""
    rows, ratios = [], {}
    for size in SIZES[:2] if settings.quick else SIZES:
        common = {"num_rows": size, "threads": 1}
        measured = alternate(
            {
                "row-wise": {**common, "kind": "ours"},
                "row-wise, exact": {**common, "kind": "ours", "options": {"exact": True}},
                "torch fused": {**common, "kind": "torch", "options": {"form": "fused"}},
            },
            **settings.turns,
        )
        floor = 1e3 * MOVED * size / (1e9 * triad_gigabytes_per_second())
        for name, seen in measured.items():
            times = [1e3 * BATCH / rate for rate in seen["examples_per_second"]]
            rows.append((f"{size:,}", name, *spread(times), floor))
            if size == 1_000_000 and name == "row-wise":
                ratios["vs_dense_floor"] = ratio([floor] * len(times), times)
            if size == 1_000_000 and name == "row-wise, exact":
                ratios["exact_vs_dense_floor"] = ratio([floor] * len(times), times)
    return Outcome(
        title="Milliseconds of a whole training step against the rows of the table, one thread",
        columns=("Rows", "Update", "ms, median", "min", "max", "floor of a dense update, ms"),
        rows=rows,
        note="Floor: 240 bytes a row at the triad rate measured in the same session.",
        ratios=ratios,
    )
