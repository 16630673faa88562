"""What a prepared table is: the spec that it was made by, and the manifest that describes it.

Nothing else reads or writes `manifest.json`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, StrictFloat, StrictInt, ValidationError

from mtnas.data.synthetic import SyntheticOptions
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import check_artefact, read_record, remake, write_record
from mtnas.runtime.options import Options, first_problem


class PrepareSpec(Options):
    """Everything that decides what is in a prepared table; None asks for the dataset's own."""

    dataset: str
    num_features: int | None = Field(None, ge=2, le=2**31 - 1, strict=True)  # ids are int32
    drop_fields: tuple[str, ...] = ()
    split: tuple[StrictInt | StrictFloat, ...] | None = None  # whole numbers are row counts
    split_seed: int = Field(0, ge=0, strict=True)
    definition: Mapping[str, Any] | None = None  # of a dataset that a YAML file declares
    synthetic: SyntheticOptions | None = None  # of a dataset that is drawn (`prepare.drawn`)
    seeds: tuple[int, ...] = ()  # one draw each


class FieldSummary(Options):
    """An input field, as `sources.base.Field`, and what was found in it."""

    name: str
    column: str | None = None
    kind: str
    help: str
    distinct_values: int | None = None
    distinct_ids: int | None = None


class TaskSummary(Options):
    """A task, as `sources.base.Task`."""

    name: str
    column: str | None = None
    rule: str
    implies: str | None = None


class Count(Options):
    """How many values share their id with another value, and which part of all they are."""

    count: int
    rate: float


class Collisions(Count):
    """The same over all fields, and of each."""

    per_field: dict[str, Count]


class Graded(Options):
    """How many rows have a grade together with a combination of labels."""

    grade: float
    labels: tuple[int, ...]
    rows: int


class Grades(Options):
    """The column that a threshold turns into the labels of a task."""

    task: str
    column: str
    counts: tuple[Graded, ...]


class Manifest(Options):
    """What is in a prepared table. The artefacts are the files beside it, by name: their SHA-256.

    What only a table of hashed fields has is empty or None for drawn numbers.
    """

    dataset: str
    title: str
    simulated: bool
    rows: int
    fields: tuple[FieldSummary, ...]
    tasks: tuple[TaskSummary, ...]
    task_kind: Literal["binary", "regression"]
    num_features: int  # N of the hash
    num_ids: int  # of them, those that occur: rows of the embedding table; 0 for drawn numbers
    label_rates: dict[str, float] = {}
    label_pcc: dict[str, float]  # Pearson correlation of two labels, keyed as "t0_t1"
    split_kind: Literal["random", "column", "time"]
    split_column: str | None = None
    split_sizes: dict[str, int]  # rows of train, valid, test
    rows_dropped: dict[str, int] = {}  # by reason
    values_replaced: dict[str, int] = {}  # those that a field could not read
    distinct_values: int | None = None
    distinct_ids: int | None = None
    collisions: Collisions | None = None
    grades: Grades | None = None
    content_sha256: str  # of ids, labels and split, in whatever file they are
    source_sha256: dict[str, str]  # of the raw files, by name
    spec: PrepareSpec
    artefacts: dict[str, str] = {}

    @property
    def synthetic(self) -> dict[str, Any] | None:
        """Return what was drawn, None for a dataset that is read."""
        drawn = self.spec.synthetic
        return None if drawn is None else drawn.model_dump(mode="json")

    @property
    def drawn_seeds(self) -> tuple[int, ...] | None:
        """Return whose draws the table holds, block after block; None if it is not drawn."""
        return None if self.spec.synthetic is None else self.spec.seeds

    def identity(self) -> dict[str, Any]:
        """Return what the record of a run says of its data."""
        keys = ("content_sha256", "source_sha256", "split_kind")
        return {key: getattr(self, key) for key in keys}

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a manifest.

        Raises:
            RecordError: it is missing or broken, or was changed after it was written.
        """
        content = read_record(path)
        try:
            return cls(**{key: value for key, value in content.items() if key != "digest"})
        except ValidationError as error:
            problem = ": ".join(filter(None, first_problem(cls, error)))
            raise RecordError(f"{path}: {problem}; delete it and run `{remake(path)}`") from None

    def write(self, path: str | Path, artefacts: Iterable[str | Path]) -> None:
        """Write it, atomically; `artefacts` are the files that it describes, written before it."""
        write_record(path, self.model_dump(mode="json", exclude={"artefacts"}), artefacts)

    def check(self, path: str | Path) -> None:
        """Raise `RecordError` unless a file is the one that this manifest describes."""
        check_artefact(path, {"artefacts": self.artefacts})
