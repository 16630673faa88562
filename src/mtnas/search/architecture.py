"""Architecture parameters alpha: how probable each local route of a block is (Eqs. 2-5).

Shapes: M members, K blocks, R the largest number of local routes of a block (padded), V
values that a block may read.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.training.checkpoint import Saved

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


class Architecture:
    """alpha_MKR of M independent searches, and Adam, which goes up the gradient of the reward."""

    def __init__(self, space: SearchSpace, members: int, *, learning_rate: float) -> None:
        """Start with alpha = 0: all local routes of a block are equally probable."""
        self.space = space
        self.sizes_K = np.array([space.num_local_routes(block) for block in space.blocks])
        self.exists_KR = np.arange(self.sizes_K.max()) < self.sizes_K[:, None]
        self.alpha_MKR: Floats = np.zeros((members, *self.exists_KR.shape))
        self.values_KRV = np.stack(
            [_values(space, b, len(self.exists_KR[0])) for b in space.blocks]
        )
        self._learning_rate, self._steps = learning_rate, 0
        self._first = np.zeros_like(self.alpha_MKR)
        self._second = np.zeros_like(self.alpha_MKR)

    def probabilities(self) -> Floats:
        """Return p_MKR = softmax(alpha) over the routes that exist (Eq. 3)."""
        return self.softmax(self.alpha_MKR)

    def softmax(self, logit_MKR: Floats) -> Floats:
        """Return the softmax of every block over the routes that exist, zero elsewhere."""
        top = np.where(self.exists_KR, logit_MKR, -np.inf).max(-1, keepdims=True)
        p = np.where(self.exists_KR, np.exp(logit_MKR - top), 0.0)
        return np.asarray(p / p.sum(-1, keepdims=True))

    def sample(self, rngs: Sequence[np.random.Generator]) -> Index:
        """Draw u_MK, one local route per block; each member uses its own generator (Eq. 2)."""
        draw_MK1 = np.stack([rng.random(len(self.sizes_K)) for rng in rngs])[..., None]
        index = (self.probabilities().cumsum(-1) <= draw_MK1).sum(-1)
        return np.asarray(np.minimum(index, self.sizes_K - 1))  # rounding of the last sum

    def best(self) -> Index:
        """Return the most probable local route of every block, [M, K]."""
        return np.asarray(self.probabilities().argmax(-1))

    def numbers(self, index_MK: Index) -> Index:
        """Return the number of every route in a space that an int64 can count, [M]."""
        return np.asarray(np.ravel_multi_index(tuple(index_MK.T), tuple(self.sizes_K.tolist())))

    def entropy(self) -> Floats:
        """Return the entropy of every block in nats, [M, K]."""
        p = self.probabilities()
        return np.asarray(-(p * np.log(np.where(p > 0, p, 1))).sum(-1))

    def uniform_entropy(self) -> dict[str, float]:
        """Return, by block, the entropy in nats if all local routes are equally probable."""
        return dict(zip(self.space.blocks, np.log(self.sizes_K).tolist(), strict=True))

    def routes(self, index_MK: Index) -> tuple[Route, ...]:
        """Return one `Route` per member."""
        named = [zip(self.space.blocks, row, strict=True) for row in index_MK]
        return tuple(
            Route(self.space, tuple(self.space.local_route(b, int(i)) for b, i in row))
            for row in named
        )

    def score(self, index_MK: Index) -> Floats:
        """Return the gradient of log p(u) with respect to alpha: one-hot minus p."""
        p = self.probabilities()
        score = -p
        np.put_along_axis(
            score, index_MK[..., None], 1 + np.take_along_axis(score, index_MK[..., None], -1), -1
        )
        return score

    def entropy_gradient(self) -> Floats:
        """Return the gradient of the entropies with respect to alpha."""
        p = self.probabilities()
        log_p = np.log(np.where(p > 0, p, 1))
        return np.asarray(-p * (log_p + self.entropy()[..., None]))

    def ascend(self, gradient_MKR: Floats) -> None:
        """Take one Adam step up the gradient (Eq. 5)."""
        self._steps += 1
        self._first += 0.1 * (gradient_MKR - self._first)
        self._second += 0.001 * (gradient_MKR**2 - self._second)
        first = self._first / (1 - 0.9**self._steps)
        second = self._second / (1 - 0.999**self._steps)
        self.alpha_MKR += self._learning_rate * first / (np.sqrt(second) + 1e-8)

    def state(self) -> Saved:
        """Return alpha and the state of Adam, for `load`."""
        moments = {"first": self._first, "second": self._second}
        return {"alpha": self.alpha_MKR, **moments, "steps": self._steps}

    def load(self, state: Saved) -> None:
        """Continue from what `state` returned."""
        self.alpha_MKR, self._steps = state["alpha"], state["steps"]
        self._first, self._second = state["first"], state["second"]


def _values(space: SearchSpace, block: str, rows: int) -> NDArray[np.bool_]:
    """Return which values every local route of a block reads, [R, V]; padding is false."""
    values = space.values(block)
    values_RV = np.zeros((rows, max(len(space.values(b)) for b in space.blocks)), bool)
    for index in range(space.num_local_routes(block)):
        chosen = space.local_route(block, index).values
        values_RV[index, : len(values)] = [name in chosen for name in values]
    return values_RV
