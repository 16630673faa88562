"""Labels as columns of numbers, the Y of X'Y: how they are coded, and what missing ones do.

A binary task (labels 0 and 1) and a regression are one column, a task with classes is one column of
0 and 1 for each class that occurs. Every column is divided by the number of labelled rows of its
task, and rows without a label become 0: so X'Y is a mean over the labelled rows, and tasks with few
labels are comparable with tasks with many. Shapes: N rows, T tasks, K columns.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mtnas.runtime.errors import ConfigError, DataError, unknown
from mtnas.transfer.arrays import Floats, Ints, labels

Coding = Literal["literal", "standardised"]
LabelKind = Literal["binary", "multiclass", "regression"]
CODINGS: tuple[Coding, ...] = ("literal", "standardised")
KINDS: tuple[LabelKind, ...] = ("binary", "multiclass", "regression")


class Coded(NamedTuple):
    """Columns of coded labels y_NK, and which task each of them is of."""

    y_NK: Floats
    task_K: Ints


def coded(labels_NT: ArrayLike, coding: Coding, kinds: Sequence[LabelKind] | None = None) -> Coded:
    """Code labels; NaN is a missing label.

    Args:
        labels_NT: 0 and 1, numbers of classes, or any numbers.
        coding: `literal`: 0 and 1 as they are, which is Algorithm 2 of Wu, Zhang, Ré (ICLR 2020)
            as written where all labels are there and are classes (the division by the rows is then
            one factor for all); `standardised`: minus the mean of the column over its labelled
            rows, which for X'Y is the same as centring X, and divided by its standard deviation.
            A regression, whose unit is arbitrary, is always standardised.
        kinds: of the tasks; all binary if None.

    Raises:
        ConfigError: an unknown coding or kind, or not a kind for each task.
        DataError: labels that a task of that kind cannot have, or a task without any.
    """
    values_NT = labels(labels_NT)
    tasks = values_NT.shape[1]
    if coding not in CODINGS:
        raise ConfigError(unknown("coding", coding, CODINGS))
    names = ["binary"] * tasks if kinds is None else list(kinds)
    if len(names) != tasks:
        raise ConfigError(f"kinds: {len(names)} for {tasks} tasks; needs one for each")
    parts = [_columns(values_NT[:, t], coding, name, t) for t, name in enumerate(names)]
    widths = [part.shape[1] for part in parts]
    return Coded(np.hstack(parts), np.repeat(np.arange(tasks), widths))


def _columns(label_N: Floats, coding: Coding, kind: str, task: int) -> Floats:
    """Return the columns of one task, divided by its labelled rows."""
    if kind not in KINDS:
        raise ConfigError(unknown("kind of task", kind, KINDS))
    present_N = ~np.isnan(label_N)
    raw_PK = _raw(label_N[present_N], kind, task)
    if coding == "standardised" or kind == "regression":
        raw_PK = _standardised(raw_PK, task)
    out_NK = np.zeros((len(label_N), raw_PK.shape[1]))
    out_NK[present_N] = raw_PK / len(raw_PK)
    return out_NK


def _raw(label_P: Floats, kind: str, task: int) -> Floats:
    """Return the labels that are there as columns."""
    if kind == "multiclass":
        return np.asarray(label_P[:, None] == np.unique(label_P), dtype=np.float64)
    if kind == "binary" and not np.isin(label_P, (0, 1)).all():
        other = label_P[~np.isin(label_P, (0, 1))][0]
        raise DataError(f"labels: task {task} is binary and has a label {other:g}; needs 0 or 1")
    return label_P[:, None]


def _standardised(raw_PK: Floats, task: int) -> Floats:
    if not np.ptp(raw_PK, axis=0).all():
        raise DataError(f"labels: task {task} has one label only; there is nothing to standardise")
    centred_PK = raw_PK - raw_PK.mean(axis=0)
    return np.asarray(centred_PK / centred_PK.std(axis=0))
