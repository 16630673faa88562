"""Comparisons, and the one rule by which they decide a claim.

A comparison is a statistic with its interval, a value that it must differ from (`null`) and a
direction. By itself it is `replicated` if the interval lies on the claimed side of the null value,
`contradicted` if it lies on the other side, `equivalent` if TOST places it within the margin, and
`inconclusive` otherwise (`statistics.verdict`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NotRequired, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from mtnas.evidence.resampling import Resampling
from mtnas.evidence.statistics import (
    EFFECT,
    LEVEL,
    Difference,
    corrected_risk,
    difference_of,
    equivalence_p_value,
    holm,
    seeds_needed,
    t_interval,
    verdict,
)
from mtnas.tasks.metrics import metric_of

Role = Literal["all", "some", "control"]
Side = Literal["higher", "lower"]
Interval = tuple[float, float]
AtRisk = Callable[[float], Interval]
NOT_MEASURED, NOT_JUDGED = "not measured", "not judged"
NEITHER = "neither for nor against the claim"
LOSS_MARGIN = 0.001  # of the other side's mean loss


class Question(TypedDict):
    """What a comparison asks, as its `Comparison` repeats it."""

    dataset: str
    what: str
    unit: str
    claim: Side
    null: NotRequired[float]
    role: NotRequired[Role]
    equal_suffices: NotRequired[bool]
    margin: NotRequired[float | None]
    evidence: NotRequired[Sequence[str]]


@dataclass(frozen=True)
class Comparison:
    """One statistic against `null`; an empty `dataset` means over several of them.

    `role`: the claim needs `all` of these to hold, one at least of `some`; a `control` is told
    beside the claim and decides nothing. `over` names what the interval is over; `evidence`, the
    files that its values are from. `corrected` is the interval after Holm's correction over the
    claim. All with a p-value have it, by `at`: the interval that misses with a given probability.
    """

    dataset: str
    what: str
    unit: str
    claim: Side
    estimate: float
    low: float
    high: float
    verdict: str
    seeds: int
    over: str
    null: float = 0.0
    role: Role = "all"
    equal_suffices: bool = False
    margin: float | None = None
    p_value: float | None = None
    holm_p: float | None = None
    tost_p: float | None = None
    seeds_needed: int | str | None = None
    evidence: Sequence[str] = ()
    corrected: Interval | None = None
    at: AtRisk | None = field(default=None, compare=False, repr=False)

    @property
    def holds(self) -> bool:
        """Whether the comparison says what the claim says."""
        return self.verdict == "replicated" or (
            self.equal_suffices and self.verdict == "equivalent"
        )

    @property
    def sure(self) -> bool:
        """Whether the comparison survives Holm over the claim's family (exact ones always do)."""
        return self.holm_p is None or self.holm_p < 1 - LEVEL

    @property
    def deciding(self) -> Interval:
        """Return the interval that decides, corrected for the number of comparisons if it is."""
        return (self.needs_correction and self.corrected) or (self.low, self.high)

    @property
    def needs_correction(self) -> bool:
        """Whether one such comparison decides a claim: one against what all must show, or one that
        is enough. Where all must show the same, each stands for itself.
        """
        against = self.verdict == "contradicted" and self.role == "all"
        return against or (self.verdict == "replicated" and self.role == "some")

    @property
    def favour(self) -> float:
        """Return how far the estimate is on the claimed side, in half widths of its interval."""
        distance = (self.estimate - self.null) * (1 if self.claim == "higher" else -1)
        return distance / max((self.high - self.low) / 2, 1e-300)


def decide(comparisons: Sequence[Comparison]) -> str:
    """Judge a claim by its comparisons, or by those of one dataset.

    contradicted  one comparison that must hold is contradicted and stays so under Holm over the
                  whole claim, or all of those of which one must hold are contradicted
    replicated    every comparison that must hold does, and where only some must hold, one at least
                  does under Holm
    equivalent    all of them are equivalent
    inconclusive  anything else
    not measured  there is no comparison with an interval
    """
    needed = [c for c in comparisons if c.role == "all"]
    some = [c for c in comparisons if c.role == "some"]
    if not needed and not some:
        return NOT_MEASURED
    if any(c.verdict == "contradicted" and c.sure for c in needed):
        return "contradicted"
    if some and all(c.verdict == "contradicted" for c in some):
        return "contradicted"
    if all(c.holds for c in needed) and (not some or any(c.holds and c.sure for c in some)):
        return "replicated"
    if all(c.verdict == "equivalent" for c in [*needed, *some]):
        return "equivalent"
    return "inconclusive"


