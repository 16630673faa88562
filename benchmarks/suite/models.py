"""Many models in one process: examples x models per second, and memory per model."""

from benchmarks.harness import alternate, spread
from benchmarks.outcome import Outcome, Settings

COUNTS = (1, 2, 4, 8, 16, 32, 64)
WIDTHS = {"paper (64 wide)": 64, "synthetic study (8 wide)": 8}
NUM_ROWS = 100_000


def run(settings: Settings) -> Outcome:
    """Train 1 to 64 models of MTNAS at once, wide ones and narrow ones, with one thread."""
    rows = []
    counts = COUNTS[:3] if settings.quick else COUNTS
    for label, width in WIDTHS.items():
        named = {
            f"{models}": {
                "kind": "ours",
                "num_rows": NUM_ROWS,
                "batches": 50,
                "options": {"name": "mtnas", "models": models, "width": width},
            }
            for models in counts
        }
        measured = alternate(named, **settings.turns)
        alone = measured["1"]["mib"]
        for models in counts:
            seen = measured[str(models)]
            each = (seen["mib"] - alone) / (models - 1) if models > 1 else None
            rates = spread(seen["examples_per_second"])
            rows.append((label, models, *rates, "" if each is None else f"{each:.0f}"))
    return Outcome(
        title="Many models at once, one thread, tables of 100,000 rows",
        columns=("Models", "at once", "examples x models/s, median", "min", "max", "MiB per model"),
        rows=rows,
        note="Memory: growth of the process from one model to as many as the row says.",
    )
