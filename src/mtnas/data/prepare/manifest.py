"""What a prepared table is: the spec that it was made by, and the manifest that describes it.

Nothing else reads or writes `manifest.json`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from mtnas.data.synthetic import SyntheticOptions
from mtnas.runtime.files import Json
from mtnas.runtime.options import Options
from mtnas.runtime.record import Part, Record, without_defaults
from mtnas.tasks.metrics import Kind

SplitsOfSeeds = Literal["random", "disjoint"]


class PrepareSpec(Options):
    """Everything that decides what is in a prepared table; None: as the dataset says."""

    dataset: str
    num_features: int | None = Field(None, ge=2, le=2**31 - 1)  # ids are int32
    drop_fields: tuple[str, ...] = ()
    split: tuple[int | float, ...] | None = None  # whole numbers are row counts
    split_seed: int = Field(0, ge=0)
    definition: Mapping[str, Any] | None = None  # of a dataset that a YAML file declares
    synthetic: SyntheticOptions | None = None  # of a dataset that is drawn (`prepare.drawn`)
    seeds: tuple[int, ...] = ()  # one draw each
    allow_lost: float | None = Field(None, ge=0, le=1)  # share of the rows that may be left out
    splits: SplitsOfSeeds = "random"  # how seeds split the rows where they move the split

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out a key that is not given, so that no older spec differs from a new one."""
        told: Json = dump(self)
        return without_defaults(told, {"allow_lost": None, "splits": "random"})


class FieldSummary(Part):
    """An input field, as `sources.base.Field`, and what was found in it."""

    name: str
    column: str | None = None
    kind: str
    help: str
    distinct_values: int | None = None
    distinct_ids: int | None = None


class TaskSummary(Part):
    """A task, as `sources.base.Task`, and how many rows have a label of it."""

    name: str
    column: str | None = None
    rule: str
    implies: str | None = None
    kind: Kind = "binary"
    classes: tuple[str, ...] = ()  # of a multiclass task, in the order of their numbers
    unit: str = ""
    metrics: tuple[str, ...] = ()  # that are reported; empty: all of its kind
    source: str = ""
    loss_weight: float = 1.0
    labelled: int | None = None  # rows; None: all
    class_rows: tuple[int, ...] = ()  # of a multiclass task: rows of each class
    mean: float | None = None  # of the labels of a regression, in its unit
    spread: float | None = None  # their standard deviation

    @property
    def prediction_columns(self) -> tuple[str, ...]:
        """Name the columns of predictions that hold what is predicted of it: one per class."""
        if self.kind == "multiclass":
            return tuple(f"p_{self.name}_{name}" for name in self.classes)
        return (f"p_{self.name}",)

    @property
    def width(self) -> int:
        """Return how many outputs a model has for it."""
        return len(self.prediction_columns)


class Bag(Part):
    """A field that holds lists: its ids are so many columns, filled up with `num_ids`."""

    name: str
    length: int


class Number(Part):
    """A field that is read as a number."""

    name: str
    standardized: bool  # by the mean and spread of the training rows
    has_missing: bool  # then the model is told where


class FeatureBlock(Part):
    """A field that is a row of a matrix."""

    name: str
    width: int
    has_missing: bool


class InputLayout(Part):
    """What the columns of the input files are: ids of single values first, then bags."""

    singles: int
    bags: tuple[Bag, ...] = ()
    numbers: tuple[Number, ...] = ()
    features: tuple[FeatureBlock, ...] = ()

    @classmethod
    def of_numbers(cls, names: Iterable[str]) -> "InputLayout":
        """Return the layout of numbers alone, read as they are."""
        plain = (Number(name=name, standardized=False, has_missing=False) for name in names)
        return cls(singles=0, numbers=tuple(plain))

    @property
    def num_embedded(self) -> int:
        """Return how many fields are read through embeddings."""
        return self.singles + len(self.bags)

    @property
    def num_columns(self) -> int:
        """Return how many ids a row has, C."""
        return self.singles + sum(bag.length for bag in self.bags)


