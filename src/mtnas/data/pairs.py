"""Names of pairs of tasks, as those of their correlations."""

from collections.abc import Iterator, Sequence
from itertools import combinations


def pair_of(first: str, second: str) -> str:
    """Return the name of the correlation of two labels, such as "t0_t1"."""
    return f"{first}_{second}"


def twofold_pairs(tasks: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield names that two pairs of tasks would both have, with those pairs."""
    seen: dict[str, str] = {}
    for pair in combinations(tasks, 2):
        name, shown = pair_of(*pair), " and ".join(map(repr, pair))
        if name in seen:
            yield name, seen[name], shown
        seen[name] = shown
