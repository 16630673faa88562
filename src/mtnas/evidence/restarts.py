"""Several initialisations of each split: what counts of them, and whose luck is how large (V24).

The seed of restart r of the split of seed s is `s + r * RESTART` (`runtime.seeds`).
Shapes: I splits, J restarts of each.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mtnas.config.training import TrainingOptions
from mtnas.runtime.errors import RecordError
from mtnas.runtime.seeds import split_of
from mtnas.tasks.metrics import MTL_LOSS


def counted(
    scores: pd.DataFrame, metrics: pd.DataFrame, training: TrainingOptions, *, where: str
) -> pd.DataFrame:
    """Return what counts of the scores of every seed, a row per split: a run without restarts is
    its own.

    Args:
        scores: a row per seed.
        metrics: all lines of the run; restarts are chosen by the MTL loss on validation.
        training: `restarts` and `of_restarts`.
        where: names the run in an error.

    Raises:
        RecordError: a seed has no validation loss to be chosen by.
    """
    if training.restarts == 1:
        return scores
    splits = [split_of(int(seed)) for seed in scores.index]
    if training.of_restarts == "mean":
        return scores.groupby(splits).mean().rename_axis("seed")
    best = chosen(metrics, where=where)
    return scores.loc[list(best.values())].set_axis(pd.Index(list(best), name="seed"))


def chosen(metrics: pd.DataFrame, *, where: str) -> dict[int, int]:
    """Return, for every split, the seed of its restart with the least MTL loss on validation.

    Raises:
        RecordError: a seed has no such loss.
    """
    loss = valid_losses(metrics)
    if lacking := sorted({*map(int, metrics["seed"])} - {*map(int, loss.index)}):
        raise RecordError(f"{where}: seeds {lacking} lack the validation loss to be chosen by")
    best = loss.groupby([split_of(int(seed)) for seed in loss.index]).idxmin()
    return {int(str(split)): int(seed) for split, seed in best.items()}


def valid_losses(metrics: pd.DataFrame) -> "pd.Series[float]":
    """Return the MTL loss on validation of every seed, seeds in order."""
    lines = metrics[(metrics["split"] == "valid") & (metrics["metric"] == MTL_LOSS)]
    return lines.set_index("seed")["value"].astype(float).sort_index()


@dataclass(frozen=True)
class Components:
    """The variance of a score, in two parts, of I splits with J restarts each.

    `between` is that of splits (of what a split is worth on average over all initialisations),
    `within` that of initialisations within a split. `between` is an estimate that can be negative,
    where splits differ less than the luck of their restarts alone would make them.
    """

    splits: int
    restarts: int
    between: float
    within: float

    def sd(self, part: Literal["between", "within"]) -> float:
        """Return a standard deviation; 0 where the estimate of a variance is negative."""
        return float(np.sqrt(max(0.0, getattr(self, part))))

    @property
    def share_within(self) -> float | None:
        """Return the share of initialisations in the variance of one training; None: of none."""
        total = max(0.0, self.between) + self.within
        return self.within / total if total > 0 else None


def components(scores_IJ: ArrayLike) -> Components:
    """Estimate both parts by the analysis of variance of one way with random effects.

    The mean square within splits estimates `within`, and that between splits J times `between` plus
    `within` (Searle, Casella, McCulloch: Variance Components, 1992, ch. 3). Random splits of one
    table share rows, so `between` speaks of the splits of this table alone.

    Raises:
        ValueError: there are fewer than two splits or restarts.
    """
    values_IJ = np.asarray(scores_IJ, dtype=np.float64)
    splits, restarts = values_IJ.shape
    if min(splits, restarts) < 2:
        raise ValueError(f"{splits} splits with {restarts} restarts: needs two of both")
    within = float(values_IJ.var(axis=1, ddof=1).mean())
    between = float(values_IJ.mean(axis=1).var(ddof=1)) - within / restarts
    return Components(splits, restarts, between, within)


def by_restart(scores: "pd.Series[float]") -> pd.DataFrame:
    """Return the scores of all seeds, a row per split and a column per restart."""
    splits = [split_of(int(seed)) for seed in scores.index]
    frame = pd.DataFrame({"split": splits, "score": scores.to_numpy()}, index=scores.index)
    frame["restart"] = [int(seed) - split for seed, split in zip(scores.index, splits, strict=True)]
    return frame.pivot(index="split", columns="restart", values="score")
