"""What a search leaves: a route per seed, how sure it is, how it went, the supernet's weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from mtnas.routes import Route


@dataclass(frozen=True)
class Found:
    """The route of one seed. Per block: probability of the choice, entropies in nats."""

    route: Route
    probability: Mapping[str, float]
    entropy: Mapping[str, float]
    uniform_entropy: Mapping[str, float]
    curve: Mapping[str, list[float]] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the entry of one seed in routes.json."""
        blocks = self.route.to_json()
        for name, block in blocks.items():
            block["probability"] = self.probability[name]
            block["entropy"] = self.entropy[name]
            block["uniform_entropy"] = self.uniform_entropy[name]
        return {
            "blocks": blocks,
            "describe": self.route.describe(),
            "edges": len(self.route.edges),
            "curve": dict(self.curve),
            **self.notes,
        }


@dataclass(frozen=True)
class SearchResult:
    """One `Found` per seed; `state` holds the supernets' weights under those routes, if any."""

    found: tuple[Found, ...]
    state: Mapping[str, Tensor]
    seconds: float
