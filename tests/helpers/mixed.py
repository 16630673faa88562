"""A small table with tasks of every kind, whose labels are missing here and there."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import TaskSummary
from tests.helpers.synthetic import examples
from tests.helpers.tables import write_table

MIXED = (
    TaskSummary(name="does_click", rule=""),
    TaskSummary(name="mood", rule="", kind="multiclass", classes=("bad", "so so", "good")),
    TaskSummary(name="minutes", rule="", kind="regression", unit="min"),
)
ROWS = 600


def mixed_arrays(missing: float = 0.3) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return ids and labels that follow from them; `missing` is the share without a label."""
    data, rng = examples(ROWS, tasks=3), np.random.default_rng(1)
    ids = data.inputs.ids.numpy().astype(np.int32)
    effect = rng.normal(size=(ids.max() + 1, 3))
    seen = effect[ids[:, 0]] + effect[ids[:, 1]] + 0.3 * rng.normal(size=(ROWS, 3))
    labels = np.stack(
        [seen[:, 0] > 0, np.digitize(seen[:, 1], (-0.8, 0.8)), 40 + 9 * seen[:, 2]], axis=1
    ).astype(np.float32)
    labels[rng.random(labels.shape) < missing] = np.nan
    return ids, labels


def mixed_table(folder: Path, missing: float = 0.3, **changes: Any) -> dict[str, Path]:
    """Write them as a prepared table; return the paths of table and manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    split = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [400, 100, 100]))
    ids, labels = mixed_arrays(missing)
    return write_table(
        folder / "table.parquet", ids, labels, split.astype(np.int8), tasks=MIXED, **changes
    )
