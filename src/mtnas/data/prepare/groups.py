"""Groups of rows that are one example seen several times, such as copies of a sentence.

Where a row of a group is tested, another one of it in training tells its label. Every row is given
the number of its group, so that training can leave such rows out, whatever the split of its seed
(`training.leaks`).
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtnas.data.prepare.hashing import Keys, keys_of_texts
from mtnas.data.prepare.manifest import Groups
from mtnas.data.prepare.spellings import Spellings, alike
from mtnas.data.prepare.splits import SPLITS

GroupNumbers = NDArray[np.int32]  # [rows], 0 ... groups - 1; -1: of no group
_NONE = np.uint64(0)  # the key of a row that is in no group


class GroupNames:
    """The texts that name the groups of rows, while these stream by: 8 bytes a row."""

    def __init__(self) -> None:
        self._keys: list[Keys] = []
        self._spellings = Spellings("", alike)

    def add(self, column: pa.Array) -> None:
        """Add the names of the groups of some rows; null and empty name none."""
        keys = keys_of_texts(column.fill_null(""), self._spellings.add)
        self._keys.append(np.where(_is_named(column), keys, _NONE))

    def numbered(self) -> GroupNumbers:
        """Return the number of each row's group."""
        known, number = np.unique(np.concatenate(self._keys), return_inverse=True)
        first = int(len(known) > 0 and known[0] == _NONE)  # then 0 stands for none
        return (number - first).astype(np.int32)

    def warnings(self) -> list[str]:
        """Return a sentence if names differ in nothing but their spelling."""
        known = np.unique(np.concatenate(self._keys)) if self._keys else np.empty(0, np.uint64)
        number, spellings = self._spellings.twice(known)
        if not number:
            return []
        example = f", such as {' and '.join(map(repr, spellings))}" if spellings else ""
        return [
            f"group: {number} names stand there in spellings that differ in zeros, capital letters "
            f"or blanks{example}, and count as different groups: one may train and be tested; "
            "write them alike, as `lower(x)`, or as numbers `CAST(x AS DOUBLE)` do"
        ]


def is_leak(
    groups: GroupNumbers, train: NDArray[np.int64], judged: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which training rows are of a group that a row of validation or test is of, too.

    Args:
        groups: of all rows.
        train: row numbers.
        judged: row numbers of validation and test.
    """
    met = np.zeros(int(groups.max(initial=-1)) + 2, np.bool_)
    met[groups[judged]] = True
    met[-1] = False  # the place of -1
    found: NDArray[np.bool_] = met[groups[train]]
    return found


def summary_of(
    what: str,
    groups: GroupNumbers,
    split: NDArray[np.int8],
    source: NDArray[np.int8] | None,
    names: Sequence[str],
) -> Groups:
    """Return what a manifest tells of groups; `split` is the stored one."""
    sizes = np.bincount(groups[groups >= 0])
    train, judged = np.flatnonzero(split == SPLITS.index("train")), np.flatnonzero(split > 0)
    leaks = train[is_leak(groups, train, judged)]
    return Groups(
        what=what,
        count=len(sizes),
        rows_together=int(sizes[sizes > 1].sum()),
        train_rows_met=rows_by_source(leaks, source, names),
    )


def rows_by_source(
    rows: NDArray[np.int64], source: NDArray[np.int8] | None, names: Sequence[str]
) -> dict[str, int]:
    """Count rows by the name of their source; under `all` where there is one."""
    if source is None:
        return {"all": len(rows)}
    counts = np.bincount(source[rows], minlength=len(names))
    return dict(zip(names, counts.tolist(), strict=True))


def _is_named(column: pa.Array) -> NDArray[np.bool_]:
    named = pa.compute.greater(pa.compute.utf8_length(column.fill_null("")), 0)
    found: NDArray[np.bool_] = named.to_numpy(zero_copy_only=False)
    return found
