"""The inputs of a prepared table that are no ids, as training maps them: arrays in a folder.

`numbers.npy` is float32 [rows, D], NaN where there is none. A field of features has two files:
`<field>.npy`, float32 [K, W], and `<field>.rows.npy`, int32 [rows]: a row's row there, -1 for none.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.engine.parquet import in_pieces
from mtnas.data.prepare.hashing import Keys
from mtnas.data.prepare.manifest import InputLayout
from mtnas.data.prepare.repeated import keys_of_rows
from mtnas.runtime.errors import DataError
from mtnas.runtime.files import sha256_of

_NUMBERS = "numbers.npy"
_LARGE = 100.0  # features, which are not standardised
_BATCH_CELLS = 4_000_000  # bounds the memory of what is copied at once


def inputs_folder(table: Path) -> Path:
    """Return where the inputs of a table are that are no ids."""
    return table.with_suffix(".inputs")


def numbers_file(table: Path) -> Path:
    """Return where the numbers of a table are."""
    return inputs_folder(table) / _NUMBERS


def feature_files(table: Path, field: str) -> tuple[Path, Path]:
    """Return where the rows and the matrix of a field of features are."""
    folder = inputs_folder(table)
    return folder / f"{field}.rows.npy", folder / f"{field}.npy"


def input_files(table: Path, layout: InputLayout) -> list[Path]:
    """Name all files of the inputs of a table that are no ids."""
    files = [file for block in layout.features for file in feature_files(table, block.name)]
    return [numbers_file(table), *files] if layout.numbers else files


class MatrixCopy:
    """The matrices of a table: copied to a folder, once, before the rows are read."""

    def __init__(self, folder: Path, matrices: Mapping[str, NDArray[np.float32]]) -> None:
        """Copy every matrix [K, W].

        Raises:
            DataError: not a matrix of numbers, or one that is not finite.
        """
        self.folder = folder
        self.keys: dict[str, tuple[int, Keys]] = {}  # width, and 64 bits of every row
        self.digests: dict[str, str] = {}
        self.largest: dict[str, float] = {}  # absolute value
        folder.mkdir()
        taken = {_NUMBERS, *(f"{field}.rows.npy" for field in matrices)}
        for field, matrix in matrices.items():
            path = folder / f"{field}.npy"
            if path.name in taken:
                raise DataError(f"field {field!r}: this name is taken; give it another one")
            if path.name != f"{field}.npy":
                raise DataError(
                    f"field {field!r}: features are kept in a file of their name, which {field!r} "
                    "cannot be; give it another one, without `/`"
                )
            if matrix.ndim != 2 or matrix.dtype != np.float32 or 0 in matrix.shape:
                raise DataError(
                    f"field {field!r}: features of shape {list(matrix.shape)}, {matrix.dtype}; a "
                    "matrix with a row per row or key is needed, float32"
                )
            self.keys[field] = matrix.shape[1], self._copy(field, matrix, path)
            self.digests[field] = sha256_of(path)

    def _copy(self, field: str, matrix: NDArray[np.float32], path: Path) -> Keys:
        keys = [np.empty(0, np.uint64)]
        size = max(1, _BATCH_CELLS // matrix.shape[1])

        def pieces() -> Iterator[NDArray[np.float32]]:
            for start in range(0, len(matrix), size):
                piece = np.asarray(matrix[start : start + size])
                wrong = np.flatnonzero(~np.isfinite(piece).all(axis=1))
                if len(wrong):
                    raise DataError(
                        f"field {field!r}: row {start + wrong[0]} of its matrix holds a value that "
                        "is no finite number; correct the file of features"
                    )
                keys.append(keys_of_rows(piece))
                largest = max(self.largest.get(field, 0.0), float(np.abs(piece).max()))
                self.largest[field] = largest
                yield piece

        write_array(path, "<f4", matrix.shape, pieces())
        return np.concatenate(keys)

    def warnings(self) -> list[str]:
        """Return a sentence for every matrix whose numbers are too large to train with."""
        return [
            f"features {field}: values up to {largest:.4g}, which reach the model as they are and "
            "may outweigh all else; scale each column, such as to mean 0 and spread 1"
            for field, largest in self.largest.items()
            if largest > _LARGE
        ]


def write_inputs(table: Path, layout: InputLayout, folder: Path) -> None:
    """Write numbers and rows of a table beside its matrices in `folder`; put that in its place."""
    source = in_pieces(table)
    rows = source.metadata.num_rows
    names = [number.name for number in layout.numbers]
    if names:
        pieces = _batches(source, names, lambda column: column.to_numpy(zero_copy_only=False))
        write_array(folder / _NUMBERS, "<f4", (rows, len(names)), pieces)
    for block in layout.features:
        filled = _batches(source, [block.name], lambda c: c.fill_null(-1).to_numpy())
        write_array(folder / f"{block.name}.rows.npy", "<i4", (rows,), filled)
    place = inputs_folder(table)
    shutil.rmtree(place, ignore_errors=True)
    folder.rename(place)


def write_array(
    path: Path, kind: str, shape: Sequence[int], pieces: Iterator[NDArray[Any]]
) -> None:
    """Write an array piece by piece.

    Not through a mapping: a full disk would end the process without a word.
    """
    with path.open("wb") as file:
        header = {"descr": kind, "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(file, header)
        for piece in pieces:
            file.write(np.ascontiguousarray(piece, kind).data)


def _batches(
    source: pq.ParquetFile, names: Sequence[str], read: Callable[[pa.Array], NDArray[Any]]
) -> Iterator[NDArray[Any]]:
    """Yield some columns of a table in pieces, one array each."""
    for batch in source.iter_batches(max(1, _BATCH_CELLS // len(names)), columns=[*names]):
        yield np.stack([read(column) for column in batch.columns], axis=1)
