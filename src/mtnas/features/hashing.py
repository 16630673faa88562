"""Feature ids: the md5 of "field=value" as a number, modulo N (paper, Sec. 4.1; D9)."""

import hashlib
from collections.abc import MutableMapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtnas.errors import DataError


def feature_id(field: str, value: str, num_features: int) -> int:
    """Return the id of a value of a field, in [0, num_features)."""
    digest = hashlib.md5(f"{field}={value}".encode(), usedforsecurity=False).digest()
    # Big-endian bytes are the number that the hexadecimal digest writes.
    return int.from_bytes(digest, "big") % num_features


def hash_column(
    column: pa.Array,
    field: str,
    num_features: int,
    known: MutableMapping[str, int] | None = None,
) -> NDArray[np.int32]:
    """Return the ids of a string column, int32 [rows]; each distinct value is hashed once.

    `known` maps values to ids: it saves hashing again what an earlier chunk held, and afterwards
    holds the values of this one too.
    """
    if column.null_count:
        raise DataError(f"field {field!r}: {column.null_count} missing values; write 'unknown'")
    known = {} if known is None else known
    encoded = column.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    for value in values:
        if value not in known:
            known[value] = feature_id(field, value, num_features)
    ids = np.fromiter((known[value] for value in values), np.int32, count=len(values))
    taken: NDArray[np.int32] = ids[encoded.indices.to_numpy(zero_copy_only=False)]
    return taken
