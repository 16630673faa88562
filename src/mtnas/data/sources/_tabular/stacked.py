"""Matrices of features of several sources that are one field: one below the other."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtnas.data.sources._tabular.definition import SourceDefinition
from mtnas.data.sources._tabular.features import BLOCK, FeatureFile, write_matrix
from mtnas.data.sources._tabular.rows import Files
from mtnas.runtime.errors import DataError


class Stack:
    """The matrices of one field by source; sources that name one file share its rows."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._files: dict[tuple[Path, str | None], FeatureFile] = {}
        self._of: dict[str, tuple[Path, str | None]] = {}  # by source

    def add(self, source: str, path: Path, key: str | None) -> None:
        """Add the file of one source."""
        self._of[source] = (path, key)
        self._files.setdefault((path, key), FeatureFile(path, key))

    def start(self, source: str) -> int:
        """Return in which row the matrix of a source begins; 0 of one without the field."""
        files = list(self._files)
        before = files[: files.index(self._of[source])] if source in self._of else []
        return sum(self._files[file].num_rows for file in before)

    def matrix(self, folder: Path) -> np.memmap[Any, Any]:
        """Return the rows of all files, float32 [K, W], mapped from a file or from a copy.

        Raises:
            DataError: a file is no matrix of finite numbers, or two have different widths.
        """
        found = []
        for number, file in enumerate(self._files.values()):
            (own := folder / str(number)).mkdir()
            found.append(file.matrix(own))
        if len(found) == 1:
            return found[0]
        self._check_widths([matrix.shape[1] for matrix in found])
        rows = sum(map(len, found))
        return write_matrix(folder / "stacked.npy", (rows, found[0].shape[1]), _pieces(found))

    def _check_widths(self, widths: list[int]) -> None:
        names = {file: source for source, file in reversed(self._of.items())}
        shown = [f"{file[0]} of source {names[file]!r}" for file in self._files]
        for width, name in zip(widths, shown, strict=True):
            if width != widths[0]:
                raise DataError(
                    f"field {self._field!r}: {widths[0]} features in {shown[0]}, {width} in "
                    f"{name}: they cannot be one input; give each a name of its own"
                )


def stacks_of(
    sources: Mapping[str, SourceDefinition], files: Mapping[str, Files]
) -> dict[str, Stack]:
    """Return the matrices of every field of features, by its name."""
    found: dict[str, Stack] = {}
    for key, own in files.items():
        for field, path in own.features.items():
            stack = found.setdefault(field, Stack(field))
            stack.add(key, path, sources[key].fields[field].key)
    return found


def _pieces(matrices: list[np.memmap[Any, Any]]) -> Iterator[NDArray[Any]]:
    for matrix in matrices:
        for start in range(0, len(matrix), BLOCK):
            yield matrix[start : start + BLOCK]
