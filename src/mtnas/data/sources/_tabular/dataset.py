"""A dataset that one YAML file describes."""

import shutil
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data import packaged
from mtnas.data.engine.reading import AS_WRITTEN
from mtnas.data.sources import base
from mtnas.data.sources._tabular import declaration
from mtnas.data.sources._tabular.definition import Definition, SourceDefinition
from mtnas.data.sources._tabular.files import find
from mtnas.data.sources._tabular.labels import TYPES
from mtnas.data.sources._tabular.places import Clock
from mtnas.data.sources._tabular.rows import Chunk, Counts, Files, SourceReader, ToScore
from mtnas.data.sources._tabular.spec import from_spec, kept_in_spec
from mtnas.data.sources._tabular.stacked import stacks_of
from mtnas.data.sources.base import UNKNOWN, Field, Task
from mtnas.runtime.errors import DataError

UNREAD = "@unread"  # a column: whether the value of a field could not be read


class TabularDataset(base.Dataset):
    """Rows of tables in files, by the keys of `config/datasets/<name>.yaml`.

    Rows `to_score` have more columns: `UNREAD`, whether the value of a field could not be read, and
    those that are kept, under their names after `AS_WRITTEN`.
    """

    needs_raw = True

    def __init__(self, name: str, definition: Definition, to_score: ToScore | None = None) -> None:
        super().__init__()
        self._to_score = to_score
        self.name, self._keys = name, definition
        self.title = definition.title or name
        self.num_features = definition.num_features
        self.allow_lost = definition.allow_lost
        listed = definition.sources
        tables = dict.fromkeys(s.package for s in listed.values() if s.package is not None)
        self.downloads = tuple(map(packaged.packaged, tables))
        self.source_names = tuple(listed) if len(listed) > 1 or "" not in listed else ()
        fields = {f.name: f for source in listed.values() for f in _fields(source)}
        self.fields = tuple(fields.values())
        self.tasks = tuple(t for key, source in listed.items() for t in _tasks(key, source))
        self.split_kind = definition.split.kind
        self.split_column = definition.split.column or definition.split.time
        if definition.split.ratios is not None:
            self.split = definition.split.ratios
        self.valid_share = definition.split.valid_share
        self.group = ", ".join(dict.fromkeys(s.group for s in listed.values() if s.group))
        self.definition = kept_in_spec(definition)
        self._copies: Path | None = None

    @property
    def keys(self) -> Definition:
        """Return all keys of its file, checked and written out."""
        return self._keys

    def sources(self, raw: Path | None) -> list[Path]:
        """Return all files that are named; with a folder `raw`, those of these names in it."""
        found = [path for files in self._files(raw).values() for path in files.all()]
        return list(dict.fromkeys(found))

    def matrices(self, raw: Path | None) -> dict[str, np.memmap[Any, Any]]:
        """Return the matrix of every field of type features, float32 [K, W]."""
        if self._copies is None:
            self._copies = Path(mkdtemp(prefix="mtnas."))
            weakref.finalize(self, shutil.rmtree, self._copies, ignore_errors=True)
        stacks = stacks_of(self._keys.sources, self._files(raw))
        return {
            field: stack.matrix(Path(mkdtemp(dir=self._copies))) for field, stack in stacks.items()
        }

    def chunks(self, raw: Path | None) -> Iterator[pa.RecordBatch]:
        """Yield the rows that have a label and a place in the split, source by source."""
        self.count_anew()
        clock, found = Clock(), self._files(raw)
        stacks = stacks_of(self._keys.sources, found)
        for number, (key, files) in enumerate(found.items()):
            source, rows, counts = self._keys.sources[key], 0, Counts()
            starts = {field: stack.start(key) for field, stack in stacks.items()}
            reader = SourceReader(self._keys, key, files, counts, clock, self._to_score)
            for chunk in reader.chunks():
                batch = self._batch(number, source, chunk, starts)
                rows += batch.num_rows
                yield batch
            if key and not rows:
                raise DataError(
                    f"dataset {self.name!r}: source {key!r} has no rows; dropped: "
                    f"{dict(sorted(counts.dropped.items())) or 'none'}"
                )
            if self._to_score is None:
                counts.tally.check(f"dataset {self.name!r}{f': source {key!r}' if key else ''}")
                counts.warnings += counts.tally.warnings()
            else:
                counts.warnings += counts.tally.lines()
            self._add(key, counts)
        self.warnings[:] = dict.fromkeys(self.warnings)

    def _add(self, key: str, counts: Counts) -> None:
        """Add what was counted of one source to what is told of all."""
        self.dropped.update(counts.dropped)
        self.replaced.update(counts.replaced)
        self.unmatched.update(counts.unmatched)
        self.warnings += counts.warnings
        if key:
            self.dropped_of[key] = counts.dropped

    def _files(self, raw: Path | None) -> dict[str, Files]:
        """Find the files of every source."""
        return {
            key: Files(
                find(source.path, raw, self.name),
                {name: find(join.path, raw, self.name) for name, join in source.joins.items()},
                {
                    name: find([own.path], raw, self.name)[0]
                    for name, own in source.fields.items()
                    if own.path is not None
                },
            )
            for key, source in self._keys.sources.items()
        }

    def _batch(
        self, number: int, source: SourceDefinition, chunk: Chunk, starts: Mapping[str, int]
    ) -> pa.RecordBatch:
        """Return a chunk with the fields and tasks of all sources; a matrix starts at a row."""
        fields, rows = chunk.fields, len(chunk.labels[0])
        given = dict(zip(source.tasks, chunk.labels, strict=True))
        columns = {f.name: _values(f, fields.get(f.name), rows) for f in self.fields}
        for name in starts.keys() & fields.keys():
            columns[name] = pc.add(columns[name], starts[name])
        for task in self.tasks:
            kind = TYPES[task.kind]
            columns[task.name] = given[task.name] if task.name in given else pa.nulls(rows, kind)
        if self.source_names:
            columns["source"] = pa.repeat(pa.scalar(number, pa.int8()), rows)
        if chunk.place is not None:
            columns["split"] = chunk.place
        if self.group:
            columns["group"] = pa.nulls(rows, pa.string()) if chunk.group is None else chunk.group
        if self._to_score is not None:
            columns[UNREAD] = chunk.unread
            columns |= {AS_WRITTEN + column: own for column, own in chunk.written.items()}
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _fields(source: SourceDefinition) -> Iterator[Field]:
    """Yield what the fields become."""
    for name, own in source.fields.items():
        column = own.sql or ", ".join(source.columns_of(name)) or own.path or name
        for field in source.names_of(name):
            suffix = field.removeprefix(f"{name}_") if own.type == "time" else ""
            text = ", ".join(filter(None, [own.help, suffix])) or column
            yield Field(field, column, own.type, text)


