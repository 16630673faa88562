"""The recommendation as readers see it."""

from collections.abc import Sequence

from mtnas.evidence.diagnosis.predict import Predicts
from mtnas.evidence.diagnosis.report import CurvePoint, Diagnosis, Pair, Widening
from mtnas.evidence.diagnosis.sentences import listed, seeds_of, shown
from mtnas.evidence.diagnosis.widths import constant_said, widening_told

SAME_ROWS = (
    "with the same inputs every pair has the same covariance similarity (Eq. 5 of Wu, Zhang, Ré), "
    "and there is nothing to align"
)
HEAD = (
    "| trained with | task | gain over alone | 95 % interval | |",
    "| :-- | :-- | --: | :-: | :-- |",
)
WIDTHS_HEAD = (
    "| width | task | gain of all together over alone | 95 % interval |",
    "| --: | :-- | --: | :-: |",
)
NO_CURVE = "No other width was tried, since `diagnosis.widths` is empty."


def recommendation(found: Diagnosis) -> str:
    """Return the recommendation as Markdown: the sentences, pairs, and what measures told."""
    lines = [f"# Should the tasks of {found.dataset} share?", ""]
    if found.simulated:
        lines += ["**Simulated data: this says nothing of real ones.**", ""]
    lines += [*(f"{number}. {said}" for number, said in enumerate(found.sentences, 1)), ""]
    lines += HEAD
    for pair in found.pairs:
        cells = (pair.first, pair.second, f"{pair.mean:+.4f}", _between(pair), pair.verdict)
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", f"Gains on test, in {found.unit} ({found.metric}); positive is better."]
    if len(found.pairs) > 2:
        lines.append(
            f"Of {len(found.pairs)} such intervals one in twenty leaves out 0 by luck; p-values "
            "`adjusted` in diagnosis.json take all of them into account."
        )
    lines.append(told(found.predicts))
    if found.same_rows:
        lines.append(f"All tasks have labels in the same rows: {SAME_ROWS}.")
    lines += ["", "## At other widths", "", *_curve(found), widths_said(found)]
    return "\n".join(lines) + "\n"


def _curve(found: Diagnosis) -> list[str]:
    """Return the capacity curve as lines of a table, none without one."""
    rows = [
        f"| {point.width} | {point.task} | {point.mean:+.4f} | {_between(point)} |"
        for point in found.capacity
    ]
    return [*WIDTHS_HEAD, *rows, ""] if rows else []


def _between(gain: Pair | CurvePoint) -> str:
    return "" if gain.low is None else f"{gain.low:+.4f} to {gain.high:+.4f}"


def widths_said(found: Diagnosis) -> str:
    """Return in plain sentences what a wider shared part does to sharing."""
    if not found.capacity:
        return NO_CURVE
    told = widening_told(found)
    if told is None:
        return "How gains change with the width cannot be said: it takes two widths and one metric."
    return f"{_change(found, told)} {_best_widths(told)} {constant_said(found)}".rstrip()


def _change(found: Diagnosis, told: Widening) -> str:
    size = shown(told.change)
    if not told.paired:
        size = size.replace("interval", "interval at its widest")
    size += f" {'of test AUC' if found.metric == 'auc' else 'of test loss'}, mean over the tasks"
    if told.change.sign == 0:
        return (
            f"From width {told.narrow} to {told.wide}, what sharing gains or costs does not change "
            f"by a difference that {seeds_of(len(found.seeds))} can show: {size}."
        )
    more = "costs less, or gains more," if told.change.sign > 0 else "costs more, or gains less,"
    return f"Sharing {more} at width {told.wide} than at {told.narrow}: by {size}."


def _best_widths(told: Widening) -> str:
    alone = listed([f"{width} for {task}" for task, width in told.alone.items()])
    said = f"By mean test scores the best width is {told.together} together; alone it is {alone}."
    if told.excess is None or told.excess.low is None or told.excess.high is None:
        return said
    return (
        f"{said} Seed by seed the best width together is {told.excess.mean:+.0f} against the sum "
        f"of those alone (95 % interval {told.excess.low:+.0f} to {told.excess.high:+.0f}); widths "
        f"chosen blindly would give {told.blind:+.0f}."
    )


def told(predicts: Sequence[Predicts]) -> str:
    """Return in a sentence which measures told what pairs gain."""
    judged = [own for own in predicts if own.low is not None]
    if not judged:
        return "There are too few pairs of tasks to say whether a cheap measure tells their gains."
    good = [own.title for own in judged if own.told]
    if not good:
        return (
            f"None of {len(judged)} cheap measures ranked the pairs by their gains, as far as "
            f"{judged[0].pairs} ordered pairs can show."
        )
    return (
        f"Of {len(judged)} cheap measures {len(good)} had a rank correlation with the gains that "
        f"differs from 0: {', '.join(good)}."
    )
