"""The spec of every job: a frozen record with everything that identifies its result.

The workflow passes one as a parameter, dumped to plain data, and the job reads nothing else.
`study.jobs` makes them.
"""

from collections.abc import Mapping
from typing import Any, Self

from mtnas.config.options import Derive, SearchOptions, TrainingOptions
from mtnas.data.synthetic import SyntheticOptions
from mtnas.runtime.options import Options
from mtnas.study.grids import replaced


class SimulateSpec(Options):
    """The simulated raw files of a dataset: so many sound rows of examples."""

    dataset: str
    rows: int


class ModelSpec(Options):
    """What every job that builds models reads."""

    dataset: str
    method: str
    seeds: tuple[int, ...]
    fixed_split: bool = False
    options: dict[str, Any]  # of the method; its `Options` reads them
    training: TrainingOptions | None = None  # None: nothing is trained
    budget: dict[str, Any] | None = None  # options of MTNAS whose size the width is solved to match

    @property
    def trained(self) -> TrainingOptions:
        """Return the training options; the default ones where nothing is trained."""
        return TrainingOptions() if self.training is None else self.training


class RunSpec(ModelSpec):
    """A run, apart from the route that it is given.

    `tuned` says, for each value that a grid search chose, what it replaced and where it is from.
    """

    variant: str
    derive: Derive | None = None  # what becomes of a searched route; None: none is searched
    tuned: dict[str, Any] | None = None

    @property
    def job(self) -> tuple[str, str, str]:
        """Return dataset, method and variant."""
        return self.dataset, self.method, self.variant

    def value_at(self, name: str) -> Any:
        """Return the value of a dotted name of a grid, such as `training.learning_rate`."""
        value: Any = self.model_dump(mode="json")
        for key in name.split("."):
            value = value[key]
        return value

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """Return this spec with other values at some dotted names."""
        return self.of(replaced(self.model_dump(mode="json"), values))


class TuneSpec(RunSpec):
    """The grid search before a run: that run with other seeds, and the values to try."""

    grid: dict[str, tuple[Any, ...]]  # by dotted name


class SearchSpec(ModelSpec):
    """A search for routes; a control strategy reads the space of routes alone."""

    variant: str
    search: SearchOptions


class ExhaustiveSpec(ModelSpec):
    """The ground truth of a small space: every route of it, trained.

    `synthetic` says what drawn data are drawn from.
    """

    space: str
    synthetic: SyntheticOptions | None = None
