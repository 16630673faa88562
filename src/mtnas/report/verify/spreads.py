"""The spread of labels in the training rows of a seed, in which losses of regressions are measured.

The split of a seed is drawn again; it must have the digest that the record of the run has.
"""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import Manifest
from mtnas.data.prepare.resplit import parts_of_seed
from mtnas.data.prepare.splits import SPLITS, digest_of
from mtnas.data.prepare.store import SOURCE_COLUMN, SPLIT_COLUMN
from mtnas.evidence.records import Run
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import remake


def spreads_of(run: Run, manifest: Manifest, table: Path, seed: int) -> dict[str, float]:
    """Return the standard deviation of the labels of every regression, by task.

    It is empty without table or digest, or where not all training rows were trained on.

    Raises:
        RecordError: the split is not the one that the run was trained on.
    """
    names = [task.name for task in manifest.tasks if task.kind == "regression"]
    known = run.record.splits.get(seed)
    training = run.record.spec.training
    chosen = training is not None and training.rows != ("keep", 1)
    if not names or not known or chosen or not table.is_file():
        return {}
    spec = run.record.spec
    part = _split(table, manifest, spec.split_seed(seed), fixed=spec.fixed_split)
    drawn = digest_of(np.flatnonzero(part == code) for code in range(len(SPLITS)))
    if drawn != known:
        path = run.folder / "run.json"
        raise RecordError(
            f"{path}: seed {seed} has the split {known}, but {table} gives {drawn}; delete it and "
            f"run `{remake(path)}`"
        )
    labels = pq.read_table(table, columns=names).to_pandas()[part == 0]
    exact = {name: labels[name].to_numpy(np.float32).astype(float) for name in names}
    found = {name: float(np.nanstd(values)) for name, values in exact.items()}
    return {name: spread for name, spread in found.items() if spread > 0}


def _split(table: Path, manifest: Manifest, seed: int, *, fixed: bool) -> NDArray[np.int8]:
    """Return the part of every row for a seed."""
    several = len(manifest.source_sizes) > 1
    columns = [SPLIT_COLUMN, *[SOURCE_COLUMN] * several]
    stored = pq.read_table(table, columns=columns).to_pandas()
    source = stored[SOURCE_COLUMN].to_numpy() if several else None
    return parts_of_seed(stored[SPLIT_COLUMN].to_numpy(), source, manifest, seed, fixed=fixed)
