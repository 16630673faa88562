"""Prepare a dataset: stream its rows, hash, split, store; tell everything in a manifest.

Memory grows with the number of distinct values, by 12 bytes each, and with the number of rows only
while the split is drawn and while equal rows are counted (and by the time and source of every row,
where there are such). Matrices of features are copied piece by piece; 8 bytes of each of their rows
are kept.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtnas.data import sources
from mtnas.data.pairs import twofold_pairs
from mtnas.data.prepare import drawn
from mtnas.data.prepare.ahead import read_ahead
from mtnas.data.prepare.faults import check_rows, warnings_of, warnings_of_repeated
from mtnas.data.prepare.fields import HashedInput, input_layout, inputs_of
from mtnas.data.prepare.groups import summary_of
from mtnas.data.prepare.hashing import IdCounts
from mtnas.data.prepare.initial import (
    Initial,
    digests_of,
    initial_files,
    write_initial,
)
from mtnas.data.prepare.inputs import MatrixCopy, input_files, write_inputs
from mtnas.data.prepare.labels import MulticlassLabel, labels_of
from mtnas.data.prepare.manifest import Manifest, PrepareSpec
from mtnas.data.prepare.parts import (
    assign_parts,
    check_parts,
    check_sources,
    check_split_of,
    sizes_by_part,
)
from mtnas.data.prepare.repeated import RowDigests
from mtnas.data.prepare.store import (
    GROUP_COLUMN,
    SOURCE_COLUMN,
    SPLIT_COLUMN,
    Finish,
    RowWriter,
    add_split,
)
from mtnas.data.prepare.summary import Seen, Written, described
from mtnas.data.prepare.vocabulary import (
    ids_file,
    vocabulary_file,
    write_compact,
    write_vocabulary,
)
from mtnas.data.sources.base import Dataset, Field
from mtnas.runtime.errors import DataError
from mtnas.runtime.files import Json, sha256_of, short_names

_LOG = logging.getLogger(__name__)


def prepare(
    spec: Json,
    *,
    table: str | Path,
    manifest: str | Path,
    raw: str | Path | None = None,
    encoded: str | Path | None = None,
) -> None:
    """Write the table (Parquet) of one dataset, and what belongs to it.

    Beside the table, and named after it, come its ids as training reads them (.ids.npy), its other
    inputs (the folder .inputs) and its vocabulary (.vocabulary.parquet).

    Args:
        spec: the keys of `PrepareSpec`.
        raw: folder of its raw files; None for an embedded dataset.
        encoded: features of its texts (rule `encode`); None: made now, where it needs them.
        table: path of the Parquet file.
        manifest: path of the JSON file in the same folder, written when all others are.

    Raises:
        ConfigError: an unknown dataset, field or key.
        DataError: a missing or broken source, too many rows left out, a label from which nothing
            can be learned, a bad split.
    """
    table, options = Path(table), PrepareSpec.of(spec, "prepare")
    table.parent.mkdir(parents=True, exist_ok=True)
    if options.synthetic is not None:
        facts = drawn.prepare(options, options.synthetic, table)
    else:
        facts = _prepare(options, table, _path(raw), _path(encoded))
    files = (table, ids_file(table), vocabulary_file(table), *input_files(table, facts.layout))
    facts.write(manifest, [*files, *initial_files(table, facts)])


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _prepare(spec: PrepareSpec, table: Path, raw: Path | None, encoded: Path | None) -> Manifest:
    """Write the table, its inputs and the vocabulary of a dataset that is read."""
    dataset, kept = _dataset(spec)
    dataset.encoded = encoded
    written = _write_table(dataset, raw, kept, spec, table)
    seen = written.seen
    hashed = {item.name: item.values.ids for item in seen.hashed}
    write_vocabulary(vocabulary_file(table), hashed, written.numbers)
    num_features, num_ids = spec.num_features or dataset.num_features, seen.num_ids
    write_initial(table, written.initial, num_features, written.numbers, num_ids)
    for text in written.warnings:
        _LOG.warning("%s: %s", dataset.name, text)
    _LOG.info("%s: %d rows, %s", dataset.name, seen.rows, sizes_by_part(written.split))
    return described(spec, dataset, raw, written)


def _dataset(spec: PrepareSpec) -> tuple[Dataset, tuple[Field, ...]]:
    """Return the dataset and its fields that are not dropped; refuse what cannot be prepared."""
    dataset = sources.load(spec.dataset, where="prepare: dataset", definition=spec.definition)
    where = f"dataset_options.{dataset.name}.drop_fields"
    kept = dataset.kept_fields(spec.drop_fields, where)
    _check_names(dataset)
    check_split_of(dataset, spec.split)
    return dataset, kept


def _check_names(dataset: Dataset) -> None:
    """Refuse two columns of the table with one name."""
    names = [*(field.name for field in dataset.fields), *(task.name for task in dataset.tasks)]
    names += [SPLIT_COLUMN, *([SOURCE_COLUMN] if dataset.source_names else [])]
    names += [GROUP_COLUMN] if dataset.group else []
    for name in names:
        if names.count(name) > 1:
            raise DataError(
                f"dataset {dataset.name!r}: two of its fields, tasks, `split`, `source` and "
                f"`group` have the name {name!r}; give one of them another name"
            )
    for name, first, second in twofold_pairs([task.name for task in dataset.tasks]):
        raise DataError(
            f"dataset {dataset.name!r}: the correlations of its tasks {first} and of {second} "
            f"would both have the name {name!r}; give one of them another name"
        )


def _write_table(
    dataset: Dataset, raw: Path | None, kept: Sequence[Field], spec: PrepareSpec, table: Path
) -> Written:
    """Write the rows, then with their split, and the inputs that are no ids."""
    raw_files = dataset.sources(raw)
    source_sha256 = dict(zip(short_names(raw_files), map(sha256_of, raw_files), strict=True))
    with TemporaryDirectory(dir=table.parent, prefix=f".{table.stem}.") as folder:
        rows, digests = Path(folder) / "rows.parquet", RowDigests(Path(folder))
        matrices = MatrixCopy(Path(folder) / "inputs", _matrices(dataset, raw, kept))
        counts, num_features = IdCounts(), spec.num_features or dataset.num_features
        inputs = inputs_of(kept, num_features, counts, matrices.keys)
        seen = Seen.of(inputs, labels_of(dataset.tasks), counts)
        _stream(dataset, raw, seen, rows, digests)
        check_rows(dataset, seen, spec.allow_lost)
        source = seen.source
        check_sources(dataset, source)
        split = assign_parts(dataset, seen.rows, source, seen.places, spec.split, spec.split_seed)
        finish, groups = _finish(seen), seen.groups.numbered() if dataset.group else None
        check_parts(dataset, seen.tasks, rows, split, source, finish.classes)
        initial = _initial(dataset, raw, kept)
        files = {**matrices.digests, **digests_of(initial)}
        layout, hashed = input_layout(inputs), [item.name for item in seen.hashed]
        with ThreadPoolExecutor(1) as beside:  # both read the same rows
            compact = beside.submit(
                write_compact, rows, ids_file(table), layout, hashed, counts.rows
            )
            content = add_split(rows, table, split, finish, files, groups)
            numbers, _ = compact.result()
        repeated = digests.count(split)
        write_inputs(table, layout, matrices.folder)
    warnings = [*warnings_of(dataset, seen), *matrices.warnings(), *warnings_of_repeated(repeated)]
    told = None
    if groups is not None:
        told = summary_of(dataset.group, groups, split, source, dataset.source_names)
    return Written(
        seen, layout, split, numbers, repeated, told, initial, content, source_sha256, warnings
    )


def _matrices(
    dataset: Dataset, raw: Path | None, kept: Sequence[Field]
) -> dict[str, NDArray[np.float32]]:
    """Return the matrix of every kept field of features."""
    names = [item.name for item in kept if item.kind == "features"]
    found = dataset.matrices(raw) if names else {}
    return {name: found[name] for name in names}


def _initial(dataset: Dataset, raw: Path | None, kept: Sequence[Field]) -> Initial:
    """Return the vectors that embeddings of kept fields begin as."""
    names = [item.name for item in kept]
    return {name: own for name, own in dataset.initial(raw).items() if name in names}


def _stream(
    dataset: Dataset, raw: Path | None, seen: Seen, path: Path, digests: RowDigests
) -> None:
    """Stream the rows once: write what is stored of them, and count."""
    source = [pa.field(SOURCE_COLUMN, pa.int8())] if dataset.source_names else []
    stored = [pa.field(item.name, item.stored) for item in seen.inputs]
    stored += [pa.field(label.name, label.stored) for label in seen.labels]
    with RowWriter(path, pa.schema([*stored, *source])) as writer:
        for batch in read_ahead(dataset.chunks(raw)):
            fields, keys = zip(*(item.read(batch[item.name]) for item in seen.inputs), strict=True)
            labels, values = zip(*(item.add(batch[item.name]) for item in seen.labels), strict=True)
            of_source = [batch[SOURCE_COLUMN]] if source else []
            writer.write([*fields, *labels, *of_source])
            seen.add(values)
            seen.sources += [column.to_numpy() for column in of_source]
            digests.add([*keys, *(s.astype(np.uint64) for s in seen.sources[-1:])], values)
            if dataset.graded is not None:
                seen.add_grades(batch)
            if dataset.split_kind != "random" or dataset.fixed_sources:
                seen.places.append(batch[SPLIT_COLUMN].to_numpy())
            if dataset.group:
                seen.groups.add(batch[GROUP_COLUMN])
            _LOG.info("%s: %d rows hashed", dataset.name, seen.rows)
    for reason, count in sorted(dataset.dropped.items()):
        _LOG.warning("%s: %d rows dropped: %s", dataset.name, count, reason)


def _finish(seen: Seen) -> Finish:
    """Return how the rows become the table."""
    complete = [item.name for item in seen.inputs if item.missing == 0]
    complete += [label.name for label in seen.labels if label.labelled == label.rows]
    return Finish(
        complete=frozenset([*complete, SOURCE_COLUMN]),
        ids=[item.name for item in seen.inputs if type(item) is HashedInput],
        labels=[label.name for label in seen.labels if label.is_plain],
        classes={
            label.name: label.new_numbers
            for label in seen.labels
            if isinstance(label, MulticlassLabel)
        },
    )
