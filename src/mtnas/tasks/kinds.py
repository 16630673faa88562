"""Kinds of tasks: how an output of a model is trained, scored and read as a prediction.

Shapes: ... any leading axes (models, tasks), N examples (last axis).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mtnas.tasks.scores import auc, cross_entropies, squared_errors

Measure = Callable[[Tensor, Tensor], Tensor]  # of outputs and labels, alike in shape


@dataclass(frozen=True)
class TaskKind:
    """What the labels of a task are, and what follows from it.

    `loss_name` and the names in `scores` are metrics (`tasks.metrics`).
    """

    loss_name: str
    losses: Measure  # of every example: what training descends
    read: Callable[[Tensor], Tensor]  # what an output predicts, such as a probability
    label_dtype: str  # of numpy, as labels are stored beside predictions
    scores: Mapping[str, Measure] = field(default_factory=dict)  # measured beside the loss

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of `outputs` [..., N], in float64."""
        return self.losses(outputs.double(), labels.double()).mean(-1)


BINARY = TaskKind("log_loss", cross_entropies, torch.sigmoid, "int8", {"auc": auc})
REGRESSION = TaskKind("mse", squared_errors, torch.clone, "float32")
TASK_KINDS = {"binary": BINARY, "regression": REGRESSION}
