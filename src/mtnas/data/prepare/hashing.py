"""Feature ids: the md5 of "field=value" as a number, modulo N (paper, Sec. 4.1; D9)."""

from hashlib import md5

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtnas.runtime.errors import DataError

_FEW = 1 << 16  # entries that are not worth a merge


class DistinctValues:
    """The different values of one field seen so far: their ids, and enough to tell them apart.

    A value is known by 64 bits of its md5 (ten million values agree in one pair with probability
    3e-6), so it costs 12 bytes, and no text is kept.
    """

    def __init__(self) -> None:
        self._keys, self._ids = np.empty(0, np.uint64), np.empty(0, np.int32)
        self._new: list[tuple[NDArray[np.uint64], NDArray[np.int32]]] = []
        self._num_new = 0

    def add(self, keys: NDArray[np.uint64], ids: NDArray[np.int32]) -> None:
        """Add values by their keys; those that are known change nothing."""
        self._new.append((keys, ids))
        self._num_new += len(keys)
        if self._num_new > max(_FEW, len(self._keys)):  # so a value is sorted a few times only
            self._merge()

    @property
    def ids(self) -> NDArray[np.int32]:
        """Return the id of every different value, in no particular order."""
        self._merge()
        return self._ids

    def _merge(self) -> None:
        """Leave every value once."""
        keys = np.concatenate([self._keys, *(keys for keys, _ in self._new)])
        ids = np.concatenate([self._ids, *(ids for _, ids in self._new)])
        self._keys, first = np.unique(keys, return_index=True)
        self._ids = ids[first]
        self._new, self._num_new = [], 0


def hash_column(
    column: pa.Array, field: str, num_features: int, seen: DistinctValues | None = None
) -> NDArray[np.int32]:
    """Return the ids of a string column, int32 [rows]; each distinct value is hashed once.

    `seen` is told the values of the column.
    """
    if column.null_count:
        raise DataError(f"field {field!r}: {column.null_count} missing values; write 'unknown'")
    encoded = column.dictionary_encode()
    high, low = _digests(field, encoded.dictionary)
    # The digest is high * 2^64 + low. N is below 2^31, so no product below exceeds 64 bits.
    n = np.uint64(num_features)
    ids = ((high % n * np.uint64(2**64 % num_features) + low % n) % n).astype(np.int32)
    if seen is not None:
        seen.add(high, ids)
    taken: NDArray[np.int32] = ids[encoded.indices.to_numpy(zero_copy_only=False)]
    return taken


def _digests(field: str, values: pa.Array) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the md5 of every "field=value" as two 64-bit numbers, the higher one first."""
    prefix = f"{field}=".encode()
    texts = values.cast(pa.binary()).to_pylist()
    joined = b"".join([md5(prefix + text, usedforsecurity=False).digest() for text in texts])
    # Big-endian: the number that the hexadecimal digest writes.
    numbers = np.frombuffer(joined, ">u8").astype(np.uint64).reshape(-1, 2)
    return numbers[:, 0], numbers[:, 1]
