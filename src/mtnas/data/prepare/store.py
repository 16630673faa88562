"""The prepared table: Parquet beside a JSON manifest that says what must be in it.

Columns: one per field (a hashed id, int32; a list of them; a number, float32; a row of a matrix,
int32), one per task (int8 0/1; the number of a class, int16; float64), `source` as int8 where there
are several, `group` as int32 where there are groups (-1: none), `split` as int8 (0 train, 1 valid,
2 test). Null is a missing number, row or label.
Beside it lie the inputs as training reads them (`prepare.vocabulary`, `prepare.inputs`).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.engine.parquet import in_pieces
from mtnas.data.prepare.initial import initial_files
from mtnas.data.prepare.inputs import feature_files, input_files, numbers_file
from mtnas.data.prepare.manifest import InputLayout, Manifest
from mtnas.data.prepare.vocabulary import ids_file
from mtnas.runtime.files import atomic_path

SPLIT_COLUMN, SOURCE_COLUMN, GROUP_COLUMN = "split", "source", "group"
_SPLIT = pa.field(SPLIT_COLUMN, pa.int8(), nullable=False)
_GROUP = pa.field(GROUP_COLUMN, pa.int32(), nullable=False)


@dataclass(frozen=True)
class Inputs:
    """The inputs of a prepared table, C-contiguous and memory-mapped.

    Bags are filled up with the number of ids; a feature block is the row of each example (-1:
    missing) and a matrix.
    """

    layout: InputLayout
    ids: NDArray[np.int32]  # [rows, C], renumbered
    numbers: NDArray[np.float32] | None = None  # [rows, D], NaN where missing
    features: tuple[tuple[NDArray[np.int32], NDArray[np.float32]], ...] = ()  # [rows], [K, W]


@dataclass(frozen=True)
class Table:
    """A prepared table as training takes it."""

    inputs: Inputs
    labels: NDArray[np.float32]  # [rows, tasks]: 0/1, number of a class, or value; NaN = no label
    split: NDArray[np.int8]  # [rows]: 0 train, 1 valid, 2 test
    source: NDArray[np.int8] | None  # [rows], where there are several
    manifest: Manifest
    groups: NDArray[np.int32] | None = None  # [rows], where there are; -1: of none
    initial: NDArray[np.float32] | None = None  # [ids, W] that embeddings begin as; NaN: drawn


class ContentHash:
    """SHA-256 over ids, labels and split, and over whatever else there is; fed in pieces."""

    def __init__(self) -> None:
        self._parts = [hashlib.sha256() for _ in range(3)]
        self._more: dict[str, hashlib._Hash] = {}

    def update(self, ids: NDArray[Any], labels: NDArray[Any], split: NDArray[np.int8]) -> None:
        """Add rows: ids [rows, fields], labels [rows, tasks], split [rows]."""
        for part, array in zip(self._parts, (ids, labels, split), strict=True):
            part.update(_bytes(array))

    def update_column(self, name: str, column: pa.Array) -> None:
        """Add rows of a column of any kind: its values, and where there is none."""
        if pa.types.is_list(column.type):
            self._add(f"{name} lengths", pc.list_value_length(column))
            column = pc.list_flatten(column)
        elif column.null_count:
            self._add(f"{name} given", pc.is_valid(column).cast(pa.int8()))
            column = pc.fill_null(column, 0)
        else:
            self._add(f"{name} given", pa.array(np.ones(len(column), np.int8)))
        self._add(name, column)

    def update_file(self, name: str, digest: str) -> None:
        """Add a file by its digest."""
        self._more[f"{name} file"] = hashlib.sha256(digest.encode())

    def hexdigest(self) -> str:
        """Return the digest of everything added so far."""
        parts = [part.digest() for part in self._parts]
        parts += [name.encode() + self._more[name].digest() for name in sorted(self._more)]
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def _add(self, name: str, column: pa.Array) -> None:
        part = self._more.setdefault(name, hashlib.sha256())
        part.update(_bytes(column.to_numpy(zero_copy_only=False)))


class RowWriter:
    """Write rows, batch by batch, to a table; one that is soon read again is not packed."""

    def __init__(self, path: Path, schema: pa.Schema, packed: bool = False) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression="zstd" if packed else "none",
            use_dictionary=packed,
            write_statistics=packed,
        )

    def write(self, columns: Iterable[pa.Array]) -> None:
        """Append rows given as columns, in the order of the schema."""
        self._writer.write_batch(pa.RecordBatch.from_arrays([*columns], schema=self._schema))

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()


@dataclass(frozen=True)
class Finish:
    """What is only known of the columns when all rows were written, and the table needs."""

    complete: frozenset[str]  # columns without a null
    ids: Sequence[str]  # columns that are hashed as ids
    labels: Sequence[str]  # columns that are hashed as labels
    classes: Mapping[str, NDArray[np.int16]]  # the number of every class, by that in the rows


def add_split(
    rows: Path,
    table: Path,
    split: NDArray[np.int8],
    finish: Finish,
    files: Mapping[str, str],
    groups: NDArray[np.int32] | None = None,
) -> str:
    """Copy `rows` to `table` with the split, and the groups, if there are any; return the hash of
    the content.

    The table is written atomically. `files` are the digests of further files that belong to the
    content.
    """
    source, content, start = in_pieces(rows), ContentHash(), 0
    written = source.schema_arrow
    complete = [field.with_nullable(field.name not in finish.complete) for field in written]
    plain = {*finish.ids, *finish.labels}
    last = [_SPLIT] if groups is None else [_GROUP, _SPLIT]
    for name, digest in files.items():
        content.update_file(name, digest)
    with (
        atomic_path(table) as temporary,
        RowWriter(temporary, pa.schema([*complete, *last]), packed=True) as writer,
    ):
        for batch in source.iter_batches():
            part = split[start : start + batch.num_rows]
            start += batch.num_rows
            columns = dict(zip(written.names, batch.columns, strict=True))
            if groups is not None:
                columns[GROUP_COLUMN] = pa.array(groups[start - batch.num_rows : start])
            for name, numbers in finish.classes.items():
                columns[name] = pa.array(numbers).take(columns[name])
            content.update(_stacked(columns, finish.ids), _stacked(columns, finish.labels), part)
            for name in columns.keys() - plain:
                content.update_column(name, columns[name])
            writer.write([*columns.values(), pa.array(part)])
    return content.hexdigest()


def read_compact(parquet: str | Path, manifest: str | Path) -> Table:
    """Read a prepared table with its inputs memory-mapped, as training takes it.

    Raises:
        RecordError: a file is missing, or is not the one that the manifest describes.
    """
    facts, table = Manifest.read(manifest), Path(parquet)
    given = initial_files(table, facts)
    for file in (table, ids_file(table), *input_files(table, facts.layout), *given):
        facts.check(file)
    tasks = [task.name for task in facts.tasks]
    more = [SOURCE_COLUMN] if facts.sources else []
    more += [GROUP_COLUMN] if facts.groups else []
    columns = pq.read_table(table, columns=[*tasks, *more, SPLIT_COLUMN])
    labels = np.empty((facts.rows, len(tasks)), np.float32)
    for number, task in enumerate(tasks):
        labels[:, number] = columns[task].to_numpy()  # null becomes NaN
    source = columns[SOURCE_COLUMN].to_numpy() if facts.sources else None
    split = columns[SPLIT_COLUMN].to_numpy()
    groups = columns[GROUP_COLUMN].to_numpy() if facts.groups else None
    inputs, initial = _inputs(table, facts.layout), next(map(_mapped, given), None)
    return Table(inputs, labels, split, source, facts, groups, initial)


def _inputs(table: Path, layout: InputLayout) -> Inputs:
    """Map the files of inputs."""
    numbers = _mapped(numbers_file(table)) if layout.numbers else None
    pairs = [feature_files(table, block.name) for block in layout.features]
    features = tuple((_mapped(rows), _mapped(matrix)) for rows, matrix in pairs)
    return Inputs(layout, _mapped(ids_file(table)), numbers, features)


def _mapped(file: Path) -> NDArray[Any]:
    """Map an array; copy on write: torch wants memory that it may write to, and nothing does."""
    array: NDArray[Any] = np.load(file, mmap_mode="c", allow_pickle=False)
    return array


def _stacked(columns: Mapping[str, pa.Array], names: Sequence[str]) -> NDArray[Any]:
    """Return some columns as one array [rows, columns]."""
    if not names:
        return np.empty((0, 0), np.int32)
    return np.stack([columns[name].to_numpy() for name in names], axis=1)


def _bytes(array: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data
