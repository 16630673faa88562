"""R_val of Eq. (4) and the baseline of Eq. (5), many searches at once.

Shapes: M members, T tasks, P routes per step.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mtnas.config.options import SearchOptions
from mtnas.runtime.errors import TrainingError
from mtnas.search.architecture import Floats
from mtnas.training.checkpoint import Saved


def check_finite(reward_M: Floats) -> Floats:
    """Return rewards as they are; `TrainingError` if one is not a finite number."""
    _check(bool(np.isfinite(reward_M).all()), "the reward is")
    return reward_M


def check_outputs(out_MBO: Tensor) -> Tensor:
    """Return outputs as they are; `TrainingError` if one is not a finite number.

    Their score would be NaN, as that of a batch without a label is (`Rewards`).
    """
    _check(bool(out_MBO.isfinite().all()), "an output of the network is")
    return out_MBO


def _check(finite: bool, what: str) -> None:
    if not finite:
        raise TrainingError(
            f"search: {what} not finite; lower training.learning_rate and run again"
        )


class Rewards:
    """R_val of Eq. (4), a sum over tasks.

    The AUC of a task whose mini-batch has one class only is undefined (NaN), and so is its loss if
    no example is labelled. The moving average of that task's scores stands in for it: the route is
    neither rewarded nor punished for the draw.
    """

    USUAL_MOMENTUM = 0.95

    def __init__(self, guess_T: Floats | float = 0.5) -> None:
        """Start the moving averages at what a guess scores; one half is its AUC."""
        self._guess_T = guess_T
        self._usual_MT: Floats = np.zeros(0)
        self.undefined_M: NDArray[np.int64] = np.zeros(0, np.int64)

    def of(self, score_MT: Floats) -> Floats:
        """Return reward_M; count undefined scores and update the moving averages."""
        if len(self._usual_MT) == 0:
            self._usual_MT = np.full(score_MT.shape, self._guess_T)
            self.undefined_M = np.zeros(len(score_MT), np.int64)
        missing_MT = np.isnan(score_MT)
        score_MT = np.where(missing_MT, self._usual_MT, score_MT)
        self._usual_MT += (1 - self.USUAL_MOMENTUM) * (score_MT - self._usual_MT)
        self.undefined_M += missing_MT.sum(-1)
        return np.asarray(score_MT.sum(-1))

    def state(self) -> Saved:
        """Return the moving averages and the counts."""
        return {"usual": self._usual_MT, "undefined": self.undefined_M}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        self._usual_MT, self.undefined_M = state["usual"], state["undefined"]


class Baseline:
    """The baseline b of Eq. (5): the moving average of the rewards so far (D3)."""

    def __init__(self, options: SearchOptions) -> None:
        """Start without a value, so that the first advantage is zero."""
        self._options, self._value_M, self._count = options, np.zeros(0), 0

    def advantage(self, reward_PM: Floats) -> Floats:
        """Return the advantages R - b for P routes per member, then update b."""
        mean_M = reward_PM.mean(0)
        if self._count == 0:
            self._value_M = mean_M
        if self._options.leave_one_out:
            # The mean of the others is known exactly; no history is needed.
            others = len(reward_PM) - 1
            advantage: Floats = (reward_PM - mean_M) * (len(reward_PM) / others)
        else:
            advantage = reward_PM - self._value_M
        self._count += 1
        running = self._options.baseline == "running_mean"
        weight = 1 / self._count if running else 1 - self._options.baseline_momentum
        self._value_M = self._value_M + weight * (mean_M - self._value_M)
        return advantage

    def state(self) -> Saved:
        """Return b and the number of rewards in it, for `load`."""
        return {"value": self._value_M, "count": self._count}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        self._value_M, self._count = state["value"], state["count"]
