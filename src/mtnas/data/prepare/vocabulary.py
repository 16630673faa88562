"""The ids of a prepared table as training reads them: one int32 array in a file, to be mapped.

Jobs that train on one table share its pages, and a batch touches only its own. The ids are
renumbered: a row of the embedding table that never occurs changes no prediction, and rows that are
read often lie together.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.runtime.errors import DataError
from mtnas.runtime.files import atomic_path, remake, sha256_of

_BATCH_ROWS = 1_000_000
Ids = NDArray[np.int32]


def renumbering(count: NDArray[np.int64]) -> tuple[Ids, int]:
    """Return the new number of every id, from how often each occurs, and how many do.

    Numbers fall with frequency; equally frequent ids keep their order.
    """
    occurring = np.flatnonzero(count)
    new = np.full(len(count), -1, np.int32)
    by_frequency = np.argsort(-count[occurring], kind="stable")
    new[occurring[by_frequency]] = np.arange(len(occurring), dtype=np.int32)
    return new, len(occurring)


def write_compact(table: str | Path, path: str | Path, num_fields: int) -> dict[str, Any]:
    """Write the renumbered ids [rows, fields] of a table, atomically; return what a manifest needs.

    Memory grows with the largest id, not with the rows.
    """
    path, source = Path(path), pq.ParquetFile(table)
    count = np.zeros(0, np.int64)
    for ids in _batches(source, num_fields):
        seen = np.bincount(ids.ravel(), minlength=len(count))
        seen[: len(count)] += count
        count = seen
    new, num_ids = renumbering(count)
    digest, shape = hashlib.sha256(), (source.metadata.num_rows, num_fields)
    with atomic_path(path) as temporary:
        # Not through a mapping: a full disk would end the process without a word.
        with temporary.open("wb") as file:
            header = {"descr": "<i4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for ids in _batches(source, num_fields):
                digest.update(ids.data)
                file.write(new[ids].astype("<i4", copy=False).data)
        facts = {"file": path.name, "num_ids": num_ids, "sha256": sha256_of(temporary)}
    return {**facts, "dtype": "int32", "ids_sha256": digest.hexdigest()}


def write_dense(inputs: NDArray[np.float32], path: str | Path) -> dict[str, Any]:
    """Write dense inputs [rows, D] in the place of ids, atomically; return facts as above."""
    path = Path(path)
    with atomic_path(path) as temporary:
        np.save(temporary, inputs.astype("<f4"), allow_pickle=False)
        facts = {"file": path.name, "num_ids": 0, "sha256": sha256_of(temporary)}
    digest = hashlib.sha256(np.ascontiguousarray(inputs, "<f4").data)
    return {**facts, "dtype": "float32", "ids_sha256": digest.hexdigest()}


def open_compact(
    manifest: str | Path, facts: dict[str, Any], shape: tuple[int, int]
) -> NDArray[Any]:
    """Map the renumbered ids, or dense inputs, of a manifest; `DataError` if they are not those."""
    path = Path(manifest).with_name(facts["file"])
    remedy = f"delete it and run `{remake(path)}`"
    if not path.is_file():
        raise DataError(f"{path}: missing; run `{remake(path)}`")
    if sha256_of(path) != facts["sha256"]:
        raise DataError(f"{path}: not the ids of its manifest: another SHA-256; {remedy}")
    # Copy on write: torch wants memory that it may write to, and nothing does.
    ids: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
    if ids.shape != shape or ids.dtype != facts["dtype"]:
        wanted = f"{facts['dtype']} {shape}"
        raise DataError(f"{path}: {ids.dtype} {ids.shape}, expected {wanted}; {remedy}")
    return ids


def _batches(source: pq.ParquetFile, num_fields: int) -> Iterator[Ids]:
    """Yield the ids of a table in pieces, C-contiguous."""
    columns = source.schema_arrow.names[:num_fields]
    for batch in source.iter_batches(_BATCH_ROWS, columns=columns):
        yield np.stack([column.to_numpy() for column in batch.columns], axis=1)
