"""TikTok whole on paper, and a point of it measured: 1,000,000 simulated rows, one epoch.

And what jumps over the decay of unread rows (V10) spare a whole training of many rows: at every
validation all rows are brought up to date, which the steps alone do not show.

The measured side runs in a process of its own: `python -m benchmarks.suite.scale TABLE MANIFEST
EPOCHS [exact]` prints the CPU seconds of one training.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import torch

from benchmarks import scale
from benchmarks import work as w
from benchmarks.gpu import predicted
from benchmarks.harness import ratio
from benchmarks.outcome import PUBLISHED, Outcome, Settings
from benchmarks.scale import Rates
from mtnas.data.prepare.manifest import Manifest
from mtnas.data.prepare.table import prepare
from mtnas.data.simulators.base import simulate
from mtnas.runtime.files import read_json

ROWS, MANY, FEW = 1_000_000, 6_000_000, 20_000
ROUNDS, MANY_EPOCHS = 3, 2
EXACT = "exact"


def run(settings: Settings) -> Outcome:
    """Cost the whole study by published rates, and set one measured point against them."""
    rates = Rates.of(read_json(PUBLISHED))
    hours = scale.gpu_hours(rates)
    core, gpu = scale.cpu_hours(rates), sum(hours.values())
    prepared = sum((scale.TRAIN, scale.VALID, scale.TEST)) / rates.prepared_per_second / 3600
    rows: list[tuple[Any, ...]] = [
        ("preparing the table", "a core", prepared, "h", ""),
        ("all searches and trainings", f"{scale.CORES} cores", core / scale.CORES, "h", ""),
        ("the same", f"one {predicted.H100.name}", gpu, "h", ""),
        ("the same", f"{scale.GPUS} of them, SLURM", scale.cluster_hours(hours), "h", ""),
    ]
    jumps, exact = _replayed(settings)
    return Outcome(
        title="What a study of TikTok whole costs: on paper, and points of it measured",
        columns=("What", "where", "predicted", "unit", "measured"),
        rows=[*rows, _point(settings, rates), jumps, exact],
        note=_note(rates),
        ratios={"exact_decay_vs_jumps": ratio([exact[-1]], [jumps[-1]])},
    )


def _note(rates: Rates) -> str:
    models = scale.trained_models()
    return (
        f"{scale.TRAIN:,} training rows, {scale.SEEDS} seeds, {len(models)} methods "
        f"({sum(models.values())} models a seed), MTNAS searched besides. Assumed: {scale.EPOCHS} "
        "epochs of each training and as many passes of each search (what convergence takes is not "
        f"known); a table of {scale.TABLE_ROWS:,} rows; every method costs what MMoE does, for all "
        "have about as many parameters; 15 fields instead of ten; scoring a row a third of "
        f"training on it; a search step {rates.search_over_training:.2f} of a training step, on a "
        "GPU as on a CPU, and not recorded there, "
        f"where {1e3 * scale.ON_CPU:.2f} ms a model go to AUCs and routes on its CPU; every job "
        f"{rates.job_seconds:.0f} s to start; cores that do not slow each other. CPU: "
        f"published rates, {1e3 * rates.step_seconds(scale.TABLE_ROWS):.1f} ms a step. "
        f"{predicted.assumptions()} Measured: CPU seconds of user and system, which other "
        "work on the machine changes little, all of a job behind its imports."
    )


def _point(settings: Settings, rates: Rates) -> tuple[Any, ...]:
    """Train MMoE of one seed for one epoch on simulated TikTok rows; return its row."""
    rows = FEW if settings.quick else ROWS
    with _prepared(rows) as (table, manifest):
        facts = Manifest.read(manifest)
        took = min(_trained(table, manifest, 1) for _ in range(min(settings.rounds, ROUNDS)))
    sizes = facts.split_sizes
    scored = 2 * sizes["valid"] + sizes["test"]  # once more for predictions
    seconds = rates.training_seconds(sizes["train"], scored, facts.num_ids)
    what = f"MMoE, {rows:,} simulated rows, one seed, one epoch"
    return (what, "a core", seconds, "s of CPU", took)


def _replayed(settings: Settings) -> list[tuple[Any, ...]]:
    """Train on more rows, with jumps over the decay of unread ones and without; return two rows."""
    rows = FEW if settings.quick else MANY
    with _prepared(rows) as made:
        took = [_trained(*made, MANY_EPOCHS, *how) for how in ((), (EXACT,))]
    names = (f"MMoE, {rows:,} simulated rows, one seed, {MANY_EPOCHS} epochs",
             "the same, every missed step taken one by one (V10)")  # fmt: skip
    return [
        (name, "a core", "", "s of CPU", seconds) for name, seconds in zip(names, took, strict=True)
    ]


@contextmanager
def _prepared(rows: int) -> Iterator[tuple[Path, Path]]:
    """Prepare simulated TikTok rows for as long as the context lasts."""
    with TemporaryDirectory() as folder:
        raw, table, manifest = (Path(folder) / n for n in ("raw", "table.parquet", "manifest.json"))
        simulate({"dataset": "tiktok", "rows": rows}, raw)
        prepare({"dataset": "tiktok"}, table=table, manifest=manifest, raw=raw)
        yield table, manifest


def _trained(table: Path, manifest: Path, epochs: int, *how: str) -> float:
    command = [sys.executable, "-m", "benchmarks.suite.scale"]
    command += [str(table), str(manifest), str(epochs), *how]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": "1"}).stdout  # fmt: skip
    return float(json.loads(told.splitlines()[-1]))


def main() -> None:
    """Train as a job of the workflow does, with one thread; print the CPU seconds it took."""
    table, manifest, epochs, *how = sys.argv[1:]
    from mtnas.experiments.job import Job
    from mtnas.experiments.train import train
    from mtnas.study.specs import RunSpec
    from mtnas.training import fit, trainer

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    spec = {
        "dataset": "tiktok", "method": "mmoe", "variant": "paper", "seeds": [0],
        "fixed_split": False, "options": {"hidden_dim": w.EXPERT_DIM}, "budget": None,
        "training": {"epochs": int(epochs), "patience": int(epochs)},
    }  # fmt: skip
    exactly = partial(trainer.Trainer, exact_decay=EXACT in how)
    started = time.process_time()
    with patch.object(fit, "Trainer", exactly):
        train(RunSpec.of(spec), Job(table=Path(table), manifest=Path(manifest)))
    print(json.dumps(time.process_time() - started))


if __name__ == "__main__":
    main()
