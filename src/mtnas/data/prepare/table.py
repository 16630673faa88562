"""Prepare a dataset: stream its rows, hash, split, store; tell everything in a manifest.

Memory grows with the number of distinct values, by 12 bytes each, and with the number of rows only
while the split is drawn (and by the time of every row, if that splits them).
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtnas.data import sources
from mtnas.data.prepare import drawn
from mtnas.data.prepare.hashing import Vocabulary, hash_column
from mtnas.data.prepare.parts import assign_parts, check_parts, check_split_of
from mtnas.data.prepare.splits import SPLITS
from mtnas.data.prepare.store import RowWriter, add_split
from mtnas.data.prepare.vocabulary import write_compact
from mtnas.data.sources.base import GRADE, Dataset, Field
from mtnas.runtime.errors import ConfigError, DataError, unknown
from mtnas.runtime.files import sha256_of, write_json

_LOG = logging.getLogger(__name__)
_MAX_FEATURES = 2**31 - 1  # ids are int32


@dataclass(frozen=True)
class PrepareSpec:
    """Everything that decides what is in a prepared table; None asks for the dataset's own."""

    dataset: str
    num_features: int | None = None
    drop_fields: Sequence[str] = ()
    split: Sequence[float] | None = None
    split_seed: int = 0
    definition: Mapping[str, Any] | None = None  # of a dataset that a YAML file declares
    synthetic: Mapping[str, Any] | None = None  # of a dataset that is drawn (`features.drawn`)
    seeds: Sequence[int] = ()  # one draw each

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> "PrepareSpec":
        """Check a mapping; `ConfigError` names an unknown key or a value out of range."""
        allowed = [item.name for item in fields(cls)]
        for key in spec:
            if key not in allowed:
                raise ConfigError(unknown("key", key, allowed, "prepare"))
        if "dataset" not in spec:
            raise ConfigError("prepare: the key 'dataset' is missing; name a dataset")
        self = cls(**spec)
        _check_whole("num_features", self.num_features, 2, _MAX_FEATURES)
        _check_whole("split_seed", self.split_seed, 0, 2**63 - 1)
        return self


@dataclass
class Seen:
    """What the rows held: the different values of every field, and counts of labels."""

    values: dict[str, Vocabulary]
    ones: NDArray[np.int64]  # [tasks, tasks]: rows where both labels are 1
    rows: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    grades: Counter[tuple[float, ...]] = field(default_factory=Counter)  # (grade, *labels): rows
    places: list[NDArray[Any]] = field(default_factory=list)  # what decides a fixed split


def prepare(
    spec: Mapping[str, Any],
    *,
    table: str | Path,
    manifest: str | Path,
    ids: str | Path | None = None,
    raw: str | Path | None = None,
) -> None:
    """Write the table (Parquet), its ids for training and the manifest (JSON) of one dataset.

    Args:
        spec: the keys of `PrepareSpec`.
        raw: folder of its raw files; None for an embedded dataset.
        table: path of the Parquet file, written atomically before the manifest.
        manifest: path of the JSON file.
        ids: path of the ids as training reads them, in the manifest's folder; by default
            named after the table.

    Raises:
        ConfigError: an unknown dataset, field or key.
        DataError: a missing or broken source, a label with one class only, a bad split.
    """
    table, options = Path(table), PrepareSpec.of(spec)
    ids = Path(ids or table.with_suffix(".ids.npy"))
    if options.synthetic is not None:
        facts = drawn.prepare(
            options.dataset, options.synthetic, options.seeds, options.split, table, ids
        )
    else:
        facts = _prepare(options, table, ids, None if raw is None else Path(raw))
    write_json(manifest, {**facts, "spec": asdict(options)})


