"""Text files as DuckDB can read them: as they are, or rewritten once as plain UTF-8."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NoReturn

import numpy as np

from mtnas.data.engine.quotes import without_comments
from mtnas.data.engine.reading import BLANKS, WHITESPACE, Reading
from mtnas.data.engine.text import TextFile
from mtnas.runtime.errors import DataError, of_machine

STAND_IN = "\x1f"  # for delimiters that DuckDB does not know
_LONGEST_DELIMITER = 4  # bytes that DuckDB takes
_PACKED = (".bz2", ".lz4", ".br")  # that it cannot unpack
_HEADER_LINES = 100


@dataclass(frozen=True)
class PlainFile:
    """A text file that DuckDB can read; `source` is what the user named.

    `columns` are the names in its header or of the definition, `skip` records stand above the
    rows, which are on so many `lines` and `characters`. `has_quotes`: a quote occurs somewhere in
    them; `blanks`: those that may stand around a value.
    """

    source: Path
    path: Path
    columns: tuple[str, ...]
    skip: int
    delimiter: str
    lines: int
    characters: int
    has_quotes: bool
    blanks: str


def plain(source: Path, reading: Reading, copy: Path) -> PlainFile | None:
    """Check a file to its end; write it to `copy` where it cannot be read as it is.

    None: it holds no line of text.

    Raises:
        DataError: it cannot be unpacked or decoded, holds a NUL, an endless line or header.
    """
    text = TextFile(source, reading.encoding)
    delimiter = _delimiter(reading)
    head, seen = _Head(source, reading, delimiter), _Seen(reading.quotes, delimiter)
    direct = _is_direct(source, reading, delimiter)
    if direct:
        for block in head.below(text.blocks()):
            seen.add(block)
        direct = text.is_unix and head.is_plain
    if not direct:
        head, seen = _Head(source, reading, delimiter), _Seen(reading.quotes, delimiter)
        _write(source, copy, head.below(_rewritten(source, reading, delimiter)), seen)
    if head.columns is None:
        return None
    skip = int(reading.header and reading.is_text_table) if direct else 0
    path = source if direct else copy
    has_quotes = delimiter != STAND_IN and reading.quotes in seen.signs
    return PlainFile(
        source,
        path,
        tuple(head.columns),
        skip,
        delimiter,
        seen.lines,
        seen.characters,
        has_quotes,
        seen.blanks,
    )


def one_line(name: str) -> str:
    """Return the name of a column without blanks around it; a line end in it is a blank."""
    return re.sub(r"\s*\n\s*", " ", name.strip())


def _delimiter(reading: Reading) -> str:
    long = len(reading.delimiter) > _LONGEST_DELIMITER
    return STAND_IN if long or not reading.is_text_table else reading.delimiter


def _is_direct(source: Path, reading: Reading, delimiter: str) -> bool:
    """Tell whether DuckDB may be able to read the file without a copy."""
    rewrite = reading.is_text_table and (
        reading.comment is not None or reading.skip > 0 or delimiter == STAND_IN
    )
    packed = source.suffix.lower() in _PACKED
    return reading.encoding == "utf-8" and not rewrite and not packed


def _rewritten(source: Path, reading: Reading, delimiter: str) -> Iterator[str]:
    """Yield the text without skipped lines and comments, one sign for every delimiter."""
    blocks = TextFile(source, reading.encoding).blocks()
    if not reading.is_text_table:
        return blocks
    blocks = _below(blocks, reading.skip)
    if reading.comment is not None:
        blocks = without_comments(blocks, reading.comment, reading.quotes, reading.delimiter)
    if delimiter == STAND_IN:
        blocks = (_with_stand_in(block, reading.delimiter) for block in blocks)
    return blocks


def _below(blocks: Iterator[str], lines: int) -> Iterator[str]:
    for block in blocks:
        rest = block
        while lines and rest:
            rest, lines = rest.partition("\n")[2], lines - 1
        if rest:
            yield rest


def _with_stand_in(block: str, delimiter: str) -> str:
    if delimiter != WHITESPACE:
        return block.replace(delimiter, STAND_IN)
    block = re.sub(r"^[ \t]+|[ \t]+$", "", block, flags=re.M)
    return re.sub(r"[ \t]+", STAND_IN, block)


def _write(source: Path, copy: Path, blocks: Iterator[str], seen: "_Seen") -> None:
    """Write the text."""
    try:
        with copy.open("wb") as file:
            for block in blocks:
                seen.add(block)
                file.write(block.encode())
    except OSError as error:
        raise DataError(of_machine(error, copy) or f"{source}: cannot be copied: {error}") from None


class _Seen:
    """How many lines and characters a text has, and which quotes and blanks occur in it."""

    def __init__(self, quote: str | None, delimiter: str) -> None:
        self.lines, self.characters, self.signs = 0, 0, set[str]()
        self._quote, self._delimiter = quote, delimiter
        self._is_edge = np.zeros(256, bool)  # what stands beside values, all of it ASCII
        self._is_edge[[ord(sign) for sign in ("\n", *delimiter, *(quote or ""))]] = True
        self._spaces = delimiter == " "  # beside an edge
        self._others = {*BLANKS, *(quote or "")} - {" "}

    def add(self, block: str) -> None:
        """Look through whole lines; every sign is looked for until it is found."""
        self.lines += block.count("\n")
        self.characters += len(block)
        found = {sign for sign in self._others if sign in block}
        self._spaces = self._spaces or (" " in block and self._has_spaces(block))
        self.signs |= found
        self._others -= found

    @property
    def blanks(self) -> str:
        """Return the blanks that may stand around a value: all, spaces or none."""
        inside = set() if self._quote in self.signs else {self._delimiter}  # of no value
        if not self.signs.isdisjoint({*BLANKS} - inside - {"\n", "\r"}):
            return BLANKS
        return " " if self._spaces else ""

    def _has_spaces(self, block: str) -> bool:
        """Tell whether a space stands at the edge of a value."""
        signs = np.frombuffer(f"\n{block}".encode(), np.uint8)
        at = np.flatnonzero(signs == ord(" "))
        return bool((self._is_edge[signs[at - 1]] | self._is_edge[signs[at + 1]]).any())


class _Head:
    """The names of the columns; `below` yields the text behind them."""

    def __init__(self, source: Path, reading: Reading, delimiter: str) -> None:
        self.columns: list[str] | None = None
        self.is_plain = True  # the header, if any, begins in the first line
        self._source, self._reading, self._delimiter = source, reading, delimiter

    def below(self, blocks: Iterator[str]) -> Iterator[str]:
        """Read the header, then yield the rest."""
        for block in blocks:
            text = block.lstrip("\n")
            self.is_plain = self.is_plain and text == block
            if text:
                yield from chain([self._rest(text)], blocks)

    def _rest(self, text: str) -> str:
        if not (self._reading.is_text_table and self._reading.header):
            self.columns = list(self._reading.columns)
            return text
        if len(self._delimiter) > 1:
            line, _, rest = text.partition("\n")
            self.columns = [name.strip() for name in line.split(self._delimiter)]
            return rest
        lines = text.split("\n", _HEADER_LINES)
        reader = csv.reader(
            (f"{line}\n" for line in lines[:_HEADER_LINES]),
            delimiter=self._delimiter,
            quotechar=self._reading.quotes,  # None: none at all
            escapechar=self._reading.escape,
            skipinitialspace=True,
        )
        try:
            names = next(reader)
        except csv.Error as error:
            self._fail(f"the header cannot be read: {error}")
        if reader.line_num >= _HEADER_LINES:
            self._fail("a quote that opens in the header is never closed")
        self.columns = [one_line(name) for name in names]
        return "\n".join(lines[reader.line_num :])

    def _fail(self, why: str) -> NoReturn:
        raise DataError(f"{self._source}: {why}; correct it, or give `quote: null`")
