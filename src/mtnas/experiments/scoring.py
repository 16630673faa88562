"""From outputs to scores, tidy metrics and predictions.

Shapes: U units (such as seeds), N examples, T tasks, O outputs, C classes.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.evidence.records import METRIC_COLUMNS
from mtnas.runtime.errors import DataError, TrainingError
from mtnas.study.specs import ModelSpec
from mtnas.tasks.kinds import TASK_KINDS, TaskKind
from mtnas.tasks.metrics import ALL_TASKS, METRICS, MTL_LOSS, OF_KIND, column_of
from mtnas.training.data import output_layout
from mtnas.training.ensemble import LabelScale

log = logging.getLogger(__name__)

Tasks = Sequence[TaskSummary]
Scores = dict[str, dict[str, float]]  # by task and metric; `ALL_TASKS` has the MTL loss


def scores_of(
    tasks: Tasks, out_UNO: Tensor, y_UNT: Tensor, scales: Sequence[Sequence[LabelScale]]
) -> list[Scores]:
    """Return the scores of every unit: what is reported of its tasks, and their losses.

    `scales` are those of the outputs, unit by unit; labels are in the user's unit, NaN where they
    are missing. The MTL loss is the sum of the losses, each times the `loss_weight` of its task.
    """
    scale_2UT = torch.tensor(scales, dtype=torch.float64).movedim(2, 0)
    measured = _by_task(tasks, out_UNO, _standardized(tasks, y_UNT, scale_2UT))
    for t, values in enumerate(measured):
        for name in values:
            if METRICS[name].unit == "of the label":
                values[name] = values[name] * scale_2UT[1, :, t]
    losses = [
        own[TASK_KINDS[task.kind].loss_name] for task, own in zip(tasks, measured, strict=True)
    ]
    loss_UT = torch.stack(losses, 1)
    loss_UT = loss_UT * loss_UT.new_tensor([task.loss_weight for task in tasks])
    return [
        {
            **{
                task.name: {name: float(value_U[u]) for name, value_U in own.items()}
                for task, own in zip(tasks, measured, strict=True)
            },
            ALL_TASKS: {MTL_LOSS: float(loss_UT[u].sum())},
        }
        for u in range(len(loss_UT))
    ]


def _by_task(tasks: Tasks, out_UNO: Tensor, z_UNT: Tensor) -> list[dict[str, Tensor]]:
    """Return what is measured of every task, of all units; labels as the outputs are."""
    layout = output_layout(tasks)
    if layout.uniform is not None:
        names = list(dict.fromkeys(name for task in tasks for name in _wanted(task)))
        out_UTN, z_UTN = out_UNO.transpose(1, 2), z_UNT.transpose(1, 2)
        found = _measured(layout.uniform, names, out_UTN, z_UTN)
        return [{n: v_UT[:, t] for n, v_UT in found.items()} for t in range(len(tasks))]
    return [
        _measured(TASK_KINDS[task.kind], _wanted(task), out, z_UNT[..., t])
        for t, (task, out) in enumerate(zip(tasks, layout.parts(out_UNO), strict=True))
    ]


def check_outputs(spec: ModelSpec, part: str, seeds: Sequence[int], out_UNO: Tensor) -> None:
    """Raise `TrainingError` if an output of a unit on a part of the data is not a finite number.

    `seeds` are those of the units.
    """
    finite_U = out_UNO.isfinite().flatten(1).all(1)
    if not bool(finite_U.all()):
        seed = seeds[int(finite_U.int().argmin())]
        raise TrainingError(
            f"{spec.dataset}, method {spec.method}, seed {seed}: an output on the {part} rows is "
            "not a finite number; look there for numbers far beyond those of the training rows, or "
            f"lower training.learning_rate (now {spec.trained.learning_rate}), and run again"
        )


def warn_of_constant(tasks: Tasks, part: str, seeds: Sequence[int], out_UNO: Tensor) -> None:
    """Warn of models that predict one value of a task for all rows of a part of the data.

    Their units died in training: scores count them like any other (`evidence.constant`).
    """
    for task, out in zip(tasks, output_layout(tasks).parts(out_UNO), strict=True):
        same_U = (out == out[:, :1]).flatten(1).all(1)
        for seed in (seed for seed, same in zip(seeds, same_U.tolist(), strict=True) if same):
            log.warning(
                "seed %d: the model predicts one value of %s for all %s rows; no unit of it is "
                "active any more, so wider layers or a lower learning rate may help",
                *(seed, task.name, part),
            )


def reported(task: TaskSummary) -> tuple[str, ...]:
    """Name the metrics that are reported of a task."""
    return tuple(name for name in OF_KIND[task.kind] if not task.metrics or name in task.metrics)


def _wanted(task: TaskSummary) -> list[str]:
    """Name the metrics that are measured: those that are reported, and the loss."""
    loss = TASK_KINDS[task.kind].loss_name
    return [name for name in OF_KIND[task.kind] if name in reported(task) or name == loss]


def _measured(kind: TaskKind, names: Sequence[str], out: Tensor, y: Tensor) -> dict[str, Tensor]:
    measures = {**kind.scores, kind.loss_name: kind.loss}
    return {name: measures[name](out, y) for name in names}


def _standardized(tasks: Tasks, y_UNT: Tensor, scale_2UT: Tensor) -> Tensor:
    """Return labels as multiples of their spread from their mean, which is how outputs are."""
    if not any(TASK_KINDS[task.kind].standardized for task in tasks):
        return y_UNT
    mean_UT, spread_UT = scale_2UT[0], scale_2UT[1]
    return (y_UNT.double() - mean_UT.unsqueeze(1)) / spread_UT.unsqueeze(1)


def lines_of(tasks: Tasks, scores: Scores) -> list[tuple[str, str, float]]:
    """Return what is reported of one unit: task, metric and value, the sum of losses last."""
    lines = [
        (task.name, name, scores[task.name][name]) for task in tasks for name in reported(task)
    ]
    return [*lines, (ALL_TASKS, MTL_LOSS, scores[ALL_TASKS][MTL_LOSS])]


def tidy(tasks: Tasks, scores: Mapping[int, Mapping[str, Scores]]) -> pd.DataFrame:
    """Return metrics by seed and part of the data, a line each (`METRIC_COLUMNS`)."""
    lines = [
        (seed, part, *line)
        for seed, parts in scores.items()
        for part, values in parts.items()
        for line in lines_of(tasks, values)
    ]
    frame = pd.DataFrame(lines, columns=list(METRIC_COLUMNS))
    return frame.sort_values(["seed", "split"], kind="stable", ignore_index=True)


def in_columns(tasks: Tasks, part: str, scores: Scores) -> dict[str, float]:
    """Return the scores of one unit by names such as `valid_auc_t0` and `valid_mtl_loss`."""
    return {
        f"{part}_{column_of(name, task)}": value for task, name, value in lines_of(tasks, scores)
    }


def predictions_of(
    seed: int,
    rows_N: NDArray[np.int64],
    y_NT: NDArray[np.float32],
    predicted_NO: NDArray[np.float64],
) -> dict[str, NDArray[Any]]:
    """Return the test predictions of a seed as numbers: seed, row of the table, labels, and
    what was predicted from the outputs.
    """
    return {
        "seed": np.full(len(rows_N), seed, np.int32),
        "row": rows_N.astype(np.int32),
        "y": y_NT,
        "predicted": predicted_NO,
    }


def predicted(tasks: Tasks, out_UNO: Tensor, scales: Sequence[Sequence[LabelScale]]) -> Tensor:
    """Return what outputs predict, float64: probabilities, and numbers in the user's unit."""
    # In float64 different outputs stay different probabilities, so ranks (AUC) survive.
    layout, exact = output_layout(tasks), out_UNO.double()
    if layout.uniform is not None:
        found = layout.uniform.predict(exact)
    else:
        parts = zip(tasks, layout.parts(exact), strict=True)
        own = [TASK_KINDS[task.kind].predict(part) for task, part in parts]
        found = torch.cat([p if p.dim() == 3 else p.unsqueeze(-1) for p in own], -1)
    if not any(TASK_KINDS[task.kind].standardized for task in tasks):
        return found
    wide = [
        [scale for scale, width in zip(each, layout.widths, strict=True) for _ in range(width)]
        for each in scales
    ]
    scale_2UO = torch.tensor(wide, dtype=torch.float64).movedim(2, 0)
    mean_UO, spread_UO = scale_2UO[0], scale_2UO[1]
    return found * spread_UO.unsqueeze(1) + mean_UO.unsqueeze(1)


