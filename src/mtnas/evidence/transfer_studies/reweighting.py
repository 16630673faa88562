"""Weights of tasks under label noise: what they gain over equal ones, and what dropping would.

Algorithm 2 of Wu, Zhang, Ré (ICLR 2020) and others (`training.weighting`), each against equal
weights with the same noisy labels, and the oracle: the model of all tasks but the noisy one.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pandas as pd

from mtnas.evidence.pairing import on_common_seeds
from mtnas.evidence.subsets_record import subset_name
from mtnas.evidence.transfer_studies.runs import SubsetRun, grouped

METRIC = "auc"
EQUAL, ORACLE = "equal", "oracle"
ALL, OTHERS = "all tasks", "all but the noisy task"
VARIED = ("training.weighting", "training.weighting_rank", "training.label_noise")


class Weighed(NamedTuple):
    """Runs that were weighed, by what, and the tasks and the metric that are `judged`.

    Without noise (`share` 0) the noisy task is that of the runs beside it.
    """

    name: str
    dataset: str
    method: str
    simulated: bool
    noisy: str
    share: float
    weighting: str
    judged: str
    metric: str
    path: str


COLUMNS = (*Weighed._fields, "seed", "gain")
Line = tuple[object, ...]  # what `COLUMNS` names


def weight_gains(runs: Iterable[SubsetRun]) -> pd.DataFrame:
    """Return what weights gain over equal ones, with the same noise: a line per seed (`COLUMNS`).

    The gain is that of the mean over the tasks that are `judged`; more is better.
    """
    lines = [line for group in grouped(runs, *VARIED) for line in _gains(group)]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _gains(group: list[SubsetRun]) -> Iterator[Line]:
    noisy = dict.fromkeys(_noisy(run) for run in group if run.noise)
    for name in noisy or {"": None}:
        for base in (run for run in group if run.training.weighting == EQUAL):
            if _noisy(base) not in ("", name):
                continue
            for run in group:
                if run is not base and run.noise == base.noise:
                    yield from _over(run, base, name, _weighting(run))
            if name:
                yield from _oracle(base, name)


def _over(run: SubsetRun, base: SubsetRun, noisy: str, weighting: str) -> Iterator[Line]:
    others = [task for task in run.tasks if task not in noisy.split("+")]
    for judged, tasks in {ALL: run.tasks, OTHERS: others}.items():
        if tasks and (noisy or judged == ALL):
            pair = (one.mean_score(one.whole, tasks, METRIC) for one in (run, base))
            yield from _lines(run, noisy, weighting, judged, *pair)


def _oracle(base: SubsetRun, noisy: str) -> Iterator[Line]:
    """Yield what the other tasks gain when the noisy one is left out, if that was trained."""
    others = tuple(task for task in base.tasks if task not in noisy.split("+"))
    if others and others in base.scores.record.spec.subsets:
        alone = base.mean_score(subset_name(others), others, METRIC)
        whole = base.mean_score(base.whole, others, METRIC)
        yield from _lines(base, noisy, ORACLE, OTHERS, alone, whole)


def _lines(
    run: SubsetRun, noisy: str, weighting: str, judged: str, ours: pd.Series, other: pd.Series
) -> Iterator[Line]:
    share = max(run.noise.values(), default=0.0)
    metric = next(iter(run.metrics(METRIC).values()))
    what = Weighed(
        *run.key[:3], run.simulated, noisy, share, weighting, judged, metric, path=run.path
    )
    first, second = on_common_seeds(ours, other)
    for seed, gain in (first - second).items():
        yield *what, seed, gain


def _noisy(run: SubsetRun) -> str:
    return subset_name(tuple(task for task in run.tasks if task in run.noise))


def _weighting(run: SubsetRun) -> str:
    rank = run.training.weighting_rank
    return run.training.weighting + (f" (rank {rank})" if rank > 1 else "")
