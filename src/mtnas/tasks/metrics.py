"""Metrics by name: which way each is better, and in which unit. Nothing here needs torch.

In wide tables a column is named after its metric and its task: `auc_t0`, or `mtl_loss` alone for
what is measured over all tasks together.
"""

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

    @property
    def is_loss(self) -> bool:
        """Whether it is a loss: without an upper bound, so differences count relative to it."""
        return self.direction == "lower"


METRICS = {
    "auc": Metric("higher", "AUC"),
    "accuracy": Metric("higher", "share"),
    "macro_f1": Metric("higher", "share"),
    "calibration_error": Metric("lower", "share"),  # expected, of 15 bins of equal width
    "log_loss": Metric("lower", "loss"),
    "rmse": Metric("lower", "of the label"),
    "mae": Metric("lower", "of the label"),
    "r2": Metric("higher", "share"),
    "mse": Metric("lower", "loss"),  # of standardised labels, but for drawn ones
    "mtl_loss": Metric("lower", "loss"),  # the sum of the losses of all tasks
}
# What is measured of a task of each kind; its loss comes last.
OF_KIND: dict[Kind, tuple[str, ...]] = {
    "binary": ("auc", "accuracy", "calibration_error", "log_loss"),
    "multiclass": ("accuracy", "macro_f1", "calibration_error", "log_loss"),
    "regression": ("rmse", "mae", "r2", "mse"),
    "drawn": ("mse",),
}


def column_of(metric: str, task: str) -> str:
    """Name the column of a metric and a task (its name, or `all`): `auc_t0`, `mtl_loss`."""
    return metric if task == ALL_TASKS else f"{metric}_{task}"


def split_column(column: str) -> tuple[str, str]:
    """Return the metric and the task of a column; undoes `column_of`."""
    for name in sorted(METRICS, key=len, reverse=True):
        if column.startswith(f"{name}_"):
            return name, column.removeprefix(f"{name}_")
    return column, ALL_TASKS


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
