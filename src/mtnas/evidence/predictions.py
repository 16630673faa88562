"""The test predictions of a run, task by task, and what they can be asked without new training.

Shapes: N labelled test rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import Manifest, TaskSummary
from mtnas.evidence.records import Run
from mtnas.evidence.restarts import chosen
from mtnas.runtime.errors import ConfigError, RecordError
from mtnas.tasks.calibration import Reliability, reliability

PROBABLE = ("binary", "multiclass")  # kinds of tasks whose predictions are probabilities
FILE = "predictions.parquet"


@dataclass(frozen=True)
class Predictions:
    """What a seed predicted of one task: the labelled test rows.

    `p` is the probability of label 1 and `came_true` that label, 0 or 1; of a task with classes the
    probability of the most probable one, and whether it is the label.
    """

    seed: int
    task: TaskSummary
    row: NDArray[np.int64]  # number in the prepared table
    p: NDArray[np.float64]
    came_true: NDArray[np.float64]

    def reliability(self) -> Reliability:
        """Return its reliability curve."""
        return reliability(self.p, self.came_true)


def predictions_of(
    run: Run, tasks: Sequence[TaskSummary], kinds: Sequence[str] = PROBABLE
) -> Iterator[Predictions]:
    """Yield the predictions of a run of the tasks of some kinds, seed by seed.

    Raises:
        RecordError: the file is missing, or was changed after it was written.
    """
    path = run.folder / FILE
    run.record.check(path)
    frame = pq.read_table(path).to_pandas()
    training = run.record.spec.trained
    if training.restarts > 1:
        if training.of_restarts == "mean":
            raise RecordError(
                f"{run.folder}: scores are means over restarts, of which no single predictions "
                "are; use training.of_restarts: best, or leave the dataset out"
            )
        of_split = {seed: split for split, seed in chosen(run.metrics, where=str(path)).items()}
        frame = frame[frame["seed"].isin(list(of_split))].replace({"seed": of_split})
    for seed, own in frame.groupby("seed", sort=False):
        for task in tasks:
            if task.kind in kinds:
                yield _of_task(int(str(seed)), task, own)


def _of_task(seed: int, task: TaskSummary, frame: pd.DataFrame) -> Predictions:
    labelled = frame[frame[f"y_{task.name}"].notna()]
    row, label = labelled["row"].to_numpy(np.int64), labelled[f"y_{task.name}"]
    p_NC = labelled[list(task.prediction_columns)].to_numpy()
    if task.kind == "binary":
        p, came_true = p_NC[:, 0], label.to_numpy(np.float64)
    else:
        said = np.array(task.classes, object)[p_NC.argmax(axis=1)]
        p, came_true = p_NC.max(axis=1), (label.to_numpy(object) == said).astype(np.float64)
    return Predictions(seed, task, row, p.astype(np.float64), came_true)


def groups_by(manifest: Manifest, table: str | Path, field: str) -> NDArray[np.int64]:
    """Return a group for every row of a prepared table: rows with one value of a field.

    A group of a hashed field is an id: two values that share an id are one group. How many do,
    `colliding` tells.

    Raises:
        ConfigError: the table has no such field, or one whose values are lists or features.
        RecordError: the table is not the one that the manifest describes.
    """
    kinds = {known.name: known.kind for known in manifest.fields}
    if field not in kinds or kinds[field] in ("list", "features"):
        allowed = [name for name, kind in kinds.items() if kind not in ("list", "features")]
        raise ConfigError(
            f"grouped_auc.{manifest.dataset}: {field!r} is no field with one value a row; allowed: "
            f"{', '.join(allowed)}"
        )
    manifest.check(table)
    column = pq.read_table(table, columns=[field])[field].to_pandas()
    codes, _ = pd.factorize(column, use_na_sentinel=False)
    return np.asarray(codes, np.int64)


def colliding(manifest: Manifest, field: str) -> int:
    """Return by how much there are fewer groups than values of a field: values that share an id."""
    (own,) = (known for known in manifest.fields if known.name == field)
    if own.distinct_values is None or own.distinct_ids is None:
        return 0
    return own.distinct_values - own.distinct_ids


def check_table(run: Run, manifest: Manifest) -> None:
    """Raise `RecordError` if a run read another table than the manifest describes."""
    if run.record.data.content_sha256 != manifest.content_sha256:
        raise RecordError(
            f"{run.folder}: it read another table than results/data/{manifest.dataset} now holds; "
            f"run `.venv/bin/snakemake --cores 1 {run.folder}/run.json`"
        )
