"""Random numbers for methods that need some in training; their `forward` may draw none itself.

Shapes: M members, B batch; a member's noise has the shape that its method asks for
(`noise_shape`), for every example or for all of them.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mtnas.runtime import seeds
from mtnas.runtime.seeds import Position
from mtnas.training.ensemble import Ensemble


class Noise:
    """U(0, 1) for every member of an ensemble, each from the stream of its own seed."""

    def __init__(self, ensemble: Ensemble) -> None:
        """Start the streams, if the method of the ensemble asks for noise."""
        self._shape, self._like = ensemble.noise_shape, ensemble.flat_params.flat_MP
        self._per_example = ensemble.template.sharing.noise_per_example
        asks = self._shape is not None
        self._rngs = [seeds.generator(m.seed, "noise") for m in ensemble.members] if asks else []

    def __call__(self, examples: int) -> Tensor | None:
        """Return the noise of the next step, on so many examples, [M, ...] or [M, B, ...].

        Nothing for a method that asks for none.
        """
        if self._shape is None:
            return None
        shape = (examples, *self._shape) if self._per_example else self._shape
        drawn = np.stack([rng.random(shape) for rng in self._rngs])
        return torch.from_numpy(drawn).to(self._like)

    def state(self) -> list[Position]:
        """Return the positions in the streams, for `load`."""
        return seeds.states(self._rngs)

    def load(self, state: Sequence[Position]) -> None:
        """Take over what `state` returned."""
        seeds.restore(self._rngs, state)
