"""The prepared table: Parquet beside a JSON manifest that says what must be in it.

Columns: one int32 per field (feature ids), one int8 per task (0/1), `split` as int8
(0 train, 1 valid, 2 test). Beside it lie the ids as training reads them (`features.compact`).
In a table of a regression (`features.drawn`) fields and tasks are float32.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.prepare.vocabulary import open_compact
from mtnas.runtime.errors import DataError
from mtnas.runtime.files import atomic_path, read_json, remake

SPLIT_COLUMN = "split"
_SPLIT = pa.field(SPLIT_COLUMN, pa.int8(), nullable=False)
MANIFEST_KEYS = (
    "fields", "tasks", "rows", "split_kind", "split_sizes", "simulated", "content_sha256",
    "source_sha256", "compact", "task_kind", "drawn_seeds",
)  # fmt: skip
_COMPRESSION = "zstd"


@dataclass(frozen=True)
class Table:
    """A prepared table in memory."""

    # [rows, fields], C-contiguous; renumbered if read as compact; float32 if inputs are dense
    ids: NDArray[np.int32] | NDArray[np.float32]
    labels: NDArray[np.float32]  # [rows, tasks]
    split: NDArray[np.int8]  # [rows]: 0 train, 1 valid, 2 test
    manifest: dict[str, Any]


class ContentHash:
    """SHA-256 over ids, labels and split, fed in pieces of any size.

    Where the digest of the ids is known, they need not be fed.
    """

    def __init__(self, ids_sha256: str | None = None) -> None:
        self._parts = [hashlib.sha256() for _ in range(3)]
        self._ids_sha256 = ids_sha256

    def update(self, ids: NDArray[Any], labels: NDArray[Any], split: NDArray[np.int8]) -> None:
        """Add rows: ids [rows, fields], labels [rows, tasks], split [rows]."""
        for part, array in zip(self._parts, (ids, labels, split), strict=True):
            part.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)

    def hexdigest(self) -> str:
        """Return the digest of everything added so far."""
        digests = [part.digest() for part in self._parts]
        if self._ids_sha256 is not None:
            digests[0] = bytes.fromhex(self._ids_sha256)
        return hashlib.sha256(b"".join(digests)).hexdigest()


class RowWriter:
    """Write ids and labels, batch by batch, to a table that has no split yet."""

    def __init__(
        self, path: Path, fields: Sequence[str], tasks: Sequence[str], kind: str = "binary"
    ) -> None:
        self._schema = _schema(fields, tasks, kind)
        self._writer = pq.ParquetWriter(path, self._schema, compression=_COMPRESSION)

    def write(self, ids: Iterable[NDArray[Any]], labels: Iterable[NDArray[Any]]) -> None:
        """Append rows given as columns, in the order of the fields and tasks."""
        arrays = [pa.array(column) for column in (*ids, *labels)]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()


def add_split(rows: Path, table: Path, split: NDArray[np.int8], num_fields: int) -> str:
    """Copy `rows` to `table` with the split, atomically; return the content hash."""
    source, content, start = pq.ParquetFile(rows), ContentHash(), 0
    schema = source.schema_arrow.append(_SPLIT)
    with (
        atomic_path(table) as temporary,
        pq.ParquetWriter(temporary, schema, compression=_COMPRESSION) as writer,
    ):
        for batch in source.iter_batches():
            part = split[start : start + batch.num_rows]
            start += batch.num_rows
            content.update(*_matrices(batch, num_fields), part)
            arrays = [*batch.columns, pa.array(part)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return content.hexdigest()


def read_table(parquet: str | Path, manifest: str | Path) -> Table:
    """Read a prepared table; `DataError` if it is not the one its manifest describes."""
    source, facts = _described(Path(parquet), manifest)
    ids = np.empty((facts["rows"], len(facts["fields"])), facts["compact"]["dtype"])
    return _read(source, Path(parquet), facts, ids, range(ids.shape[1]))


def read_compact(parquet: str | Path, manifest: str | Path) -> Table:
    """Read a prepared table with its ids renumbered and memory-mapped, as training takes it."""
    source, facts = _described(Path(parquet), manifest)
    shape = facts["rows"], len(facts["fields"])
    ids = open_compact(manifest, facts["compact"], shape)
    return _read(source, Path(parquet), facts, ids, range(0))


def _described(parquet: Path, manifest: str | Path) -> tuple[pq.ParquetFile, dict[str, Any]]:
    """Open a table and its manifest, and refuse one whose columns or rows are others."""
    facts = read_json(manifest, MANIFEST_KEYS, error=DataError)
    source = _open(parquet)
    fields = [field["name"] for field in facts["fields"]]
    tasks = [task["name"] for task in facts["tasks"]]
    _check_schema(parquet, source.schema_arrow, _schema(fields, tasks, facts["task_kind"]))
    rows = source.metadata.num_rows
    if rows != facts["rows"]:
        raise _differs(parquet, f"{rows} rows, expected {facts['rows']}")
    return source, facts


def _read(
    source: pq.ParquetFile, parquet: Path, facts: dict[str, Any], ids: NDArray[Any],
    fields: range,
) -> Table:  # fmt: skip
    """Read labels, split and the given fields of a table, and compare their content hash."""
    rows = facts["rows"]
    labels = np.empty((rows, len(facts["tasks"])), np.float32)
    table = Table(ids, labels, np.empty(rows, np.int8), facts)
    try:
        content = _fill(table, source, fields)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _differs(parquet, f"it cannot be read ({error})") from None
    if content != facts["content_sha256"]:
        raise _differs(parquet, "its content has another SHA-256")
    return table


def _fill(table: Table, source: pq.ParquetFile, fields: range) -> str:
    """Copy a Parquet file into the arrays of a table; return its content hash."""
    num_fields, names = table.ids.shape[1], source.schema_arrow.names
    ids_sha256 = None if fields else table.manifest["compact"]["ids_sha256"]
    content, start = ContentHash(ids_sha256), 0
    for batch in source.iter_batches(columns=[names[i] for i in fields] + names[num_fields:]):
        ids, labels = _matrices(batch.drop_columns([SPLIT_COLUMN]), len(fields))
        split = batch[SPLIT_COLUMN].to_numpy()
        content.update(ids, labels, split)
        rows = slice(start, start + batch.num_rows)
        table.labels[rows], table.split[rows] = labels, split
        if fields:
            table.ids[rows] = ids
        start += batch.num_rows
    return content.hexdigest()


def _matrices(batch: pa.RecordBatch, num_fields: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return ids [rows, fields] and labels [rows, tasks] of a batch without the split."""
    columns = [column.to_numpy() for column in batch.columns]
    ids = np.empty((batch.num_rows, num_fields), columns[0].dtype)
    for i in range(num_fields):
        ids[:, i] = columns[i]
    return ids, np.stack(columns[num_fields:], axis=1)


