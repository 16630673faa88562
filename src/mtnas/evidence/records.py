"""Runs: what was measured, and everything that made it.

A run is dataset x method x variant over all its seeds and lives in one folder: `metrics.csv`
(columns `seed,split,task,metric,value`), `run.json` (`RunRecord`), `predictions.parquet` (of the
test examples) and `model.safetensors` (the selected weights).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import SerializerFunctionWrapHandler, model_serializer

from mtnas.config.options import RunKey
from mtnas.data.prepare.manifest import Manifest
from mtnas.data.synthetic import SyntheticOptions
from mtnas.evidence.resampling import Resampling, folds_of, resampling_of, share_drawn_anew
from mtnas.evidence.restarts import counted
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import Json, advising, broken, remake
from mtnas.runtime.record import Part, Record, without_defaults
from mtnas.runtime.usage import Traced
from mtnas.study.specs import RunSpec
from mtnas.tasks.metrics import ALL_TASKS, METRICS, column_of

METRIC_COLUMNS = ("seed", "split", "task", "metric", "value")
RUN_COLUMNS = ("dataset", "method", "variant", *METRIC_COLUMNS)


class Parameters(Part):
    """How large one model of a run is, in parameters."""

    dense: int
    embedding: int
    models_per_seed: int
    hidden_dim: int | None
    dense_used: dict[int, int] = {}  # by seed, where a route decides which are used
    embedding_used: dict[int, int] = {}  # by seed, where a route decides which tables are read

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out what is not given, so that no older record differs from a new one."""
        return without_defaults(dump(self), {"embedding_used": {}})


class DataFacts(Part):
    """The table that a job read."""

    content_sha256: str
    source_sha256: dict[str, str]
    split_kind: str
    test_share: float | None = None  # test rows per training row of a split that seeds draw anew, 0
    # where none is; older records do not tell
    folds: int = 0  # seeds that test disjoint rows, where they do

    @classmethod
    def of(cls, manifest: Manifest) -> "DataFacts":
        """Return what records say of a prepared table."""
        return cls(
            content_sha256=manifest.content_sha256,
            source_sha256=manifest.source_sha256,
            split_kind=manifest.split_kind,
            test_share=share_drawn_anew(manifest),
            folds=folds_of(manifest),
        )

    def resampling(self, *, drawn: bool, fixed: bool) -> Resampling:
        """Return how seeds came to their rows (`resampling_of`)."""
        share = self.test_share if self.split_kind == "random" else 0.0
        where = f"the record of a job on the table {self.content_sha256[:8]}"
        return resampling_of(share, drawn=drawn, fixed=fixed, where=where, folds=self.folds)

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out what is not given, so that no older record differs from a new one."""
        return without_defaults(dump(self), {"test_share": None, "folds": 0})


class Curves(Part):
    """How a training went; losses are by epoch, validation losses also by task.

    `valid_loss` is the MTL loss of its tasks. `train_loss` counts tasks by their declared weights,
    and each by the labelled examples of the epoch.
    """

    best_epoch: int | tuple[int, ...]  # of the model, or of each of its tasks; 0: as in `before`
    train_loss: tuple[float, ...]
    valid_loss: tuple[float, ...]
    valid_losses: tuple[tuple[float, ...], ...]


class Fit(Curves):
    """How one model learned."""

    seed: int
    tasks: tuple[int, ...]
    before: Curves | None = None  # with `alignment: frozen` or its control, of the whole model

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out what is not given, so that no older record differs from a new one."""
        return without_defaults(dump(self), {"before": None})


class Timings(Part):
    """How long a run took, in seconds, and on what."""

    train_seconds: float
    total_seconds: float
    seeds_at_once: int
    device: str
    threads: int


class Git(Part):
    """The commit of the code, and whether files differed from it."""

    commit: str | None
    dirty: bool | None


