"""Open the files of one table as they probably are, and describe it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mtnas.data.describe.guess import Keys, guess, header
from mtnas.data.describe.profile import Profile, profile
from mtnas.data.engine.connection import Engine, EngineError, name
from mtnas.data.engine.reading import Reading
from mtnas.data.engine.tables import open_table
from mtnas.data.engine.text import TextFile
from mtnas.runtime.errors import DataError

ROWS = 1_000_000  # that are looked at
_OF_TSV: Keys = {"format": "tsv", "delimiter": "\t", "quote": None}
_LINES = 1000  # of JSON whose keys are the columns


@dataclass(frozen=True)
class Look:
    """A table at first sight: what it holds, and how it was read.

    `keys` are those of a definition that say how; `dropped` counts lines that cannot be read.
    """

    files: tuple[Path, ...]
    keys: Keys
    table: Profile
    is_whole: bool  # all rows were looked at
    dropped: Counter[str] = field(default_factory=Counter)
    warnings: tuple[str, ...] = ()


def look(
    files: Sequence[Path], *, delimiter: str | None = None, encoding: str | None = None
) -> Look:
    """Describe one table in some files; what is not given is guessed from the first.

    Raises:
        DataError: a file is missing, or cannot be read as a table.
    """
    for file in files:
        if not file.is_file():
            raise DataError(f"{file}: no such file; name the files of one table")
    keys = guess(files[0], delimiter=delimiter, encoding=encoding)
    reading = Reading(**{**_OF_TSV, **keys} if keys["format"] == "tsv" else keys)
    names = _columns(files, reading)
    if not names:
        raise DataError(f"{files[0]}: no column has a name; give it a header")
    with Engine(files) as engine:
        opened = open_table(engine, files, reading, names)
        types = {column: opened.types[column] for column in names if column in opened.types}
        listed = ", ".join(map(name, types))
        try:
            engine.fetch(
                f"CREATE TABLE seen AS SELECT {listed} FROM {name(opened.view)} LIMIT {ROWS}"
            )
            table = profile(engine.fetch, "seen", types)
        except EngineError as error:
            raise DataError(f"{files[0]}: cannot be described: {error}") from None
    if not table.rows:
        raise DataError(f"{files[0]}: a header and no rows; is the file complete?")
    is_whole = table.rows < ROWS
    said = (*_differences(files, reading, names), *opened.warnings)
    return Look(tuple(files), keys, table, is_whole, opened.dropped, said)


def _differences(files: Sequence[Path], reading: Reading, names: Sequence[str]) -> Iterator[str]:
    """Say which files lack a column that others have."""
    for file in files if len(files) > 1 else ():
        own = _columns([file], reading)
        lacking = [name for name in names if name not in own]
        if lacking and reading.format != "jsonl":  # whose lines may lack any key
            yield (
                f"{file}: has no {', '.join(lacking[:5])}{', ...' * (len(lacking) > 5)}, which "
                "other files have; tables of different things are `joins` or `sources`"
            )


def _columns(files: Sequence[Path], reading: Reading) -> list[str]:
    """Name the columns of a table, each once, in their order."""
    if reading.format == "parquet":
        try:
            found = [name for file in files for name in _members(pq.read_schema(file))]
        except (pa.ArrowException, OSError) as error:
            why = str(error).splitlines()[0]
            raise DataError(f"{files[0]}: not a sound Parquet file ({why})") from None
    elif reading.format == "jsonl":
        found = [name for file in files for name in _keys(file, reading.encoding)]
    else:
        found = list(reading.columns) or [
            name for file in files for name in header(file, reading.encoding, reading.delimiter)
        ]
    return [name for name in dict.fromkeys(found) if name]


def _members(schema: pa.Schema | pa.StructType, before: str = "") -> Iterator[str]:
    """Yield the names of columns; of a structure, those of its members."""
    for member in schema:
        if pa.types.is_struct(member.type):
            yield from _members(member.type, f"{before}{member.name}.")
        elif not pa.types.is_map(member.type):
            yield before + member.name


def _keys(file: Path, encoding: str) -> Iterator[str]:
    """Yield the keys of the first lines; of an object, the keys in it."""
    blocks = TextFile(file, encoding).blocks()
    for line in next(blocks, "").split("\n")[:_LINES]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield from _inner_keys(value)


def _inner_keys(value: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for key, inner in value.items():
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            inner = inner[0]
        if isinstance(inner, dict):
            yield from _inner_keys(inner, f"{before}{key}.")
        else:
            yield before + key
