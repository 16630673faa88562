"""Numbers such as -999 that often say that a value is missing, and look like one."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_NINES = tuple(float("9" * digits) for digits in range(2, 8))
CODES = frozenset([-9.0, *_NINES, *(-nines for nines in _NINES)])
_OFTEN = 0.01  # of the numbers, from which a code is no chance
_FAR = 0.5  # of the range of all other numbers lie between them and a code


def likely(counts: Mapping[float, int], low: float, high: float, numbers: int) -> list[float]:
    """Return the codes that probably mean that a value is missing, ascending.

    That are those which are frequent and far below or above all other numbers, and negative ones
    where no other number is.

    Args:
        counts: how often each code is there.
        low, high: the smallest and the largest of all other numbers.
        numbers: how many numbers there are, codes among them.
    """
    far = _FAR * (high - low)
    return [
        code
        for code, count in sorted(counts.items())
        if low < high
        and count >= _OFTEN * numbers
        and (code - high >= far or low - code >= far or code < 0 <= low)
    ]


class Codes:
    """Counts the codes among numbers that come in pieces, where they are the ends of a piece."""

    def __init__(self) -> None:
        self._counts: Counter[float] = Counter()
        self._low, self._high, self._numbers = np.inf, -np.inf, 0

    def add(self, numbers: NDArray[np.float64]) -> None:
        """Add numbers [N], NaN where there is none."""
        self._numbers += len(numbers) - int(np.isnan(numbers).sum())
        low, high = (
            np.fmin.reduce(numbers, initial=np.inf),
            np.fmax.reduce(numbers, initial=-np.inf),
        )
        while ends := CODES & {low, high}:
            for code in ends:
                self._counts[code] += int((numbers == code).sum())
            numbers = numbers[~np.isin(numbers, list(ends))]
            low = np.fmin.reduce(numbers, initial=np.inf)
            high = np.fmax.reduce(numbers, initial=-np.inf)
        self._low, self._high = min(self._low, low), max(self._high, high)

    def told(self) -> list[str]:
        """Return a sentence for every code that probably means that a value is missing."""
        found = likely(self._counts, self._low, self._high, self._numbers)
        return [told(code, self._counts[code], self._low, self._high) for code in found]


def told(code: float, count: int, low: float, high: float) -> str:
    """Say what a code may mean, and what to write then."""
    times = "time" if count == 1 else "times"
    return (
        f"{code:.0f} is there {count:,} {times}, all other numbers are from {low:g} to {high:g}: "
        "if it means that a value is missing, add it, as it is written, to `missing`"
    )