def _prepare(options: PrepareSpec, table: Path, ids: Path, raw: Path | None) -> dict[str, Any]:
    """Write the table and the ids of a dataset that is read; return what the manifest tells."""
    dataset = sources.load(options.dataset, where="prepare: dataset", definition=options.definition)
    where = f"dataset_options.{dataset.name}.drop_fields"
    kept = dataset.kept_fields(options.drop_fields, where)
    check_split_of(dataset, options.split)
    digests = {path.name: sha256_of(path) for path in dataset.sources(raw)}
    table.parent.mkdir(parents=True, exist_ok=True)
    seen, sizes, content = _write_table(dataset, raw, kept, options, table)
    compact = write_compact(table, ids, len(kept))
    _warn(dataset, kept, seen)
    _LOG.info("%s: %d rows, %s", dataset.name, seen.rows, sizes)
    return {
        **_describe(dataset, kept, seen, look_alike=dataset.is_look_alike(raw)),
        "num_features": options.num_features or dataset.num_features,
        "split_kind": dataset.split_kind,
        "split_column": dataset.split_column,
        "split_sizes": sizes,
        "split_seed": options.split_seed,
        "content_sha256": content,
        "compact": compact,
        "task_kind": "binary",
        "drawn_seeds": None,
        "source_sha256": digests,
    }


def _write_table(
    dataset: Dataset, raw: Path | None, kept: Sequence[Field], options: PrepareSpec, table: Path
) -> tuple[Seen, dict[str, int], str]:
    """Write the rows, then with their split; return what they held, split sizes and checksum."""
    with TemporaryDirectory(dir=table.parent, prefix=f".{table.stem}.") as folder:
        rows = Path(folder) / "rows.parquet"
        seen = _hash_rows(dataset, raw, kept, options.num_features or dataset.num_features, rows)
        _check_labels(dataset, seen)
        split = assign_parts(dataset, seen.rows, seen.places, options.split, options.split_seed)
        check_parts(dataset, rows, split)
        sizes = np.bincount(split, minlength=len(SPLITS)).tolist()
        content = add_split(rows, table, split, len(kept))
    return seen, dict(zip(SPLITS, sizes, strict=True)), content


def _hash_rows(
    dataset: Dataset, raw: Path | None, kept: Sequence[Field], num_features: int, path: Path
) -> Seen:
    """Stream the rows once: write their ids and labels, and count."""
    names = [item.name for item in kept]
    tasks = [task.name for task in dataset.tasks]
    values = {name: Vocabulary() for name in names}
    seen = Seen(values, np.zeros((len(tasks), len(tasks)), np.int64))
    with RowWriter(path, names, tasks) as writer:
        for batch in dataset.chunks(raw):
            ids = [hash_column(batch[n], n, num_features, values[n]) for n in names]
            labels = _labels(batch, tasks)
            writer.write(ids, labels)
            wide = np.stack(labels, axis=1).astype(np.int64)
            seen.ones += wide.T @ wide
            if dataset.graded is not None:
                seen.grades.update(_grades(batch, tasks))
            seen.rows += batch.num_rows
            if dataset.split_kind != "random":
                seen.places.append(batch["split"].to_numpy())
            _LOG.info("%s: %d rows hashed", dataset.name, seen.rows)
    seen.dropped = dict(sorted(dataset.dropped.items()))
    for reason, count in seen.dropped.items():
        _LOG.warning("%s: %d rows dropped: %s", dataset.name, count, reason)
    return seen


def _grades(batch: pa.RecordBatch, tasks: Sequence[str]) -> Counter[tuple[float, ...]]:
    """Count the rows of a chunk by grade and labels."""
    keys = [GRADE, *tasks]
    counted = pa.Table.from_batches([batch]).group_by(keys).aggregate([([], "count_all")])
    rows = zip(*(counted[key].to_pylist() for key in keys), strict=True)
    return Counter(dict(zip(rows, counted["count_all"].to_pylist(), strict=True)))


def _labels(batch: pa.RecordBatch, tasks: Sequence[str]) -> list[NDArray[np.int8]]:
    """Return the label columns of a chunk, int8 [rows] each."""
    return [batch[task].to_numpy(zero_copy_only=False) for task in tasks]


