"""What a run takes over from other jobs: tuned options, routes, the weights of supernets (D5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mtnas.config.options import Strategy
from mtnas.evidence.search_record import SearchRecord
from mtnas.evidence.tuning_record import TuningRecord
from mtnas.experiments.assembly import Assembly
from mtnas.routes.route import Route
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import broken
from mtnas.search.controls import OF_SUPERNET, control_routes, gates_of
from mtnas.study.specs import RunSpec
from mtnas.training.ensemble import Ensemble, of_sharing

AnyRun = TypeVar("AnyRun", bound=RunSpec)


@dataclass(frozen=True)
class Derived:
    """The route of every seed, and where the supernets' weights under these routes are."""

    routes: dict[int, Route]
    supernet: Path | None = None
    control: Strategy | None = None  # whose routes they are, if not those of the search

    def inherit(self, ensemble: Ensemble, all_seeds: Sequence[int]) -> None:
        """Load the supernets' weights under the derived routes (D5) into an ensemble."""
        name = ensemble.template.routed.gate_name
        gates = None if name is None else of_sharing(name)
        weights = self._of_route(_read_weights(self.supernet), gates)
        expected = {name: (len(all_seeds), *t.shape[1:]) for name, t in ensemble.state().items()}
        if {name: tuple(t.shape) for name, t in weights.items()} != expected:
            raise broken(
                str(self.supernet), "holds weights of another network or other seeds than this run"
            )
        at = torch.tensor([list(all_seeds).index(member.seed) for member in ensemble.members])
        ensemble.load({name: tensor[at] for name, tensor in weights.items()})

    def _of_route(self, weights: Mapping[str, Tensor], gates: str | None) -> dict[str, Tensor]:
        """Return the weights under the routes: those of the search, with gates of a control.

        `gates` is what the gates are called in the ensemble, if the method has some.
        """
        others = {gates_of(strategy, str(gates)) for strategy in OF_SUPERNET}
        own = {name: tensor for name, tensor in weights.items() if name not in others}
        if self.control is None or gates is None:
            return own
        kept = gates_of(self.control, gates)
        if kept not in weights:
            raise broken(
                str(self.supernet), f"holds no gates of the route {self.control!r} of its supernet"
            )
        return {**own, gates: weights[kept]}


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
    found, control = {seed: record.routes[seed] for seed in spec.seeds}, None
    if spec.route != "searched":
        control = spec.route
        taken = control_routes(control, space, spec.seeds).routes
        found = {seed: own.route for seed, own in zip(spec.seeds, taken, strict=True)}
    return Derived(found, None if supernet is None else Path(supernet), control)


def routes_to_match(spec: RunSpec, used: str | Path | None) -> tuple[Route, ...]:
    """Return the searched routes whose size a run is to have (`size_of: routes`), if it is to.

    Raises:
        RecordError: there are none, or the file is broken.
    """
    if spec.size_of == "network":
        return ()
    if used is None:
        raise RecordError(f"{spec.method}: size_of: routes needs the routes.json of variant paper")
    return tuple(SearchRecord.read(used).routes.values())


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
