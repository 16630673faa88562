"""International standard book numbers: one spelling for each, and what their prefixes tell."""

import re
from bisect import bisect_right
from collections.abc import Sequence

# Prefixes of an ISBN (ISBN Users' Manual): the first digits tell how long a prefix is.
# Lower bound of the first five digits, and the length of the group from there on.
_GROUP = (
    (0, 1),
    (60000, 3),
    (65000, 2),
    (66000, 3),
    (70000, 1),
    (80000, 2),
    (95000, 3),
    (99000, 4),
    (99900, 5),
)
# The same for the seven digits behind the group; groups 0 and 1 are English.
_REGISTRANT = ((0, 2), (2000000, 3), (7000000, 4), (8500000, 5), (9000000, 6), (9500000, 7))
_REGISTRANT_1 = ((0, 2), (1000000, 3), (4000000, 4), (5500000, 5), (8698000, 6), (9990000, 7))
_OTHER, _ISBN_10 = re.compile(r"[^0-9A-Z]"), re.compile(r"\d{9}[\dX]", re.ASCII)


def spelled(text: str) -> str:
    """Return an ISBN as digits and capital letters: the dump writes one book in several ways."""
    return _OTHER.sub("", text.upper())


def group_of(isbn: str) -> str | None:
    """Return the registration group of an ISBN-10, such as "0"; None for anything else."""
    if not _ISBN_10.fullmatch(isbn):
        return None
    return isbn[: _length(_GROUP, int(isbn[:5]))]


def registrant_of(isbn: str) -> str | None:
    """Return group and registrant of an ISBN-10, such as "0-345"; None for anything else.

    Groups 0 and 1 follow their own tables; the other groups follow the common one, which many but
    not all of them use.
    """
    group = group_of(isbn)
    if group is None:
        return None
    rest = isbn[len(group) : 9]
    rule = _REGISTRANT_1 if group == "1" else _REGISTRANT
    return f"{group}-{rest[: _length(rule, int(rest.ljust(7, '0')[:7]))]}"


def _length(rule: Sequence[tuple[int, int]], number: int) -> int:
    """Return the length that the rule gives to a number."""
    return rule[bisect_right(rule, (number, 9)) - 1][1]  # no length is above 9
