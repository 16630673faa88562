"""A dataset that one YAML file describes."""

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import reduce
from glob import escape, glob
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mtnas.data.sources import base
from mtnas.data.sources._tabular import declaration, values
from mtnas.data.sources._tabular.definition import FILE_COLUMN, Definition
from mtnas.data.sources._tabular.delimited import DelimitedReader
from mtnas.data.sources._tabular.parts import FieldDefinition
from mtnas.data.sources._tabular.readers import JsonLinesReader, ParquetReader, Reader
from mtnas.data.sources.base import Field, Task
from mtnas.runtime.errors import DataError

_LOG = logging.getLogger(__name__)
_PARTS = ("train", "valid", "test")  # their numbers are 0, 1, 2
_READERS: dict[str, type[Reader]] = {
    "csv": DelimitedReader,
    "tsv": DelimitedReader,
    "jsonl": JsonLinesReader,
    "parquet": ParquetReader,
}
Columns = Mapping[str, pa.Array]


class Tally:
    """Values that could not be read as what they should be, of those that there are."""

    def __init__(self) -> None:
        self._values: Counter[str] = Counter()
        self._wrong: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    def add(self, what: str, column: pa.Array, wrong: pa.BooleanArray) -> None:
        """Count the values of a column; `what` says whose they are and what they should be."""
        self._values[what] += len(column) - column.null_count
        if count := _count(wrong):
            self._wrong[what] += count
            first = values.as_text(column.filter(wrong))[0].as_py()
            self._examples.setdefault(what, first[:80])

    def check(self, name: str) -> None:
        """Refuse what is wrong in most of its values; tell of the rest."""
        for what, count in self._wrong.items():
            text = f"{what}: {count} of {self._values[what]} are not, such as"
            text = f"{text} {self._examples[what]!r}"
            if 2 * count > self._values[what]:
                raise DataError(f"dataset {name!r}: {text}; correct its type or the rule")
            _LOG.warning("%s: %s", name, text)


