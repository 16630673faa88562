"""What a diagnosis says, as data: everything that figures and tables of it need."""

from mtnas.evidence.diagnosis.decide import Decision
from mtnas.evidence.diagnosis.predict import Predicts
from mtnas.evidence.diagnosis.surrogate import Surrogate
from mtnas.evidence.diagnosis.truth import Interval, Truth, named
from mtnas.runtime.record import Part, Record
from mtnas.tasks.metrics import Kind


class Gain(Part):
    """What a task gains in a subset over being alone, on test."""

    subset: str
    task: str
    metric: str
    mean: float
    low: float | None
    high: float | None
    p_value: float | None


class Pair(Part):
    """What the second task gains when it is trained with the first one alone.

    `adjusted` is the p-value after Holm's correction for all ordered pairs.
    """

    first: str
    second: str
    metric: str
    mean: float
    low: float | None
    high: float | None
    p_value: float | None
    adjusted: float | None
    verdict: str


class MeasureOfPair(Part):
    """A measure of an ordered pair of tasks, mean over seeds; None where it is not defined."""

    measure: str
    first: str
    second: str
    layer: str
    value: float | None


class CurvePoint(Part):
    """What a task gains from all others at one width, on test; mean over seeds with interval."""

    width: int
    task: str
    metric: str
    mean: float
    low: float | None
    high: float | None
    single: float  # mean score of the task alone
    all: float
    constant: int | None = None  # models of both sides that predict one value; None: not known


class Widening(Part):
    """What a wider shared part does to sharing, over all tasks, by scores on test.

    `change` is how much more the tasks gain together, mean over tasks, at width `wide` than at
    `narrow`; without `paired` the seeds of old records are gone, and its interval is the widest
    that those of the tasks allow. `together` is the best width of all tasks together, `alone` that
    of each; `excess` is by seed the best width together minus the sum of the best ones alone, and
    `blind` what that is on average where all of them are chosen blindly.
    """

    narrow: int
    wide: int
    change: Interval
    paired: bool
    together: int
    alone: dict[str, int]
    excess: Interval | None
    blind: float


class GroupingReport(Part):
    """The best grouping and the recommended one; gains are means over tasks, on test.

    Tasks of which nothing is learned (`unlearned`) are alone in both where two others remain; gains
    and intervals are of these others.
    """

    best: list[list[str]]
    over_together: Interval
    over_apart: Interval
    held_out: Interval | None
    together_over_apart: Interval
    harmed: list[str]
    recommended: list[list[str]]
    reason: str
    expected: Interval
    instead_of: str
    unlearned: list[str] = []

    @classmethod
    def of(cls, decision: Decision, truth: Truth) -> "GroupingReport":
        """Return a decision on the learned tasks (`Truth.learned`) as plain data."""
        grouped = {task for group in decision.best for task in group}
        alone = [(task,) for task in truth.tasks if task not in grouped]
        plain = {
            "best": named((*decision.best, *alone)),
            "recommended": named((*decision.recommended, *alone)),
            "harmed": list(decision.harmed),
            "unlearned": list(truth.unlearned),
        }
        same = ("over_together", "over_apart", "held_out", "together_over_apart", "reason")
        more = ("expected", "instead_of")
        return cls(**plain, **{name: getattr(decision, name) for name in (*same, *more)})


class Diagnosis(Record):
    """A diagnosis: gains, groupings, measures, what they told, and a recommendation.

    `same_rows`: all tasks have labels in the same rows, so their inputs cannot tell them apart.
    `tables`: what embedding tables of their own gain over what is recommended, in one model for all
    where that is a model for each task; None: not measured.
    `widening`: None without a capacity curve, and in older records (`widths.widening_told`).
    """

    dataset: str
    simulated: bool
    tasks: dict[str, Kind]
    same_rows: bool
    seeds: tuple[int, ...]
    metric: str  # by which gains are measured
    unit: str
    gains: tuple[Gain, ...]
    pairs: tuple[Pair, ...]
    grouping: GroupingReport
    tables: Interval | None
    measures: tuple[MeasureOfPair, ...]
    predicts: tuple[Predicts, ...]
    surrogates: tuple[Surrogate, ...]
    capacity: tuple[CurvePoint, ...]
    widening: Widening | None = None
    sentences: tuple[str, ...]
