"""Capacity: how wide the shared part must be for tasks alone, and for all of them together.

Sec. 2.2 of Wu, Zhang, Ré (ICLR 2020) and the table of its Fig. 6: the best capacity of every task
alone and that of all tasks together, chosen on validation.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from mtnas.evidence.subsets_record import subset_name
from mtnas.evidence.transfer_studies.runs import SubsetRun, grouped

METRIC = "accuracy"  # of the paper; tasks without it are judged by their losses
ALONE, TOGETHER = "alone", "together"


@dataclass(frozen=True)
class Sweep:
    """Runs that differ in capacity alone, by capacity.

    "All" are the tasks of `company`, which are learned together; None: all of the dataset.
    """

    runs: dict[int, SubsetRun]
    company: tuple[str, ...] | None = None

    @property
    def first(self) -> SubsetRun:
        """Return one of them: what is said of it holds for all."""
        return next(iter(self.runs.values()))

    @property
    def tasks(self) -> tuple[str, ...]:
        """Name the tasks that are learned together, or alone."""
        return self.company or self.first.tasks

    @property
    def are_all(self) -> bool:
        """Whether these are all tasks of the dataset."""
        return self.tasks == self.first.tasks

    @property
    def together(self) -> str:
        """Name the tasks that are learned together, in words."""
        return "all tasks" if self.are_all else " + ".join(self.tasks)

    @property
    def paths(self) -> list[str]:
        """Return the paths of the scores."""
        return [run.path for run in self.runs.values()]

    def scores(self, learner: str, task: str, split: str) -> pd.DataFrame:
        """Return by seed and capacity what a task scores alone, or with all; more is better."""
        return pd.DataFrame(
            {
                capacity: run.mean_score(self._subset(learner, task), [task], METRIC, split)
                for capacity, run in self.runs.items()
            }
        )

    def mean_scores(self, learner: str, split: str) -> pd.DataFrame:
        """Return the mean over tasks of `scores`."""
        each = [self.scores(learner, task, split) for task in self.tasks]
        return sum(each[1:], each[0]) / len(each)

    def constant(self, learner: str) -> dict[int, int]:
        """Count by capacity the tasks and seeds of which a model predicts one value."""
        return {
            capacity: sum(run.constant(self._subset(learner, task), task) for task in self.tasks)
            for capacity, run in self.runs.items()
        }

    def best_alone(self) -> dict[str, int]:
        """Return the capacity with the best mean validation score of every task alone."""
        return {task: _best(self.scores(ALONE, task, "valid").mean()) for task in self.tasks}

    def best_together(self) -> int:
        """Return the capacity with the best mean validation score of all tasks together."""
        return _best(self.mean_scores(TOGETHER, "valid").mean())

    def excess(self) -> pd.Series:
        """Return by seed the best capacity together minus the sum of the best ones alone.

        Every seed chooses for itself, on its own validation rows.
        """
        together = self.mean_scores(TOGETHER, "valid").idxmax(axis=1)
        alone = [self.scores(ALONE, task, "valid").idxmax(axis=1) for task in self.tasks]
        return (together - pd.concat(alone, axis=1).sum(axis=1)).astype(float)

    def gains(self) -> pd.DataFrame:
        """Return by seed what each task gains from company, each side at its best capacity."""
        alone, together = self.best_alone(), self.best_together()
        return pd.DataFrame(
            {
                task: self.scores(TOGETHER, task, "test")[together]
                - self.scores(ALONE, task, "test")[alone[task]]
                for task in self.tasks
            }
        )

    def _subset(self, learner: str, task: str) -> str:
        return task if learner == ALONE else subset_name(self.tasks)


def sweeps(runs: Iterable[SubsetRun], *, least: int = 2) -> list[Sweep]:
    """Return the sweeps of capacity among some runs, those of `least` capacities at least.

    Entries that change alignment, weights or labels are about those and left out.
    """
    runs = list(runs)
    others = {run.key[:3] for run in runs if not run.is_plain}
    found = []
    for group in grouped(
        (run for run in runs if run.key[:3] not in others), "hidden_dim", "match_budget"
    ):
        # What is wide as in the paper is not a capacity that was chosen to be looked at.
        sized = {run.capacity: run for run in group if _is_chosen(run) and run.capacity}
        if len(sized) >= least:
            found.append(Sweep({size: sized[size] for size in sorted(sized)}))
    return found


def with_and_without_leaks(runs: Iterable[SubsetRun]) -> list[dict[str, Sweep]]:
    """Return the sweeps that were made with the leaks of the data (`keep`) and without (`drop`).

    And, where that was made, without as many other rows (`control`). Those of all tasks together
    come first, then those of other companies. One capacity that all have is enough; others are left
    out.
    """
    named: dict[tuple[str, str, str, tuple[str, ...]], dict[str, Sweep]] = {}
    for sweep in sweeps(runs, least=1):
        first = sweep.first
        groups = [tasks for tasks in first.scores.record.spec.subsets if len(tasks) > 1]
        for tasks in sorted(groups, key=len, reverse=True):
            key = (*first.key[:3], tasks)
            named.setdefault(key, {})[first.leaks] = replace(sweep, company=tasks)
    compared = (_alike(of) for of in named.values() if {"keep", "drop"} <= of.keys())
    return [of for of in compared if of["keep"].runs]


def _alike(by_leaks: dict[str, Sweep]) -> dict[str, Sweep]:
    """Return the sweeps with the capacities that all of them have."""
    sizes = set.intersection(*(set(sweep.runs) for sweep in by_leaks.values()))
    return {
        leaks: replace(sweep, runs={size: run for size, run in sweep.runs.items() if size in sizes})
        for leaks, sweep in by_leaks.items()
    }


def _is_chosen(run: SubsetRun) -> bool:
    return run.scores.record.spec.options.get("hidden_dim") is not None


def _best(by_capacity: "pd.Series[float]") -> int:
    """Return the smallest of the best capacities."""
    return int(by_capacity.index[int(by_capacity.to_numpy().argmax())])
