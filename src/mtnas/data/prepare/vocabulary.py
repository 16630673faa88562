"""The ids of a prepared table as training reads them: one int32 array in a file, to be mapped.

Jobs that train on one table share its pages, and a batch touches only its own. The ids are
renumbered: a row of the embedding table that never occurs changes no prediction, and rows that are
read often lie together. Which number stands for which hashed id is kept in the vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.engine.parquet import in_pieces
from mtnas.data.prepare.hashing import different
from mtnas.data.prepare.inputs import write_array
from mtnas.data.prepare.manifest import InputLayout
from mtnas.runtime.files import atomic_path

_BATCH_ROWS = 1 << 16  # that the caches of a processor hold
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


def write_compact(
    table: str | Path,
    path: str | Path,
    layout: InputLayout,
    fields: Sequence[str],
    count: NDArray[np.int64],
) -> tuple[Ids, int]:
    """Write the renumbered ids [rows, C] of a table, or of its rows without a split, atomically;
    return the renumbering.

    C is the number of single fields and the lengths of all bags; a bag that is shorter is filled up
    with the number of ids, which stands for no value. `fields` are the hashed ones, `count` says
    how often every id occurs in them.
    Memory grows with the largest id, not with the rows.
    """
    source = in_pieces(table)
    bags, width = [bag.name for bag in layout.bags], layout.num_columns
    names = [*(name for name in fields if name not in bags), *bags]
    new, num_ids = renumbering(count)
    pieces = (_renumbered(batch, new, layout, num_ids) for batch in _batches(source, names, width))
    with atomic_path(path) as temporary:
        write_array(temporary, "<i4", (source.metadata.num_rows, width), pieces)
    return new, num_ids


def _ids(column: pa.Array) -> Ids:
    """Return all ids of a column, of lists one after the other."""
    flat: Ids = (pc.list_flatten(column) if pa.types.is_list(column.type) else column).to_numpy()
    return flat


def _renumbered(batch: pa.RecordBatch, new: Ids, layout: InputLayout, filler: int) -> Ids:
    """Return the renumbered ids [rows, C] of columns of single ids and, behind them, of lists."""
    ids = np.full((batch.num_rows, layout.num_columns), filler, np.int32)
    for place, column in enumerate(batch.columns[: layout.singles]):
        ids[:, place] = new[_ids(column)]
    start = layout.singles
    for bag, column in zip(layout.bags, batch.columns[layout.singles :], strict=True):
        lengths = pc.list_value_length(column).to_numpy()
        given = np.arange(bag.length) < lengths[:, None]
        ids[:, start : start + bag.length][given] = new[_ids(column)]
        start += bag.length
    return ids


def write_vocabulary(path: str | Path, hashed: Mapping[str, Ids], new: Ids) -> None:
    """Write the number that stands for every hashed id of a table, atomically.

    With it a trained model can be used on new rows: `id` is the row of the embedding table that
    belongs to a hashed id. A new value is hashed as in the table (`prepare.hashing`) and looked up
    by `hashed_id`, whatever its field, since values of two fields that collide share a row; what is
    not there never occurred in the table. The values themselves are not kept.

    Args:
        path: a Parquet file with the columns field, hashed_id and id, by field and id.
        hashed: the hashed ids of every field, each at least once; none without a hashed field.
        new: what `write_compact` returns for the same table.
    """
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, _VOCABULARY) as writer:
        names = pa.array(list(hashed), pa.string())
        occurring = np.flatnonzero(new >= 0)
        old = np.empty(len(occurring), np.int32)
        old[new[occurring]] = occurring
        for number, ids in enumerate(hashed.values()):
            rows = different(new[ids])
            field = pa.DictionaryArray.from_arrays(
                pa.array(np.full(len(rows), number, np.int32)), names
            )
            columns = [field, pa.array(old[rows]), pa.array(rows)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_VOCABULARY))


def _batches(source: pq.ParquetFile, names: Sequence[str], width: int) -> Iterator[pa.RecordBatch]:
    """Yield some columns of a table, in this order, in pieces: smaller ones if they are wide."""
    size = max(1, _BATCH_ROWS * 16 // max(width, 16))
    for batch in source.iter_batches(size, columns=[*names]) if names else ():
        yield batch.select([*names])
