"""What a run takes over from other jobs: tuned options, routes, the weights of supernets (D5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mtnas.evidence.search_record import SearchRecord
from mtnas.evidence.tuning_record import TuningRecord
from mtnas.experiments.assembly import Assembly
from mtnas.routes.route import Route
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import broken
from mtnas.study.specs import RunSpec
from mtnas.training.ensemble import Ensemble

AnyRun = TypeVar("AnyRun", bound=RunSpec)


@dataclass(frozen=True)
class Derived:
    """The route of every seed, and where the supernets' weights under these routes are."""

    routes: dict[int, Route]
    supernet: Path | None = None

    def inherit(self, ensemble: Ensemble, all_seeds: Sequence[int]) -> None:
        """Load the supernets' weights under the derived routes (D5) into an ensemble."""
        weights = _read_weights(self.supernet)
        expected = {name: (len(all_seeds), *t.shape[1:]) for name, t in ensemble.state().items()}
        if {name: tuple(t.shape) for name, t in weights.items()} != expected:
            raise broken(
                str(self.supernet), "holds weights of another network or other seeds than this run"
            )
        at = torch.tensor([list(all_seeds).index(member.seed) for member in ensemble.members])
        ensemble.load({name: tensor[at] for name, tensor in weights.items()})


def read_derived(
    assembly: Assembly,
    spec: RunSpec,
    routes: str | Path | None,
    supernet: str | Path | None = None,
) -> Derived:
    """Read the routes that a search found; of a method without a search there are none.

    Raises:
        RecordError: a file is broken, was changed, or is of another space or other seeds.
    """
    if not assembly.method.searches:
        return Derived({})
    if routes is None:
        raise RecordError(f"{spec.method}: a searched method needs routes.json")
    record, space = SearchRecord.read(routes), assembly.space
    if record.space != space.to_json():
        raise broken(routes, f"holds routes of {record.space}, this run needs {space.to_json()}")
    missing = [seed for seed in spec.seeds if seed not in record.routes]
    if missing:
        raise broken(routes, f"no route for seeds {missing}")
    if supernet is not None:
        record.check(supernet)
    found = {seed: record.routes[seed] for seed in spec.seeds}
    return Derived(found, None if supernet is None else Path(supernet))


def with_winner(spec: AnyRun, path: str | Path) -> AnyRun:
    """Return a spec with the values that a grid search chose; `tuned` says where they are from.

    Raises:
        RecordError: the file is broken, or is about another run.
    """
    record = TuningRecord.read(path)
    if record.key != spec.job:
        about, ours = "/".join(record.key), "/".join(spec.job)
        raise broken(path, f"is about {about}, this run is {ours}")
    values = record.winner.values
    tuned = {
        name: {"value": value, "instead_of": spec.value_at(name), "from": str(path)}
        for name, value in values.items()
    }
    return spec.with_values({**values, "tuned": tuned})


def _read_weights(supernet: Path | None) -> dict[str, Tensor]:
    try:
        weights = {} if supernet is None else load_file(supernet)
    except (SafetensorError, OSError) as error:
        raise broken(str(supernet), f"cannot be read ({error})") from None
    if not weights:
        raise RecordError(
            f"{supernet}: holds no weights; only a searched supernet can be inherited"
        )
    return dict(weights)
