"""What an audit (`report.audit`) holds, as it stands in its JSON file."""

from pathlib import Path
from typing import NotRequired, TypedDict, cast

from mtnas.runtime.files import read_sealed


class Beside(TypedDict):
    """Our number, the paper's and whether they agree; None where the paper has none."""

    ours: float
    paper: float | None
    agrees: bool | None


class LabelFacts(TypedDict):
    """The labels of some rows of a task.

    If there are any: the `rate` of ones of a binary task, the rows of every class in `classes`, or
    `mean` and `spread` (standard deviation) of a number.
    """

    rows: int
    labelled: int
    rate: NotRequired[float]
    classes: NotRequired[dict[str, int]]
    mean: NotRequired[float]
    spread: NotRequired[float]


class LabelsBySource(LabelFacts):
    """All labels of a task; in `by_source` those of every source that has labels."""

    by_source: NotRequired[dict[str, LabelFacts]]


class TaskFacts(LabelsBySource):
    """What a task is and what its labels are."""

    kind: str
    unit: str


class Threshold(TypedDict):
    """A threshold on the column behind a label: its share of ones and correlations.

    `gap` is the largest distance to a correlation of Table 4, None where the paper has none.
    """

    task: str
    rule: str
    rate: float
    pcc: dict[str, float]
    gap: float | None


class Overlap(TypedDict):
    """How much of the stored test part an id field has in training, too: rows, different ids."""

    test_rows_seen_in_train: float
    distinct_in_test: int
    distinct_seen_in_train: int


class Shared(TypedDict):
    """How many values share their id with another value."""

    count: int
    rate: float


class SharedIds(Shared):
    """The same over all fields, and of each."""

    per_field: dict[str, Shared]


class EqualLabels(TypedDict):
    """Two tasks of which one has the label, or the opposite one, of the other."""

    first: str
    second: str
    rows: int
    opposite: bool


class LeakFacts(TypedDict):
    """What `evidence.leaks.Leaks` says."""

    scores: dict[str, dict[str, float | None]]
    equal_fields: list[list[str]]
    equal_tasks: list[EqualLabels]
    valid_rows_met: float
    warnings: list[str]


class Audit(TypedDict):
    """An audit; those that were published before a key came lack it."""

    dataset: str
    simulated: bool
    rows: int
    rows_dropped: dict[str, int]
    left_out: NotRequired[list[str]]
    table1: dict[str, Beside]
    tasks: dict[str, str]
    label_rates: dict[str, float]
    labels: NotRequired[dict[str, TaskFacts]]
    leaks: NotRequired[LeakFacts]
    table4: dict[str, Beside]
    thresholds: list[Threshold]
    distinct_values: int | None
    distinct_ids: int | None
    collisions: SharedIds | None
    overlap: dict[str, Overlap]


def read_audit(path: str | Path) -> Audit:
    """Read an audit; `RecordError` if it is missing, no JSON, or was changed."""
    return cast(Audit, read_sealed(path))
