"""Hashed examples whose labels really depend on their fields, small enough for a unit test."""

import numpy as np

from mtnas.training.data import Examples, Split

NUM_FIELDS = 4


def examples(rows: int = 600, tasks: int = 2, seed: int = 0) -> Examples:
    """Return examples with `NUM_FIELDS` fields of 20 ids each; labels follow two of the fields."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(20, size=(rows, NUM_FIELDS)) + 20 * np.arange(NUM_FIELDS)
    effect = rng.normal(size=(20 * NUM_FIELDS, tasks))
    logit = effect[ids[:, 0]] + effect[ids[:, 1]]
    labels = (rng.random((rows, tasks)) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    return Examples.from_arrays(ids.astype(np.int32), labels)


def split(rows: int = 600) -> Split:
    """Return the first two thirds for training, then a sixth each for validation and test."""
    parts = np.split(np.arange(rows), [rows * 4 // 6, rows * 5 // 6])
    return Split(*parts)
