"""The result of a search: a route per seed, its probability, the curve, the weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mtnas.routes.route import Route
from mtnas.runtime.files import Json
from mtnas.search.architecture import Floats
from mtnas.training.checkpoint import Saved

CURVE_POINTS = 200


class Curve:
    """Reward and entropy over the steps, averaged to at most `CURVE_POINTS` points.

    In a small space also the most probable route at each of them, by its number.
    """

    def __init__(self, steps: int) -> None:
        """Prepare for `steps` architecture steps."""
        self._width = max(1, -(-steps // CURVE_POINTS))
        self._pending: list[tuple[Floats, Floats]] = []
        self.steps: list[int] = []
        self.means: list[tuple[Floats, Floats]] = []
        self.routes: list[NDArray[np.int64]] = []

    def add(self, step: int, reward_M: Floats, entropy_M: Floats) -> bool:
        """Add one step; return whether it makes up a point with those before."""
        self._pending.append((reward_M, entropy_M))
        if len(self._pending) < self._width:
            return False
        rewards, entropies = zip(*self._pending, strict=True)
        self.means.append((np.mean(rewards, 0), np.mean(entropies, 0)))
        self.steps.append(step)
        self._pending = []
        return True

    def lead(self, route_M: NDArray[np.int64]) -> None:
        """Say which route leads at the last point, by its number."""
        self.routes.append(route_M)

    def state(self) -> Saved:
        """Return all that was added."""
        return {
            "pending": np.array(self._pending),
            "steps": self.steps,
            "means": np.array(self.means),
            "routes": np.array(self.routes, np.int64),
        }

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        self.steps, self.routes = state["steps"], list(state["routes"])
        self._pending, self.means = ([(r, e) for r, e in state[n]] for n in ("pending", "means"))

    def of(self, member: int, last: int | None = None) -> dict[str, list[float]]:
        """Return the curve of one member, up to a step if one is given."""
        points = sum(last is None or step <= last for step in self.steps)
        means = self.means[:points]
        return {
            "step": [float(step) for step in self.steps[:points]],
            "reward": [float(reward[member]) for reward, _ in means],
            "entropy": [float(entropy[member]) for _, entropy in means],
            **({"route": [float(r[member]) for r in self.routes[:points]]} if self.routes else {}),
        }


@dataclass(frozen=True)
class DerivedRoute:
    """The route of one seed; for each block the probability of its choice, and entropies in nats.

    `distribution` holds the probability of every local route, if the space is small. Random and
    exhaustive search have no probabilities; their `scores` are the mean rewards of the routes that
    were compared, by the number of the route.
    """

    route: Route
    probability: Mapping[str, float]
    entropy: Mapping[str, float]
    uniform_entropy: Mapping[str, float]
    curve: Mapping[str, list[float]] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)
    distribution: Mapping[str, list[float]] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> Json:
        """Return the entry of one seed in routes.json."""
        blocks = self.route.to_json()
        for name, block in blocks.items():
            block["probability"] = self.probability.get(name)
            block["entropy"] = self.entropy.get(name)
            block["uniform_entropy"] = self.uniform_entropy[name]
            if name in self.distribution:
                block["distribution"] = self.distribution[name]
        return {
            "blocks": blocks,
            "describe": self.route.describe(),
            "edges": len(self.route.edges),
            "curve": dict(self.curve),
            **({"scores": dict(self.scores)} if self.scores else {}),
            **self.notes,
        }


@dataclass(frozen=True)
class SearchResult:
    """The result of a search for some seeds.

    `state` holds the weights of the networks of the routes found; it is empty for a control.
    """

    routes: tuple[DerivedRoute, ...]
    state: Mapping[str, Tensor]
    seconds: float
