"""What tasks really gain in each company, in one unit, seed by seed.

Positive is better. A grouping is a partition of the tasks into subsets that were trained; its score
is the mean over tasks of what each has in its group.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import pandas as pd

from mtnas.evidence.resampling import Resampling
from mtnas.evidence.statistics import Difference, difference_of
from mtnas.evidence.subsets_record import SubsetScores, subset_name
from mtnas.evidence.transfer_gains import gains, intervals, metric_of_tasks
from mtnas.runtime.record import Part
from mtnas.tasks.metrics import METRICS, OF_KIND, PRINCIPAL, Kind

Subset = tuple[str, ...]
Grouping = tuple[Subset, ...]


class Interval(Part):
    """A mean over seeds with its interval of 95 %; one seed has none."""

    mean: float
    low: float | None
    high: float | None
    sd: float | None
    p_value: float | None
    seeds: int

    @classmethod
    def of(cls, found: Difference) -> "Interval":
        """Return the interval of paired differences."""
        return cls(
            mean=found.mean, low=found.low, high=found.high, sd=found.sd, p_value=found.p_value,
            seeds=found.n,
        )  # fmt: skip

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on that side of 0; 0 where it holds 0 or is missing."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return 0
        return 1 if self.mean > 0 else -1


class Truth:
    """Gains over the task alone, of every task in every trained subset, on validation and test.

    `metric` is AUC where all tasks are binary; where tasks are judged by several metrics, it is the
    loss that training minimises, since only that can be summed.
    """

    def __init__(self, scores: SubsetScores, tasks: Subset | None = None) -> None:
        """Take the scores of subsets; each task alone and all tasks together are among them.

        `tasks` are those to group, which were trained together; None: all.
        """
        self.scores = scores
        self._tasks = scores.tasks if tasks is None else tasks
        principal = {PRINCIPAL[kind] for kind in scores.record.tasks.values()}
        self.metric = common_metric(scores.record.tasks)
        names = {OF_KIND[kind][-1] for kind in scores.record.tasks.values()}
        self.name = next(iter(principal)) if len(principal) == 1 else " and ".join(sorted(names))
        self.unit = METRICS[next(iter(principal))].unit if len(principal) == 1 else "loss"
        self._gains = {
            split: self._by_subset(gains(scores, metric=self.metric, split=split))
            for split in ("valid", "test")
        }

    def _by_subset(self, found: pd.DataFrame) -> "pd.Series[float]":
        return found.set_index(["subset", "task", "seed"])["gain"].sort_index()

    @property
    def tasks(self) -> Subset:
        """Name the tasks to group."""
        return self._tasks

    @property
    def seeds(self) -> list[int]:
        """Return the seeds in order."""
        return sorted(self.scores.record.spec.seeds)

    @property
    def resampling(self) -> Resampling:
        """Return how the seeds came to their rows."""
        return self.scores.record.resampling

    def interval(self, by_seed: "pd.Series[float]") -> Interval:
        """Return the interval of a mean over seeds."""
        return Interval.of(difference_of(by_seed, self.resampling))

    @property
    def together(self) -> Grouping:
        """All tasks in one model."""
        return (self.tasks,)

    @property
    def apart(self) -> Grouping:
        """A model for every task."""
        return tuple((task,) for task in self.tasks)

    @cached_property
    def subsets(self) -> list[Subset]:
        """Return what was trained of these tasks, each alone first."""
        own = set(self.tasks)
        return [subset for subset in self.scores.subsets.values() if own.issuperset(subset)]

    @cached_property
    def unlearned(self) -> Subset:
        """Name the tasks of yes or no of which no model is known to tell anything.

        Their AUC on test is not measurably above 0.5, neither alone nor in the mean over all
        subsets. They have nothing to share and nothing to gain; what they seem to gain is luck.
        """
        if len(self.seeds) < 2:
            return ()
        frame = self.scores.frame
        found = frame[(frame["split"] == "test") & (frame["metric"] == "auc")]
        judged = [task for task in self.tasks if task in set(found["task"])]
        return tuple(task for task in judged if not self._above_chance(found, task))

    @cached_property
    def learned(self) -> "Truth":
        """The same of the tasks of which something is learned, where two or more were trained."""
        tasks = tuple(task for task in self.tasks if task not in self.unlearned)
        return Truth(self.scores, tasks) if len(tasks) > 1 and tasks in self.subsets else self

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The gain on test of every task in every subset with its interval (`INTERVAL_COLUMNS`)."""
        found = gains(self.scores, metric=self.metric)
        return intervals(found, self.resampling)

    def gain(self, subset: Subset, task: str, split: str = "test") -> "pd.Series[float]":
        """Return what a task gains in a subset, by seed; 0 where it is alone."""
        if len(subset) == 1:
            return pd.Series(0.0, index=self.seeds)
        keys = [(subset_name(subset), task, seed) for seed in self.seeds]
        return pd.Series(self._gains[split].loc[keys].to_numpy(), index=self.seeds)

    def total(self, grouping: Grouping) -> "pd.Series[float]":
        """Return the gain of a grouping over a model for every task, by seed: mean over tasks."""
        own = [self.gain(subset, task) for subset in grouping for task in subset]
        return pd.concat(own, axis=1).mean(axis=1)

    def difference(self, first: Grouping, second: Grouping) -> Interval:
        """Return how much better the first grouping is than the second one, on test."""
        return self.interval(self.total(first) - self.total(second))

    def _above_chance(self, auc: pd.DataFrame, task: str) -> bool:
        """Whether the AUC of a task is measurably above 0.5, alone or in the mean over subsets."""
        own = auc[auc["task"] == task]
        alone = own[own["subset"] == task].set_index("seed")["value"]
        either = (alone, own.groupby("seed")["value"].mean())
        return any(self.interval(values - 0.5).sign > 0 for values in either)

    @cached_property
    def level(self) -> float:
        """Return the mean score of the tasks alone on test: of losses, effects are shares of it."""
        frame = self.scores.frame
        alone = frame[(frame["split"] == "test") & (frame["subset"] == frame["task"])]
        alone = alone[alone["task"].isin(self.tasks)]
        chosen = self.metric_of_task
        return float(alone[alone["metric"] == alone["task"].map(chosen)]["value"].mean())

    @property
    def metric_of_task(self) -> dict[str, str]:
        """Return the metric by which each task is judged."""
        return metric_of_tasks(self.scores.record.tasks, self.metric)


def common_metric(kinds: Mapping[str, Kind]) -> str:
    """Return `principal` where tasks of some kinds have that metric in common, else `loss`."""
    return "principal" if len({PRINCIPAL[kind] for kind in kinds.values()}) == 1 else "loss"


def named(grouping: Sequence[Subset]) -> list[list[str]]:
    """Return a grouping as plain lists."""
    return [list(subset) for subset in grouping]