def _tasks(key: str, source: SourceDefinition) -> Iterator[Task]:
    for name, task in source.tasks.items():
        yield Task(
            name,
            ", ".join(task.expression.columns),
            f"{task.sql}: {task.help}" if task.help else task.sql,
            kind=task.kind,
            classes=task.classes,
            unit=task.unit,
            metrics=task.metrics,
            source=key,
            loss_weight=task.loss_weight * source.loss_weight,
        )


def _values(field: Field, column: pa.Array | None, rows: int) -> pa.Array:
    """Return a field as all sources have it; null or `unknown` where one lacks it."""
    if field.kind == "numeric":
        return pa.nulls(rows, pa.float64()) if column is None else column
    if field.kind == "features":
        return pa.nulls(rows, pa.int64()) if column is None else column
    if field.kind == "list":
        if column is not None:
            return column
        return pa.array([[UNKNOWN]] * rows, pa.list_(pa.string()))
    column = pa.nulls(rows, pa.string()) if column is None else column
    return base.as_text(column.dictionary_encode())


def load(name: str, file: Path, keys: Mapping[str, Any] | None = None) -> TabularDataset:
    """Return the dataset of a file; `keys`, checked before, stand for all but its `path`."""
    definition = declaration.read(file)
    if keys is not None:
        definition = declaration.of(from_spec(keys, definition), str(file))
    return TabularDataset(name, definition)
