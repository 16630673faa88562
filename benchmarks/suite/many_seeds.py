"""MMoE on InstEval with ten seeds: one job of ours against ten programs in plain PyTorch.

Whole wall and CPU time, from the start of Python to the test scores, with one thread. Both train
equally many epochs, of equally many batches of one size.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness import ratio, spread
from benchmarks.outcome import Outcome, Settings
from mtnas.data.prepare.table import prepare

SEEDS, EPOCHS = 10, 10
ROUNDS = 3  # each takes a minute
AUC_GAP = 0.01  # more between the two sides would mean other work
OURS, PLAIN = "ours, one job", "plain PyTorch, one program per seed"
CPU = ", CPU"


def run(settings: Settings) -> Outcome:
    """Let both take turns."""
    seeds, epochs = (2, 1) if settings.quick else (SEEDS, EPOCHS)
    rounds = 1 if settings.quick else min(ROUNDS, settings.rounds)
    seconds: dict[str, list[float]] = {OURS: [], PLAIN: [], OURS + CPU: [], PLAIN + CPU: []}
    with TemporaryDirectory() as folder:
        files = [Path(folder) / "table.parquet", Path(folder) / "manifest.json"]
        prepare({"dataset": "insteval"}, table=files[0], manifest=files[1])
        for number in range(rounds):
            numbers = list(map(str, range(seeds)))
            aucs = {
                OURS: [_train("ours", files, epochs, numbers, OURS, seconds)],
                PLAIN: [_train("plain", files, epochs, [n], PLAIN, seconds) for n in numbers],
            }
            for name in (PLAIN, PLAIN + CPU):  # one program per seed
                seconds[name][number:] = [sum(seconds[name][number:])]
            means = [[sum(own) / len(own) for own in zip(*aucs[n], strict=True)] for n in aucs]
            if (
                not settings.quick
                and max(abs(a - b) for a, b in zip(*means, strict=True)) > AUC_GAP
            ):
                raise RuntimeError(f"these do not learn the same: mean test AUC {means}")
            print(f"round {number + 1}/{rounds}  AUC {means}", flush=True)
    return Outcome(
        simulated=False,
        title=f"MMoE on InstEval, {seeds} seeds, {epochs} epochs: seconds of everything",
        columns=("What", "seconds, median", "min", "max"),
        rows=[(name, *spread(own)) for name, own in seconds.items()],
        note="From the start of Python to test scores; one thread. Plain PyTorch: fused Adam, the "
        "weights of the best epoch, the table prepared as ours.",
        ratios={
            "ten_seeds_vs_plain": ratio(seconds[PLAIN], seconds[OURS]),
            "ten_seeds_vs_plain_cpu": ratio(seconds[PLAIN + CPU], seconds[OURS + CPU]),
        },
        measured=dict(seconds),
    )


def _train(
    side: str, files: Sequence[Path], epochs: int, seeds: Sequence[str], name: str,
    seconds: dict[str, list[float]],
) -> list[float]:  # fmt: skip
    """Train in a process of its own; note its seconds and return its mean test AUCs."""
    command = [sys.executable, "-m", "benchmarks.seeds", side, *map(str, files), str(epochs)]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    told = subprocess.run(
        [*command, *seeds], check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ).stdout  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds[name].append(time.perf_counter() - started)
    seconds[name + CPU].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    aucs: list[float] = json.loads(told.splitlines()[-1])
    return aucs
