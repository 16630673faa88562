"""From outputs to scores, tidy metrics and predictions.

Shapes: U units (such as seeds), N examples, T tasks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from mtnas.evidence.records import METRIC_COLUMNS
from mtnas.tasks.kinds import TaskKind
from mtnas.tasks.metrics import ALL_TASKS

Scores = dict[str, list[float]]  # by metric: a value for each task; of `mtl_loss` their sum


def scores_of(kind: TaskKind, out_UNT: Tensor, y_UNT: Tensor) -> list[Scores]:
    """Return the scores of every unit: those of its tasks' kind, then their loss and its sum."""
    out_UTN, y_UTN = out_UNT.transpose(1, 2), y_UNT.transpose(1, 2)
    loss_UT = kind.loss(out_UTN, y_UTN)
    measured = {name: score(out_UTN, y_UTN) for name, score in kind.scores.items()}
    measured[kind.loss_name] = loss_UT
    return [
        {
            **{name: value_UT[u].tolist() for name, value_UT in measured.items()},
            "mtl_loss": [float(loss_UT[u].sum())],
        }
        for u in range(len(loss_UT))
    ]


def tidy(scores: Mapping[int, Mapping[str, Scores]]) -> pd.DataFrame:
    """Return metrics by seed and part of the data, a line each (`METRIC_COLUMNS`)."""
    lines: list[tuple[Any, ...]] = []
    for seed, parts in scores.items():
        for part, values in parts.items():
            *measured, (total, (loss,)) = values.items()
            for task in range(len(measured[0][1])):
                lines += [(seed, part, f"t{task}", name, found[task]) for name, found in measured]
            lines.append((seed, part, ALL_TASKS, total, loss))
    frame = pd.DataFrame(lines, columns=list(METRIC_COLUMNS))
    return frame.sort_values(["seed", "split"], kind="stable", ignore_index=True)


def in_columns(part: str, scores: Scores) -> dict[str, float]:
    """Return the scores of one unit by names such as `valid_auc_t0` and `valid_mtl_loss`."""
    *measured, (total, (loss,)) = scores.items()
    columns = {
        f"{part}_{name}_t{task}": values[task]
        for task in range(len(measured[0][1]))
        for name, values in measured
    }
    return {**columns, f"{part}_{total}": loss}


def predictions_of(
    seed: int,
    rows_N: NDArray[np.int64],
    kind: TaskKind,
    p_NT: NDArray[np.float64],
    y_NT: NDArray[Any],
) -> dict[str, NDArray[Any]]:
    """Return the columns of the test predictions of a seed: seed, row of the table, and per task
    the label and what was read from the output (a probability, if labels are binary).
    """
    columns: dict[str, NDArray[Any]] = {
        "seed": np.full(len(rows_N), seed, np.int32),
        "row": rows_N.astype(np.int32),
    }
    for task in range(p_NT.shape[1]):
        columns[f"y_t{task}"] = y_NT[:, task].astype(kind.label_dtype)
        columns[f"p_t{task}"] = p_NT[:, task]
    return columns


def joined(parts: Sequence[Mapping[str, NDArray[Any]]]) -> pd.DataFrame:
    """Return columns of several seeds below each other."""
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


def by_unit(out_MNT: Tensor, units: int) -> Tensor:
    """Bring the single-task members of every unit together: [U * T, N, 1] becomes [U, N, T]."""
    members, rows, tasks = out_MNT.shape
    per_unit = members // units
    return out_MNT.view(units, per_unit, rows, tasks).transpose(1, 2).reshape(units, rows, -1)