def decisive(comparisons: Sequence[Comparison]) -> Comparison | None:
    """Return the comparison that decides: its interval heads the ledger.

    It is the one that speaks least for the claim or, where one is enough, the one that speaks most.
    """
    needed = [c for c in comparisons if c.role == "all"]
    if needed:
        return min(needed, key=lambda c: c.favour)
    some = [c for c in comparisons if c.role == "some"]
    return max(some, key=lambda c: c.favour, default=None)


def said(comparison: Comparison, family: int) -> str:
    """Say what the interval that decides means for the claim, of `family` comparisons."""
    side = "above" if comparison.claim == "higher" else "below"
    claimed = "as claimed" + f" ({side} {comparison.null:.4g})" * bool(comparison.null)
    if comparison.verdict == "inconclusive":
        inside = comparison.low <= comparison.null <= comparison.high
        return f"includes {comparison.null:.4g}: {NEITHER}" if inside else NEITHER
    if comparison.verdict == "equivalent":
        return f"no difference beyond {comparison.margin:.2g}, though one is claimed"
    told = claimed if comparison.verdict == "replicated" else "against the claim"
    if family < 2 or comparison.corrected is None or not comparison.needs_correction:
        return told
    still = "also" if comparison.sure else "but not"
    return f"{told}, {still} after correction for {family} comparisons"


def adjusted(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Add Holm's p-values over the family of a claim: all its comparisons but the controls."""
    family = [i for i, c in enumerate(comparisons) if c.role != "control" and c.p_value is not None]
    p_values = holm([comparisons[i].p_value or 0.0 for i in family])
    result = list(comparisons)
    for i, p in zip(family, p_values, strict=True):
        result[i] = _corrected(result[i], float(p))
    return result


def _corrected(comparison: Comparison, holm_p: float) -> Comparison:
    """Add Holm's p-value and the interval that agrees with it."""
    found = replace(comparison, holm_p=holm_p)
    if found.at is None or found.p_value is None:
        return found
    return replace(found, corrected=found.at(corrected_risk(found.p_value, holm_p)))


def compare(
    values: ArrayLike,
    resampling: Resampling,
    *,
    over: str = "seeds",
    seeds: int | None = None,
    **question: Unpack[Question],
) -> Comparison | None:
    """Compare the mean of `values` (such as paired differences) with `null`; None for one value.

    `resampling` says how the seeds came to their rows, on which the interval depends.

    With a `margin`, equivalence to the null value and the seeds needed to resolve it are told too.
    """
    array = np.asarray(values, dtype=float)
    null, margin = question.get("null", 0.0), question.get("margin")
    found = difference_of(array - null, resampling)
    if found.low is None or found.high is None:
        return None
    return Comparison(
        **question,
        estimate=found.mean + null,
        low=found.low + null,
        high=found.high + null,
        verdict=_verdict(found, margin, question["claim"]),
        seeds=len(array) if seeds is None else seeds,
        over=f"{len(array)} {over}, {resampling.words}",
        p_value=found.p_value,
        tost_p=None if margin is None else equivalence_p_value(found, margin),
        seeds_needed=None if margin is None else needed(found, margin),
        at=_by_t(found, null),
    )


def needed(found: Difference, margin: float) -> int | str:
    """Return the seeds that resolve a margin, or that no number of them does."""
    rows = found.resampling
    return seeds_needed(found.sd or 0.0, rows, margin) or rows.too_few


def by_interval(estimate: float, low: float, high: float, null: float, claim: Side) -> str:
    """Judge a statistic whose interval does not come from a t-test."""
    if low <= null <= high:
        return "inconclusive"
    return "replicated" if (low > null) == (claim == "higher") else "contradicted"


def margin_of(column: str, other_mean: float) -> float:
    """Return the margin of equivalence: 0.001 AUC or share, or 0.1 % of the other side's loss."""
    metric = metric_of(column)
    relative = metric.is_loss and metric.unit != "share"  # a calibration error is near zero
    return LOSS_MARGIN * abs(other_mean) if relative else EFFECT


def _verdict(found: Difference, margin: float | None, claim: Side) -> str:
    if margin is not None:
        return verdict(found, margin, claim)
    if found.low is None or found.high is None or not found.excludes_zero:
        return "inconclusive"
    return by_interval(found.mean, found.low, found.high, 0.0, claim)


def _by_t(found: Difference, null: float) -> AtRisk:
    """Return the intervals of a mean, of which `found` is the difference from `null`."""

    def at(risk: float) -> Interval:
        low, high = t_interval(found, risk)
        return low + null, high + null

    return at
