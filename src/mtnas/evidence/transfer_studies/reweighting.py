"""Weights of tasks under label noise: what they gain over equal ones, and what dropping would.

Algorithm 2 of Wu, Zhang, Ré (ICLR 2020) and others (`training.weighting`), each against equal
weights with the same noisy labels, and the oracle: the model of all tasks but the noisy one.
"""

from collections.abc import Iterable, Iterator
from statistics import fmean
from typing import NamedTuple

import pandas as pd

from mtnas.evidence.pairing import on_common_seeds
from mtnas.evidence.resampling import Resampling
from mtnas.evidence.subsets_record import subset_name
from mtnas.evidence.transfer_studies.runs import SubsetRun, grouped

METRIC = "auc"
EQUAL, ORACLE = "equal", "oracle"
ALL, OTHERS = "all tasks", "all but the noisy task"
VARIED = ("training.weighting", "training.weighting_rank", "training.label_noise")


class WeightGain(NamedTuple):
    """What weights gain over equal ones with the same noise, for one seed; more is better.

    The gain is that of the mean over the tasks that are `judged`. Without noise (`share` 0) the
    noisy task is that of the runs beside it.
    """

    name: str
    dataset: str
    method: str
    simulated: bool
    noisy: str
    share: float
    weighting: str
    judged: str
    seed: int
    gain: float
    metric: str
    path: str
    resampling: Resampling


class NoisyWeight(NamedTuple):
    """What the noisy task weighs in the model of all tasks, for one seed.

    `ratio` is its weight divided by the mean of the others, `before` that of the same seed without
    noise, where that was trained.
    """

    name: str
    dataset: str
    method: str
    simulated: bool
    noisy: str
    share: float
    weighting: str
    seed: int
    ratio: float
    before: float | None
    path: str
    resampling: Resampling


def weight_gains(runs: Iterable[SubsetRun]) -> pd.DataFrame:
    """Return what weights gain: a line per `WeightGain`."""
    lines = [line for group in grouped(runs, *VARIED) for line in _gains(group)]
    return pd.DataFrame(lines, columns=list(WeightGain._fields))


def noisy_weights(runs: Iterable[SubsetRun]) -> pd.DataFrame:
    """Return what noisy tasks weigh: a line per `NoisyWeight`."""
    lines = []
    for group in grouped(runs, *VARIED):
        clean = {_weighting(run): run for run in group if not run.noise}
        for run in (run for run in group if run.noise and _weighting(run) != EQUAL):
            noisy, before = _noisy(run), clean.get(_weighting(run))
            old = {} if before is None else dict(_ratios(before, noisy))
            for seed, ratio in _ratios(run, noisy):
                facts = (*_facts(run, noisy), _weighting(run), seed, ratio)
                lines.append(NoisyWeight(*facts, old.get(seed), run.path, run.resampling))
    return pd.DataFrame(lines, columns=list(NoisyWeight._fields))


def _ratios(run: SubsetRun, noisy: str) -> Iterator[tuple[int, float]]:
    """Yield by seed what the noisy tasks weigh on average, in proportion to the others."""
    of_noise = noisy.split("+")
    for fit in run.scores.record.fits:
        if fit.subset == run.whole and fit.weights is not None:
            own = [weight for task, weight in fit.weights.items() if task in of_noise]
            others = [weight for task, weight in fit.weights.items() if task not in of_noise]
            if others:
                yield fit.seed, fmean(own) / fmean(others)


def _gains(group: list[SubsetRun]) -> Iterator[WeightGain]:
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


def _over(run: SubsetRun, base: SubsetRun, noisy: str, weighting: str) -> Iterator[WeightGain]:
    others = [task for task in run.tasks if task not in noisy.split("+")]
    for judged, tasks in {ALL: run.tasks, OTHERS: others}.items():
        if tasks and (noisy or judged == ALL):
            pair = (one.mean_score(one.whole, tasks, METRIC) for one in (run, base))
            yield from _lines(run, noisy, weighting, judged, *pair)


def _oracle(base: SubsetRun, noisy: str) -> Iterator[WeightGain]:
    """Yield what the other tasks gain when the noisy one is left out, if that was trained."""
    others = tuple(task for task in base.tasks if task not in noisy.split("+"))
    if others and others in base.scores.record.spec.subsets:
        alone = base.mean_score(subset_name(others), others, METRIC)
        whole = base.mean_score(base.whole, others, METRIC)
        yield from _lines(base, noisy, ORACLE, OTHERS, alone, whole)


def _lines(
    run: SubsetRun, noisy: str, weighting: str, judged: str, ours: pd.Series, other: pd.Series
) -> Iterator[WeightGain]:
    metric = next(iter(run.metrics(METRIC).values()))
    first, second = on_common_seeds(ours, other)
    for seed, gain in zip(first.index, first - second, strict=True):
        facts = (*_facts(run, noisy), weighting, judged)
        yield WeightGain(*facts, seed, gain, metric, run.path, run.resampling)


def _facts(run: SubsetRun, noisy: str) -> tuple[str, str, str, bool, str, float]:
    """Return what a line begins with."""
    return (*run.key[:3], run.simulated, noisy, max(run.noise.values(), default=0.0))


def _noisy(run: SubsetRun) -> str:
    return subset_name(tuple(task for task in run.tasks if task in run.noise))


def _weighting(run: SubsetRun) -> str:
    rank = run.training.weighting_rank
    return run.training.weighting + (f" (rank {rank})" if rank > 1 else "")
