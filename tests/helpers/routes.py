"""Routes files of routes that a test chooses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtnas.evidence.search_record import SearchRecord
from mtnas.routes.route import Route

TIMINGS = {"search_seconds": 6.0, "total_seconds": 7.0, "seeds_at_once": 1, "device": "cpu"}


def write_routes(path: Path, routes: Mapping[int, Route], **changes: Any) -> Path:
    """Write the routes of some seeds as a search would; `changes` replace what it says."""
    space = next(iter(routes.values())).space
    names = {"dataset": "insteval", "method": "mtnas", "variant": "paper"}
    content: dict[str, Any] = {
        **names,
        "strategy": "reinforce",
        "simulated": False,
        "space": space.to_json(),
        "num_routes": space.num_routes,
        "seeds": {
            str(seed): {
                "blocks": route.to_json(),
                "describe": route.describe(),
                "edges": len(route.edges),
            }
            for seed, route in routes.items()
        },
        "timings": TIMINGS,
        "environment": {},
        **changes,
    }
    named = {key: content[key] for key in names}
    spec = {**named, "seeds": list(routes), "options": {}, "search": {}}
    SearchRecord.of({"spec": spec, **content}, path).write(path)
    return path
