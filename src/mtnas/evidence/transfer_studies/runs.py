"""Runs of subsets of tasks, and what they differ in: capacity, alignment, weights, noise, leaks."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from mtnas.config.options import SubsetKey, TrainingOptions
from mtnas.evidence.constant import constant
from mtnas.evidence.resampling import Resampling
from mtnas.evidence.statistics import difference_of
from mtnas.evidence.subsets_record import SCORES, SubsetScores, subset_name
from mtnas.runtime.files import Json
from mtnas.tasks.metrics import OF_KIND, metric_of

# What is said of training rows that are copies of test rows, and behind what that stands.
LEAKS = {"keep": "", "drop": ", without leaks", "control": ", as few rows with leaks"}
INTERVAL = ("mean", "low", "high", "seeds")


@dataclass(frozen=True)
class SubsetRun:
    """The scores of one run of subsets of tasks, and its folder."""

    scores: SubsetScores
    folder: str

    @classmethod
    def read(cls, folder: str | Path) -> "SubsetRun":
        """Read one folder; `RecordError` if it is broken."""
        return cls(SubsetScores.read(folder), Path(folder).as_posix())

    @property
    def key(self) -> SubsetKey:
        """Return the name of the entry, dataset, method and variant."""
        name, run = self.scores.record.key
        return (name, *run)

    @property
    def path(self) -> str:
        """Return the path of the scores."""
        return f"{self.folder}/{SCORES}"

    @property
    def simulated(self) -> bool:
        """Whether the data are simulated."""
        return self.scores.record.simulated

    @property
    def resampling(self) -> Resampling:
        """Return how its seeds came to their rows."""
        return self.scores.record.resampling

    @property
    def training(self) -> TrainingOptions:
        """Return how it was trained."""
        return self.scores.record.spec.trained

    @property
    def capacity(self) -> int | None:
        """Return the width of what the tasks share; None where there is no such option."""
        width = self.scores.record.options.get("hidden_dim")
        return width if isinstance(width, int) else None

    @property
    def leaks(self) -> str:
        """Tell whether training keeps copies of test rows (`LEAKS`)."""
        return self.training.leaks

    @property
    def is_plain(self) -> bool:
        """Whether it has neither alignment, nor weights of tasks, nor noisy labels."""
        own = self.training
        return (own.alignment, own.weighting) == ("none", "equal") and not self.noise

    @property
    def noise(self) -> dict[str, float]:
        """Return which share of the training labels of which tasks are noise."""
        return {task: share for task, share in self.training.label_noise.items() if share > 0}

    @property
    def tasks(self) -> tuple[str, ...]:
        """Name all tasks of the dataset."""
        return self.scores.tasks

    @property
    def whole(self) -> str:
        """Name the subset of all tasks."""
        return subset_name(self.tasks)

    def metrics(self, wanted: str) -> dict[str, str]:
        """Return a metric that all tasks have, by task; if one has it not, the loss of each."""
        kinds = self.scores.record.tasks
        has = all(wanted in OF_KIND[kind] for kind in kinds.values())
        return {task: wanted if has else OF_KIND[kind][-1] for task, kind in kinds.items()}

    def values(
        self, subset: str, task: str, wanted: str, split: str = "test"
    ) -> "pd.Series[float]":
        """Return the scores of a task in a subset by seed, in the unit of their metric."""
        found: Any = self._values.loc[subset, split, task, self.metrics(wanted)[task]]
        by_seed: pd.Series[float] = found
        return by_seed

    def better(self, task: str, wanted: str) -> int:
        """Return 1 if more is better of the metric of a task, or -1."""
        return -1 if metric_of(self.metrics(wanted)[task]).is_loss else 1

    def mean_score(
        self, subset: str, tasks: Sequence[str], wanted: str, split: str = "test"
    ) -> "pd.Series[float]":
        """Return the mean over tasks of what a subset scores, by seed; more is better."""
        each = [self.better(t, wanted) * self.values(subset, t, wanted, split) for t in tasks]
        return pd.concat(each, axis=1).mean(axis=1)

    def constant(self, subset: str, task: str) -> int:
        """Count the seeds in which the model of a subset predicts one value of a task (by AUC)."""
        if "auc" not in OF_KIND[self.scores.record.tasks[task]]:
            return 0
        found: Any = self._values.loc[subset, "test", task, "auc"]
        return constant(found, "auc") or 0

    @cached_property
    def _values(self) -> "pd.Series[float]":
        keys = ["subset", "split", "task", "metric", "seed"]
        return self.scores.frame.set_index(keys)["value"].sort_index()


def grouped(runs: Iterable[SubsetRun], *varied: str) -> list[list[SubsetRun]]:
    """Return the runs that differ in nothing but some options, by their dotted names.

    `training.label_noise` is an option of training, `hidden_dim` one of the method.
    """
    groups: dict[str, list[SubsetRun]] = {}
    for run in runs:
        spec = run.scores.record.spec
        training = _without(spec.trained.model_dump(mode="json"), varied, "training.")
        identity = [*run.key[:3], _without(dict(spec.options), varied), training]
        groups.setdefault(json.dumps(identity, sort_keys=True, default=str), []).append(run)
    return list(groups.values())


def over_seeds(
    frame: pd.DataFrame,
    by: Sequence[str],
    column: str = "value",
    resampling: Resampling | None = None,
) -> pd.DataFrame:
    """Return the mean of a column with its 95 % t interval over the rows of each group, in order.

    `resampling` says how the seeds came to their rows; None: the column of that name does. One row
    has no interval: `low` and `high` are then missing.
    """
    lines = []
    for key, rows in frame.groupby(list(by), sort=False, dropna=False):
        found = difference_of(rows[column], resampling or rows["resampling"].iloc[0])
        lines.append((*key, found.mean, found.low, found.high, found.n))
    columns = [*by, *INTERVAL]
    return pd.DataFrame(lines, columns=columns).astype({"low": float, "high": float})


def _without(options: Json, varied: Iterable[str], prefix: str = "") -> Json:
    names = {name.removeprefix(prefix) for name in varied if name.startswith(prefix)}
    return {key: value for key, value in options.items() if key not in names}
