"""Small studies, as a configuration file would say them, and those of this repository."""

from typing import Any

import yaml

from mtnas.config.layers import merged
from mtnas.config.load import load
from mtnas.config.study import Study
from mtnas.runtime.provenance import REPOSITORY

STUDY: dict[str, Any] = {
    "seeds": 3,
    "datasets": ["insteval"],
    "methods": {"mmoe": {"num_experts": 5}, "mtnas": {"search": {"steps": 7}}},
    "variants": {
        "mtnas": {
            "random_routes": {"search": {"strategy": "random"}},
            "inherit": {"derive": "inherit"},
        }
    },
    "experiments": {
        "main": {"methods": ["mmoe", "mtnas"], "variants": {"mtnas": ["paper", "random_routes"]}}
    },
}
SYNTHETIC: dict[str, Any] = {
    "seeds": 3,
    "synthetic": {"near": {"rho": 0.9}, "apart": {"dim": 20}},
    "datasets": ["near", "apart"],
    "methods": {"mtnas": {"search": {"reward": "neg_loss"}}},
    "experiments": {"main": {"methods": ["mmoe", "mtnas"]}},
}
GRID: dict[str, Any] = {
    "enabled": True,
    "methods": ["mmoe"],
    "training": {"learning_rate": ["1e-3", 0.01]},
    "options": {"mmoe": {"num_experts": [2, 4]}},
}


def study(**changes: Any) -> Study:
    """Return the study of measured data with other top-level keys."""
    return load({**STUDY, **changes})


def synthetic(**changes: Any) -> Study:
    """Return the study of drawn data with other top-level keys."""
    return load({**SYNTHETIC, **changes})


def shipped(*overlays: str, **changes: Any) -> Study:
    """Load overlays of `config/` over the default study, and single keys over both."""
    files = [REPOSITORY / "config" / f"{name}.yaml" for name in ("config", *overlays)]
    read = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    return load(merged(*read, changes))