def check_names(dataset: str, tasks: Tasks) -> None:
    """Raise `DataError` if two columns of predictions would have one name."""
    names = Counter(name for task in tasks for name in task.prediction_columns)
    for name in (name for name, times in names.items() if times > 1):
        raise DataError(
            f"dataset {dataset!r}: two columns of predictions would be called {name!r}, after a "
            "task, or a task and a class; give a task another name"
        )


def joined(tasks: Tasks, parts: Sequence[Mapping[str, NDArray[Any]]]) -> pd.DataFrame:
    """Return the predictions of several seeds below each other.

    Columns of a task are `y_<name>`, its label, null where it is missing, and `p_<name>`: the
    probability of label 1, or the number in the user's unit. A task with classes has the
    probability of each, `p_<name>_<class>`.
    """
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns: dict[str, object] = {name: whole[name] for name in ("seed", "row")}
    ends = np.cumsum(output_layout(tasks).widths)[:-1]
    predicted_of = np.split(whole["predicted"], ends, axis=1)
    for task, y, p_NC in zip(tasks, whole["y"].T, predicted_of, strict=True):
        columns[f"y_{task.name}"] = _labels(task, y)
        columns |= dict(zip(task.prediction_columns, p_NC.T, strict=True))
    return pd.DataFrame(columns)


def _labels(task: TaskSummary, y: NDArray[np.float32]) -> Any:
    """Return labels as they are stored: classes by their names, null where one is missing."""
    missing, dtype = np.isnan(y), TASK_KINDS[task.kind].label_dtype
    if task.kind == "multiclass":
        names = np.array([*task.classes, None], object)
        return names[np.where(missing, -1, y).astype(int)]
    if not missing.any():
        return y.astype(dtype)
    nullable: Any = dtype.capitalize()  # of pandas: Int8, Float32
    return pd.array([None if np.isnan(v) else v for v in y.tolist()], dtype=nullable)


def by_unit(out: Sequence[Tensor], units: int) -> Tensor:
    """Join the outputs [N, O] of the models of each unit (one, or one per task): [U, N, O]."""
    each = len(out) // units
    if each == 1:
        return torch.stack(list(out))
    own = [torch.cat([part.T for part in out[u * each : (u + 1) * each]]) for u in range(units)]
    return torch.stack(own).transpose(1, 2)