class TabularDataset(base.Dataset):
    """Rows of tables in files, by the keys of `config/datasets/<name>.yaml`."""

    needs_raw = True

    def __init__(self, name: str, definition: Definition) -> None:
        super().__init__()
        self.name, self._keys = name, definition
        self.title = definition.title or name
        self.num_features = definition.num_features
        self.fields = tuple(f for field in definition.fields for f in self._fields(field))
        self.tasks = tuple(self._tasks())
        self.split_kind = definition.split.kind
        self.split_column = definition.split.column or definition.split.time
        if definition.split.ratios is not None:
            self.split = definition.split.ratios
        self.valid_share = definition.split.valid_share
        self.definition = definition.model_dump(mode="json", exclude={"label", "path"})
        self._tally = Tally()
        self._time_is_number: bool | None = None

    def _fields(self, name: str) -> Iterator[Field]:
        """Yield what a field becomes."""
        own, column = self._keys.fields[name], self._keys.column_of(name)
        for field in self._keys.names_of(name):
            suffix = field.removeprefix(f"{name}_") if own.type == "time" else ""
            text = ", ".join(filter(None, [own.help, suffix])) or column
            yield Field(field, column, own.type, text)

    def _tasks(self) -> Iterator[Task]:
        for i, (name, task) in enumerate(self._keys.tasks.items()):
            columns = ", ".join(task.expression.columns)
            yield Task(f"t{i}", columns, f"{task.rule}: {task.help or name}")

    def sources(self, raw: Path | None) -> list[Path]:
        """Return the files that `path` names; with a folder `raw`, those of these names in it."""
        found: list[Path] = []
        for name in self._keys.path:
            path = Path(name).expanduser() if raw is None else raw / Path(name).name
            # What a folder of the user's is called is no pattern.
            pattern = str(path) if raw is None else f"{escape(str(raw))}/{path.name}"
            listed = map(Path, glob(pattern))  # noqa: PTH207 (Path.glob takes no absolute one)
            matches = [path] if path.exists() else sorted(p for p in listed if p.exists())
            if not matches:
                raise DataError(
                    f"{path}: missing file of dataset {self.name!r}; place it there, correct "
                    f"`path` in its file, or name the folder in which it is, in the config as "
                    f"`dataset_options.{self.name}.raw: FOLDER`"
                )
            found += matches
        names = Counter(path.name for path in found)
        for path in found:
            if path.is_dir():
                raise DataError(f"{path}: a folder; `path` names files, such as `{path}/*.csv`")
            if not os.access(path, os.R_OK):
                raise DataError(f"{path}: you may not read this file; change its permissions")
            if names[path.name] > 1:
                raise DataError(f"{path}: `path` names {names[path.name]} files of this name")
        return found

    def chunks(self, raw: Path | None) -> Iterator[pa.RecordBatch]:
        """Yield the rows that have all labels and a place in the split, file by file."""
        self.dropped.clear()
        self.replaced.clear()
        self._tally, self._time_is_number = Tally(), None
        for path in self.sources(raw):
            for columns in self._read(path):
                yield self._batch(columns)
        self._tally.check(self.name)

    def _read(self, path: Path) -> Iterator[dict[str, pa.Array]]:
        """Yield the columns of one file by name, at most `BATCH_ROWS` rows at once."""
        reader = _READERS[self._keys.format](self._keys, path, self.dropped)
        names = [name for name in self._keys.needed() if name != FILE_COLUMN]
        for batch in reader.batches(names):
            for start in range(0, batch.num_rows, base.BATCH_ROWS):
                rows = batch.slice(start, base.BATCH_ROWS)
                columns = {FILE_COLUMN: pa.repeat(pa.scalar(path.name), rows.num_rows)}
                for name, column in zip(names, rows.columns, strict=True):
                    try:
                        columns[name] = values.clean(column, self._keys.missing)
                    except DataError as error:
                        reader.fail(f"column {name!r}: {error}")
                yield columns

    def _batch(self, columns: Columns) -> pa.RecordBatch:
        """Return one chunk of fields, labels and, for a fixed split, what decides it."""
        reasons: list[tuple[str, pa.BooleanArray]] = []
        labels = [self._label(i, columns, reasons) for i in range(len(self.tasks))]
        place = self._place(columns, reasons)
        needed = labels if place is None else [*labels, place]
        kept = reduce(pc.and_, map(pc.is_valid, needed))
        self._count(reasons, kept)
        rows = {name: column.filter(kept) for name, column in columns.items()}
        fields: dict[str, pa.Array] = {}
        for name, own in self._keys.fields.items():
            fields |= self._values(name, own, rows[self._keys.column_of(name)])
        chosen = [label.filter(kept) for label in labels]
        return self.batch(fields, chosen, split=None if place is None else place.filter(kept))

    def _label(
        self, index: int, columns: Columns, reasons: list[tuple[str, pa.BooleanArray]]
    ) -> pa.BooleanArray:
        """Return the label of one task, null where the row does not tell it."""
        rule, task = self._keys.rules[index], self.tasks[index].name
        label, rows = rule(columns, self._keys.decimal)
        absent = pc.is_null(label)
        for name, wrong in rows.wrong.items():
            what = (
                f"values of column {name!r} of rule `{rule.text}` must be numbers (or true, false)"
            )
            self._tally.add(what, columns[name], wrong)
            reasons.append((f"{task}: {name} is no number", pc.and_(absent, wrong)))
        reasons.append((f"{task}: {', '.join(rule.columns)} missing", absent))
        return label

    def _place(
        self, columns: Columns, reasons: list[tuple[str, pa.BooleanArray]]
    ) -> pa.Array | None:
        """Return what decides the split: the part's number, the time, or nothing if random."""
        split, name = self._keys.split, self.split_column
        if name is None:
            return None
        column = columns[name]
        reasons.append((f"split: {name} missing", pc.is_null(column)))
        if split.time is not None:
            place = self._time(column)
            reasons.append((f"split: {name} is no time", pc.is_null(place)))
            return place
        listed = [(value, part) for part in _PARTS for value in getattr(split, part)]
        index = pc.index_in(values.as_text(column), pa.array([value for value, _ in listed]))
        parts = pa.array([_PARTS.index(part) for _, part in listed], pa.int8())
        place = parts.take(index)
        reasons.append((f"split: {name} is in no list of the split", pc.is_null(place)))
        return place

    def _time(self, column: pa.Array) -> pa.DoubleArray:
        """Return numbers that rise with time: the column's own, or microseconds."""
        pattern, decimal = self._keys.split.time_format, self._keys.decimal
        if column.null_count == len(column):
            return pa.nulls(len(column), pa.float64())
        if self._time_is_number is None:  # the first rows decide for all
            written = pattern is not None or pa.types.is_temporal(column.type)
            _, no_number = values.as_number(column, decimal)
            _, no_time = values.as_time(column, pattern)
            self._time_is_number = not written and _count(no_number) <= _count(no_time)
        if self._time_is_number:
            place, wrong = values.as_number(column, decimal)
        else:
            times, wrong = values.as_time(column, pattern)
            place = times.cast(pa.int64()).cast(pa.float64())
        self._tally.add(
            f"values of column {self.split_column!r} of the split must be times", column, wrong
        )
        return place

    def _values(self, name: str, own: FieldDefinition, column: pa.Array) -> dict[str, pa.Array]:
        """Return what a field becomes, by name; a value that cannot be read is missing."""
        if own.type in ("category", "id"):
            return {name: column}
        if own.type == "time":
            times, wrong = values.as_time(column, own.time_format)
            found = {f"{name}_{part}": values.PARTS[part](times) for part in own.parts}
        else:
            numbers, wrong = values.as_number(column, self._keys.decimal)
            if own.type == "count":
                sound = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.greater_equal(numbers, 0))
                numbers = pc.if_else(sound, numbers, None)
                wrong = pc.and_(pc.is_valid(column), pc.is_null(numbers))
            found = {name: values.bucket(numbers, own.buckets)}
        self._tally.add(f"values of field {name!r} must be of type {own.type}", column, wrong)
        if count := _count(wrong):
            self.replaced[f"{name}: no {own.type}"] += count
        return found

    def _count(self, reasons: list[tuple[str, pa.BooleanArray]], kept: pa.BooleanArray) -> None:
        """Count every row that is left out once, under its first reason."""
        left = pc.invert(kept)
        for reason, rows in reasons:
            hit = pc.and_(left, rows)
            if count := _count(hit):
                self.dropped[reason] += count
            left = pc.and_not(left, hit)


def _count(mask: pa.BooleanArray) -> int:
    return int(pc.sum(mask).as_py() or 0)


def load(name: str, file: Path, keys: Mapping[str, Any] | None = None) -> TabularDataset:
    """Return the dataset of a file; `keys`, checked before, stand for all but its `path`."""
    definition = declaration.read(file)
    if keys is not None:
        definition = declaration.of({**keys, "path": list(definition.path)}, str(file))
    return TabularDataset(name, definition)
