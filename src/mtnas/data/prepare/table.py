"""Prepare a dataset: stream its rows, hash, split, store; tell everything in a manifest.

Memory grows with the number of distinct values, by 12 bytes each, and with the number of rows only
while the split is drawn (and by the time of every row, if that splits them).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtnas.data import sources
from mtnas.data.prepare import drawn
from mtnas.data.prepare.hashing import hash_column
from mtnas.data.prepare.manifest import Manifest, PrepareSpec
from mtnas.data.prepare.parts import assign_parts, check_parts, check_split_of
from mtnas.data.prepare.splits import SPLITS
from mtnas.data.prepare.store import RowWriter, add_split
from mtnas.data.prepare.summary import Seen, summary
from mtnas.data.prepare.vocabulary import (
    ids_file,
    vocabulary_file,
    write_compact,
    write_vocabulary,
)
from mtnas.data.sources.base import Dataset, Field
from mtnas.runtime.errors import DataError
from mtnas.runtime.files import sha256_of

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Written:
    """What is known of a table once it is written."""

    seen: Seen
    split_sizes: dict[str, int]
    content_sha256: str


def prepare(
    spec: Mapping[str, Any],
    *,
    table: str | Path,
    manifest: str | Path,
    raw: str | Path | None = None,
) -> None:
    """Write the table (Parquet) of one dataset, and what belongs to it.

    Beside the table, and named after it, come its ids as training reads them (.ids.npy) and its
    vocabulary (.vocabulary.parquet).

    Args:
        spec: the keys of `PrepareSpec`.
        raw: folder of its raw files; None for an embedded dataset.
        table: path of the Parquet file.
        manifest: path of the JSON file in the same folder, written when all others are.

    Raises:
        ConfigError: an unknown dataset, field or key.
        DataError: a missing or broken source, a label with one class only, a bad split.
    """
    table, options = Path(table), PrepareSpec.of(spec, "prepare")
    table.parent.mkdir(parents=True, exist_ok=True)
    if options.synthetic is not None:
        facts = drawn.prepare(options, options.synthetic, table)
    else:
        facts = _prepare(options, table, None if raw is None else Path(raw))
    facts.write(manifest, (table, ids_file(table), vocabulary_file(table)))


def _prepare(spec: PrepareSpec, table: Path, raw: Path | None) -> Manifest:
    """Write the table, the ids and the vocabulary of a dataset that is read."""
    dataset = sources.load(spec.dataset, where="prepare: dataset", definition=spec.definition)
    where = f"dataset_options.{dataset.name}.drop_fields"
    kept = dataset.kept_fields(spec.drop_fields, where)
    check_split_of(dataset, spec.split)
    digests = {path.name: sha256_of(path) for path in dataset.sources(raw)}
    written = _write_table(dataset, raw, kept, spec, table)
    numbers, num_ids = write_compact(table, ids_file(table), len(kept))
    hashed = {name: values.ids for name, values in written.seen.values.items()}
    write_vocabulary(vocabulary_file(table), hashed, numbers)
    _LOG.info("%s: %d rows, %s", dataset.name, written.seen.rows, written.split_sizes)
    look_alike = dataset.is_look_alike(raw)
    return Manifest(
        dataset=dataset.name,
        title=f"simulated look-alike of {dataset.title}" if look_alike else dataset.title,
        simulated=look_alike or dataset.simulated,
        task_kind="binary",
        num_features=spec.num_features or dataset.num_features,
        num_ids=num_ids,
        split_kind=dataset.split_kind,
        split_column=dataset.split_column,
        split_sizes=written.split_sizes,
        content_sha256=written.content_sha256,
        source_sha256=digests,
        spec=spec,
        **summary(dataset, kept, written.seen),
    )


def _write_table(
    dataset: Dataset, raw: Path | None, kept: Sequence[Field], spec: PrepareSpec, table: Path
) -> _Written:
    """Write the rows, then with their split."""
    with TemporaryDirectory(dir=table.parent, prefix=f".{table.stem}.") as folder:
        rows = Path(folder) / "rows.parquet"
        seen = _hash_rows(dataset, raw, kept, spec.num_features or dataset.num_features, rows)
        _check_labels(dataset, seen)
        split = assign_parts(dataset, seen.rows, seen.places, spec.split, spec.split_seed)
        check_parts(dataset, rows, split)
        content = add_split(rows, table, split, len(kept))
    _warn(dataset, kept, seen)
    sizes = np.bincount(split, minlength=len(SPLITS)).tolist()
    return _Written(seen, dict(zip(SPLITS, sizes, strict=True)), content)


def _hash_rows(
    dataset: Dataset, raw: Path | None, kept: Sequence[Field], num_features: int, path: Path
) -> Seen:
    """Stream the rows once: write their ids and labels, and count."""
    names = [item.name for item in kept]
    tasks = [task.name for task in dataset.tasks]
    seen = Seen.of(names, len(tasks))
    with RowWriter(path, names, tasks) as writer:
        for batch in dataset.chunks(raw):
            ids = [hash_column(batch[n], n, num_features, seen.values[n]) for n in names]
            labels = _labels(batch, tasks)
            writer.write(ids, labels)
            seen.add(labels)
            if dataset.graded is not None:
                seen.add_grades(batch, tasks)
            if dataset.split_kind != "random":
                seen.places.append(batch["split"].to_numpy())
            _LOG.info("%s: %d rows hashed", dataset.name, seen.rows)
    for reason, count in sorted(dataset.dropped.items()):
        _LOG.warning("%s: %d rows dropped: %s", dataset.name, count, reason)
    return seen


def _labels(batch: pa.RecordBatch, tasks: Sequence[str]) -> list[NDArray[np.int8]]:
    """Return the label columns of a chunk, int8 [rows] each."""
    return [batch[task].to_numpy(zero_copy_only=False) for task in tasks]


def _check_labels(dataset: Dataset, seen: Seen) -> None:
    """Refuse a table without rows, and a task that has nothing to tell apart."""
    if seen.rows == 0:
        dropped = dict(sorted(dataset.dropped.items())) or "none"
        raise DataError(f"dataset {dataset.name!r}: no rows; dropped: {dropped}")
    for task, count in zip(dataset.tasks, np.diag(seen.ones), strict=True):
        if count in (0, seen.rows):
            raise DataError(
                f"dataset {dataset.name!r}: label {task.name} ({task.rule}) is "
                f"{int(count > 0)} in all {seen.rows} rows, both 0 and 1 are needed; "
                f"check column {task.column!r} of the source files"
            )


def _warn(dataset: Dataset, kept: Sequence[Field], seen: Seen) -> None:
    """Tell of fields from which nothing can be learned."""
    for item in kept:
        count = len(seen.values[item.name].ids)
        if count == 1:
            _LOG.warning("%s: field %s has one value only; drop it", dataset.name, item.name)
        elif count == seen.rows and item.kind != "id":
            _LOG.warning(
                "%s: field %s has another value in every row: nothing learned from it holds for "
                "other rows; drop it, or give it buckets",
                *(dataset.name, item.name),
            )
