"""Feature ids: the md5 of "field=value" as a number, modulo N (paper, Sec. 4.1; D9)."""

from collections.abc import Callable
from functools import cache
from hashlib import md5
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mtnas.runtime.errors import DataError

Ids = NDArray[np.int32]
Keys = NDArray[np.uint64]
See = Callable[[pa.Array, Keys], None]

if TYPE_CHECKING:
    import duckdb

_FEW = 1 << 16  # entries that are not worth a merge
_SOME = 1 << 20  # ids that wait to be counted
_MANY = 1 << 12  # texts that are worth to ask the engine


class IdCounts:
    """How often every id occurs, in all fields; memory grows with the largest id."""

    def __init__(self) -> None:
        self._rows = np.zeros(0, np.int64)
        self._new: list[tuple[Ids, NDArray[np.int64]]] = []
        self._num_new = 0

    def add(self, ids: Ids, rows: NDArray[np.int64]) -> None:
        """Add rows of some ids, each of which may be there several times."""
        self._new.append((ids, rows))
        self._num_new += len(ids)
        if self._num_new > _SOME:  # one by one would be slow
            self._merge()

    @property
    def rows(self) -> NDArray[np.int64]:
        """Return how often every id occurs, by id."""
        self._merge()
        return self._rows

    def _merge(self) -> None:
        if self._new:
            ids, rows = (np.concatenate(part) for part in zip(*self._new, strict=True))
            found = np.bincount(ids, rows, len(self._rows)).astype(np.int64)  # exact below 2^53
            found[: len(self._rows)] += self._rows
            self._rows, self._new, self._num_new = found, [], 0


class DistinctValues:
    """The different values of one field seen so far: their ids, and enough to tell them apart.

    A value is known by 64 bits of its md5 (ten million values agree in one pair with probability
    3e-6), so it costs 12 bytes, and no text is kept.
    """

    def __init__(self, counts: IdCounts | None = None) -> None:
        self.counts = counts
        self._keys, self._ids = np.empty(0, np.uint64), np.empty(0, np.int32)
        self._new: list[tuple[Keys, Ids]] = []
        self._num_new = 0
        self._texts = Texts(pa.array([], pa.string()))

    def texts_of(self, dictionary: pa.Array) -> "Texts":
        """Return what is known of the texts that a chunk consists of.

        In Parquet, those of the next chunk mostly begin with them.
        """
        if self._texts.begin(dictionary):
            self._texts = self._texts.longer(dictionary)
        else:
            self._texts = Texts(dictionary)
        return self._texts

    def add(self, keys: Keys, ids: Ids) -> None:
        """Add values by their keys; those that are known change nothing."""
        self._new.append((keys, ids))
        self._num_new += len(keys)
        if self._num_new > max(_FEW, len(self._keys)):  # so a value is sorted a few times only
            self._merge()

    @property
    def ids(self) -> Ids:
        """Return the id of every different value, in no particular order."""
        self._merge()
        return self._ids

    @property
    def keys(self) -> Keys:
        """Return the key of every different value, sorted."""
        self._merge()
        return self._keys

    def _merge(self) -> None:
        """Leave every value once."""
        keys = np.concatenate([self._keys, *(keys for keys, _ in self._new)])
        ids = np.concatenate([self._ids, *(ids for _, ids in self._new)])
        order = np.argsort(keys)  # any order of equal ones, which have one id
        keys, ids = keys[order], ids[order]
        is_new = np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)]
        self._keys, self._ids = keys[is_new], ids[is_new]
        self._new, self._num_new = [], 0


class Texts:
    """Different texts of a field, and of those that occurred so far their keys and ids."""

    def __init__(self, texts: pa.Array) -> None:
        self._texts = texts
        self.known = np.zeros(len(texts), bool)
        self.keys, self.ids = np.zeros(len(texts), np.uint64), np.zeros(len(texts), np.int32)

    def begin(self, other: pa.Array) -> bool:
        """Whether other texts begin with these."""
        return bool(other.slice(0, len(self._texts)).equals(self._texts))

    def longer(self, texts: pa.Array) -> "Texts":
        """Return the same of texts that begin with these."""
        longer, size = Texts(texts), len(self.known)
        for new, old in zip(longer._arrays, self._arrays, strict=True):
            new[:size] = old
        return longer

    @property
    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return self.known, self.keys, self.ids


