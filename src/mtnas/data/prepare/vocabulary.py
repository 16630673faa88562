"""The ids of a prepared table as training reads them: one int32 array in a file, to be mapped.

Jobs that train on one table share its pages, and a batch touches only its own. The ids are
renumbered: a row of the embedding table that never occurs changes no prediction, and rows that are
read often lie together. Which number stands for which hashed id is kept in the vocabulary.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.runtime.files import atomic_path

_BATCH_ROWS = 1_000_000
_VOCABULARY = pa.schema(
    [
        pa.field("field", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("hashed_id", pa.int32(), nullable=False),
        pa.field("id", pa.int32(), nullable=False),
    ]
)
Ids = NDArray[np.int32]


def ids_file(table: Path) -> Path:
    """Return where the ids of a table are, as training reads them."""
    return table.with_suffix(".ids.npy")


def vocabulary_file(table: Path) -> Path:
    """Return where the vocabulary of a table is."""
    return table.with_suffix(".vocabulary.parquet")


def renumbering(count: NDArray[np.int64]) -> tuple[Ids, int]:
    """Return the new number of every id, from how often each occurs, and how many do.

    Numbers fall with frequency; equally frequent ids keep their order; -1 for one that never
    occurs.
    """
    occurring = np.flatnonzero(count)
    new = np.full(len(count), -1, np.int32)
    by_frequency = np.argsort(-count[occurring], kind="stable")
    new[occurring[by_frequency]] = np.arange(len(occurring), dtype=np.int32)
    return new, len(occurring)


def write_compact(table: str | Path, path: str | Path, num_fields: int) -> tuple[Ids, int]:
    """Write the renumbered ids [rows, fields] of a table, atomically; return the renumbering.

    Memory grows with the largest id, not with the rows.
    """
    source = pq.ParquetFile(table)
    count = np.zeros(0, np.int64)
    for ids in _batches(source, num_fields):
        seen = np.bincount(ids.ravel(), minlength=len(count))
        seen[: len(count)] += count
        count = seen
    new, num_ids = renumbering(count)
    shape = (source.metadata.num_rows, num_fields)
    # Not through a mapping: a full disk would end the process without a word.
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        header = {"descr": "<i4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for ids in _batches(source, num_fields):
            file.write(new[ids].astype("<i4", copy=False).data)
    return new, num_ids


def write_vocabulary(path: str | Path, hashed: Mapping[str, Ids], new: Ids) -> None:
    """Write the number that stands for every hashed id of a table, atomically.

    With it a trained model can be used on new rows: `id` is the row of the embedding table that
    belongs to a hashed id. A new value is hashed as in the table (`prepare.hashing`) and looked up
    by `hashed_id`, whatever its field, since values of two fields that collide share a row; what is
    not there never occurred in the table. The values themselves are not kept.

    Args:
        path: a Parquet file with the columns field, hashed_id and id, by field and id.
        hashed: the hashed ids of every field, each at least once; no field for dense inputs.
        new: what `write_compact` returns for the same table.
    """
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, _VOCABULARY) as writer:
        names = pa.array(list(hashed), pa.string())
        for number, ids in enumerate(hashed.values()):
            distinct = np.unique(ids)
            distinct = distinct[np.argsort(new[distinct])]
            field = pa.DictionaryArray.from_arrays(
                pa.array(np.full(len(distinct), number, np.int32)), names
            )
            columns = [field, pa.array(distinct), pa.array(new[distinct])]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_VOCABULARY))


def write_dense(inputs: NDArray[np.float32], path: str | Path) -> None:
    """Write dense inputs [rows, D] in the place of ids, atomically."""
    with atomic_path(path) as temporary:
        np.save(temporary, inputs.astype("<f4"), allow_pickle=False)


def _batches(source: pq.ParquetFile, num_fields: int) -> Iterator[Ids]:
    """Yield the ids of a table in pieces, C-contiguous."""
    columns = source.schema_arrow.names[:num_fields]
    for batch in source.iter_batches(_BATCH_ROWS, columns=columns):
        yield np.stack([column.to_numpy() for column in batch.columns], axis=1)
