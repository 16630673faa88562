"""Runs of a dataset side by side in one score, with what holds after correction.

A gain is positive where it favours the first run, whatever the score.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from mtnas.evidence.claims.verdicts import LOSS_MARGIN
from mtnas.evidence.pairing import Row, on_common_seeds
from mtnas.evidence.statistics import (
    EFFECT,
    LEVEL,
    Difference,
    corrected_interval,
    holm,
    paired_difference,
)
from mtnas.report.answer.form import Interval
from mtnas.report.names import dataset_name
from mtnas.report.runs import Results
from mtnas.tasks.metrics import MTL_LOSS, direction, is_of, split_column


@dataclass(frozen=True)
class Score:
    """What runs of a dataset are compared by: the mean of some columns, one per task, or the loss.

    `effect` is the smallest difference that counts.
    """

    columns: tuple[str, ...]
    unit: str
    words: str
    sign: int
    effect: float

    @property
    def gained(self) -> str:
        """Return what a gain is: a rise of the score, or a fall of one of which less is better."""
        return "gain in" if self.sign > 0 else "fall of"

    def of(self, scores: pd.DataFrame) -> "pd.Series[float]":
        """Return the score of a run by seed; more is better."""
        return self.sign * scores[list(self.columns)].mean(axis=1)


@dataclass(frozen=True)
class Gain:
    """By how much one run is better than another; `adjusted` is Holm's p-value over `family`."""

    dataset: str
    ours: Row
    other: Row
    found: Difference
    score: Score
    adjusted: float | None = None
    family: int = 1

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the interval after correction; None for one seed."""
        if self.adjusted is None:
            return None
        return corrected_interval(self.found, self.adjusted)

    @property
    def sign(self) -> int:
        """1 or -1 where the first run is measurably better or worse after correction, else 0."""
        if self.adjusted is None or self.adjusted >= 1 - LEVEL:
            return 0
        return 1 if self.found.mean > 0 else -1


def score_of(results: Results, dataset: str) -> Score:
    """Return what a dataset is judged by: test AUC where every task has one, else the loss."""
    columns = [c for c in results.columns(dataset) if c != MTL_LOSS]
    aucs = tuple(c for c in columns if is_of(c, "auc"))
    tasks = {split_column(c)[1] for c in columns}
    if aucs and {split_column(c)[1] for c in aucs} == tasks:
        words = "test AUC" if len(aucs) == 1 else "test AUC (mean over the tasks)"
        return Score(aucs, "AUC", words, 1, EFFECT)
    return loss_of(results, dataset)


def loss_of(results: Results, dataset: str) -> Score:
    """Return the loss that training minimises, summed over the tasks of a dataset."""
    levels = [
        run.scores[MTL_LOSS].mean()
        for (name, _), run in results.runs.items()
        if name == dataset and MTL_LOSS in run.scores
    ]
    level = sum(levels) / max(len(levels), 1)
    return Score(
        (MTL_LOSS,), "loss", "test loss summed over the tasks", -1, LOSS_MARGIN * abs(level)
    )


def score_of_task(column: str, effect: float = EFFECT) -> Score:
    """Return the score of one column."""
    metric, task = split_column(column)
    sign = 1 if direction(column) == "higher" else -1
    return Score((column,), metric, task, sign, effect)


def gain(results: Results, dataset: str, ours: Row, other: Row, score: Score) -> Gain | None:
    """Compare two runs over the seeds that both have; None if one of them lacks the score."""
    first, second = results.get(dataset, ours), results.get(dataset, other)
    if first is None or second is None:
        return None
    if any(c not in run.scores for run in (first, second) for c in score.columns):
        return None
    a, b = on_common_seeds(score.of(first.scores), score.of(second.scores))
    return Gain(dataset, ours, other, paired_difference(a, b, first.run.record.resampling), score)


def corrected(gains: Iterable[Gain | None]) -> list[Gain]:
    """Correct some comparisons for their number (Holm); those of one seed have no p-value."""
    told = [found for found in gains if found is not None]
    tested = [found for found in told if found.found.p_value is not None]
    p_values = holm([found.found.p_value or 0.0 for found in tested])
    by_id = {id(found): float(p) for found, p in zip(tested, p_values, strict=True)}
    return [
        Gain(
            g.dataset, g.ours, g.other, g.found, g.score, by_id.get(id(g)), max(len(tested), 1)
        )
        for g in told
    ]  # fmt: skip


def verdict_of(found: Gain) -> str:
    """Say in words what a comparison shows."""
    if found.adjusted is None:
        return "one seed: no interval"
    after = f"after correction for {found.family} comparisons" if found.family > 1 else "measurably"
    if found.sign:
        return f"{'better' if found.sign > 0 else 'worse'}, {after}"
    if found.found.excludes_zero:
        word = "better" if found.found.mean > 0 else "worse"
        return f"{word}, but not {after}"
    return "no difference that these seeds can show"


def intervals_of(results: Results, gains: Sequence[Gain], anchor: str) -> tuple[Interval, ...]:
    """Return the intervals of comparisons; those of one seed have none."""
    return tuple(
        Interval(
            label=f"{results.name(g.ours)} − {results.name(g.other)}",
            dataset=dataset_name(g.dataset, results.simulated(g.dataset)),
            low=g.interval[0],
            estimate=g.found.mean,
            high=g.interval[1],
            unit=f"{g.score.gained} {g.score.words}; positive favours {results.name(g.ours)}",
            verdict=verdict_of(g),
            anchor=anchor,
        )
        for g in gains
        if g.interval is not None
    )
