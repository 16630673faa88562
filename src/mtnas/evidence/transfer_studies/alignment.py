"""Alignment: what pairs of tasks gain from a matrix of their own before what they share.

Algorithm 1 of Wu, Zhang, Ré (ICLR 2020), which says that 13 of 15 pairs improve. The control of
joint alignment has as many parameters elsewhere, that of frozen alignment trains as long, so that
what remains over them is not that of a larger model or of more steps.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pandas as pd

from mtnas.evidence.pairing import on_common_seeds
from mtnas.evidence.resampling import Resampling
from mtnas.evidence.subsets_record import InputSimilarity, subset_name
from mtnas.evidence.transfer_studies.runs import SubsetRun, grouped

METRIC = "accuracy"
NONE, CONTROL = "none", "control"
CONTROLS = {"joint": CONTROL, "frozen": "frozen_control"}  # each is trained as its alignment is
ALIGNED = tuple(CONTROLS)
COMPARED = (*((name, NONE) for name in (*CONTROLS, *CONTROLS.values())), *CONTROLS.items())
SIMILARITIES = tuple(InputSimilarity.model_fields)


class Group(NamedTuple):
    """Runs that differ in alignment alone, the paths of their scores, how seeds came to rows."""

    name: str
    dataset: str
    method: str
    capacity: float | None
    leaks: str
    simulated: bool
    paths: tuple[str, ...]
    resampling: Resampling

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Group":
        """Return what lines have in common; what pandas made NaN is None again."""
        first = cls._make(next(rows[list(cls._fields)].itertuples(index=False, name=None)))
        return first if pd.notna(first.capacity) else first._replace(capacity=None)


GROUP = list(Group._fields[:-2])
COLUMNS = (*Group._fields, "alignment", "over", "pair", "seed", "gain")


def pair_gains(runs: Iterable[SubsetRun]) -> pd.DataFrame:
    """Return what each pair of tasks gains by alignment over none and over the control.

    A line (`COLUMNS`) per group of runs that differ in alignment alone, alignment, what it is
    compared with (`over`), pair and seed: the mean over both tasks, more is better.
    """
    lines = [line for group in grouped(runs, "training.alignment") for line in _gains(group)]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def similarities(runs: Iterable[SubsetRun]) -> pd.DataFrame:
    """Return how similar the inputs of pairs of tasks are without alignment, and with it.

    A line per group of runs that differ in alignment alone, alignment, pair and seed: each of
    `SIMILARITIES` by its name with alignment, and with `_before` behind it without.
    """
    lines = []
    for group in grouped(runs, "training.alignment"):
        facts = _group(group)
        by_alignment: dict[str, SubsetRun] = {run.training.alignment: run for run in group}
        before = _similarities(by_alignment.get(NONE))
        for alignment in ALIGNED:
            after = _similarities(by_alignment.get(alignment))
            for pair, seed in (key for key in after if key in before):
                own, old = (of[pair, seed].model_dump().values() for of in (after, before))
                lines.append((*facts, alignment, pair, seed, *own, *old))
    columns = [*Group._fields, "alignment", "pair", "seed", *SIMILARITIES]
    columns += [f"{name}_before" for name in SIMILARITIES]
    return pd.DataFrame(lines, columns=columns)


def _similarities(run: SubsetRun | None) -> dict[tuple[str, int], InputSimilarity]:
    """Return the similarity of every pair and seed, in their order."""
    fits = () if run is None else run.scores.record.fits
    return {(fit.subset, fit.seed): fit.similarity for fit in fits if fit.similarity}


def _gains(group: list[SubsetRun]) -> Iterator[tuple[object, ...]]:
    """Yield lines of `COLUMNS`."""
    by_alignment: dict[str, SubsetRun] = {run.training.alignment: run for run in group}
    for alignment, over in COMPARED:
        ours, other = by_alignment.get(alignment), by_alignment.get(over)
        if ours and other:
            facts = (*_group(group), alignment, over)
            yield from ((*facts, *line) for line in _of_pairs(ours, other))


def _of_pairs(ours: SubsetRun, other: SubsetRun) -> Iterator[tuple[str, int, float]]:
    """Yield pairs, seeds and gains."""
    pairs = [tasks for tasks in ours.scores.record.spec.subsets if len(tasks) == 2]
    for tasks in pairs:
        name = subset_name(tasks)
        a, b = on_common_seeds(
            ours.mean_score(name, tasks, METRIC), other.mean_score(name, tasks, METRIC)
        )
        for seed, gain in zip(a.index, a - b, strict=True):
            yield name, seed, gain


def _group(runs: list[SubsetRun]) -> Group:
    first = runs[0]
    paths = tuple(run.path for run in runs)
    return Group(
        *first.key[:3], first.capacity, first.leaks, first.simulated, paths, first.resampling
    )
