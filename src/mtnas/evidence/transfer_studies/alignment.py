"""Alignment: what pairs of tasks gain from a matrix of their own before what they share.

Algorithm 1 of Wu, Zhang, Ré (ICLR 2020), which says that 13 of 15 pairs improve. The control of
joint alignment has as many parameters elsewhere, that of frozen alignment trains as long, so that
what remains over them is not that of a larger model or of more steps.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pandas as pd

from mtnas.evidence.pairing import on_common_seeds
from mtnas.evidence.subsets_record import subset_name
from mtnas.evidence.transfer_studies.runs import SubsetRun, grouped

METRIC = "accuracy"
NONE, CONTROL = "none", "control"
CONTROLS = {"joint": CONTROL, "frozen": "frozen_control"}  # each is trained as its alignment is
ALIGNED = tuple(CONTROLS)
COMPARED = (*((name, NONE) for name in (*CONTROLS, *CONTROLS.values())), *CONTROLS.items())


class Compared(NamedTuple):
    """Runs that differ in alignment alone, the alignment, and what it is compared with."""

    name: str
    dataset: str
    method: str
    capacity: int | None
    leaks: str
    simulated: bool
    alignment: str
    over: str


COLUMNS = (*Compared._fields, "pair", "seed", "gain")
GROUP = list(COLUMNS[:6])


def pair_gains(runs: Iterable[SubsetRun]) -> pd.DataFrame:
    """Return what each pair of tasks gains by alignment over none and over the control.

    A line (`COLUMNS`) per group of runs that differ in alignment alone, alignment, what it is
    compared with (`over`), pair and seed: the mean over both tasks, more is better.
    """
    lines = [line for group in grouped(runs, "training.alignment") for line in _gains(group)]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def paths(runs: Iterable[SubsetRun], compared: Compared) -> list[str]:
    """Return the paths of the scores behind what was compared."""
    known = compared.alignment, compared.over
    return [run.path for run in runs if _compared(run, *known) == compared]


def _gains(group: list[SubsetRun]) -> Iterator[tuple[object, ...]]:
    by_alignment: dict[str, SubsetRun] = {run.training.alignment: run for run in group}
    for alignment, over in COMPARED:
        ours, other = by_alignment.get(alignment), by_alignment.get(over)
        if ours and other:
            compared = _compared(ours, alignment, over)
            yield from ((*compared, *line) for line in _of_pairs(ours, other))


def _of_pairs(ours: SubsetRun, other: SubsetRun) -> Iterator[tuple[str, object, float]]:
    """Yield pair, seed and gain."""
    pairs = [tasks for tasks in ours.scores.record.spec.subsets if len(tasks) == 2]
    for tasks in pairs:
        name = subset_name(tasks)
        a, b = on_common_seeds(
            ours.mean_score(name, tasks, METRIC), other.mean_score(name, tasks, METRIC)
        )
        for seed, gain in (a - b).items():
            yield name, seed, gain


def _compared(run: SubsetRun, alignment: str, over: str) -> Compared:
    return Compared(*run.key[:3], run.capacity, run.leaks, run.simulated, alignment, over)