class Count(Part):
    """How many values or rows are of some kind, and which part of all they are."""

    count: int
    rate: float


class Collisions(Count):
    """How many values share their id with another value: over all fields, and of each."""

    per_field: dict[str, Count]


class Graded(Part):
    """How many rows have a grade together with a combination of labels."""

    grade: float
    labels: tuple[int, ...]
    rows: int


class Grades(Part):
    """The column that a threshold turns into the labels of a task."""

    task: str
    column: str
    counts: tuple[Graded, ...]


class Repeated(Part):
    """Rows that are equal, by 64-bit digests of what was read, not of what it was hashed to."""

    rows: Count  # those that repeat another row in all fields and labels
    test_rows_with_twin: Count  # test rows of the stored split whose fields stand in training, too
    test_rows_with_same_labels: Count  # those that have the same labels there


class Groups(Part):
    """Groups of rows that are one example seen several times, and who meets whom."""

    what: str  # rows of one group have in common
    count: int
    rows_together: int  # rows of a group that has others
    train_rows_met: dict[str, int]  # by source: training rows of the stored split whose group is in
    # validation or test, too


class Encoding(Part):
    """How texts became features: by which encoder, and what it could not read."""

    encoder: str
    package: str  # and its version
    weights_sha256: str
    texts: int
    texts_sha256: str
    tokens: int
    unknown_tokens: int
    distinct_words: int
    unknown_words: int  # distinct ones
    texts_without: int  # a token that is known: their features are 0


class Manifest(Record):
    """A manifest: what is in a prepared table and in the files beside it.

    For synthetic data, which have no hashed fields, what describes such fields is empty or None.
    """

    dataset: str
    title: str
    simulated: bool
    rows: int
    fields: tuple[FieldSummary, ...]
    tasks: tuple[TaskSummary, ...]
    layout: InputLayout
    sources: tuple[str, ...] = ()  # names, where there are several; a row holds the number of one
    fixed_sources: tuple[str, ...] = ()  # those whose split is given, which no seed moves
    groups: Groups | None = None
    encoding: Encoding | None = None
    initial_width: int | None = (
        None  # of the vectors that embeddings begin as, where such are given
    )
    num_features: int  # N of the hash
    num_ids: int  # of them, those that occur: rows of the embedding table; 0 for drawn numbers
    label_rates: dict[str, float] = {}  # of the labelled rows of binary tasks
    label_pcc: dict[str, float]  # Pearson correlation of two labels, keyed as "t0_t1", over the
    # rows that have both; of no multiclass label
    split_kind: Literal["random", "column", "time"]
    split_column: str | None = None
    split_sizes: dict[str, int]  # rows of train, valid, test
    source_sizes: dict[str, dict[str, int]] = {}  # the same of every source
    rows_read: int | None = None  # kept or dropped
    rows_dropped: dict[str, int] = {}  # by reason
    values_replaced: dict[str, int] = {}  # those that a field or a task could not read
    unmatched: dict[str, int] = {}  # rows without a partner, by join
    repeated: Repeated | None = None
    warnings: tuple[str, ...] = ()  # what may mislead, in plain sentences
    distinct_values: int | None = None
    distinct_ids: int | None = None
    collisions: Collisions | None = None
    grades: Grades | None = None
    content_sha256: str  # of inputs, labels, split and sources, in whatever file they are
    source_sha256: dict[str, str]  # of the raw files, by name
    spec: PrepareSpec

    @model_serializer(mode="wrap")
    def _as_before_it_had(self, dump: SerializerFunctionWrapHandler) -> Json:
        """Leave out what a table does not have, so that older manifests stay as they are."""
        told: Json = dump(self)
        lacking = {"fixed_sources": (), "groups": None, "encoding": None, "initial_width": None}
        return {k: v for k, v in told.items() if k not in lacking or v not in (lacking[k], [])}

    @property
    def drawn_seeds(self) -> tuple[int, ...] | None:
        """Return whose draws the table holds, block after block; None if it is not drawn."""
        return None if self.spec.synthetic is None else self.spec.seeds
