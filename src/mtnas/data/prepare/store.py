"""The prepared table: Parquet beside a JSON manifest that says what must be in it.

Columns: one int32 per field (hashed ids), one int8 per task (0/1), `split` as int8
(0 train, 1 valid, 2 test). Beside it lie the ids as training reads them (`prepare.vocabulary`).
In a table of a regression (`prepare.drawn`) fields and tasks are float32.
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

from mtnas.data.prepare.manifest import InputLayout, Manifest
from mtnas.data.prepare.vocabulary import ids_file
from mtnas.runtime.files import atomic_path

SPLIT_COLUMN = "split"
_SPLIT = pa.field(SPLIT_COLUMN, pa.int8(), nullable=False)
_COMPRESSION = "zstd"


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
    labels: NDArray[np.float32]  # [rows, tasks]
    split: NDArray[np.int8]  # [rows]: 0 train, 1 valid, 2 test
    source: NDArray[np.int8] | None  # [rows], where there are several
    manifest: Manifest


class ContentHash:
    """SHA-256 over ids, labels and split, fed in pieces of any size."""

    def __init__(self) -> None:
        self._parts = [hashlib.sha256() for _ in range(3)]

    def update(self, ids: NDArray[Any], labels: NDArray[Any], split: NDArray[np.int8]) -> None:
        """Add rows: ids [rows, fields], labels [rows, tasks], split [rows]."""
        for part, array in zip(self._parts, (ids, labels, split), strict=True):
            part.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)

    def hexdigest(self) -> str:
        """Return the digest of everything added so far."""
        return hashlib.sha256(b"".join(part.digest() for part in self._parts)).hexdigest()


class RowWriter:
    """Write ids and labels, batch by batch, to a table that has no split yet."""

    def __init__(
        self, path: Path, fields: Sequence[str], tasks: Sequence[str], kind: str = "binary"
    ) -> None:
        id_, label = (pa.int32(), pa.int8()) if kind == "binary" else (pa.float32(), pa.float32())
        types = [(name, id_) for name in fields] + [(name, label) for name in tasks]
        self._schema = pa.schema([pa.field(name, type_, nullable=False) for name, type_ in types])
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
            columns = [column.to_numpy() for column in batch.columns]
            ids, labels = (
                np.stack(c, axis=1) for c in (columns[:num_fields], columns[num_fields:])
            )
            content.update(ids, labels, part)
            arrays = [*batch.columns, pa.array(part)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return content.hexdigest()


def read_compact(parquet: str | Path, manifest: str | Path) -> Table:
    """Read a prepared table with its ids renumbered and memory-mapped, as training takes it.

    Raises:
        RecordError: a file is missing, or is not the one that the manifest describes.
    """
    facts, ids = Manifest.read(manifest), ids_file(Path(parquet))
    for file in (parquet, ids):
        facts.check(file)
    tasks = [task.name for task in facts.tasks]
    columns = pq.read_table(parquet, columns=[*tasks, SPLIT_COLUMN])
    labels = np.empty((facts.rows, len(tasks)), np.float32)
    for number, task in enumerate(tasks):
        labels[:, number] = columns[task].to_numpy()
    inputs = _read_inputs(ids, facts)
    return Table(inputs, labels, columns[SPLIT_COLUMN].to_numpy(), None, facts)


def _read_inputs(ids: Path, facts: Manifest) -> Inputs:
    """Map the inputs of a table: hashed ids, or the numbers of drawn data in their place."""
    # Copy on write: torch wants memory that it may write to, and nothing does.
    mapped = np.load(ids, mmap_mode="c", allow_pickle=False)
    if mapped.dtype == np.int32:
        return Inputs(InputLayout(singles=mapped.shape[1]), mapped)
    layout = InputLayout.of_numbers(field.name for field in facts.fields)
    return Inputs(layout, np.empty((facts.rows, 0), np.int32), mapped)
