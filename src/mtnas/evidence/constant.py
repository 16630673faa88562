"""Trained models that predict one value for all rows, which no mean of scores tells.

A narrow network ends so when none of its units is active for any row any more. What it scores is
luck of its initialisation and no effect of sharing, so such models are counted beside the means.
"""

from collections.abc import Iterable

CHANCE = 0.5  # the AUC of one value for all rows: ties count half, so that it is exact
WHY = (
    "predict one value for all rows (an AUC of exactly 0.5), as a narrow network does when none of "
    "its units is active any more; what means and intervals say there is this luck, too"
)


def constant(scores: Iterable[float], metric: str) -> int | None:
    """Count the test scores of models that predict one value; None: the metric does not tell."""
    return sum(score == CHANCE for score in scores) if metric == "auc" else None