def _schema(fields: Sequence[str], tasks: Sequence[str], kind: str) -> pa.Schema:
    """Return the columns of a table before the split is added."""
    id_, label = (pa.int32(), pa.int8()) if kind == "binary" else (pa.float32(), pa.float32())
    types = [(name, id_) for name in fields] + [(name, label) for name in tasks]
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in types])


def _check_schema(parquet: Path, found: pa.Schema, before_split: pa.Schema) -> None:
    """Refuse a table whose columns are not those of the manifest, in order and type."""
    expected = before_split.append(_SPLIT)
    if [(f.name, f.type) for f in found] != [(f.name, f.type) for f in expected]:
        columns = [f"{f.name}:{f.type}" for f in found]
        wanted = [f"{f.name}:{f.type}" for f in expected]
        raise _differs(parquet, f"columns {columns}, expected {wanted}")


def _open(path: Path) -> pq.ParquetFile:
    """Open a Parquet file; `DataError` if it is missing or broken."""
    if not path.is_file():
        raise DataError(f"{path}: missing; run `{remake(path)}`")
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _differs(path, f"not a Parquet file ({error})") from None


def _differs(parquet: Path, what: str) -> DataError:
    """Return the error for a table that its manifest does not describe."""
    return DataError(
        f"{parquet}: not the table of its manifest: {what}; delete it and run `{remake(parquet)}`"
    )
