"""Embeddings that begin as given vectors, such as those of words: a row for every id.

A value without a vector has NaN; its embedding is drawn, as all others are.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtnas.data.prepare.hashing import hash_column
from mtnas.data.prepare.inputs import inputs_folder, write_array
from mtnas.data.prepare.manifest import Manifest
from mtnas.runtime.errors import DataError

Initial = Mapping[str, tuple[pa.Array, NDArray[np.float32]]]  # by field: values, vectors [., W]


def initial_files(table: Path, facts: Manifest) -> list[Path]:
    """Name the file of the vectors that embeddings begin as, if there is one."""
    return [] if facts.initial_width is None else [_file(table)]


def digests_of(initial: Initial) -> dict[str, str]:
    """Return the digest of the values and vectors of every field; it belongs to the content."""
    found = {}
    for field, (values, vectors) in initial.items():
        digest = hashlib.sha256("\n".join(values.to_pylist()).encode())
        digest.update(np.ascontiguousarray(vectors, "<f4").data)
        found[f"{field} initial"] = digest.hexdigest()
    return found


def width_of(initial: Initial) -> int | None:
    """Return the width of all vectors; None if there are none.

    Raises:
        DataError: they have several widths, or one is no finite number.
    """
    widths = sorted({vectors.shape[1] for _, vectors in initial.values()})
    if len(widths) > 1:
        raise DataError(
            f"embeddings begin as vectors of widths {widths}, but all embeddings have one; give "
            "vectors of one width"
        )
    for field, (_, vectors) in initial.items():
        if not np.isfinite(vectors).all():
            raise DataError(
                f"field {field!r}: its embeddings begin as vectors of which one is not finite; "
                "correct the vectors"
            )
    return widths[0] if widths else None


def write_initial(
    table: Path, initial: Initial, num_features: int, numbers: NDArray[np.int32], num_ids: int
) -> None:
    """Write the vector of every id, float32 [num_ids, W]; `numbers` renumber hashed ids.

    Of values that share an id the first one counts.
    """
    width = width_of(initial)
    if width is None:
        return
    every = np.full((num_ids, width), np.nan, np.float32)
    for field, (values, vectors) in initial.items():
        hashed = hash_column(values, field, num_features)
        known = hashed < len(numbers)
        ids = numbers[hashed[known]]  # -1: such a value never occurs
        own = vectors[known][ids >= 0][::-1]  # of several, numpy keeps the last
        every[ids[ids >= 0][::-1]] = own
    write_array(_file(table), "<f4", every.shape, iter([every]))


def _file(table: Path) -> Path:
    return inputs_folder(table) / "initial.embeddings.npy"
