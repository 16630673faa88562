"""When a search has converged (D16), of many searches at once.

A member that has converged is left behind: what it found is kept as it was at that step, while its
neighbours go on, so that no search depends on its company.
Shapes: M members, K blocks, R local routes of a block.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.config.options import SearchOptions
from mtnas.search.architecture import Architecture
from mtnas.training.checkpoint import Saved


class Convergence:
    """Which members have converged, at which step of alpha."""

    def __init__(self, options: SearchOptions, members: int) -> None:
        """Begin with none."""
        self._options = options
        self._held_M = np.zeros(members, np.int64)  # checks in a row
        self._top_MK: NDArray[np.int64] | None = None  # at the last check
        self.at_M = np.zeros(members, np.int64)  # 0: not yet

    @property
    def done(self) -> bool:
        """Whether all have."""
        return bool((self.at_M > 0).all())

    def check(self, step: int, architecture: Architecture) -> NDArray[np.bool_]:
        """Return which members converge at a step, [M]."""
        options = self._options
        if options.until == "steps" or step % options.check_every:
            return np.zeros(len(self.at_M), bool)
        holds_M = self._entropy(architecture)
        if options.until == "route":
            holds_M = self._same_route(architecture)
        self._held_M = np.where(holds_M, self._held_M + 1, 0)
        new_M: NDArray[np.bool_] = (self.at_M == 0) & (self._held_M >= options.checks)
        self.at_M[new_M] = step
        return new_M

    def _same_route(self, architecture: Architecture) -> NDArray[np.bool_]:
        before, self._top_MK = self._top_MK, architecture.best()
        if before is None:
            return np.zeros(len(self.at_M), bool)
        return np.asarray((before == self._top_MK).all(-1))

    def _entropy(self, architecture: Architecture) -> NDArray[np.bool_]:
        most = np.log(architecture.sizes_K).mean()
        left_M: NDArray[np.float64] = np.asarray(architecture.entropy().mean(-1) / most)
        return left_M <= self._options.entropy_left

    def state(self) -> Saved:
        """Return all that the rest depends on, for `load`."""
        return {"held": self._held_M, "top": self._top_MK, "at": self.at_M}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        self._held_M, self._top_MK, self.at_M = state["held"], state["top"], state["at"]


class Kept:
    """What members had when they converged: tensors and arrays by name, [M, ...]."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._tensors: dict[str, Tensor] = {}

    def keep(self, chosen_M: NDArray[np.bool_], values: Mapping[str, Tensor]) -> None:
        """Keep copies of what some members have now."""
        if not self._tensors:
            self._tensors = {name: torch.zeros_like(tensor) for name, tensor in values.items()}
        for name, tensor in values.items():
            at_M = torch.from_numpy(chosen_M).to(tensor.device)
            kept = self._tensors[name] = self._tensors[name].to(tensor.device)  # perhaps of a file
            kept[at_M] = tensor[at_M]

    def over(self, chosen_M: NDArray[np.bool_], values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return values with what was kept of some members in place of what they have now."""
        found = {name: tensor.clone() for name, tensor in values.items()}
        for name, tensor in found.items() if self._tensors else ():
            at_M = torch.from_numpy(chosen_M).to(tensor.device)
            tensor[at_M] = self._tensors[name].to(tensor.device)[at_M]
        return found

    def state(self) -> Saved:
        """Return what was kept, without copying."""
        return {"tensors": self._tensors}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        self._tensors = dict(state["tensors"])
