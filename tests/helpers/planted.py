"""Small datasets with planted relations between tasks, and their diagnosis."""

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.evidence.diagnosis.diagnosis import diagnosis_of
from mtnas.evidence.diagnosis.measures import Measures
from mtnas.evidence.diagnosis.report import Diagnosis
from mtnas.evidence.subsets_record import SubsetScores
from mtnas.experiments.diagnose.run import diagnose
from mtnas.experiments.job import Job
from mtnas.experiments.subsets import train_subsets
from mtnas.study.specs import DiagnoseSpec, SubsetsSpec
from mtnas.tasks.metrics import Kind
from tests.helpers.tables import write_table

FIELDS, VALUES = 6, 6
TRAINING = {
    "epochs": 60,
    "patience": 5,
    "batch_size": 64,
    "learning_rate": 0.02,
    "embedding_dim": 2,
    "weight_decay": 1.0e-5,
}
MEASURES = {"widths": (2, 4), "epochs": 2, "probe_every": 3, "probe_rate": 0.05, "rank": 1}

Labels = NDArray[np.float32]
Measured = TypeVar("Measured", Measures, SubsetScores)


def drawn_ids(rng: np.random.Generator, rows: int) -> NDArray[np.int32]:
    """Return ids of so many rows, those of each field apart."""
    ids = rng.integers(VALUES, size=(rows, FIELDS)) + VALUES * np.arange(FIELDS)
    return ids.astype(np.int32)


def score(rng: np.random.Generator, ids: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return a sum of an effect per id, with mean 0 and spread 1."""
    total = rng.normal(size=FIELDS * VALUES)[ids].sum(1)
    return np.asarray((total - total.mean()) / total.std())


def binary(rng: np.random.Generator, seen: NDArray[np.float64], noise: float) -> Labels:
    """Return whether a score with noise is positive."""
    return np.asarray(seen + noise * rng.normal(size=len(seen)) > 0, dtype=np.float32)


def number(rng: np.random.Generator, seen: NDArray[np.float64], noise: float) -> Labels:
    """Return a score with noise, of spread 1."""
    label = seen + noise * rng.normal(size=len(seen))
    return np.asarray(label / label.std(), dtype=np.float32)


def planted_table(
    folder: Path,
    ids: NDArray[np.int32],
    labels: dict[str, Labels],
    seed: int = 0,
    kind: Kind = "binary",
) -> dict[str, Path]:
    """Write a table of such tasks; 40 % of the rows are for training, since tests need few."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = len(ids)
    sizes = [int(0.4 * rows), int(0.2 * rows)]
    parts = np.repeat([0, 1, 2], [*sizes, rows - sum(sizes)])
    split = np.random.default_rng(seed).permutation(parts).astype(np.int8)
    tasks = tuple(TaskSummary(name=name, rule="", kind=kind) for name in labels)
    return write_table(
        folder / "table.parquet", ids, np.stack([*labels.values()], 1), split, tasks=tasks
    )


def specs(
    names: tuple[str, ...],
    seeds: int = 6,
    width: int = 4,
    training: dict[str, Any] | None = None,
    **changes: Any,
) -> tuple[SubsetsSpec, DiagnoseSpec]:
    """Return the specs of the two jobs of a diagnosis."""
    run = {
        "dataset": "insteval",
        "method": "share_bottom",
        "variant": "paper",
        "seeds": tuple(range(seeds)),
        "training": {**TRAINING, **(training or {})},
        # Linear: one layer of a few units, so that capacity is what is planted.
        "options": {
            "hidden_dim": width,
            "num_layers": 1,
            "activation": "none",
            "match_budget": False,
        },
    }
    numbers = range(1, 2 ** len(names))
    subsets = [tuple(n for i, n in enumerate(names) if number >> i & 1) for number in numbers]
    subsets.sort(key=lambda own: (len(own), [names.index(n) for n in own]))
    measures = {**MEASURES, **changes}
    return (
        SubsetsSpec.of({**run, "name": "diagnosis", "subsets": subsets}),
        DiagnoseSpec.of({**run, **measures}),
    )


def measured(
    files: dict[str, Path], names: tuple[str, ...], **changes: Any
) -> tuple[Measures, SubsetScores]:
    """Run both jobs of a diagnosis."""
    subsets, measures = specs(names, **changes)
    scores = train_subsets(subsets, Job(**files)).scores
    return diagnose(measures, Job(**files)).measures, scores


def diagnosed(files: dict[str, Path], names: tuple[str, ...], **changes: Any) -> Diagnosis:
    """Return the diagnosis of a planted dataset, with intervals of initialisation only.

    Those of overlapping splits are wider: what is planted would take large tables to show.
    """
    measures, scores = measured(files, names, **changes)
    return diagnosis_of(_of_one_split(measures), _of_one_split(scores))


def _of_one_split(measured: Measured) -> Measured:
    """Return what was measured as if seeds had not moved the split."""
    data = measured.record.data.model_copy(update={"test_share": 0.0})
    record = measured.record.model_copy(update={"data": data})
    return replace(measured, record=record)
