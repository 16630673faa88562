"""Texts that only their spelling keeps apart: 3.50 beside 3.5, or 007 and 7, `Ann` and `ann`."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.prepare.hashing import Keys, keys_of_values

_ZEROS = r"^(-?[0-9]*\.[0-9]*0|0[0-9]+)$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$"
_MOST = 1000  # texts that are kept, to name one
# From texts to the places of those that are not in their short spelling, and that.
Shorten = Callable[[pa.Array], tuple[pa.Array, pa.Array]]


def without_zeros(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Find decimals that end in zeros and digits that begin so, and write them without."""
    # The slow pattern last, of the few that may be it.
    odd = pc.indices_nonzero(pc.or_(pc.ends_with(texts, "0"), pc.starts_with(texts, "0")))
    odd = odd.filter(pc.match_substring_regex(texts.take(odd), _ZEROS))
    found = texts.take(odd)
    whole = pc.replace_substring_regex(found, "^0+([0-9])", r"\1")
    return odd, pc.if_else(pc.match_substring(found, "."), _without_zeros(found), whole)


def alike(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Find numbers with needless zeros or signs, capital letters and blanks around a text."""
    short = pc.utf8_lower(pc.utf8_trim_whitespace(pc.utf8_normalize(texts, "NFC")))
    numbers = pc.indices_nonzero(pc.match_substring_regex(short, _NUMBER))
    if len(numbers):
        mask = np.zeros(len(short), bool)
        mask[numbers.to_numpy()] = True
        short = pc.replace_with_mask(short, pa.array(mask), _shortest(short.take(numbers)))
    odd = pc.indices_nonzero(pc.not_equal(short, texts))
    return odd, short.take(odd)


def _shortest(numbers: pa.Array) -> pa.Array:
    """Write -007.50 as -7.5, +.5 as 0.5 and -0 as 0."""
    is_decimal = pc.match_substring(numbers, ".")
    numbers = pc.if_else(is_decimal, _without_zeros(numbers), numbers)
    for pattern, written in ((r"^\+?(-?)0*", r"\1"), (r"^(-?)(\.|$)", r"\10\2"), ("^-0$", "0")):
        numbers = pc.replace_substring_regex(numbers, pattern, written)
    return numbers


def _without_zeros(decimals: pa.Array) -> pa.Array:
    return pc.utf8_rtrim(pc.utf8_rtrim(decimals, "0"), ".")


class Spellings:
    """The texts of one field that are not in their short spelling, by their keys."""

    def __init__(self, field: str, shorten: Shorten = without_zeros) -> None:
        self._field, self._shorten = field, shorten
        self._keys: list[Keys] = []
        self._shorter: list[Keys] = []
        # By the key of the short spelling: that text, and the first texts of other spellings.
        self._examples: dict[int, tuple[str, ...]] = {}

    def add(self, texts: pa.Array, keys: Keys) -> None:
        """Add different values of the field by their texts and keys."""
        odd, shorter = self._shorten(texts)
        if not len(odd):
            return
        found = texts.take(odd)
        self._keys.append(keys[odd.to_numpy()])
        self._shorter.append(keys_of_values(self._field, shorter))
        room = max(0, _MOST - len(self._examples))
        for key, one, other in zip(self._shorter[-1][:room].tolist(), found, shorter, strict=False):
            kept = self._examples.get(key, (other.as_py(),))
            if one.as_py() not in kept:
                self._examples[key] = (*kept, one.as_py())

    def twice(self, known: Keys) -> tuple[int, tuple[str, ...]]:
        """Return how many values have several spellings, and two of one, if they were kept.

        `known` are the keys of all values, sorted.
        """
        if not self._keys:
            return 0, ()
        _, first = np.unique(np.concatenate(self._keys), return_index=True)
        shorter, times = np.unique(np.concatenate(self._shorter)[first], return_counts=True)
        is_known = np.isin(shorter, known)
        is_twice = (times > 1) | is_known
        for key, has_short in zip(shorter[is_twice].tolist(), is_known[is_twice], strict=True):
            short, *longer = self._examples.get(key, ("",))
            there = [*longer, short] if has_short else longer
            if len(there) > 1:
                return int(is_twice.sum()), (there[0], there[-1])
        return int(is_twice.sum()), ()
