"""Run records: tidy metrics plus everything that made them.

A run is dataset x method x variant over all its seeds and lives in one folder:
`metrics.csv` (columns `seed,split,task,metric,value`), `run.json` (resolved spec, versions, code
fingerprint, timings, parameter counts) and `predictions.parquet` (test predictions).
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import atomic_path, read_json, remake, write_json
from mtnas.tasks.metrics import ALL_TASKS

METRIC_COLUMNS = ("seed", "split", "task", "metric", "value")
RUN_COLUMNS = ("dataset", "method", "variant", *METRIC_COLUMNS)


@dataclass(frozen=True)
class RunRecord:
    """One run: its metrics (one line per seed, split, task and metric) and its record."""

    metrics: pd.DataFrame
    record: dict[str, Any]
    folder: Path | None = None
    predictions: pd.DataFrame | None = field(default=None, repr=False)
    kept: Path | None = None  # the folder of its checkpoints

    @property
    def key(self) -> tuple[str, str, str]:
        """Return (dataset, method, variant)."""
        spec = self.record["spec"]
        return spec["dataset"], spec["method"], spec["variant"]

    def write(
        self,
        *,
        metrics: str | Path,
        record: str | Path,
        predictions: str | Path,
        code: str | None = None,
    ) -> None:
        """Write the parts of the run, each atomically; refuse metrics that are not finite.

        Checkpoints are not needed any more.
        """
        check_metrics(self.metrics, where=str(metrics))
        if self.predictions is None:
            raise RecordError(f"{predictions}: the run holds no predictions to write")
        with atomic_path(predictions) as path:
            self.predictions.to_parquet(path, index=False)
        with atomic_path(metrics) as path:
            self.metrics.to_csv(path, index=False, float_format="%.10g")
        write_json(record, {**self.record, "code": code})
        if self.kept is not None:
            shutil.rmtree(self.kept, ignore_errors=True)


def check_metrics(metrics: pd.DataFrame, where: str) -> None:
    """Raise `RecordError` unless the table is tidy, complete, unique and finite."""
    if tuple(metrics.columns) != METRIC_COLUMNS:
        raise RecordError(
            f"{where}: columns {list(metrics.columns)}, expected {list(METRIC_COLUMNS)}"
        )
    values = pd.to_numeric(metrics["value"], errors="coerce")
    if metrics.empty or metrics.isna().to_numpy().any() or not np.isfinite(values).all():
        raise RecordError(f"{where}: empty, or a value is missing or not a finite number")
    if metrics.duplicated(list(METRIC_COLUMNS[:-1])).any():
        raise RecordError(f"{where}: two values for one seed, split, task and metric")


def read_run(folder: str | Path) -> RunRecord:
    """Read the metrics and the record of one run folder; `RecordError` if one is broken."""
    folder = Path(folder)
    metrics = _read_metrics(folder / "metrics.csv")
    record = read_json(folder / "run.json", ("spec",))
    missing = [key for key in RUN_COLUMNS[:3] if key not in record["spec"]]
    if missing:
        path = folder / "run.json"
        raise RecordError(
            f"{path}: its spec lacks {', '.join(missing)}; delete it and run `{remake(path)}`"
        )
    return RunRecord(metrics, record, folder)


def _read_metrics(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise RecordError(f"{path}: missing; run `{remake(path)}`")
    try:
        metrics = pd.read_csv(path)
        check_metrics(metrics, where=str(path))
    except RecordError as error:
        raise RecordError(f"{error}; delete it and run `{remake(path)}`") from None
    except ValueError as error:  # of pandas: empty, no table, no text
        raise RecordError(
            f"{path}: not a table ({error}); delete it and run `{remake(path)}`"
        ) from None
    return metrics


def scores_by_seed(run: RunRecord) -> pd.DataFrame:
    """Return the test scores of a run, one row per seed, columns such as `auc_t0`, `mtl_loss`.

    Raises:
        RecordError: no test scores, or a seed lacks one that another seed has.
    """
    if not (run.metrics["split"] == "test").any():
        raise RecordError(f"{run.folder}: metrics.csv holds no rows of the test split")
    scores = wide(run.metrics)
    if scores.isna().to_numpy().any():
        lacking = scores.index[scores.isna().any(axis=1)].tolist()
        raise RecordError(f"{run.folder}: seeds {lacking} lack test metrics that others have")
    return scores


def wide(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the test metrics of one run, one row per seed, columns such as `auc_t0`."""
    test = metrics[metrics["split"] == "test"]
    suffix = test["task"].map(lambda task: "" if task == ALL_TASKS else f"_{task}")
    return test.assign(column=test["metric"] + suffix).pivot(
        index="seed", columns="column", values="value"
    )


def concatenate(runs: Iterable[RunRecord]) -> pd.DataFrame:
    """Return all metrics in one frame with the columns `RUN_COLUMNS`."""
    frames = []
    for run in runs:
        dataset, method, variant = run.key
        frames.append(run.metrics.assign(dataset=dataset, method=method, variant=variant))
    if not frames:
        return pd.DataFrame(columns=list(RUN_COLUMNS))
    return pd.concat(frames, ignore_index=True)[list(RUN_COLUMNS)]
