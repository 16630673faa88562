"""From outputs to tidy metrics and predictions. Shapes: M members, S seeds, N examples, T tasks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from mtnas.tasks.kinds import TaskKind
from mtnas.tasks.metrics import ALL_TASKS


def metrics_of(
    group: Sequence[int], part: str, kind: TaskKind, logit_SNT: Tensor, y_SNT: Tensor
) -> pd.DataFrame:
    """Return the tidy metrics of one part of the data: per task, and the sum over tasks."""
    logit_STN, y_STN = logit_SNT.transpose(1, 2), y_SNT.transpose(1, 2)
    loss_ST = kind.loss(logit_STN, y_STN)
    measured = {name: score(logit_STN, y_STN) for name, score in kind.scores.items()}
    measured[kind.loss_name] = loss_ST
    lines = []
    for s, seed in enumerate(group):
        for t in range(loss_ST.shape[1]):
            for name, value_ST in measured.items():
                lines.append((seed, part, f"t{t}", name, float(value_ST[s, t])))
        lines.append((seed, part, ALL_TASKS, "mtl_loss", float(loss_ST[s].sum())))
    return pd.DataFrame(lines, columns=["seed", "split", "task", "metric", "value"])


def predictions_of(
    group: Sequence[int],
    rows: NDArray[np.int64],
    kind: TaskKind,
    logit_SNT: Tensor,
    y_SNT: Tensor,
) -> pd.DataFrame:
    """Return the test predictions: seed, row of the table, label and what is read from the output
    (a probability, if labels are binary) per task.
    """
    # In float64 different logits stay different probabilities, so ranks (AUC) survive.
    p_SNT = kind.read(logit_SNT.double()).numpy()
    columns: dict[str, NDArray[Any]] = {
        "seed": np.repeat(np.asarray(group, np.int32), rows.shape[1]),
        "row": rows.ravel().astype(np.int32),
    }
    for t in range(p_SNT.shape[2]):
        columns[f"y_t{t}"] = y_SNT[..., t].numpy().astype(kind.label_dtype).ravel()
        columns[f"p_t{t}"] = p_SNT[..., t].ravel()
    return pd.DataFrame(columns)


def by_seed(logit_MNT: Tensor, group: Sequence[int]) -> Tensor:
    """Bring single-task members together: [S * T, N, 1] becomes [S, N, T]."""
    members, rows, tasks = logit_MNT.shape
    per_seed = members // len(group)
    return (
        logit_MNT.view(len(group), per_seed, rows, tasks)
        .transpose(1, 2)
        .reshape(len(group), rows, -1)
    )
