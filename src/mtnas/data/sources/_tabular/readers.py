"""Tables in files as record batches of the columns that are needed, in bounded memory.

Text becomes text columns; Parquet keeps its types. A row that cannot be read is counted by its
reason; if most rows cannot, that is an error.
"""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from mtnas.data.sources import base
from mtnas.data.sources._tabular.definition import Definition
from mtnas.data.sources._tabular.text import TextFile
from mtnas.runtime.errors import DataError, MtnasError


class Reader(ABC):
    """What the readers of one file share: they count what they cannot read."""

    def __init__(self, definition: Definition, path: Path, dropped: Counter[str]) -> None:
        self.definition, self.path, self.dropped = definition, path, dropped
        self.rows = self.broken = 0
        self.example = ""

    @abstractmethod
    def batches(self, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the needed columns in their order.

        Raises:
            DataError: the file is not what its definition says, or most of its rows are broken.
        """

    def drop(self, reason: str, text: str, rows: int = 1) -> None:
        """Count rows that cannot be read, and keep the first as an example."""
        self.dropped[f"{self.path.name}: {reason}"] += rows
        self.broken += rows
        self.example = self.example or text[:80]

    def check_end(self, what: str, fix: str) -> None:
        """Refuse a file most of whose rows are broken."""
        if self.broken > self.rows:
            self.fail(
                f"{self.broken} of {self.broken + self.rows} rows {what}; the first is "
                f"{self.example!r}; {fix}"
            )

    def check_columns(self, columns: Sequence[str], needed: Sequence[str], hint: str = "") -> None:
        """Refuse a table that lacks a needed column or has it twice."""
        try:
            self.definition.check_columns(columns, str(self.path))
        except MtnasError as error:
            raise DataError(f"{error}{hint}") from None
        for name in needed:
            if columns.count(name) > 1:
                self.fail(f"{columns.count(name)} columns have the name {name!r}; rename them")

    def fail(self, why: str) -> NoReturn:
        """Raise what makes the whole file useless."""
        raise DataError(f"{self.path}: {why}")


class ParquetReader(Reader):
    """Columns of a Parquet file, with their types."""

    def batches(self, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the needed columns in their order."""
        try:
            with pq.ParquetFile(self.path) as file:
                self.check_columns(file.schema_arrow.names, needed)
                for batch in file.iter_batches(base.BATCH_ROWS, columns=list(needed)):
                    yield batch.select(list(needed))
        except (pa.ArrowException, OSError) as error:
            self.fail(f"not a sound Parquet file ({str(error).splitlines()[0]}); see key `format`")


class JsonLinesReader(Reader):
    """One JSON object per line; `a.b` is the key b of the object at key a."""

    def batches(self, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield text columns in the order of `needed`; a key that a line lacks is missing."""
        seen: dict[str, None] = {}
        objects = self._objects()
        while chunk := list(islice(objects, base.BATCH_ROWS)):
            self.rows += len(chunk)
            for row in chunk:
                seen.update(dict.fromkeys(row))
            columns = [self._column(chunk, name) for name in needed]
            seen.update(
                (name, None)
                for name, column in zip(needed, columns, strict=True)
                if column.null_count < len(column)
            )
            yield pa.RecordBatch.from_arrays(columns, names=list(needed))
        self.check_end("are no JSON objects", "one object per line is expected")
        if self.rows:
            self.check_columns(list(seen), ())

    def _objects(self) -> Iterator[dict[str, Any]]:
        for block in TextFile(self.path, self.definition.encoding).blocks():
            for line in block.split("\n"):
                if not line.strip():
                    continue
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError):
                    value = None
                if isinstance(value, dict):
                    yield value
                else:
                    self.drop("not a JSON object", line)

    def _column(self, rows: Sequence[dict[str, Any]], name: str) -> pa.StringArray:
        try:
            return pa.array([_text(_at(row, name)) for row in rows], pa.string())
        except UnicodeEncodeError:  # half of a character, which JSON can write
            texts = (_text(_at(row, name)) for row in rows)
            sound = [None if t is None else t.encode("utf-8", "replace").decode() for t in texts]
            return pa.array(sound, pa.string())
        except TypeError:
            self.fail(f"column {name!r} holds objects; name one of their keys, as `{name}.KEY`")


def _at(row: Any, name: str) -> Any:
    """Return the value of a key, or of a key of a key."""
    if name in row:
        return row[name]
    first, dot, rest = name.partition(".")
    inner = row.get(first) if dot else None
    return _at(inner, rest) if isinstance(inner, dict) else None


def _text(value: Any) -> str | None:
    """Return a value as text: 4.0 is "4", a list is joined by `|`; `TypeError` for objects."""
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case int() | float():
            return str(value)
        case list():
            return "|".join(_text(item) or "" for item in value)
    raise TypeError(value)
