"""Checked arrays: everything in this room is float64, finite where it must be, and of one shape."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mtnas.runtime.errors import ConfigError, DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class TaskData(NamedTuple):
    """Inputs and labels of one task: x_ND and y_N."""

    x_ND: Floats
    y_N: Floats


def matrix(values: ArrayLike, what: str) -> Floats:
    """Return a float64 matrix of finite numbers, at least one row and one column.

    Raises:
        DataError: it is anything else; the message begins with `what`.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or not array.size:
        raise DataError(f"{what}: shape {array.shape}; needs rows and columns, one or more of each")
    return _finite(array, what)


def vector(values: ArrayLike, length: int, what: str) -> Floats:
    """Return `length` finite float64 numbers; a `DataError` if they are not that."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (length,):
        raise DataError(f"{what}: shape {array.shape}; needs ({length},), a number for each")
    return _finite(array, what)


def _finite(array: Floats, what: str) -> Floats:
    if not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        raise DataError(f"{what}: row {row} holds NaN or infinity; leave such rows out")
    return array


def labels(values: ArrayLike, what: str = "labels") -> Floats:
    """Return labels [N, T] as float64; NaN, which stands for a missing label, is kept.

    Raises:
        DataError: there are no rows or no tasks, a label is infinite, or a task has no label.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or not array.size:
        raise DataError(f"{what}: shape {array.shape}; needs a row per example, a column per task")
    if np.isinf(array).any():
        raise DataError(f"{what}: a label of task {_first(np.isinf(array))} is infinite")
    empty = np.isnan(array).all(axis=0)
    if empty.any():
        raise DataError(f"{what}: task {int(np.flatnonzero(empty)[0])} has no label in any row")
    return array


def _first(bad_NT: NDArray[np.bool_]) -> int:
    """Return the first task with a bad label."""
    return int(np.flatnonzero(bad_NT.any(axis=0))[0])


def rank_within(rank: int, most: int, what: str) -> int:
    """Return a rank that is one of 1..most; otherwise raise `ConfigError`."""
    if isinstance(rank, bool) or rank != int(rank) or not 1 <= rank <= most:
        raise ConfigError(f"{what}: rank {rank!r}; allowed: a whole number from 1 to {most}")
    return int(rank)


def task_weights_of(weights: ArrayLike | None, tasks: int) -> Floats:
    """Return a positive weight per task (1 if none are given); otherwise raise `ConfigError`."""
    if weights is None:
        return np.ones(tasks)
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (tasks,) or not np.isfinite(array).all() or (array <= 0).any():
        raise ConfigError(f"weights: {array.tolist()}; needs {tasks} numbers above 0, one per task")
    return array
