"""Kinds of tasks: how an output of a model is trained, scored and read as a prediction.

A label is 0 or 1, the number of a class, or a number; NaN where it is missing.
Shapes: ... any leading axes (models, tasks), N examples (last axis), C classes (after N; only where
a task has several outputs).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mtnas.tasks import scores
from mtnas.tasks.metrics import Kind

Measure = Callable[[Tensor, Tensor], Tensor]  # of outputs and labels


@dataclass(frozen=True)
class TaskKind:
    """What the labels of a task are, and what follows from it.

    `loss_name` and the names in `scores` are metrics (`tasks.metrics`).
    """

    loss_name: str
    losses: Measure  # of every example, all labelled: what training descends
    predict: Callable[[Tensor], Tensor]  # what an output predicts, such as a probability
    label_dtype: str  # of numpy, as labels are stored beside predictions
    scores: Mapping[str, Measure] = field(default_factory=dict)  # measured beside the loss
    standardized: bool = False  # whether outputs are in units of the spread of the labels
    many_outputs: bool = False  # one of each class: outputs have an axis C

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of the labelled examples, in float64; NaN where there are none."""
        missing = labels.isnan()
        if not missing.any():
            return self.losses(outputs.double(), labels.double()).mean(-1)
        losses = self.losses(outputs.double(), labels.double().masked_fill(missing, 0))
        return scores.mean_of_labelled(losses, labels)


BINARY = TaskKind(
    "log_loss",
    scores.cross_entropies,
    torch.sigmoid,
    "int8",
    {
        "auc": scores.auc,
        "accuracy": scores.accuracy,
        "calibration_error": scores.calibration_error,
    },
)
MULTICLASS = TaskKind(
    "log_loss",
    scores.class_entropies,
    lambda logits: logits.softmax(-1),
    "int16",
    {
        "accuracy": scores.class_accuracy,
        "macro_f1": scores.macro_f1,
        "calibration_error": scores.class_calibration_error,
    },
    many_outputs=True,
)
REGRESSION = TaskKind(
    "mse",
    scores.squared_errors,
    torch.clone,
    "float32",
    {"rmse": scores.rmse, "mae": scores.mae, "r2": scores.r2},
    standardized=True,
)
DRAWN = TaskKind("mse", scores.squared_errors, torch.clone, "float32")
TASK_KINDS: dict[Kind, TaskKind] = {
    "binary": BINARY,
    "multiclass": MULTICLASS,
    "regression": REGRESSION,
    "drawn": DRAWN,
}