class RunRecord(Record, Traced):
    """A run record: what was trained, on what, with which outcome, by which code (run.json)."""

    spec: RunSpec
    simulated: bool
    synthetic: SyntheticOptions | None
    parameters: Parameters | None  # a control has none
    options: dict[str, object]  # of the method, widths solved
    data: DataFacts
    splits: dict[int, str]  # by seed: a short digest of its split
    left_out: dict[int, dict[str, int]] = {}  # by seed and source: training rows that were dropped,
    # since their group is in validation or test, too, or as many others (`training.leaks`)
    valid_left_out: dict[int, dict[str, int]] = {}  # the same of validation rows, for test
    fits: tuple[Fit, ...]
    gates: dict[int, tuple[tuple[float, ...], ...]]  # by seed: mean score [T][experts] on test
    changed_labels: dict[int, dict[str, int]] = {}  # by seed and task: by label noise, in training
    weights: dict[int, dict[str, float]] = {}  # by seed and task: what `weighting` set or learned
    timings: Timings
    environment: dict[str, str | int | None]
    git: Git
    code: str | None = None  # fingerprint of the library code
    study: str | None = None  # the command that published it

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out what is not given, so that no older record differs from a new one."""
        newer = ("left_out", "valid_left_out", "changed_labels", "weights")
        return without_defaults(dump(self), {**dict.fromkeys(newer, {}), "usage": None})

    @property
    def key(self) -> RunKey:
        """Return (dataset, method, variant)."""
        return self.spec.dataset, self.spec.method, self.spec.variant

    @property
    def resampling(self) -> Resampling:
        """Return how its seeds came to their rows."""
        drawn = self.synthetic is not None
        return self.data.resampling(drawn=drawn, fixed=self.spec.fixed_split)


@dataclass(frozen=True)
class Run:
    """One run that was read: its metrics, a line per seed, split, task and metric; its record."""

    metrics: pd.DataFrame
    record: RunRecord
    folder: Path

    @property
    def key(self) -> RunKey:
        """Return (dataset, method, variant)."""
        return self.record.key

    @property
    def tasks(self) -> list[str]:
        """Name the tasks that were measured, in their order."""
        return [task for task in dict.fromkeys(self.metrics["task"]) if task != ALL_TASKS]


def write_metrics(metrics: pd.DataFrame, path: Path) -> None:
    """Write metrics; refuse them if one is not a finite number."""
    check_metrics(metrics, where=str(path))
    metrics.to_csv(path, index=False, float_format="%.10g")


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
    for name, metric in METRICS.items():
        found = values[metrics["metric"] == name]
        for value in found[(found < metric.lowest) | (found > metric.highest)][:1]:
            raise RecordError(
                f"{where}: {name} is {value:g}, not {metric.lowest:g} .. {metric.highest:g}"
            )


def read_table(path: Path, texts: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV table; columns of `texts` hold texts, whatever stands there, such as a task called
    nan or 1. Only an empty cell is missing.

    Raises:
        RecordError: it is no table.
    """
    try:
        return pd.read_csv(
            path, dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=[""]
        )
    except ValueError as error:  # of pandas: empty, no table, no text
        raise broken(path, f"not a table ({error})") from None


def read_run(folder: str | Path) -> Run:
    """Read one run folder.

    Raises:
        RecordError: a file is missing or broken, or was changed after it was written.
    """
    folder = Path(folder)
    record = RunRecord.read(folder / "run.json")
    path = folder / "metrics.csv"
    record.check(path)
    metrics = read_table(path, METRIC_COLUMNS[1:-1])
    with advising(f"delete it and run `{remake(path)}`"):
        check_metrics(metrics, where=str(path))
    run = Run(metrics, record, folder)
    _check_belongs(run)
    return run


def _check_belongs(run: Run) -> None:
    """Raise `RecordError` unless scores, record and folder are of one run."""
    *_, runs, dataset, method, variant = ("", "", "", "", *run.folder.parts)
    if runs == "runs" and (dataset, method, variant) != run.key:
        raise broken(run.folder / "run.json", f"is of {'/'.join(run.key)}")
    if others := sorted(set(run.metrics["seed"]) - set(run.record.spec.seeds)):
        path = run.folder / "metrics.csv"
        raise broken(path, f"holds seeds {others}, which run.json does not know")


def scores_by_seed(run: Run) -> pd.DataFrame:
    """Return the test scores of a run, one row per seed, columns such as `auc_t0`, `mtl_loss`.

    Where splits have restarts, it is a row per split (`evidence.restarts`).

    Raises:
        RecordError: no test scores, or a seed lacks one that another seed has.
    """
    if not (run.metrics["split"] == "test").any():
        raise RecordError(f"{run.folder}: metrics.csv holds no rows of the test split")
    scores = wide(run.metrics)
    if scores.isna().to_numpy().any():
        lacking = scores.index[scores.isna().any(axis=1)].tolist()
        raise RecordError(f"{run.folder}: seeds {lacking} lack test metrics that others have")
    return counted(scores, run.metrics, run.record.spec.trained, where=str(run.folder))


def wide(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the test metrics of one run, one row per seed, columns such as `auc_t0`.

    Columns stand in the order of the metrics, which is that of the tasks.
    """
    test = metrics[metrics["split"] == "test"]
    names = list(map(column_of, test["metric"], test["task"]))
    found = test.assign(column=names).pivot(index="seed", columns="column", values="value")
    return found[list(dict.fromkeys(names))]
