"""Words, names and identifiers that look the part, made from numbers."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# Letters of ISO-8859-1 among them: the original files have names from all over Europe.
SYLLABLES = (
    *("ba", "ko", "lí", "mu", "né", "ro", "ta", "vi", "sü", "zo", "fe", "ga", "hi", "ju", "pa"),
    *("ña", "dè", "cu", "wy", "xe"),
)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def word(number: int) -> str:
    """Return a pronounceable word; different numbers give different words."""
    base = len(SYLLABLES)
    parts = [SYLLABLES[number % base]]
    while number := number // base:
        parts.append(SYLLABLES[number % base])
    return "".join(parts) + "n" * (len(parts) == 1)


def name(number: int) -> str:
    """Return a first and a last name."""
    return f"{word(number % 97).capitalize()} {word(97 + number // 97).capitalize()}"


def hex_ids(numbers: NDArray[np.uint64]) -> pa.Array:
    """Return numbers [n, 2] as text of 32 hexadecimal digits each."""
    raw = np.ascontiguousarray(numbers.astype(">u8")).view(np.uint8)
    digits = _HEX[np.stack([raw >> 4, raw & 15], axis=-1)].reshape(-1)
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * 32
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(digits))
