"""A recommendation in plain sentences."""

import math
from collections.abc import Sequence

from mtnas.evidence.diagnosis.decide import Decision
from mtnas.evidence.diagnosis.truth import Grouping, Interval, Truth
from mtnas.evidence.statistics import EFFECT, MOST_SEEDS, seeds_needed


def sentences(truth: Truth, decision: Decision, tables: Interval | None) -> tuple[str, ...]:
    """Return three sentences: what to do, what it gains, what would make it surer.

    `decision` is on the learned tasks of the truth. `tables` is what embedding tables of their own
    gain over what is recommended, in one model for all where that is a model for each; None: not
    measured.
    """
    own = truth.learned
    return (
        f"{_what(own, decision)}{_tables(own, decision, tables)}{_unlearned(truth)}.",
        f"{_gain(own, decision)}.",
        f"{_surer(own, decision.expected)}.",
    )


def _unlearned(truth: Truth) -> str:
    """Say of which tasks nothing is learned, and that those are left out, if two others remain."""
    if not truth.unlearned:
        return ""
    names = listed(truth.unlearned)
    why = f"no model tells {names} better than chance, alone or with other tasks"
    if truth.learned.tasks == truth.tasks:
        return f"; {why}"
    return f"; leave out {names}, where there is nothing to share or to gain: {why}"


def _what(truth: Truth, decision: Decision) -> str:
    tasks, seeds = truth.tasks, len(truth.seeds)
    if decision.reason == "no_difference":
        return (
            f"Train one model for {listed(tasks)}: it is the simplest, and no grouping of the "
            f"tasks is better by a difference that {seeds_of(seeds)} can show, so sharing costs "
            "nothing measurable"
        )
    if decision.reason == "together_gains":
        return f"Train one model for {listed(tasks)}: they gain from each other"
    if decision.reason == "apart":
        return f"Keep the tasks apart, a model for each of {listed(tasks)}: sharing harms them"
    why = "this is measurably better than one model for all"
    if decision.reason == "groups_gain":
        why = "who shares gains from it, and one model for all does not gain measurably"
    if decision.reason == "harmed":
        why = f"in one model for all, {listed(decision.harmed)} would lose measurably"
    return f"{_groups(decision.recommended)}: {why}"


def _groups(grouping: Grouping) -> str:
    shared = [listed(subset) for subset in grouping if len(subset) > 1]
    alone = [subset[0] for subset in grouping if len(subset) == 1]
    parts = [f"one model for {group}" for group in shared]
    parts += [f"a model of its own for {task}" for task in alone]
    return f"Train {listed(parts)}"


def _tables(truth: Truth, decision: Decision, tables: Interval | None) -> str:
    """Say what to do with embedding tables, where there are some."""
    if not truth.scores.record.parameters.embedding:
        return ""
    if decision.recommended == truth.apart:
        return _one_model(truth, tables)
    if tables is None:
        return "; whether tasks should have embedding tables of their own was not measured"
    gained = shown(tables)
    if tables.sign > 0:
        return f"; give each task embedding tables of its own, which gains {gained}"
    if tables.sign < 0:
        return f"; let the tasks share their embedding tables, since own ones change it by {gained}"
    return (
        "; let the tasks share their embedding tables, since own ones make no difference that "
        f"{seeds_of(len(truth.seeds))} can show: {gained}"
    )


def _one_model(truth: Truth, tables: Interval | None) -> str:
    """Say whether one model does as well as one for each task if only the tables are apart."""
    if tables is None:
        return ""
    one = "; one model in which each task has embedding tables of its own"
    gained = shown(tables)
    if tables.sign > 0:
        return f"{one} is better still, by {gained}"
    if tables.sign < 0:
        return f"{one} is not as good, it changes it by {gained}"
    return f"{one} is as good, as far as {seeds_of(len(truth.seeds))} can show: {gained}"


def _gain(truth: Truth, decision: Decision) -> str:
    other = "a model for each task" if decision.instead_of == "apart" else "one model for all tasks"
    measured = f"{shown(decision.expected)} {_unit(truth)}, {seeds_of(len(truth.seeds))}"
    if decision.expected.sign == 0:
        return (
            f"Compared with {other} expect no difference that {seeds_of(len(truth.seeds))} can "
            f"show: {measured}"
        )
    word = "a gain" if decision.expected.sign > 0 else "a loss"
    return f"Compared with {other} expect {word} of {measured}"


def _unit(truth: Truth) -> str:
    what = {"auc": "of test AUC"}.get(truth.name, f"off the test loss ({truth.name})")
    return f"{what}, mean over the {len(truth.tasks)} tasks"


def _surer(truth: Truth, expected: Interval) -> str:
    effect = smallest_effect(truth)
    if expected.sd is None:
        return "One seed has no interval: run five or more to learn whether this is more than luck"
    have = len(truth.seeds)
    if expected.sign == 0:
        needed = seeds_needed(expected.sd, truth.resampling, effect)
        if needed is None:
            return (
                f"No number of seeds shows a difference of {effect:.2g} with a power of 80 %, "
                f"since {truth.resampling.limit}: it takes more rows"
            )
        if needed <= have:
            return (
                f"These {seeds_of(have)} would show a difference of {effect:.2g} in most cases, so "
                "only a smaller one can be hidden; more seeds would tell of that"
            )
        many = str(needed) if needed < MOST_SEEDS else f"more than {MOST_SEEDS}"
        return (
            f"To show a difference of {effect:.2g} with a power of 80 %, {many} seeds are needed "
            f"instead of {have}"
        )
    narrower = f"{4 * have} seeds would halve the interval"
    if truth.resampling.folds > have:
        narrower = f"{truth.resampling.folds} seeds, which test every row once, would narrow it"
    elif truth.resampling.test_share:
        narrower = f"more seeds hardly narrow the interval, since {truth.resampling.limit}"
    if truth.resampling.kind == "fixed":
        narrower = "all have one split, so the interval is of initialisation only"
    return (
        f"{seeds_of(have).capitalize()} settle the sign; {narrower}, and another dataset of the "
        "same kind would tell whether it holds beyond this one"
    )


def smallest_effect(truth: Truth) -> float:
    """Return the difference worth showing: 0.001 AUC, or a thousandth of a loss."""
    return EFFECT if truth.name == "auc" else EFFECT * truth.level


def shown(interval: Interval) -> str:
    """Return a mean with its interval, in so many decimals as that tells."""
    if interval.low is None or interval.high is None:
        return f"{interval.mean:+.{_digits(abs(interval.mean))}f} (one seed, so without interval)"
    digits = _digits(interval.high - interval.low)
    low, high = f"{interval.low:+.{digits}f}", f"{interval.high:+.{digits}f}"
    return f"{interval.mean:+.{digits}f} (95 % interval {low} to {high})"


def _digits(width: float) -> int:
    """Return so many decimals that a width has two significant ones, at least 4."""
    return 4 if width <= 0 else max(4, min(8, 2 - math.floor(math.log10(width)) - 1))


def seeds_of(number: int) -> str:
    """Return such as `5 seeds`."""
    return "1 seed" if number == 1 else f"{number} seeds"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
