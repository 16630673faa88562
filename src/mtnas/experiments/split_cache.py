"""Splits that were drawn before: drawing one sorts all rows, and a job asks for it again and again.

It keeps those that were asked for last, as many as fit in a number of rows.
"""

from collections.abc import Callable

from mtnas.training.data import Split

MOST_ROWS = 20_000_000  # of all splits that are kept, 8 bytes each


class SplitCache:
    """Splits by seed."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        """Begin without any; the last is always kept."""
        self._most_rows = most_rows
        self._splits: dict[int, Split] = {}  # the last that was asked for stands last

    def of(self, seed: int, draw: Callable[[int], Split]) -> Split:
        """Return the split of a seed; draw it if it is not there."""
        found = self._splits.pop(seed, None)
        self._splits[seed] = draw(seed) if found is None else found
        while len(self._splits) > 1 and self._rows() > self._most_rows:
            self._splits.pop(next(iter(self._splits)))
        return self._splits[seed]

    def _rows(self) -> int:
        return sum(_size(split) for split in self._splits.values())


def _size(split: Split) -> int:
    return sum(map(len, (split.train, split.valid, split.test, split.left_out)))
