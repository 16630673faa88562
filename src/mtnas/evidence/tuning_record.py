"""Grid searches: which trial won, and by how much (best.json)."""

from pydantic import SerializerFunctionWrapHandler, model_serializer

from mtnas.config.options import RunKey
from mtnas.evidence.records import DataFacts, Git
from mtnas.runtime.files import Json
from mtnas.runtime.record import Part, Record, without_defaults
from mtnas.runtime.usage import Traced
from mtnas.study.specs import TuneSpec


class Trial(Part):
    """A point of the grid and its validation loss: mean and standard deviation over seeds."""

    trial: int
    values: dict[str, object]  # by dotted name, as in a spec
    mean: float
    sd: float | None


class Gap(Part):
    """A paired difference over n seeds with its 95 % interval; one seed has none."""

    mean: float
    low: float | None
    high: float | None
    p_value: float | None
    n: int
    sd: float | None
    excludes_zero: bool


class Beaten(Trial):
    """A trial that did not win, and what it lost to the winner."""

    minus_winner: Gap


class Choice(Part):
    """Which trial won, and how the others did, by the numbers of their lines in trials.csv.

    `tied` are as good as the best one (the winner is one of them), `diverged` have no finite loss;
    `configured` is the trial with the values that the configuration has, if it was tried.
    """

    criterion: str
    trials: int
    diverged: tuple[int, ...]
    tied: tuple[int, ...]
    winner: Trial
    runner_up: Beaten | None
    configured: Beaten | None


class TuningTimings(Part):
    """How long a grid search took, in seconds, and on what."""

    train_seconds: float
    total_seconds: float
    device: str


class TuningRecord(Record, Choice, Traced):
    """A record of a grid search: its outcome, and what made it (best.json)."""

    dataset: str
    method: str
    variant: str
    spec: TuneSpec
    timings: TuningTimings
    environment: dict[str, str | int | None]
    data: DataFacts | None = None  # older records do not tell, nor of git
    git: Git | None = None
    code: str | None = None

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out what is not given, so that no older record differs from a new one."""
        return without_defaults(dump(self), dict.fromkeys(("usage", "data", "git")))

    @property
    def key(self) -> RunKey:
        """Return (dataset, method, variant)."""
        return self.dataset, self.method, self.variant
