"""What a run takes over from a search: routes, and the weights of supernets (D5)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mtnas.experiments.assembly import Assembly
from mtnas.routes.route import Route
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import read_json, remake
from mtnas.training.ensemble import Ensemble


def read_routes(assembly: Assembly, path: str | Path | None) -> dict[int, Route]:
    """Read the route of every seed, in the space of this run."""
    if not assembly.method.searches:
        return {}
    if path is None:
        raise RecordError(f"{assembly.spec['method']}: a searched method needs routes.json")
    record, space = read_json(path, ("space", "seeds")), assembly.space
    remedy = f"delete it and run `{remake(path)}`"
    if record["space"] != space.to_json():
        raise RecordError(
            f"{path}: holds routes of {record['space']}, this run needs {space.to_json()}; {remedy}"
        )
    missing = [s for s in assembly.spec["seeds"] if str(s) not in record["seeds"]]
    if missing:
        raise RecordError(f"{path}: no route for seeds {missing}; {remedy}")
    try:
        found = {seed: record["seeds"][str(seed)].get("blocks") for seed in assembly.spec["seeds"]}
        return {seed: Route.from_json(space, blocks) for seed, blocks in found.items()}
    except RecordError as error:
        raise RecordError(f"{path}: not a routes file: {error}; {remedy}") from None


def inherit(ensemble: Ensemble, all_seeds: Sequence[int], supernet: str | Path | None) -> None:
    """Load the supernets' weights under the derived routes (D5)."""
    weights = _read_weights(supernet)
    expected = {name: (len(all_seeds), *t.shape[1:]) for name, t in ensemble.state().items()}
    if {name: tuple(t.shape) for name, t in weights.items()} != expected:
        raise RecordError(
            f"{supernet}: holds weights of another network or other seeds than this run; "
            f"delete it and run `{remake(str(supernet))}`"
        )
    at = torch.tensor([list(all_seeds).index(member.seed) for member in ensemble.members])
    ensemble.load({name: tensor[at] for name, tensor in weights.items()})


def _read_weights(supernet: str | Path | None) -> dict[str, Tensor]:
    try:
        weights = {} if supernet is None else load_file(supernet)
    except (SafetensorError, OSError) as error:
        raise RecordError(
            f"{supernet}: cannot be read ({error}); delete it and run `{remake(str(supernet))}`"
        ) from None
    if not weights:
        raise RecordError(
            f"{supernet}: holds no weights; only a searched supernet can be inherited"
        )
    return dict(weights)
