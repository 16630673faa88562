"""What may be said from a handful of seeds: spread, paired intervals, equivalence, verdicts.

Pure functions of arrays. Values of one run are a `pandas.Series` indexed by seed; two runs are
compared seed by seed, because methods share the split and the batch order of a seed. How the seeds
came to their rows (`Resampling`) decides the standard error of a mean, so every interval asks for
it. Differences carry the unit of the values (AUC or nats of loss). Levels and powers are
probabilities.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import scipy  # its `stats` is loaded when it is first used
from numpy.typing import ArrayLike, NDArray

from mtnas.evidence.resampling import INDEPENDENT, Resampling
from mtnas.runtime.errors import RecordError

Verdict = Literal["replicated", "contradicted", "equivalent", "inconclusive"]
LEVEL = 0.95
EFFECT = 0.001  # the AUC gain that the paper calls significant (Sec. 4.1)
MOST_SEEDS = 10_000  # beyond, a number of seeds is no advice
NORMAL_FROM = 10_000_000  # pairs, from which the t distribution is slow and the normal one the same


@dataclass(frozen=True)
class Summary:
    """Mean and sample standard deviation of n values; one value has no spread."""

    mean: float
    sd: float | None
    n: int


@dataclass(frozen=True)
class Difference:
    """Mean of n paired differences with its interval; one pair has no interval (None)."""

    mean: float
    low: float | None
    high: float | None
    p_value: float | None
    n: int
    sd: float | None = None
    resampling: Resampling = INDEPENDENT

    @property
    def error(self) -> float:
        """Return the standard error of the mean; `ValueError` for one pair."""
        if self.sd is None:
            raise ValueError("one pair has no standard error, and no interval")
        return self.sd * float(np.sqrt(self.resampling.variance(self.n)))

    @property
    def excludes_zero(self) -> bool:
        """Whether there is an interval and zero lies outside it."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def summarize(values: ArrayLike) -> Summary:
    """Return mean, sample standard deviation and number of `values`."""
    array = _finite(values, "summarize")
    sd = float(array.std(ddof=1)) if len(array) > 1 else None
    return Summary(float(array.mean()), sd, len(array))


def paired_values(a: "pd.Series[float]", b: "pd.Series[float]") -> NDArray[np.float64]:
    """Return a - b seed by seed, ordered by seed.

    Raises:
        RecordError: the two do not hold exactly the same seeds, once each.
    """
    for series in (a, b):
        if series.index.has_duplicates:
            twice = sorted(set(series.index[series.index.duplicated()]))
            raise RecordError(f"paired comparison: seeds {twice} occur twice in one run")
    if set(a.index) != set(b.index):
        only_a, only_b = sorted(set(a.index) - set(b.index)), sorted(set(b.index) - set(a.index))
        raise RecordError(
            "paired comparison: the runs hold different seeds "
            f"(only the first: {only_a}, only the second: {only_b}); rerun them with equal `seeds`"
        )
    seeds = sorted(a.index)
    return _finite(a.loc[seeds].to_numpy(float) - b.loc[seeds].to_numpy(float), "comparison")


def paired_difference(
    a: "pd.Series[float]", b: "pd.Series[float]", resampling: Resampling, level: float = LEVEL
) -> Difference:
    """Return the mean of a - b over seeds with its paired-t interval and two-sided p-value."""
    return difference_of(paired_values(a, b), resampling, level)


def difference_of(
    differences: ArrayLike, resampling: Resampling, level: float = LEVEL
) -> Difference:
    """Return the mean of given differences with its t interval and two-sided p-value."""
    d = _finite(differences, "differences")
    n, mean = len(d), float(d.mean())
    if n == 1:
        return Difference(mean, None, None, None, 1, resampling=resampling)
    found = Difference(mean, None, None, None, n, float(d.std(ddof=1)), resampling)
    low, high = t_interval(found, 1 - level)
    return replace(found, low=low, high=high, p_value=_two_sided(mean, found.error, n))


def ratio_of(
    first: ArrayLike, second: ArrayLike, resampling: Resampling, level: float = LEVEL
) -> Difference | None:
    """Return the mean of `first` divided by that of `second`, paired values, by Fieller's theorem.

    None where the mean of `second` is not known to differ from 0: then every ratio is possible.
    There is no p-value.
    """
    x, y = _finite(first, "ratio"), _finite(second, "ratio")
    n, below = len(y), difference_of(y, resampling, level)
    if not below.excludes_zero:
        return None
    (xx, xy), (_, yy) = np.cov(x, y) * resampling.variance(n)
    t, ratio = float(scipy.stats.t.ppf((1 + level) / 2, n - 1)), x.mean() / y.mean()
    g = t**2 * yy / y.mean() ** 2  # below 1, since the interval of `second` excludes 0
    spread = xx - 2 * ratio * xy + ratio**2 * yy
    spread -= g * (xx - xy**2 / yy) if yy > 0 else 0.0
    half = t / abs(y.mean()) * np.sqrt(max(spread, 0.0))
    middle = ratio - (g * xy / yy if yy > 0 else 0.0)
    low, high = ((middle + sign * half) / (1 - g) for sign in (-1, 1))
    return Difference(float(ratio), float(low), float(high), None, n, resampling=resampling)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return Holm's adjusted p-values of one family, in the order given."""
    p = _finite(p_values, "Holm", allow_empty=True)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def corrected_interval(difference: Difference, adjusted: float) -> tuple[float, float] | None:
    """Return the interval that agrees with a p-value after Holm's correction; None for one pair.

    Its level is that at which Holm tested this difference: 1 - .05 p / adjusted. So it excludes
    zero exactly where `adjusted` is below .05, and is never narrower than the 95 % interval.
    """
    if difference.sd is None or difference.p_value is None:
        return None
    return t_interval(difference, corrected_risk(difference.p_value, adjusted))


