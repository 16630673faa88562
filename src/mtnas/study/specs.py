"""The spec of every job: all options that its result depends on.

`study.jobs` makes it, the workflow passes it as a parameter, as plain data, and the job reads no
other configuration.
"""

from collections.abc import Mapping
from typing import Self

from pydantic import SerializerFunctionWrapHandler, model_serializer
from typing_extensions import TypedDict

from mtnas.config.options import Derive, OfSupernet, SearchOptions, SizeOf, TrainingOptions
from mtnas.data.synthetic import SyntheticOptions
from mtnas.runtime.files import Json
from mtnas.runtime.options import Options
from mtnas.runtime.record import without_defaults
from mtnas.runtime.seeds import split_of
from mtnas.study.grids import replaced

Chosen = TypedDict("Chosen", {"value": object, "instead_of": object, "from": str})
"""A value that a grid search chose, the one of the configuration, the file of the search."""


class SimulateSpec(Options):
    """Simulated raw files of a dataset with so many rows of examples, broken ones not counted."""

    dataset: str
    rows: int


class SimulatedStudySpec(Options):
    """A study of planted tasks: its seeds, and all of its options."""

    study: str
    seeds: tuple[int, ...]
    options: Json  # its `Options` reads them


class ModelSpec(Options):
    """The options that every job with models reads."""

    dataset: str
    method: str
    seeds: tuple[int, ...]
    fixed_split: bool = False
    options: dict[str, object]  # of the method; its `Options` reads them
    training: TrainingOptions | None = None  # None: nothing is trained
    budget: dict[str, object] | None = (
        None  # options of MTNAS whose size the width is solved to match
    )

    def split_seed(self, seed: int) -> int:
        """Return the seed whose rows a seed has: its own, or that of which it is a restart."""
        return split_of(seed) if self.trained.restarts > 1 else seed

    @property
    def trained(self) -> TrainingOptions:
        """Return the training options; the default ones where nothing is trained."""
        return TrainingOptions() if self.training is None else self.training


class RunSpec(ModelSpec):
    """A run, without the route that it is given.

    `tuned` tells of each value that a grid search chose, by its dotted name.
    """

    variant: str
    derive: Derive | None = None  # what becomes of a searched route; None: none is searched
    tuned: dict[str, Chosen] | None = None
    route: OfSupernet = "searched"
    size_of: SizeOf = "network"

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out what is not chosen, so that no older spec differs."""
        return without_defaults(dump(self), {"route": "searched", "size_of": "network"})

    @property
    def job(self) -> tuple[str, str, str]:
        """Return dataset, method and variant."""
        return self.dataset, self.method, self.variant

    def value_at(self, name: str) -> object:
        """Return the value of a dotted name of a grid, such as `training.learning_rate`."""
        value: object = self
        for key in name.split("."):
            value = value[key] if isinstance(value, Mapping) else getattr(value, key)
        return list(value) if isinstance(value, tuple) else value

    def with_values(self, values: Mapping[str, object]) -> Self:
        """Return this spec with other values at some dotted names."""
        return self.of(replaced(self.model_dump(mode="json"), values))


class TuneSpec(RunSpec):
    """The grid search before a run: the options of that run, the seeds of trials, values to try."""

    grid: dict[str, tuple[object, ...]]  # by dotted name


class SearchSpec(ModelSpec):
    """A search for routes; for a control strategy, only what the space of routes depends on."""

    variant: str
    search: SearchOptions


class ExhaustiveSpec(ModelSpec):
    """A small space of which every route is trained.

    `synthetic` holds the options of synthetic data.
    """

    space: str
    synthetic: SyntheticOptions | None = None


class SubsetsSpec(RunSpec):
    """A run of some subsets of the tasks, each a model of its own: names, in the dataset's order.

    `name` is that of the entry of `subsets` in the configuration.
    """

    name: str
    subsets: tuple[tuple[str, ...], ...]


class DiagnoseSpec(RunSpec):
    """What is measured of the tasks of a dataset beside the subsets of them that are trained.

    The run is that of which the gradients of the tasks are compared.
    """

    widths: tuple[int, ...]
    epochs: int
    probe_every: int
    probe_rate: float
    rank: int
