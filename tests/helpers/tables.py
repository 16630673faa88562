"""Prepared tables and manifests with known content."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtnas.data.prepare.manifest import (
    FieldSummary,
    InputLayout,
    Manifest,
    PrepareSpec,
    TaskSummary,
)
from mtnas.data.prepare.splits import SPLITS
from mtnas.data.prepare.store import ContentHash, Table, read_compact
from mtnas.data.prepare.vocabulary import ids_file, write_compact


def make_manifest(dataset: str = "insteval", **changes: Any) -> Manifest:
    """Return the manifest of ten rows with two tasks, with changes."""
    content = {
        "dataset": dataset,
        "title": "Toys",
        "simulated": False,
        "rows": 10,
        "fields": tuple(FieldSummary(name=n, kind="id", help="who") for n in ("user", "item")),
        "tasks": tuple(TaskSummary(name=n, rule="r > 0") for n in ("t0", "t1")),
        "layout": InputLayout(singles=2),
        "num_features": 1000,
        "num_ids": 9,
        "label_pcc": {"t0_t1": 0.3},
        "split_kind": "random",
        "split_sizes": {"train": 8, "valid": 1, "test": 1},
        "content_sha256": "c",
        "source_sha256": {},
        "spec": PrepareSpec(dataset=dataset),
    }
    return Manifest(**{**content, **changes})


def write_manifest(path: Path, dataset: str = "insteval", **changes: Any) -> Path:
    """Write such a manifest of no files; return where."""
    make_manifest(dataset, **changes).write(path, ())
    return path


def write_table(
    table: Path,
    ids: NDArray[np.int32],
    labels: NDArray[Any],
    split: NDArray[np.int8],
    names: Sequence[str] = (),
    **changes: Any,
) -> dict[str, Path]:
    """Write a prepared table with its ids and manifest; return the paths of table and manifest.

    `names` are those of its fields, by default f0, f1, ...; tasks are t0, t1, ... where `tasks`
    does not say otherwise.
    """
    fields = names or [f"f{i}" for i in range(ids.shape[1])]
    plain = (TaskSummary(name=f"t{i}", rule="") for i in range(labels.shape[1]))
    tasks = [task.name for task in changes.setdefault("tasks", tuple(plain))]
    columns = dict(zip([*fields, *tasks], [*ids.T, *labels.T], strict=True))
    pq.write_table(pa.table({**columns, "split": split}), table)
    layout = InputLayout(singles=len(fields))
    _, num_ids = write_compact(table, ids_file(table), layout, fields, np.bincount(ids.ravel()))
    content = ContentHash()
    content.update(ids, labels, split)
    counts = np.bincount(split, minlength=3).tolist()
    facts = make_manifest(
        **{
            "rows": len(ids),
            "fields": tuple(FieldSummary(name=name, kind="id", help="") for name in fields),
            "layout": layout,
            "num_ids": num_ids,
            "content_sha256": content.hexdigest(),
            "split_sizes": dict(zip(SPLITS, counts, strict=True)),
            **changes,
        }
    )
    manifest = table.with_suffix(".json")
    facts.write(manifest, (table, ids_file(table)))
    return {"table": table, "manifest": manifest}


def read_hashed(table: str | Path, manifest: str | Path) -> Table:
    """Read a prepared table with the ids, or numbers, that its columns hold."""
    compact = read_compact(table, manifest)
    names = [field.name for field in compact.manifest.fields]
    columns = pq.read_table(table, columns=names)
    held = np.stack([column.to_numpy() for column in columns], axis=1)
    which = "ids" if compact.inputs.numbers is None else "numbers"
    return replace(compact, inputs=replace(compact.inputs, **{which: held}))
