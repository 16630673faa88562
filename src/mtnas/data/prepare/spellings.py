"""Decimals that a field holds with zeros at their end and without: 3.50 beside 3.5, two values."""

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
        self._examples: dict[int, tuple[str, str]] = {}  # by the key of the shorter one

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
            self._examples.setdefault(key, (one.as_py(), other.as_py()))

    def twice(self, known: Keys) -> tuple[int, tuple[str, str]] | None:
        """Return how many numbers have several spellings, and two of one; None: none has.

        `known` are the keys of all values, sorted.
        """
        if not self._keys:
            return None
        _, first = np.unique(np.concatenate(self._keys), return_index=True)
        shorter, times = np.unique(np.concatenate(self._shorter)[first], return_counts=True)
        twice = shorter[(times > 1) | np.isin(shorter, known)].tolist()
        if not twice:
            return None
        named = (self._examples[key] for key in twice if key in self._examples)
        return len(twice), next(named, ("3.50", "3.5"))
