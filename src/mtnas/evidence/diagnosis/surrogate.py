"""A linear surrogate of what tasks gain: is the gain in a group the sum of what its members bring?

Li, Nguyen and Zhang (TMLR 2023) fit, for each task, a linear function of who else is in the group
to scores of random groups. Here it is fitted to gains, so that a task alone has 0, and judged on
groups that it was not fitted to.
"""

import numpy as np
from numpy.typing import NDArray

from mtnas.evidence.diagnosis.predict import spearman
from mtnas.evidence.diagnosis.truth import Truth
from mtnas.runtime.record import Part

FOLDS = 5
RIDGE = 1e-6  # decides only where members always come together

Floats = NDArray[np.float64]


class Surrogate(Part):
    """What every other task brings to one, and how well sums of that tell gains of other groups.

    `rho` is the rank correlation of told and measured gains, `r2` the share of their variance that
    is told, both on groups that were left out; None for fewer than 4 groups.
    """

    task: str
    brings: dict[str, float]
    groups: int
    rho: float | None
    r2: float | None


def surrogates(truth: Truth) -> list[Surrogate]:
    """Return the surrogate of every task; none of two tasks, where there is nothing to add up."""
    if len(truth.tasks) < 3:
        return []
    return [_fitted(truth, task) for task in truth.tasks]


def _fitted(truth: Truth, task: str) -> Surrogate:
    others = [other for other in truth.tasks if other != task]
    groups = [subset for subset in truth.subsets if task in subset and len(subset) > 1]
    design_GO = np.array([[float(other in group) for other in others] for group in groups])
    gain_G = np.array([float(truth.gain(group, task).mean()) for group in groups])
    told_G = _left_out(design_GO, gain_G)
    brings = _solved(design_GO, gain_G)
    enough = len(groups) >= 4
    around = float(np.sum((gain_G - gain_G.mean()) ** 2))
    error = float(np.sum((gain_G - told_G) ** 2))
    return Surrogate(
        task=task,
        brings=dict(zip(others, brings.tolist(), strict=True)),
        groups=len(groups),
        rho=spearman(told_G, gain_G) if enough else None,
        r2=1 - error / around if enough and around > 0 else None,
    )


def _left_out(design_GO: Floats, gain_G: Floats) -> Floats:
    """Return, for each group, what is told by a fit to random other ones, fold by fold."""
    fold_G = np.random.default_rng(0).permutation(np.arange(len(gain_G)) % FOLDS)
    told_G = np.zeros_like(gain_G)
    for fold in range(FOLDS):
        own = fold_G == fold
        if own.any() and not own.all():
            told_G[own] = design_GO[own] @ _solved(design_GO[~own], gain_G[~own])
    return told_G


def _solved(design_GO: Floats, gain_G: Floats) -> Floats:
    size = design_GO.shape[1]
    gram = design_GO.T @ design_GO + RIDGE * np.eye(size)
    return np.asarray(np.linalg.solve(gram, design_GO.T @ gain_G))
