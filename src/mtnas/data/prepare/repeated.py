"""Equal rows: counted by a 64-bit digest of every row, 8 bytes each, that lies in a file meanwhile.

Of 20 million rows, two that differ have one digest with probability 1e-5.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtnas.data.prepare.hashing import Keys
from mtnas.data.prepare.manifest import Count, Repeated

_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_TEST_BATCH = 1 << 20


class RowDigests:
    """The digests of all rows: of their fields, and of fields and labels."""

    def __init__(self, folder: Path) -> None:
        self._paths = (folder / "fields.u8", folder / "labelled.u8")

    def add(self, fields: Iterable[Keys], labels: Iterable[NDArray[np.float64]]) -> None:
        """Add the rows of a chunk, by the keys of their fields and by their labels."""
        of_fields = _combined(None, fields)
        of_rows = _combined(of_fields, map(keys_of_numbers, labels))
        for path, digests in zip(self._paths, (of_fields, of_rows), strict=True):
            with path.open("ab") as file:
                file.write(digests.data)

    def count(self, split: NDArray[np.int8]) -> Repeated:
        """Count the rows that are equal, given the part of every row."""
        same_fields, same_rows = (_with_twin(path, split) for path in self._paths)
        digests = np.fromfile(self._paths[1], np.uint64)
        digests.sort()
        repeated = int(np.count_nonzero(digests[1:] == digests[:-1]))
        tests = int(np.count_nonzero(split == 2))
        return Repeated(
            rows=_share(repeated, len(digests)),
            test_rows_with_twin=_share(same_fields, tests),
            test_rows_with_same_labels=_share(same_rows, tests),
        )


def keys_of_numbers(numbers: NDArray[Any]) -> Keys:
    """Return 64 bits for every number; -0 is 0, and NaN, which is a missing one, is itself."""
    plain = np.where(np.isnan(numbers), np.nan, numbers + 0.0)
    keys = plain.astype(np.float64).view(np.uint64)
    for _ in range(2):
        keys = (keys ^ keys >> _HALF) * _ODD
    return keys


def keys_of_rows(matrix: NDArray[np.float32]) -> Keys:
    """Return 64 bits for every row of a matrix [K, W]."""
    bits = np.ascontiguousarray(matrix + np.float32(0)).view(np.uint32).astype(np.uint64)
    return _combined(None, bits.T, len(matrix))


def _combined(first: Keys | None, keys: Iterable[Keys], size: int = 0) -> Keys:
    """Return one digest of several keys a row, after those that `first` is a digest of."""
    digests = None if first is None else first.copy()
    for key in keys:
        digests = np.zeros(len(key), np.uint64) if digests is None else digests
        digests ^= key
        digests *= _ODD
        digests ^= digests >> _HALF
    return np.zeros(size, np.uint64) if digests is None else digests


def _with_twin(path: Path, split: NDArray[np.int8]) -> int:
    """Count the test rows whose digest a training row has, too."""
    digests = np.memmap(path, np.uint64, "r")
    train = digests[split == 0]
    train.sort()
    test, found = digests[split == 2], 0
    test.sort()  # so neighbours are looked up in the same caches
    for start in range(0, len(test), _TEST_BATCH):
        batch = test[start : start + _TEST_BATCH]
        place = np.searchsorted(train, batch)
        found += int(np.count_nonzero(train[np.minimum(place, len(train) - 1)] == batch))
    return found


def _share(count: int, of: int) -> Count:
    return Count(count=count, rate=count / of if of else 0.0)
