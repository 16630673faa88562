"""Which cheap measure told what pairs of tasks gain: rank correlations with measured gains.

A measure of an ordered pair (first, second) is compared with what the second gains when it is
trained with the first. A measure of a task alone counts as one of the first.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy  # its `stats` is loaded when it is first used
from numpy.typing import NDArray

from mtnas.evidence.diagnosis.measures import MEANINGS
from mtnas.runtime.record import Part

FEWEST_PAIRS = 4  # of which a rank correlation says something
RESAMPLES = 2000
OF_A_TASK = "svd_weight"

PAIR_COLUMNS = ("dataset", "first", "second", "gain")


class Predicts(Part):
    """How a measure ranks pairs of tasks, compared with their gains (Spearman's rho).

    `rho` is None where there are too few pairs, or all have one value; `low` and `high` are its
    interval of 95 %, by a bootstrap over pairs of tasks (both directions of a pair stay together).
    `pairs` counts ordered pairs.
    """

    measure: str
    layer: str
    rho: float | None
    low: float | None
    high: float | None
    pairs: int
    datasets: tuple[str, ...]

    @property
    def title(self) -> str:
        """Return the name of the measure, with its layer."""
        return f"{self.measure} ({self.layer})" if self.layer else self.measure

    @property
    def told(self) -> bool:
        """Whether the interval is on one side of 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def mean_measures(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds of every measure, `measure, first, second, layer, value`."""
    keys = ["measure", "first", "second", "layer"]
    found = frame.groupby(keys, sort=False)["value"].mean()
    return found.reset_index()


def predictions(
    measures: Sequence[pd.DataFrame], pairs: Sequence[pd.DataFrame], resamples: int = RESAMPLES
) -> list[Predicts]:
    """Return how every measure, layer by layer, ranks the pairs of one dataset or of several.

    Args:
        measures: of each dataset, what `mean_measures` returns.
        pairs: of each dataset, the gains of all ordered pairs (`PAIR_COLUMNS`), in one unit.
        resamples: of the bootstrap.
    """
    joined = pd.concat(
        [_joined(own, gains) for own, gains in zip(measures, pairs, strict=True)], ignore_index=True
    )
    order = {name: place for place, name in enumerate(MEANINGS)}
    keys = sorted(
        {(str(m), str(layer)) for m, layer in zip(joined["measure"], joined["layer"], strict=True)},
        key=lambda key: (order.get(key[0], len(order)), key[1]),
    )
    return [
        _judged(key, joined[(joined["measure"] == key[0]) & (joined["layer"] == key[1])], resamples)
        for key in keys
    ]


def _joined(measures: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return a line per measure, layer and ordered pair, with value and gain."""
    of_task = measures["measure"] == OF_A_TASK
    both = measures[~of_task].merge(pairs, on=["first", "second"])
    alone = measures[of_task].drop(columns="second").merge(pairs, on="first")
    columns = ["dataset", "measure", "layer", "first", "second", "value", "gain"]
    return pd.concat([both[columns], alone[columns]], ignore_index=True)


def _judged(key: tuple[str, str], own: pd.DataFrame, resamples: int) -> Predicts:
    own = own.dropna(subset=["value", "gain"])
    values, gains = own["value"].to_numpy(float), own["gain"].to_numpy(float)
    rho = spearman(values, gains)
    low, high = (None, None) if rho is None else _interval(own, resamples)
    names = tuple(dict.fromkeys(map(str, own["dataset"])))
    return Predicts(
        measure=key[0], layer=key[1], rho=rho, low=low, high=high, pairs=len(own), datasets=names
    )


def spearman(values: NDArray[np.float64], gains: NDArray[np.float64]) -> float | None:
    """Return the rank correlation; None for fewer than 4 pairs, or where one side is constant."""
    if len(values) < FEWEST_PAIRS:
        return None
    if np.ptp(values) == 0 or np.ptp(gains) == 0:
        return None
    told, found = scipy.stats.rankdata(values), scipy.stats.rankdata(gains)
    return float(np.corrcoef(told, found)[0, 1])


def _interval(own: pd.DataFrame, resamples: int) -> tuple[float | None, float | None]:
    """Return the percentile interval over unordered pairs.

    There is none of fewer than `FEWEST_PAIRS` unordered pairs. Resamples without variation are
    left out.
    """
    unordered = [
        (d, *sorted((a, b)))
        for d, a, b in zip(own["dataset"], own["first"], own["second"], strict=True)
    ]
    names = dict.fromkeys(unordered)
    if len(names) < FEWEST_PAIRS:
        return None, None
    places = [np.flatnonzero([pair == name for pair in unordered]) for name in names]
    values, gains = own["value"].to_numpy(float), own["gain"].to_numpy(float)
    rng, found = np.random.default_rng(0), []
    for _ in range(resamples):
        drawn = np.concatenate([places[n] for n in rng.integers(len(places), size=len(places))])
        rho = spearman(values[drawn], gains[drawn])
        found += [] if rho is None else [rho]
    if len(found) < resamples / 2:
        return None, None
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)
