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
from mtnas.data.prepare.splits import SPLITS

GroupNumbers = NDArray[np.int32]  # [rows], 0 ... groups - 1; -1: of no group
_NONE = np.uint64(0)  # the key of a row that is in no group


def group_keys(column: pa.Array) -> Keys:
    """Return 64 bits for the text that names the group of each row; null and empty name none."""
    return np.where(_is_named(column), keys_of_texts(column.fill_null("")), _NONE)


def numbered(keys: Sequence[Keys]) -> GroupNumbers:
    """Return the number of each row's group, given the keys of all rows in pieces."""
    every = np.concatenate(keys)
    known, number = np.unique(every, return_inverse=True)
    first = int(len(known) > 0 and known[0] == _NONE)  # then 0 stands for none
    return (number - first).astype(np.int32)


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
