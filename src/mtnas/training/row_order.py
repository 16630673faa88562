"""Which rows of an embedding table a batch reads, and in which order their steps are replayed.

Shapes: R rows of a table, B rows a batch reads (with repeats).
"""

import math

import numpy as np

from mtnas.training.kernels import Rows, compiled

EXACT_AGES = 256  # ages below this are sorted exactly, older ones by 1/16 octave
NUM_AGES = EXACT_AGES + 16 * 24


@compiled
def distinct_rows(rows: Rows, slot: Rows, distinct: Rows, position: Rows) -> int:
    """List the distinct `rows` [B] in `distinct`, and in `position` [B] where each stands there.

    `slot` [R] is scratch that need not be cleared: an entry counts only if `distinct` agrees.
    Return how many there are.
    """
    found = 0
    for i in range(rows.shape[0]):
        row = rows[i]
        at = slot[row]
        if not (0 <= at < found and distinct[at] == row):
            at = found
            slot[row] = at
            distinct[at] = row
            found += 1
        position[i] = at
    return found


@compiled
def shared_rows(rows: Rows, slot: Rows, distinct: Rows, found: int) -> tuple[Rows, Rows]:
    """Return where the `rows` stand that are among the first `found` of `distinct`, and the others.

    `slot` is that of `distinct_rows`.
    """
    shared, other = np.empty_like(rows), np.empty_like(rows)
    num_shared = num_other = 0
    for i in range(rows.shape[0]):
        at = slot[rows[i]]
        if 0 <= at < found and distinct[at] == rows[i]:
            shared[num_shared] = i
            num_shared += 1
        else:
            other[num_other] = i
            num_other += 1
    return shared[:num_shared], other[:num_other]


@compiled
def by_age(rows: Rows, done: Rows, now: int) -> Rows:
    """Return the order of `rows` by how many steps they have missed, oldest first.

    `done` [R] is the last step that each row of the table has seen. Old ages are sorted roughly.
    """
    keys = np.empty(rows.shape[0], np.int32)
    ends = np.zeros(NUM_AGES + 1, np.int32)
    for i in range(rows.shape[0]):
        age = now - done[rows[i]]
        if age >= EXACT_AGES:
            age = EXACT_AGES + int(16 * math.log2(age / EXACT_AGES))
        keys[i] = NUM_AGES - 1 - min(age, NUM_AGES - 1)
        ends[keys[i] + 1] += 1
    for key in range(NUM_AGES):
        ends[key + 1] += ends[key]
    order = np.empty_like(rows)
    for i in range(rows.shape[0]):
        order[ends[keys[i]]] = i
        ends[keys[i]] += 1
    return order
