"""What a study of TikTok whole costs: on a CPU by published rates, on GPUs by prediction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import work as w
from benchmarks.gpu import predicted
from mtnas import methods
from mtnas.training.trainer import SWEPT_ROWS

TRAIN, VALID, TEST = 15_697_872, 1_962_234, 1_962_234  # the paper's Table 1
TABLE_ROWS = 4_000_000
TASKS, SEEDS = 2, 10
EPOCHS = 5  # assumed, of a training and of a search to convergence
SCORING = 1 / 3  # of the products of a step: forward, without the two products backward
GPUS, CORES = 8, 2
ON_CPU = 0.15e-3  # seconds, assumed, of a search step of one model: AUCs, another route


@dataclass(frozen=True)
class Rates:
    """Rates that were published: of a step by the rows of a table, of a search, of preparing."""

    step_ms: Mapping[int, float]  # one model, one thread
    search_over_training: float
    prepared_per_second: float
    job_seconds: float  # the smallest training job, from the start of Snakemake to its end

    @classmethod
    def of(cls, published: Mapping[str, Any]) -> "Rates":
        """Read them from what `performance.json` holds."""
        tables = published["tables"]
        steps = {
            int(row[0].replace(",", "")): row[3]
            for row in tables["table_size"]["rows"]
            if row[1] == 1 and row[2] == "ours"
        }
        (prepared,) = (row[1] for row in tables["data"]["rows"] if "preparation" in row[0])
        (job,) = (row[1] for row in tables["workflow"]["rows"] if "training job" in row[0])
        return cls(steps, published["search_step_vs_training_step"]["median"], prepared, job)

    def step_seconds(self, table_rows: int) -> float:
        """Return what a step takes on a table of so many rows, between the sizes measured."""
        sizes = sorted(self.step_ms)
        known = [self.step_ms[size] for size in sizes]
        return float(np.interp(np.log(table_rows), np.log(sizes), known)) / 1e3

    def training_seconds(self, train: int, scored: int, table_rows: int) -> float:
        """Return the CPU seconds to train on some rows once, and to score others."""
        return self.step_seconds(table_rows) * (train + SCORING * scored) / w.BATCH


def trained_models() -> dict[str, int]:
    """Return how many models every method trains for a seed; controls train none."""
    loaded = [methods.load(n) for n in methods.available() if not n.startswith("control")]
    return {method.name: TASKS if method.per_task else 1 for method in loaded}


def cpu_hours(rates: Rates) -> float:
    """Return the hours of one core for the searches and trainings of the whole study."""
    epoch = rates.training_seconds(TRAIN, VALID, TABLE_ROWS)
    models = sum(trained_models().values()) + rates.search_over_training
    return SEEDS * EPOCHS * epoch * models / 3600


def gpu_hours(rates: Rates) -> dict[str, float]:
    """Predict the hours of one GPU for every method and the search, all seeds at once."""
    steps = EPOCHS * (TRAIN + SCORING * VALID) / w.BATCH
    hours = {}
    for name, models in trained_models().items():
        hours[name] = steps * _gpu_step(SEEDS * models).captured
    # Another route at every step: a search is not recorded.
    step = _gpu_step(SEEDS).plain * rates.search_over_training + ON_CPU * SEEDS
    hours["search"] = steps * step
    return {name: (seconds + rates.job_seconds) / 3600 for name, seconds in hours.items()}


def cluster_hours(hours: Mapping[str, float]) -> float:
    """Return how long so many GPUs take: no job is divided, and MTNAS waits for its search."""
    return max(sum(hours.values()) / GPUS, hours["search"] + hours["mtnas"])


def _gpu_step(models: int) -> predicted.Step:
    # Operations of many models are those of two.
    return predicted.step(models, TABLE_ROWS, swept=models * TABLE_ROWS >= SWEPT_ROWS)
