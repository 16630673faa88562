"""Share-Bottom, MMoE and ML-MMoE as routes of the search space: how far outputs differ (claim C15).

Each method is built as the study would, at small size in float64; its weights are given to MTNAS
on the route that should be the same network, and both read the same inputs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mtnas import methods
from mtnas.routes.named import full_sharing, share_bottom
from mtnas.routes.route import Route
from mtnas.routes.space import ROOT, LocalRoute, SearchSpace
from mtnas.runtime.files import Json, sealed, write_json

DRAWS = 20
EXAMPLES = 64
TEST = "tests/routes/test_routes.py"  # the same property, on more shapes


@dataclass(frozen=True)
class Twin:
    """A method, the route that should equal it, and how its weights are handed over."""

    route: Route
    hand_over: Callable[[Any, Any], None]


def measure(path: str | Path, typical: Json) -> None:
    """Write the smallest and largest difference of outputs over all draws, method by method.

    `typical` are the arguments of `typical_routes`, which are written, too.
    """
    checks = []
    for name, twin in twins().items():
        largest = [difference(name, twin, seed) for seed in range(DRAWS)]
        checks.append(
            {
                "method": name,
                "route": twin.route.describe(),
                "draws": DRAWS,
                "min_difference": min(largest),
                "max_difference": max(largest),
                "test": TEST,
            }
        )
    routes = {
        name: {"space": route.space.to_json(), "blocks": route.to_json()}
        for name, route in typical_routes(**typical).items()
    }
    record = {"dtype": "float64", "examples": EXAMPLES, "checks": checks, "typical": routes}
    write_json(path, sealed(record))


def twins() -> dict[str, Twin]:
    """Return each method with its route: four experts, two tasks, as in the paper."""
    one, two = SearchSpace(1, 4, 2), SearchSpace(2, 4, 2)
    return {
        "share_bottom": Twin(share_bottom(one), _bottom),
        "mmoe": Twin(full_sharing(one), _experts),
        "ml_mmoe": Twin(full_sharing(two), _layers),
    }


def typical_routes(num_tasks: int, num_experts: int, cut: Json) -> dict[str, Route]:
    """Return, by method, what Fig. 1(a-c) shows: Share-Bottom, MMoE, and MMoE with links cut off.

    `num_experts` is MMoE's option, `cut` the options of the cut MMoE.
    """
    options: Any = methods.load("cut_mmoe").options.of(cut, "methods.cut_mmoe")
    one, many, rest = (
        SearchSpace(1, number, num_tasks, "root")
        for number in (1, num_experts, options.num_experts)
    )
    experts = rest.layer(0)
    kept = options.kept_by(num_tasks)
    choices = (LocalRoute(tuple(experts[e] for e in sorted(row)), ROOT) for row in kept)
    return {
        "share_bottom": share_bottom(one),
        "mmoe": full_sharing(many),
        "cut_mmoe": Route(rest, tuple(choices)),
    }


def difference(name: str, twin: Twin, seed: int) -> float:
    """Return the largest absolute difference of outputs for one draw of weights and inputs."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        method, mtnas = methods.load(name), methods.load("mtnas")
        assert method.sharing is not None and mtnas.sharing is not None
        space, widths = twin.route.space, {"hidden_dim": 8}
        dims = {"input_dim": 12, "num_tasks": space.num_tasks}
        root = {"root_dim": 8} if "root_dim" in method.options.model_fields else {}
        theirs = method.sharing(method.options(**widths, **root), **dims).double()
        sizes = {"num_layers": space.num_layers, "num_subnets": space.num_subnets}
        options = mtnas.options.of({**sizes, **widths})
        ours = mtnas.sharing(options, route=twin.route, **dims).double()
        ours.get_submodule("root").load_state_dict(theirs.get_submodule("root").state_dict())
        twin.hand_over(theirs, ours)
        x_BD = torch.randn(EXAMPLES, dims["input_dim"], dtype=torch.float64)
        return float((ours(x_BD) - theirs(x_BD)).abs().max())


def _bottom(theirs: Any, ours: Any) -> None:
    first: Any = ours.layers[0]
    first.weight.data[0] = theirs.bottom.weight.T
    first.bias.data[0, 0] = theirs.bottom.bias


def _experts(theirs: Any, ours: Any) -> None:
    experts: nn.Module = ours.layers[0]
    experts.load_state_dict(theirs.experts.state_dict())
    ours.gate_KWH.data.copy_(theirs.gate_TER)


def _layers(theirs: Any, ours: Any) -> None:
    ours.layers.load_state_dict(theirs.layers.state_dict())
    ours.gate_KWH.data.copy_(torch.cat(list(theirs.gates)))
