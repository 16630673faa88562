"""The work every contender is given: 15 fields in one table of N rows, two tasks, batch 512.

The network is the paper's scale (Sec. 4.2): embeddings of 10, a first layer 150 -> 64, four experts
of 64, one gate and one linear output per task; Adam 1e-3 with L2 5e-4 on everything.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FIELDS = 15
EMBEDDING_DIM = 10
ROOT_DIM = 64
EXPERTS = 4
EXPERT_DIM = 64
TASKS = 2
BATCH = 512
LEARNING_RATE = 1e-3
L2 = 5e-4


@dataclass(frozen=True)
class Work:
    """Batches to train on, one after another, with ids in both forms.

    `ids` [steps * BATCH, FIELDS] are rows of one shared table of `num_rows`; `field_ids` count from
    0 within each field, whose table has `field_rows` rows; `labels` are [steps * BATCH, TASKS].
    """

    ids: NDArray[np.int64]
    field_ids: NDArray[np.int64]
    labels: NDArray[np.float32]
    num_rows: int
    field_rows: int

    @property
    def steps(self) -> int:
        """Return how many whole batches there are."""
        return len(self.ids) // BATCH

    def batch(self, step: int) -> slice:
        """Return the examples of one step; steps beyond the last begin anew."""
        start = step % self.steps * BATCH
        return slice(start, start + BATCH)


def make_work(num_rows: int = 1_000_000, steps: int = 500, seed: int = 0) -> Work:
    """Draw ids as click logs have them (frequency ~ 1/rank in every field) and learnable labels."""
    rng = np.random.default_rng(seed)
    field_rows = num_rows // FIELDS
    examples = steps * BATCH
    rank = np.floor(field_rows ** rng.random((examples, FIELDS))).astype(np.int64) - 1
    field_ids = rank.clip(0, field_rows - 1)
    rows = rng.permutation(num_rows)
    ids = rows[field_ids + np.arange(FIELDS) * field_rows]
    effect = rng.normal(scale=0.5, size=(num_rows, TASKS)).astype(np.float32)
    logit = effect[ids].sum(1)
    labels = (rng.random((examples, TASKS)) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    return Work(ids, field_ids, labels, num_rows, field_rows)
