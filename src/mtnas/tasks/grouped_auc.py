"""AUC within groups, such as the rows of one user: how well each group is ranked. No torch here.

The AUC of all rows also rewards a model for telling a content user from a discontent one; that
within users (GAUC; Zhu et al., KDD 2017) does not. Shapes: N examples, G groups.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class GroupedAuc:
    """The mean AUC of groups, weighted by their rows; None if no group has both labels."""

    value: float | None
    groups: int  # that count
    rows: int  # in them
    groups_left_out: int  # those with labels of one class only: they have no AUC
    rows_left_out: int


def grouped_auc(
    scores: NDArray[np.float64], labels: NDArray[np.float64], groups: NDArray[np.int64]
) -> GroupedAuc:
    """Return the AUC within groups, given scores, labels (0 or 1) and the group of each row, [N].

    Ties count one half.
    """
    frame = pd.DataFrame({"group": groups, "score": scores, "positive": labels})
    by_group = frame.groupby("group", sort=False)
    frame["rank"] = by_group["score"].rank(method="average")
    frame["ranked"] = frame["rank"] * frame["positive"]
    sums = frame.groupby("group", sort=False).agg(
        rows=("score", "size"), positives=("positive", "sum"), ranks=("ranked", "sum")
    )
    negatives = sums["rows"] - sums["positives"]
    counts = (sums["positives"] > 0) & (negatives > 0)
    wins = sums["ranks"] - sums["positives"] * (sums["positives"] + 1) / 2
    auc, rows = (wins / (sums["positives"] * negatives))[counts], sums["rows"][counts]
    return GroupedAuc(
        value=float((auc * rows).sum() / rows.sum()) if counts.any() else None,
        groups=int(counts.sum()),
        rows=int(rows.sum()),
        groups_left_out=int((~counts).sum()),
        rows_left_out=int(sums["rows"][~counts].sum()),
    )
