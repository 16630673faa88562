"""Metrics by name: which way each is better, and in which unit. Nothing here needs torch.

In wide tables a column is named after its metric and its task: `auc_t0`, `rmse_minutes_read`, or
`mtl_loss` alone for what is measured over all tasks together.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mtnas.runtime.errors import RecordError, unknown

ALL_TASKS = "all"  # the task of a metric that is measured over all tasks together

Direction = Literal["higher", "lower"]
Kind = Literal["binary", "multiclass", "regression", "drawn"]


@dataclass(frozen=True)
class Metric:
    """What is known of a metric besides its formula (`tasks.scores`)."""

    direction: Direction  # which way it is better
    unit: str
    title: str  # what readers call it
    lowest: float = 0.0
    highest: float = math.inf

    @property
    def is_loss(self) -> bool:
        """Whether it is a loss: without an upper bound, so differences count relative to it."""
        return self.direction == "lower"


OF_THE_LABEL = "of the label"  # the unit of what is measured in the unit of a task

METRICS = {
    "auc": Metric("higher", "AUC", "AUC", highest=1),
    "accuracy": Metric("higher", "share", "accuracy", highest=1),
    "macro_f1": Metric("higher", "share", "macro F1", highest=1),
    # Expected, of 15 bins of equal width.
    "calibration_error": Metric("lower", "share", "calibration error", highest=1),
    "log_loss": Metric("lower", "loss", "log loss"),
    "rmse": Metric("lower", OF_THE_LABEL, "RMSE"),
    "mae": Metric("lower", OF_THE_LABEL, "MAE"),
    "r2": Metric("higher", "share", "R²", lowest=-math.inf, highest=1),
    "mse": Metric("lower", "loss", "MSE"),  # of standardised labels, but for drawn ones
    "mtl_loss": Metric("lower", "loss", "MTL loss"),  # the weighted sum of all tasks' losses
}
# What is measured of a task of each kind; its loss comes last.
OF_KIND: dict[Kind, tuple[str, ...]] = {
    "binary": ("auc", "accuracy", "calibration_error", "log_loss"),
    "multiclass": ("accuracy", "macro_f1", "calibration_error", "log_loss"),
    "regression": ("rmse", "mae", "r2", "mse"),
    "drawn": ("mse",),
}
# By which a task is judged if nothing else is said.
PRINCIPAL: dict[Kind, str] = {
    kind: "auc" if "auc" in names else names[-1] for kind, names in OF_KIND.items()
}
LOSSES = frozenset(metrics[-1] for metrics in OF_KIND.values())
MTL_LOSS = "mtl_loss"


def column_of(metric: str, task: str) -> str:
    """Name the column of a metric and a task, or of `all` tasks: `auc_t0`, `mtl_loss`."""
    return metric if task == ALL_TASKS else f"{metric}_{task}"


def split_column(column: str) -> tuple[str, str]:
    """Return the metric and the task of a column; undoes `column_of`.

    Names of tasks may hold underscores, too: the longest metric in front counts. What begins with
    no metric is returned as one of all tasks.
    """
    for metric in sorted(METRICS, key=len, reverse=True):
        if column.startswith(f"{metric}_"):
            return metric, column.removeprefix(f"{metric}_")
    return column, ALL_TASKS


def in_tables(columns: Iterable[str]) -> list[str]:
    """Return the columns that tables show, in order: all but the loss of each task, which is a
    part of the MTL loss. That stands last.

    Raises:
        RecordError: a column is of no known metric.
    """
    names = [name for name in columns if metric_of(name) and split_column(name)[0] not in LOSSES]
    return sorted(names, key=lambda name: name == MTL_LOSS)


def is_of(column: str, metric: str) -> bool:
    """Whether a column is of a metric, whatever its task."""
    return split_column(column)[0] == metric


def metric_of(column: str) -> Metric:
    """Return what is known of the metric of a column, or of a metric itself.

    Raises:
        RecordError: there is no such metric.
    """
    name, _ = split_column(column)
    if name not in METRICS:
        raise RecordError(unknown("metric", name, METRICS, "src/mtnas/tasks/metrics.py"))
    return METRICS[name]


def direction(column: str) -> Direction:
    """Return which way the metric of a column is better."""
    return metric_of(column).direction
