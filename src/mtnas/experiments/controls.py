"""What control methods see and say: the outputs of a model that knows the labels.

Shapes: N examples, T tasks, O outputs (one of each class where a task has classes).
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.experiments.scoring import Tasks
from mtnas.training.data import output_layout
from mtnas.training.ensemble import LabelScale

Floats = NDArray[np.float32]


def perfect(tasks: Tasks, labels_NT: Floats, scales: Sequence[LabelScale]) -> Floats:
    """Return what a perfect model predicts, [N, O]: probabilities 0 and 1, standardised numbers.

    Where a label is missing it is the mean of those that are not.
    """
    columns = []
    for task, scale, label_N in zip(tasks, scales, labels_NT.T, strict=True):
        known_NC = ((label_N - scale.mean) / scale.spread)[:, None]
        if task.kind == "multiclass":
            known_NC = (label_N[:, None] == np.arange(task.width)).astype(np.float32)
        missing = np.isnan(label_N)
        if missing.any():
            known_NC = np.where(missing[:, None], known_NC[~missing].mean(0), known_NC)
        columns.append(known_NC.astype(np.float32))
    return np.concatenate(columns, axis=1)


def outputs_from(tasks: Tasks, said_SNO: Tensor) -> Tensor:
    """Return outputs (logits or numbers, float64) whose predictions are what a control says."""
    layout = output_layout(tasks)
    if layout.uniform is not None:
        return _output(layout.kinds[0], said_SNO)
    parts = torch.split(said_SNO, list(layout.widths), -1)
    return torch.cat(
        [_output(task.kind, said) for task, said in zip(tasks, parts, strict=True)], -1
    )


def _output(kind: str, said: Tensor) -> Tensor:
    if kind == "regression":
        return said
    probability = said.clamp(1e-7, 1 - 1e-7)
    return probability.logit() if kind == "binary" else probability.log()
