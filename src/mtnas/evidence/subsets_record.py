"""Subsets of the tasks of a dataset: how well each task is learned in every company.

One folder for an entry of `subsets`, a dataset, a method and a variant: `scores.csv` (`COLUMNS`; a
subset is written as its tasks, joined by `+`, in the dataset's order) and `record.json`
(`SubsetsRecord`). A task alone is a subset, too.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mtnas.config.options import RunKey
from mtnas.data.synthetic import SyntheticOptions
from mtnas.evidence.records import METRIC_COLUMNS, Curves, DataFacts, Git, Parameters, read_table
from mtnas.evidence.resampling import Resampling
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import Json, advising, atomic_path, remake
from mtnas.runtime.record import Part, Record
from mtnas.runtime.usage import Traced
from mtnas.study.specs import SubsetsSpec
from mtnas.tasks.metrics import ALL_TASKS, MTL_LOSS, OF_KIND, Kind

COLUMNS = ("subset", *METRIC_COLUMNS)
KEY = list(COLUMNS[:-1])
PARTS = ("valid", "test")
SCORES, RECORD = "scores.csv", "record.json"


def subset_name(tasks: tuple[str, ...]) -> str:
    """Return what a subset is called in a table."""
    return "+".join(tasks)


class InputSimilarity(Part):
    """How similar two tasks are in what their shared part reads: Eq. (5) of Wu, Zhang, Re.

    `normalised` is 1 for equal covariances (`transfer.covariance.Similarity`); `centred`: without
    the means of the inputs.
    """

    score: float
    normalised: float
    centred_score: float
    centred_normalised: float


class SubsetFit(Part):
    """Which epoch of a model was selected on validation, or which of each of its tasks.

    With `alignment: frozen` or its control, `before` tells of the training of the whole model; an
    epoch of 0 then means that nothing afterwards was better. `similarity` is that of two tasks on
    their training rows, in the selected model; None where they cannot differ, or are not two.
    """

    subset: str
    seed: int
    best_epoch: int | tuple[int, ...]
    weights: dict[str, float] | None = None  # by task: what `weighting` set or learned
    before: Curves | None = None
    similarity: InputSimilarity | None = None


class SubsetsTimings(Part):
    """How long it took to train all subsets, in seconds, and on what."""

    train_seconds: float
    total_seconds: float
    models_at_once: int
    device: str
    threads: int


class SubsetsRecord(Record, Traced):
    """A record of subsets of tasks: what was trained, on what, by which code (record.json).

    `parameters` are those of the model of all tasks, `dense` those of every subset without its
    embeddings; `tasks` are all of the dataset, with their kinds. Tuned options are those that suit
    the model of all tasks (`tuned_for`): a task alone has them, too, which favours company.
    """

    spec: SubsetsSpec
    simulated: bool
    synthetic: SyntheticOptions | None
    tasks: dict[str, Kind]
    parameters: Parameters
    dense: dict[str, int]
    options: Json  # of the method, widths solved
    data: DataFacts
    splits: dict[int, str]  # by seed: a short digest of its split
    rows: dict[int, dict[str, int]] = {}  # by seed and subset: training rows that it learns from
    left_out: dict[int, dict[str, int]] = {}  # by seed and source, as in a run
    valid_left_out: dict[int, dict[str, int]] = {}
    fits: tuple[SubsetFit, ...]
    changed_labels: dict[int, dict[str, int]] = {}  # by seed and task: by label noise, in training
    timings: SubsetsTimings
    tuned_for: tuple[str, ...] = ()  # where options are tuned: whose losses together chose them
    environment: dict[str, str | int | None]
    git: Git
    code: str | None = None  # fingerprint of the library code
    study: str | None = None  # the command that published it

    @property
    def key(self) -> tuple[str, RunKey]:
        """Return the name of the entry, and (dataset, method, variant)."""
        return self.spec.name, self.spec.job

    @property
    def resampling(self) -> Resampling:
        """Return how its seeds came to their rows."""
        drawn = self.synthetic is not None
        return self.data.resampling(drawn=drawn, fixed=self.spec.fixed_split)


@dataclass(frozen=True)
class SubsetScores:
    """What was measured: a line per subset, seed, split, task and metric; what made it."""

    frame: pd.DataFrame
    record: SubsetsRecord

    @classmethod
    def read(cls, folder: str | Path) -> "SubsetScores":
        """Read one folder.

        Raises:
            RecordError: a file is missing or broken, or was changed after it was written.
        """
        path = Path(folder) / SCORES
        record = SubsetsRecord.read(path.with_name(RECORD))
        record.check(path)
        frame = read_table(path, [name for name in KEY if name != "seed"])
        with advising(f"delete it and run `{remake(path)}`"):
            check_scores(frame, record, where=str(path))
        return cls(frame, record)

    def write(self, scores: str | Path, record: str | Path) -> None:
        """Write both files, each atomically, the record last.

        Raises:
            RecordError: scores are not complete, or one is not a finite number.
        """
        check_scores(self.frame, self.record, where=str(scores))
        with atomic_path(scores) as path:
            self.frame.to_csv(path, index=False, float_format="%.10g")
        self.record.write(record, [scores])

    @property
    def tasks(self) -> tuple[str, ...]:
        """Name all tasks of the dataset, in their order."""
        return tuple(self.record.tasks)

    @property
    def subsets(self) -> dict[str, tuple[str, ...]]:
        """Return the tasks of every subset by its name, each task alone first."""
        return {subset_name(subset): subset for subset in self.record.spec.subsets}


def check_scores(frame: pd.DataFrame, record: SubsetsRecord, where: str) -> None:
    """Raise `RecordError` unless every score of every subset and seed is there once and finite."""
    if tuple(frame.columns) != COLUMNS:
        raise RecordError(f"{where}: columns {list(frame.columns)}, expected {list(COLUMNS)}")
    values = pd.to_numeric(frame["value"], errors="coerce")
    if not np.isfinite(values).all():
        raise RecordError(f"{where}: a value is missing or not a finite number")
    wanted, found = _expected(record), pd.MultiIndex.from_frame(frame[KEY])
    if found.has_duplicates:
        twice = "/".join(map(str, found[found.duplicated()][0]))
        raise RecordError(f"{where}: two values for {twice}")
    for problem, lines in {
        "lacks": wanted.difference(found),
        "has, but should not,": found.difference(wanted),
    }.items():
        if len(lines):
            first = "/".join(map(str, lines[0]))
            raise RecordError(f"{where}: {problem} {len(lines)} lines, such as {first}")


def _expected(record: SubsetsRecord) -> pd.MultiIndex:
    """Return the key of every line that there must be."""
    lines = [
        (subset_name(subset), seed, part, *measured)
        for subset in record.spec.subsets
        for seed in record.spec.seeds
        for part in PARTS
        for measured in [
            *((task, metric) for task in subset for metric in OF_KIND[record.tasks[task]]),
            (ALL_TASKS, MTL_LOSS),
        ]
    ]
    return pd.MultiIndex.from_tuples(lines, names=KEY)
