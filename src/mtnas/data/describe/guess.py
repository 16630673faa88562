"""How a file is probably to be read: format, encoding, delimiter, header."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypedDict

from mtnas.data.engine.reading import Format
from mtnas.data.engine.text import TextFile
from mtnas.runtime.errors import DataError, MtnasError

_PARQUET = b"PAR1"
_ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")
_DELIMITERS = (",", "\t", ";", "|", "::")
_LINES = 50
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


class _Given(TypedDict, total=False):
    encoding: str
    delimiter: str
    quote: str | None
    header: bool
    columns: tuple[str, ...]


class Keys(_Given):
    """Keys of a definition that say how a file is read."""

    format: Format


def guess(path: Path, *, delimiter: str | None = None, encoding: str | None = None) -> Keys:
    """Return the keys of a definition that say how a file is read; defaults are left out.

    Delimiter and encoding are guessed where they are not given.

    Raises:
        DataError: the file is missing, empty, or no text and no Parquet.
    """
    with path.open("rb") as file:
        if file.read(4) == _PARQUET:
            return {"format": "parquet"}
    encoding, text = _decoded(path, [encoding] if encoding else _ENCODINGS)
    lines = [line for line in text.split("\n")[:_LINES] if line.strip()]
    if not lines:
        raise DataError(f"{path}: no line of text; name the files of one table")
    is_json = lines[0].lstrip().startswith("{")
    keys: Keys = {"format": "jsonl"} if is_json else _of_text_table(lines, delimiter)
    return keys if encoding == "utf-8" else {**keys, "encoding": encoding}


def header(path: Path, encoding: str, delimiter: str) -> list[str]:
    """Return the names in the first line of a text table."""
    lines = next(TextFile(path, encoding).blocks(), "").split("\n")
    first = next(line for line in lines if line.strip())
    return [name.strip() for name in next(_rows([first], delimiter))]


def _decoded(path: Path, encodings: Sequence[str]) -> tuple[str, str]:
    """Return the encoding in which the whole file is text, and its first block."""
    first: MtnasError | None = None
    for encoding in encodings:
        try:
            blocks = TextFile(path, encoding).blocks()
            head = next(blocks, "")
            for _ in blocks:
                pass
            return encoding, head
        except DataError as problem:
            first = first or problem
    raise first or DataError(f"{path}: no text")


def _of_text_table(lines: Sequence[str], given: str | None) -> Keys:
    """Return delimiter, quote and header of a text table from its first lines."""
    delimiter = given or max(_DELIMITERS, key=lambda sign: _regularity(lines, sign))
    if given is None and _regularity(lines, delimiter) == (0, 0, 0):
        words = [len(line.split()) for line in lines]
        delimiter = "whitespace" if min(words) == max(words) > 1 else ","
    keys: Keys = {"format": "tsv" if delimiter == "\t" else "csv"}
    if delimiter not in (",", "\t"):
        keys["delimiter"] = delimiter
    rows = list(_rows(lines, delimiter))
    if delimiter == "\t" and _is_quoted(lines):
        keys["quote"] = '"'
    if not _has_header(rows):
        keys["header"] = False
        keys["columns"] = tuple(f"column_{number}" for number in range(1, len(rows[0]) + 1))
    return keys


def _regularity(lines: Sequence[str], sign: str) -> tuple[int, int, int]:
    """Tell how well a delimiter divides lines: lines alike, values in them, length of the sign."""
    widths = [len(row) for row in _rows(lines, sign)]
    width = max(set(widths), key=widths.count, default=1)
    return (widths.count(width), width, len(sign)) if width > 1 else (0, 0, 0)


def _rows(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    if delimiter == "whitespace":
        yield from (line.split() for line in lines)
    elif len(delimiter) > 1:
        yield from (line.split(delimiter) for line in lines)
    else:
        try:
            yield from islice(csv.reader(lines, delimiter=delimiter), _LINES)
        except csv.Error:
            yield from (line.split(delimiter) for line in lines)


def _is_quoted(lines: Sequence[str]) -> bool:
    """Tell whether values of a TSV stand in quotes."""
    values = [value for line in lines for value in line.split("\t") if value.startswith('"')]
    return bool(values) and all(len(v) > 1 and v.endswith('"') for v in values)


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row names columns: none is a number, only the first may be empty."""
    names = [name.strip() for name in rows[0]]
    is_name = [bool(name) and _NUMBER.fullmatch(name) is None for name in names]
    return all(is_name[1:]) and (is_name[0] or names[0] == "") and len(rows) > 1
