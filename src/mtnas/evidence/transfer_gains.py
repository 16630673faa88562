"""What a task gains from being learned with others: differences to the task alone, seed by seed.

Subsets of a seed share its split and its streams, so gains are paired. Positive is better, whatever
the metric: of a loss or an error it is what the company takes off it.
"""

from collections.abc import Mapping

import pandas as pd

from mtnas.evidence.resampling import Resampling
from mtnas.evidence.statistics import difference_of
from mtnas.evidence.subsets_record import PARTS, SubsetScores
from mtnas.runtime.errors import RecordError, unknown
from mtnas.tasks.metrics import OF_KIND, PRINCIPAL, Kind, metric_of

GAIN_COLUMNS = ("subset", "task", "metric", "seed", "gain")
INTERVAL_COLUMNS = ("subset", "task", "metric", "mean", "low", "high", "p_value", "seeds")


def gains(scores: SubsetScores, *, metric: str = "principal", split: str = "test") -> pd.DataFrame:
    """Return what every task gains in every subset over what it has alone.

    Args:
        scores: of all subsets.
        metric: the `principal` one of each task (AUC of binary labels, else its loss), its `loss`,
            or a metric by name, of the tasks that have it.
        split: `test`, or `valid` for whoever chooses by gains.

    Returns:
        A line per subset, task and seed (`GAIN_COLUMNS`), in the order of the scores, in the unit
        of the metric: AUC, nats, standardised squared error, the unit of the label.

    Raises:
        RecordError: there is no such split, or no task has such a metric.
    """
    if split not in PARTS:
        raise RecordError(unknown("split", split, PARTS, "gains"))
    chosen = metric_of_tasks(scores.record.tasks, metric)
    frame = scores.frame[scores.frame["split"] == split]
    frame = frame[frame["metric"] == frame["task"].map(chosen)]
    is_alone = frame["subset"] == frame["task"]
    alone = frame[is_alone].set_index(["task", "seed"])["value"]
    lines = frame[~is_alone]
    before = alone.loc[pd.MultiIndex.from_frame(lines[["task", "seed"]])].to_numpy()
    better = lines["metric"].map(lambda name: -1 if metric_of(name).is_loss else 1)
    found = lines.assign(gain=(lines["value"] - before) * better)
    return found[list(GAIN_COLUMNS)].reset_index(drop=True)


def intervals(found: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """Return the mean gain of every subset and task over seeds, with its paired t interval.

    One seed has no interval: `low`, `high` and `p_value` are then missing. `found` is what `gains`
    returns; the result has a line per subset, task and metric (`INTERVAL_COLUMNS`), in its order.
    """
    lines = []
    for key, own in found.groupby(["subset", "task", "metric"], sort=False):
        gain = difference_of(own["gain"], resampling)
        lines.append((*key, gain.mean, gain.low, gain.high, gain.p_value, gain.n))
    return pd.DataFrame(lines, columns=list(INTERVAL_COLUMNS))


def metric_of_tasks(kinds: Mapping[str, Kind], metric: str) -> dict[str, str]:
    """Return the metric by which each task is judged, of the tasks that have it.

    Raises:
        RecordError: no task has such a metric.
    """
    if metric == "principal":
        return {task: PRINCIPAL[kind] for task, kind in kinds.items()}
    if metric == "loss":
        return {task: OF_KIND[kind][-1] for task, kind in kinds.items()}
    chosen = {task: metric for task, kind in kinds.items() if metric in OF_KIND[kind]}
    if not chosen:
        known = {name for kind in kinds.values() for name in OF_KIND[kind]}
        raise RecordError(unknown("metric", metric, {*known, "principal", "loss"}, "gains"))
    return chosen
