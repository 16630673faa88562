"""The recommendation as readers see it."""

from collections.abc import Sequence

from mtnas.evidence.diagnosis.predict import Predicts
from mtnas.evidence.diagnosis.report import Diagnosis

SAME_ROWS = (
    "with the same inputs every pair has the same covariance similarity (Eq. 5 of Wu, Zhang, Ré), "
    "and there is nothing to align"
)
HEAD = (
    "| trained with | task | gain over alone | 95 % interval | |",
    "| :-- | :-- | --: | :-: | :-- |",
)


def recommendation(found: Diagnosis) -> str:
    """Return the recommendation as Markdown: the sentences, pairs, and what measures told."""
    lines = [f"# Should the tasks of {found.dataset} share?", ""]
    if found.simulated:
        lines += ["**Simulated data: this says nothing of real ones.**", ""]
    lines += [*(f"{number}. {said}" for number, said in enumerate(found.sentences, 1)), ""]
    lines += HEAD
    for pair in found.pairs:
        shown = "" if pair.low is None else f"{pair.low:+.4f} to {pair.high:+.4f}"
        cells = (pair.first, pair.second, f"{pair.mean:+.4f}", shown, pair.verdict)
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
    return "\n".join(lines) + "\n"


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