def different(ids: Ids) -> Ids:
    """Return every id once, sorted; sorting is faster here than the hash table of np.unique."""
    ids = np.sort(ids)
    is_new = np.concatenate([[True], ids[1:] != ids[:-1]])[: len(ids)]
    found: Ids = ids[is_new]
    return found


def hash_column(
    column: pa.Array, field: str, num_features: int, seen: DistinctValues | None = None
) -> Ids:
    """Return the ids of a string column, int32 [rows]; each distinct value is hashed once.

    `seen` is told the values of the column.
    """
    ids, _ = hash_values(column, field, num_features, DistinctValues() if seen is None else seen)
    return ids


def hash_values(
    column: pa.Array, field: str, num_features: int, seen: DistinctValues, see: See | None = None
) -> tuple[Ids, Keys]:
    """Return the ids of a string column, and 64 bits of each value's md5; both [rows].

    `see` is told the different texts and their 64 bits. A text is hashed again in the next chunk,
    unless that lies encoded in Parquet.
    """
    if column.null_count:
        raise DataError(f"field {field!r}: {column.null_count} missing values; write 'unknown'")
    encoded = column.dictionary_encode()
    indices = encoded.indices.to_numpy(zero_copy_only=False)
    rows = np.bincount(indices, minlength=len(encoded.dictionary))
    used, texts = rows > 0, seen.texts_of(encoded.dictionary)
    fresh = used & ~texts.known
    if fresh.any():
        new = encoded.dictionary.filter(pa.array(fresh))
        high, low = _digests(field, new)
        # The digest is high * 2^64 + low. N is below 2^31, so no product below exceeds 64 bits.
        n = np.uint64(num_features)
        ids = ((high % n * np.uint64(2**64 % num_features) + low % n) % n).astype(np.int32)
        texts.keys[fresh], texts.ids[fresh], texts.known[fresh] = high, ids, True
        seen.add(high, ids)
        if see is not None:
            see(new, high)
    if seen.counts is not None:
        seen.counts.add(texts.ids[used], rows[used])
    return texts.ids[indices], texts.keys[indices]


def keys_of_values(field: str, texts: pa.Array) -> Keys:
    """Return 64 bits of the md5 of each value of a field, [values]."""
    return _digests(field, texts)[0]


def keys_of_texts(column: pa.Array, see: See) -> Keys:
    """Return 64 bits of the md5 of each text, [rows]; each distinct one is hashed once.

    `see` is told the different texts and their 64 bits.
    """
    encoded = column.dictionary_encode()
    high, _ = _digests("", encoded.dictionary)
    see(encoded.dictionary, high)
    keys: Keys = high[encoded.indices.to_numpy(zero_copy_only=False)]
    return keys


def _digests(field: str, values: pa.Array) -> tuple[Keys, Keys]:
    """Return the md5 of every "field=value" as two 64-bit numbers, the higher one first."""
    prefix, values = f"{field}=".encode(), values.cast(pa.binary())
    if len(values) < _MANY:
        texts = values.to_pylist()
        digests = [md5(prefix + text, usedforsecurity=False).digest() for text in texts]
        joined = np.frombuffer(b"".join(digests), ">u8")
    else:
        joined = _by_engine(pc.binary_join_element_wise(prefix, values, b""))
    # Big-endian: the number that the hexadecimal digest writes.
    numbers = joined.astype(np.uint64).reshape(-1, 2)
    return numbers[:, 0], numbers[:, 1]


def _by_engine(texts: pa.BinaryArray) -> NDArray[Any]:
    """Return the md5 of many texts; DuckDB takes a third of the time of a loop over them."""
    rows = _connection().cursor().from_arrow(pa.table([texts], ["text"]))
    # Sixteen bytes of a number of 128 bits, in the order of the digest.
    chunks = rows.project("md5_number(text) AS digest").to_arrow_table()["digest"].chunks
    parts = [
        np.frombuffer(chunk.buffers()[1], ">u8", 2 * len(chunk), 16 * chunk.offset)
        for chunk in chunks
    ]
    return np.concatenate(parts)


@cache
def _connection() -> "duckdb.DuckDBPyConnection":
    import duckdb  # late: small tables do without

    return duckdb.connect(config={"threads": 1})
