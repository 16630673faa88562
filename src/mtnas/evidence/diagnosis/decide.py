"""From measured gains to one grouping: the simplest, unless another is measurably better."""

from dataclasses import dataclass
from typing import Literal

from mtnas.evidence.diagnosis.grouping import chosen_on, held_out
from mtnas.evidence.diagnosis.truth import Grouping, Interval, Subset, Truth
from mtnas.evidence.statistics import LEVEL, holm

Reason = Literal["groups", "groups_gain", "apart", "harmed", "together_gains", "no_difference"]


@dataclass(frozen=True)
class Decision:
    """What is recommended, why, and what it gains.

    Attributes:
        best: the grouping that is best on validation.
        over_together: what `best` gains over one model for all, on test.
        over_apart: what `best` gains over a model for every task, on test.
        held_out: as `over_together`, where each seed is judged by what the others choose.
        together_over_apart: what one model for all gains over a model for every task.
        harmed: tasks that lose measurably in one model for all (Holm over the tasks).
        recommended: the grouping to use.
        reason: which rule decided.
        expected: what `recommended` gains over `instead_of`.
        instead_of: `together` or `apart`.
    """

    best: Grouping
    over_together: Interval
    over_apart: Interval
    held_out: Interval | None
    together_over_apart: Interval
    harmed: Subset
    recommended: Grouping
    reason: Reason
    expected: Interval
    instead_of: Literal["together", "apart"]


def decide(truth: Truth) -> Decision:
    """Choose a grouping.

    One model for all is the simplest, so it is recommended unless another grouping is measurably
    better than it: the one that is best on validation (its interval on test and the one of
    `held_out` lie above 0), a model for every task, or one that takes tasks out that lose. If only
    the one that is best on validation measurably gains over a model for every task, and one model
    for all does not, it is recommended, too.
    """
    best = chosen_on(truth, truth.seeds)
    fair = held_out(truth, truth.together)
    facts = (
        truth.difference(best, truth.together),
        truth.difference(best, truth.apart),
        fair,
        truth.difference(truth.together, truth.apart),
    )
    harmed = harmed_tasks(truth)
    recommended, reason = _chosen(truth, best, harmed, fair)
    instead_of: Literal["together", "apart"] = "together"
    if reason in ("groups_gain", "together_gains", "no_difference"):
        instead_of = "apart"
    baseline = truth.apart if instead_of == "apart" else truth.together
    expected = truth.difference(recommended, baseline)
    return Decision(best, *facts, harmed, recommended, reason, expected, instead_of)


def harmed_tasks(truth: Truth) -> Subset:
    """Return the tasks that lose measurably when all are trained together."""
    if len(truth.seeds) < 2:
        return ()
    found = [truth.interval(truth.gain(truth.tasks, task)) for task in truth.tasks]
    adjusted = holm([float(gain.p_value or 0) for gain in found])
    return tuple(
        task
        for task, gain, p_value in zip(truth.tasks, found, adjusted, strict=True)
        if gain.mean < 0 and p_value < 1 - LEVEL
    )


def _chosen(
    truth: Truth, best: Grouping, harmed: Subset, fair: Interval | None
) -> tuple[Grouping, Reason]:
    better = truth.difference(best, truth.together).sign > 0
    if better and fair is not None and fair.sign > 0:
        return best, "apart" if best == truth.apart else "groups"
    if truth.difference(truth.apart, truth.together).sign > 0:
        return truth.apart, "apart"
    if harmed:
        return _without(truth, harmed), "harmed"
    if truth.difference(truth.together, truth.apart).sign > 0:
        return truth.together, "together_gains"
    alone = held_out(truth, truth.apart)
    gains = truth.difference(best, truth.apart).sign > 0 and alone is not None and alone.sign > 0
    if gains and best != truth.together:
        return best, "groups_gain"
    return truth.together, "no_difference"


def _without(truth: Truth, harmed: Subset) -> Grouping:
    """Return the grouping in which harmed tasks are alone, and the others together if they were."""
    others = tuple(task for task in truth.tasks if task not in harmed)
    if not others or others not in truth.subsets:
        return truth.apart
    grouping = [others, *((task,) for task in harmed)]
    return tuple(sorted(grouping, key=lambda subset: truth.tasks.index(subset[0])))
