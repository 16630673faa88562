"""Decimals whose spellings differ in zeros at their end: 3.50 beside 3.5, or 3.500, two values."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.prepare.hashing import Keys, keys_of_values

_DECIMAL = r"^-?[0-9]*\.[0-9]*0$"
_MOST = 1000  # texts that are kept, to name one


class Spellings:
    """The decimals of one field that end in zeros: their keys, and those of what is without."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._keys: list[Keys] = []
        self._shorter: list[Keys] = []
        # By the key of what is without zeros: that text, and the first texts with zeros.
        self._examples: dict[int, tuple[str, ...]] = {}

    def add(self, texts: pa.Array, keys: Keys) -> None:
        """Add different values of the field by their texts and keys."""
        # The slow pattern last, of the few that may be it.
        odd = pc.indices_nonzero(pc.ends_with(texts, "0"))
        odd = odd.filter(pc.match_substring(texts.take(odd), "."))
        odd = odd.filter(pc.match_substring_regex(texts.take(odd), _DECIMAL))
        if not len(odd):
            return
        found = texts.take(odd)
        shorter = pc.utf8_rtrim(pc.utf8_rtrim(found, "0"), ".")
        self._keys.append(keys[odd.to_numpy()])
        self._shorter.append(keys_of_values(self._field, shorter))
        room = max(0, _MOST - len(self._examples))
        for key, one, other in zip(self._shorter[-1][:room].tolist(), found, shorter, strict=False):
            kept = self._examples.get(key, (other.as_py(),))
            if one.as_py() not in kept:
                self._examples[key] = (*kept, one.as_py())

    def twice(self, known: Keys) -> tuple[int, tuple[str, ...]]:
        """Return how many numbers have several spellings, and two of one, if they were kept.

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