def _check_labels(dataset: Dataset, seen: Seen) -> None:
    """Refuse a table without rows, and a task that has nothing to tell apart."""
    if seen.rows == 0:
        raise DataError(f"dataset {dataset.name!r}: no rows; dropped: {seen.dropped or 'none'}")
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


def _describe(
    dataset: Dataset, kept: Sequence[Field], seen: Seen, *, look_alike: bool
) -> dict[str, Any]:
    """Return what the manifest says about the rows."""
    ids = {name: values.ids for name, values in seen.values.items()}
    counts = {
        name: {"distinct_values": len(found), "distinct_ids": _num_different(found)}
        for name, found in ids.items()
    }
    return {
        "dataset": dataset.name,
        "title": f"simulated look-alike of {dataset.title}" if look_alike else dataset.title,
        "simulated": look_alike or dataset.simulated,
        "rows": seen.rows,
        "rows_dropped": seen.dropped,
        "values_replaced": dict(sorted(dataset.replaced.items())),
        "fields": [{**asdict(f), **counts[f.name]} for f in kept],
        "tasks": [asdict(task) for task in dataset.tasks],
        "distinct_values": sum(map(len, ids.values())),
        "distinct_ids": _num_different(np.concatenate(list(ids.values()))),
        "collisions": _collisions(ids),
        "label_rates": _rates(seen, [t.name for t in dataset.tasks]),
        "label_pcc": _correlations(seen, [t.name for t in dataset.tasks]),
        "grades": None if dataset.graded is None else _graded(dataset, seen),
    }


def _graded(dataset: Dataset, seen: Seen) -> dict[str, Any]:
    """Return how many rows have each grade with each combination of labels."""
    (column,) = (task.column for task in dataset.tasks if task.name == dataset.graded)
    counts = [{"grade": g, "labels": list(t), "rows": n} for (g, *t), n in seen.grades.items()]
    counts.sort(key=lambda entry: (entry["grade"], entry["labels"]))
    return {"task": dataset.graded, "column": column, "counts": counts}


def _num_different(ids: NDArray[np.int32]) -> int:
    """Count different ids; sorting is faster here than the hash table of np.unique."""
    ids = np.sort(ids)
    return len(ids) and 1 + int(np.count_nonzero(ids[1:] != ids[:-1]))


def _collisions(ids: Mapping[str, NDArray[np.int32]]) -> dict[str, Any]:
    """Count the values that share their id with another value of any field."""
    every = np.concatenate(list(ids.values()))
    _, which, owners = np.unique(every, return_inverse=True, return_counts=True)
    shared = owners[which] > 1
    ends = np.cumsum([len(found) for found in ids.values()])
    counts = {
        name: int(part.sum()) for name, part in zip(ids, np.split(shared, ends[:-1]), strict=True)
    }
    per_field = {name: {"count": n, "rate": n / len(ids[name])} for name, n in counts.items()}
    total = sum(counts.values())
    return {"count": total, "rate": total / len(every), "per_field": per_field}


def _rates(seen: Seen, tasks: Sequence[str]) -> dict[str, float]:
    """Return the share of ones of every label."""
    return {task: float(seen.ones[i, i]) / seen.rows for i, task in enumerate(tasks)}


def _correlations(seen: Seen, tasks: Sequence[str]) -> dict[str, float]:
    """Return the Pearson correlation of every pair of labels, keyed as "t0_t1"."""
    p = seen.ones / seen.rows
    spread = np.sqrt(np.diag(p) * (1 - np.diag(p)))
    pcc = (p - np.outer(np.diag(p), np.diag(p))) / np.outer(spread, spread)
    pairs = [(i, j) for i in range(len(tasks)) for j in range(i + 1, len(tasks))]
    return {f"{tasks[i]}_{tasks[j]}": float(pcc[i, j]) for i, j in pairs}


def _check_whole(key: str, value: object, low: int, high: int) -> None:
    """Refuse anything but None or a whole number in [low, high]."""
    if value is None or (type(value) is int and low <= value <= high):
        return
    raise ConfigError(f"prepare.{key}: {value!r}; allowed: a whole number from {low} to {high}")
