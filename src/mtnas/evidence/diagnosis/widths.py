"""What the width of the shared part does to sharing: the capacity curve, and what it says.

Of each width there are a model for every task and one for all of them, seed by seed.
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from mtnas.evidence.constant import WHY, constant
from mtnas.evidence.diagnosis.measures import Measures
from mtnas.evidence.diagnosis.report import CurvePoint, Diagnosis, Widening
from mtnas.evidence.diagnosis.truth import Interval, common_metric
from mtnas.evidence.statistics import difference_of
from mtnas.evidence.transfer_gains import metric_of_tasks
from mtnas.tasks.metrics import metric_of

SIDES = ("single", "all")
Scores = dict[str, pd.DataFrame]  # by task: a line per seed, a column per width; more is better


def capacity_of(measures: Measures) -> tuple[CurvePoint, ...]:
    """Return what every task gains from the others at each width, in its principal metric."""
    frame, resampling = measures.capacity, measures.record.resampling
    chosen, found = metric_of_tasks(measures.record.tasks, "principal"), []
    alone, together = (_scores(frame, chosen, side) for side in SIDES)
    for width in dict.fromkeys(frame["width"]):
        for task, metric in chosen.items():
            own, other = alone[task][width], together[task][width]
            gain, sign = difference_of(other - own, resampling), _sign(metric)
            found.append(
                CurvePoint(
                    width=int(width), task=task, metric=metric, mean=gain.mean, low=gain.low,
                    high=gain.high, single=float(sign * own.mean()), all=float(sign * other.mean()),
                    constant=constant([*own, *other], metric),
                )
            )  # fmt: skip
    return tuple(found)


def widening_of(measures: Measures) -> Widening | None:
    """Return what a wider shared part does, paired by seed; None with fewer than two widths."""
    kinds, resampling = measures.record.tasks, measures.record.resampling
    widths = sorted(map(int, set(measures.capacity["width"])))
    if len(widths) < 2:
        return None
    chosen = metric_of_tasks(kinds, common_metric(kinds))
    alone, together = (_scores(measures.capacity, chosen, side) for side in SIDES)
    gain = _over_tasks({task: together[task] - alone[task] for task in kinds})
    excess = _best(_over_tasks(together)) - sum(_best(own) for own in alone.values())
    return Widening(
        narrow=widths[0],
        wide=widths[-1],
        change=Interval.of(difference_of(gain[widths[-1]] - gain[widths[0]], resampling)),
        paired=True,
        together=_best_of_mean(_over_tasks(together)),
        alone={task: _best_of_mean(own) for task, own in alone.items()},
        excess=Interval.of(difference_of(excess.astype(float), resampling)),
        blind=_blind(widths, len(kinds)),
    )


def widening_told(found: Diagnosis) -> Widening | None:
    """Return what a wider shared part does, of a record of any age.

    Older ones keep no seeds of the capacity curve. Whatever the correlations, the half width of the
    interval of a mean is at most the mean of those of its parts, and that of a difference at most
    their sum, so the interval of the change is known to be no wider than that. None: there are no
    two widths, or tasks have several metrics, which have no mean.
    """
    if found.widening is not None:
        return found.widening
    frame = pd.DataFrame([point.model_dump() for point in found.capacity])
    if frame.empty or frame["metric"].nunique() > 1 or frame["width"].nunique() < 2:
        return None
    tasks = [(str(task), of) for task, of in frame.groupby("task", sort=False)]
    widths, sign = sorted(set(frame["width"])), _sign(frame["metric"].iloc[0])
    means = frame.groupby("width")[["mean", "low", "high"]].mean()
    alone, together = (
        {t: sign * of.pivot_table(columns="width", values=side) for t, of in tasks}
        for side in ("single", "all")
    )
    narrow, wide = means.loc[widths[0]], means.loc[widths[-1]]
    change = float(wide["mean"] - narrow["mean"])
    half = float(narrow["high"] - narrow["low"] + wide["high"] - wide["low"]) / 2
    known = frame["low"].notna().all()
    return Widening(
        narrow=widths[0],
        wide=widths[-1],
        change=Interval(
            mean=change, low=change - half if known else None,
            high=change + half if known else None, sd=None, p_value=None, seeds=len(found.seeds),
        ),
        paired=False,
        together=_best_of_mean(_over_tasks(together)),
        alone={task: _best_of_mean(own) for task, own in alone.items()},
        excess=None,
        blind=_blind(widths, len(found.tasks)),
    )  # fmt: skip


def constant_said(found: Diagnosis) -> str:
    """Say at which widths models of a task predict one value; empty: at none that is known."""
    points = [(p.width, p.task, p.constant) for p in found.capacity]
    return constant_told(points, 2 * len(found.seeds))


def constant_told(points: Iterable[tuple[int, str, float | None]], models: int) -> str:
    """Say of a curve by width and task how many of so many models predict one value."""
    at = [f"{n:.0f} of {models} of {task} at width {width}" for width, task, n in points if n]
    return f"Of the models on this curve {', '.join(at)} {WHY}." if at else ""


def _scores(frame: pd.DataFrame, chosen: Mapping[str, str], side: str) -> Scores:
    """Return the scores of every task in its metric, alone (`single`) or of `all` together."""
    found = {}
    for task, metric in chosen.items():
        is_own = (frame["task"] == task) & (frame["metric"] == metric) & (frame["subset"] == side)
        own = frame[is_own].pivot(index="seed", columns="width", values="value").astype(float)
        found[task] = _sign(metric) * own
    return found


def _over_tasks(scores: Scores) -> pd.DataFrame:
    """Return the mean over tasks, by seed and width."""
    first, *others = scores.values()
    return sum(others, first) / len(scores)


def _best(by_seed: pd.DataFrame) -> "pd.Series[int]":
    """Return by seed the smallest of the best widths."""
    return by_seed.sort_index(axis=1).idxmax(axis=1)


def _best_of_mean(by_seed: pd.DataFrame) -> int:
    """Return the smallest of the widths with the best mean over seeds."""
    mean = by_seed.sort_index(axis=1).mean()
    return int(mean.index[int(mean.to_numpy().argmax())])


def _blind(widths: list[int], tasks: int) -> float:
    """Return the mean of one width drawn at random minus the sum of one for each task."""
    return (1 - tasks) * sum(widths) / len(widths)


def _sign(metric: str) -> int:
    return -1 if metric_of(metric).is_loss else 1
