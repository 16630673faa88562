"""Matrices of frozen features beside a table: a row of one is an input."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.engine.parquet import in_pieces
from mtnas.data.sources._tabular.values import as_value
from mtnas.runtime.errors import DataError, of_machine

BLOCK = 1 << 16  # rows that are looked at at once


def write_matrix(
    path: Path, shape: tuple[int, int], pieces: Iterator[NDArray[Any]]
) -> np.memmap[Any, Any]:
    """Write a matrix, float32 [K, W], piece by piece, and return it mapped.

    Not through a mapping: a full disk would end the process without a word.
    """
    try:
        with path.open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for piece in pieces:
                file.write(np.ascontiguousarray(piece, "<f4").data)
    except OSError as error:
        raise DataError(of_machine(error, path) or f"{path}: cannot be written: {error}") from None
    mapped: np.memmap[Any, Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


class FeatureFile:
    """A matrix in a `.npy` or Parquet file; in Parquet, `key` names the column of its keys.

    A Parquet file holds a column per feature, or one column of lists of the same length.
    """

    def __init__(self, path: Path, key: str | None = None) -> None:
        self.path, self._key = path, key
        self._keys: dict[str, int] | None = None

    def matrix(self, folder: Path) -> np.memmap[Any, Any]:
        """Return the matrix, float32 [K, W], mapped from the file or from a copy in a folder.

        Raises:
            DataError: it is no such file, is no matrix of finite numbers.
        """
        if self.path.suffix == ".npy":
            source = self._mapped()
            if source.dtype == np.float32 and isinstance(source, np.memmap):
                for start in range(0, len(source), BLOCK):
                    self._check(source[start : start + BLOCK], start)
                return source
            pieces = (source[i : i + BLOCK] for i in range(0, len(source), BLOCK))
            return self._copied(pieces, source.shape, folder)
        with self._parquet() as file:
            names = [name for name in file.schema_arrow.names if name != self._key]
            width = self._width(file, names)
            return self._copied(self._pieces(file, names), (file.metadata.num_rows, width), folder)

    @property
    def num_rows(self) -> int:
        """Return the number of rows, K."""
        if self.path.suffix == ".npy":
            return len(self._mapped())
        with self._parquet() as file:
            return int(file.metadata.num_rows)

    def rows_of(self, keys: pa.Array) -> pa.Int64Array:
        """Return the row of every key; null where there is none."""
        if self._keys is None:
            self._keys = self._read_keys()
        encoded = keys.dictionary_encode()
        rows = [self._keys.get(str(key)) for key in encoded.dictionary.to_pylist()]
        return pa.array(rows, pa.int64()).take(encoded.indices)

    def _read_keys(self) -> dict[str, int]:
        found: dict[str, int] = {}
        with self._parquet() as file:
            if self._key not in file.schema_arrow.names:
                names = ", ".join(file.schema_arrow.names)
                self._fail(f"no column {self._key!r} for the keys; there are: {names}")
            for batch in file.iter_batches(columns=[self._key]):
                for value in as_value(batch.column(0)).to_pylist():
                    if value in found:
                        self._fail(f"key {value!r} of {self._key!r} occurs twice; keep one row")
                    found[value] = len(found)
        return found

    def _mapped(self) -> NDArray[Any]:
        """Map a .npy file; nothing in it is run as code."""
        try:
            matrix = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            if "bject" in str(error) or "pickle" in str(error):
                self._fail("holds Python objects or is no .npy file; save a matrix of float32")
            self._fail(f"not a sound .npy file ({str(error).splitlines()[0]})")
        if not isinstance(matrix, np.ndarray):
            self._fail("holds several arrays; save one matrix as .npy")
        if matrix.ndim != 2:
            self._fail(f"has {matrix.ndim} dimensions, not the two of a matrix [rows, features]")
        if matrix.dtype.kind not in "fiub":
            self._fail(f"holds {matrix.dtype}, not numbers; save float32")
        return matrix

    def _parquet(self) -> pq.ParquetFile:
        try:
            return in_pieces(self.path)
        except (pa.ArrowException, OSError) as error:
            self._fail(f"not a sound Parquet file ({str(error).splitlines()[0]})")

    def _width(self, file: pq.ParquetFile, names: list[str]) -> int:
        kinds = [file.schema_arrow.field(name).type for name in names]
        if len(kinds) == 1 and pa.types.is_nested(kinds[0]):
            first = next(file.iter_batches(1, columns=names), None)
            value = None if first is None else first.column(0)[0].as_py()
            return len(value or ())
        for name, kind in zip(names, kinds, strict=True):
            if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
                self._fail(f"column {name!r} holds {kind}, not numbers; leave it out")
        return len(names)

    def _pieces(self, file: pq.ParquetFile, names: list[str]) -> Iterator[NDArray[Any]]:
        for batch in file.iter_batches(BLOCK, columns=names):
            columns = batch.columns
            if any(column.null_count for column in columns):
                self._fail("a feature is missing; give every one a number")
            if len(columns) == 1 and pa.types.is_nested(columns[0].type):
                lengths = set(pc.list_value_length(columns[0]).to_pylist())
                if len(lengths) > 1:
                    self._fail(f"its lists have different lengths ({sorted(lengths)[:2]})")
                flat = columns[0].flatten().to_numpy(zero_copy_only=False)
                yield flat.reshape(batch.num_rows, -1)
            else:
                yield np.stack([c.to_numpy(zero_copy_only=False) for c in columns], axis=1)

    def _copied(
        self, pieces: Iterator[NDArray[Any]], shape: tuple[int, ...], folder: Path
    ) -> np.memmap[Any, Any]:
        if 0 in shape:
            self._fail(f"is empty: {shape[0]} rows of {shape[1]} features")
        checked = self._checked(pieces, shape[1])
        return write_matrix(folder / f"{self.path.name}.npy", (shape[0], shape[1]), checked)

    def _checked(self, pieces: Iterator[NDArray[Any]], width: int) -> Iterator[NDArray[Any]]:
        start = 0
        for piece in pieces:
            with np.errstate(over="ignore"):
                values = np.asarray(piece, np.float32)
            if values.shape[1] != width:
                self._fail(f"row {start} has {values.shape[1]} features, the first {width}")
            self._check(values, start)
            yield values
            start += len(values)

    def _check(self, block: NDArray[Any], start: int) -> None:
        bad = ~np.isfinite(block).all(axis=1)
        if bad.any():
            row = start + int(bad.argmax())
            self._fail(f"row {row} holds NaN or infinity; a feature must be a finite number")

    def _fail(self, why: str) -> NoReturn:
        raise DataError(f"{self.path}: {why}")
