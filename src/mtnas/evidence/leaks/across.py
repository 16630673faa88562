"""Leaks between sources: test rows of one whose group is among the training rows of another.

Such a row may be a sentence that a second set has copied: a model of both tasks has read its label.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtnas.data.prepare.store import Table
from mtnas.runtime.errors import DataError

COLUMNS = ("tested", "trained", "tests", "met", "share", "agreement")
Rows = NDArray[np.int64]


def met_across(table: Table, train: Rows, test: Rows) -> pd.DataFrame:
    """Return a line for each source that is tested and each that is trained on.

    Args:
        table: a prepared table with groups and several sources.
        train: the training rows of a seed.
        test: its test rows.

    Returns:
        `tests` are the test rows of `tested`; `met` are those whose group a training row of
        `trained` is of, too, and `share` their part. `agreement` is the mean, over those, of the
        part of these training rows that have the same label; NaN where the two sources have not
        one binary task each.

    Raises:
        DataError: the table has no groups, or its rows are of one source.
    """
    if table.groups is None or table.source is None:
        lacking = "groups" if table.groups is None else "several sources"
        raise DataError(
            f"dataset {table.manifest.dataset!r}: has no {lacking}; `group` of its file tells "
            "which rows are one example, `sources` where they are from"
        )
    names, labels = table.manifest.sources, _binary_labels(table)
    lines = []
    for i, tested in enumerate(names):
        for j, trained in enumerate(names):
            own, others = test[table.source[test] == i], train[table.source[train] == j]
            agreed = _agreement(table.groups, own, others, labels[i], labels[j])
            met = len(agreed)
            share = met / len(own) if len(own) else float("nan")
            lines.append((tested, trained, len(own), met, share, _mean(agreed)))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _binary_labels(table: Table) -> list[NDArray[np.float32]]:
    """Return, for every source, the labels of its one binary task [rows]; else NaN."""
    found = []
    for name in table.manifest.sources:
        own = [t for t, task in enumerate(table.manifest.tasks) if task.source == name]
        plain = len(own) == 1 and table.manifest.tasks[own[0]].kind == "binary"
        nothing = np.full(len(table.labels), np.nan, np.float32)
        found.append(table.labels[:, own[0]] if plain else nothing)
    return found


def _agreement(
    groups: NDArray[np.int32],
    tests: Rows,
    others: Rows,
    labels: NDArray[np.float32],
    their_labels: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Return, for every test row that is met, the part of its partners with the same label."""
    others = others[groups[others] >= 0]
    size = int(groups.max(initial=-1)) + 1
    partners = np.bincount(groups[others], minlength=size)
    ones = np.bincount(groups[others], weights=their_labels[others], minlength=size)
    met = tests[groups[tests] >= 0]
    met = met[partners[groups[met]] > 0]
    share_of_ones = ones[groups[met]] / partners[groups[met]]
    return np.where(labels[met] == 1, share_of_ones, 1 - share_of_ones) + 0 * labels[met]


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