def t_interval(difference: Difference, risk: float) -> tuple[float, float]:
    """Return the interval that misses with a probability of `risk`; one pair has none."""
    half = float(scipy.stats.t.isf(risk / 2, difference.n - 1)) * difference.error
    return difference.mean - half, difference.mean + half


def corrected_risk(p_value: float, adjusted: float) -> float:
    """Return the probability of error at which Holm tested a p-value: .05 p / adjusted."""
    return (1 - LEVEL) * (p_value / adjusted if p_value > 0 else 1.0)


def equivalence_p_value(difference: Difference, margin: float) -> float | None:
    """Return the p-value of TOST against +-`margin`; None without an interval."""
    if margin <= 0:
        raise ValueError(f"equivalence margin must be positive, got {margin}")
    if difference.sd is None:
        return None
    n, error = difference.n, difference.error
    if error == 0:
        return 0.0 if abs(difference.mean) < margin else 1.0
    above = scipy.stats.t.sf((difference.mean + margin) / error, n - 1)
    below = scipy.stats.t.cdf((difference.mean - margin) / error, n - 1)
    return float(max(above, below))


def seeds_needed(
    sd_of_differences: float,
    resampling: Resampling,
    effect: float = EFFECT,
    power: float = 0.8,
    level: float = LEVEL,
) -> int | None:
    """Return the fewest seeds (>= 2) at which a paired t-test resolves `effect` with `power`.

    None: no number does. Overlapping splits leave a standard error of sqrt(test rows / training
    rows) times `sd_of_differences`, however many of them there are.
    """
    if sd_of_differences < 0 or effect <= 0 or not 0 < power < 1:
        raise ValueError("seeds_needed: sd must be >= 0, effect > 0 and 0 < power < 1")
    if sd_of_differences == 0:
        return 2
    ratio = effect / sd_of_differences
    for n in range(2, resampling.folds + 1):  # beyond these a seed more may tell less
        if paired_power(n, ratio, resampling, level) >= power:
            return n
    if resampling.test_share and paired_power(NORMAL_FROM, ratio, resampling, level) < power:
        return None
    return _first(lambda n: paired_power(n, ratio, resampling, level) >= power, start=2)


def paired_power(
    n: int, standardized_effect: float, resampling: Resampling, level: float = LEVEL
) -> float:
    """Return the power of the two-sided paired t-test with n pairs at effect / sd.

    From `NORMAL_FROM` pairs on that of the z-test, which asks for about two pairs fewer.
    """
    shift = abs(standardized_effect) / float(np.sqrt(resampling.variance(n)))
    if n >= NORMAL_FROM:
        threshold = scipy.stats.norm.ppf((1 + level) / 2)
        return float(np.sum(scipy.stats.norm.cdf([shift - threshold, -shift - threshold])))
    critical = scipy.stats.t.ppf((1 + level) / 2, n - 1)
    upper = scipy.stats.nct.sf(critical, n - 1, shift)
    lower = scipy.stats.nct.cdf(-critical, n - 1, shift)
    return float(upper + np.nan_to_num(lower))  # the far tail underflows to NaN


def verdict(
    difference: Difference,
    margin: float,
    claim: Literal["higher", "lower"] = "higher",
    level: float = LEVEL,
) -> Verdict:
    """Judge the claim that the mean difference is `higher` (or `lower`) than zero.

    An interval that excludes zero decides first, even if it lies within the margin; then TOST.
    """
    if difference.excludes_zero:
        return "replicated" if (difference.mean > 0) == (claim == "higher") else "contradicted"
    p_value = equivalence_p_value(difference, margin)
    return "equivalent" if p_value is not None and p_value < 1 - level else "inconclusive"


def _two_sided(mean: float, error: float, n: int) -> float:
    """Return the p-value of a t statistic; without any spread the answer is certain."""
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * scipy.stats.t.sf(abs(mean) / error, n - 1))


def _first(holds: Callable[[int], bool], start: int) -> int:
    """Return the smallest n >= start for which a monotone condition holds, by bisection."""
    low, high = start - 1, start
    while not holds(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _finite(
    values: ArrayLike | Sequence[float], where: str, allow_empty: bool = False
) -> NDArray[np.float64]:
    """Return a one-dimensional float array, refusing none and NaN."""
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or (not allow_empty and not len(array)) or not np.isfinite(array).all():
        raise RecordError(f"{where}: needs one or more finite values in one dimension: {array}")
    return array
