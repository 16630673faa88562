"""What a weight step should take on one H100, before anybody measured it."""

from benchmarks.gpu import predicted
from benchmarks.outcome import Outcome, Settings
from benchmarks.work import BATCH

CASES = ((1_000_000, (1, 4, 16, 64)), (4_000_000, (1, 10, 64)))


def run(settings: Settings) -> Outcome:
    """Predict plain and recorded steps, with dense updates and with sweeps."""
    rows = []
    for size, counts in CASES:
        for models in counts[: 2 if settings.quick else None]:
            dense, swept = (predicted.step(models, size, swept=how) for how in (False, True))
            times = [1e3 * seconds for seconds in (dense.plain, dense.captured, swept.captured)]
            best = min(times)
            limit = "starting kernels" if dense.started > dense.table else "memory"
            rows.append((f"{size:,}", models, *times, 1e3 * BATCH * models / best, limit))
    return Outcome(
        title="A weight step of MMoE on one H100, predicted and not measured",
        columns=("Rows of a table", "models", "plain, ms", "recorded, ms", "recorded and swept, ms",
                 "examples x models/s", "limit of a dense update"),
        rows=rows,
        note=predicted.assumptions(),
    )  # fmt: skip
