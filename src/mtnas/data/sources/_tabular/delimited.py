"""Delimited text (CSV and its relatives), parsed by Arrow."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.csv

from mtnas.data.sources._tabular.readers import Reader
from mtnas.data.sources._tabular.text import TextFile

BLOCK_BYTES = 1 << 23  # that Arrow parses at once; a row must fit in
WHITESPACE = "whitespace"
_STAND_IN = "\x1f"  # for delimiters that Arrow does not know
_DELIMITERS = {",": '","', ";": '";"', "\t": '"\\t"', "|": '"|"', "::": '"::"', " ": WHITESPACE}


class DelimitedReader(Reader):
    """Rows of values between delimiters."""

    def batches(self, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield text columns in the order of `needed`."""
        blocks = self._rewritten(self._below_skipped())
        names, blocks = self._names(blocks)
        hint = self._delimiter_hint(names[0]) if len(names) == 1 else ""
        self.check_columns(names, needed, hint)
        stream = _Stream(blocks, self._quote)
        try:
            for batch in self._parsed(stream, len(names), [names.index(n) for n in needed]):
                self.rows += batch.num_rows
                yield batch
        except pa.ArrowException as error:
            self._check_quotes()
            self.fail(f"cannot be read as {self.definition.format}: {error}")
        if stream.quotes % 2:
            self._check_quotes()
        named = "first line" if self.definition.header else "key `columns`"
        self.check_end(
            f"do not have the {len(names)} columns that the {named} names",
            f"check delimiter, quote and header{self._delimiter_hint(self.example)}",
        )

    @property
    def _separator(self) -> str:
        separator = self.definition.separator
        return separator if len(separator) == 1 else _STAND_IN

    @property
    def _quote(self) -> str | None:
        return None if self._separator == _STAND_IN else self.definition.quote

    def _below_skipped(self) -> Iterator[str]:
        """Yield the text below the lines to skip."""
        left = self.definition.skip
        for block in TextFile(self.path, self.definition.encoding).blocks():
            while left and block:
                block, left = block.partition("\n")[2], left - 1
            yield self._without_blanks(block)

    def _without_blanks(self, block: str) -> str:
        """Take away blanks between a delimiter and a quote: Arrow would not see the quote."""
        quote, separator = self._quote, self._separator
        if quote is None or separator == " " or f"{separator} {quote}" not in block:
            return block
        pattern = f"{re.escape(separator)} +{re.escape(quote)}"
        return re.sub(pattern, lambda _: separator + quote, block)

    def _rewritten(self, blocks: Iterator[str]) -> Iterator[str]:
        """Leave out comments; put one sign for a delimiter of several."""
        comment, separator = self.definition.comment, self.definition.separator
        for block in blocks:
            if comment is not None and comment in block:
                block = re.sub(rf"^{re.escape(comment)}.*\n", "", block, flags=re.M)
            if separator == WHITESPACE:
                block = re.sub(r"^[ \t]+|[ \t]+$", "", block, flags=re.M)
                block = re.sub(r"[ \t]+", _STAND_IN, block)
            elif len(separator) > 1:
                block = block.replace(separator, _STAND_IN)
            yield block

    def _names(self, blocks: Iterator[str]) -> tuple[list[str], Iterator[str]]:
        """Return the names of the columns, and the text below the header."""
        text = next((text for block in blocks if (text := block.lstrip("\n"))), None)
        if text is None:
            self.fail("no line of text; is the file complete?")
        if not self.definition.header:
            return list(self.definition.columns), chain([text], blocks)
        line, _, rest = text.partition("\n")
        # A quote of None is none at all.
        header = csv.reader([line], delimiter=self._separator, quotechar=self._quote)
        return [name.strip() for name in next(header)], chain([rest], blocks)

    def _parsed(
        self, stream: "_Stream", width: int, wanted: Sequence[int]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the wanted columns; columns are known by position: names may be doubled."""
        if stream.is_blank():
            return
        keys = [str(i) for i in range(width)]
        chosen = [keys[i] for i in wanted]
        options = (
            pa.csv.ReadOptions(column_names=keys, block_size=BLOCK_BYTES, use_threads=False),
            pa.csv.ParseOptions(
                delimiter=self._separator,
                quote_char=self._quote or False,
                escape_char=self.definition.escape or False,
                newlines_in_values=self._quote is not None,
                invalid_row_handler=self._skip_row,
            ),
            pa.csv.ConvertOptions(
                column_types={key: pa.string() for key in chosen}, include_columns=chosen
            ),
        )
        with pa.csv.open_csv(stream, *options) as reader:
            yield from reader

    def _skip_row(self, row: Any) -> str:
        """Count a row with another number of values; a quote may have made many lines one row."""
        lines = row.text.count("\n") + 1
        if lines > 1:
            self.drop("lines behind a quote that is not closed", row.text, lines)
        elif row.text.strip():
            self.drop(f"not {row.expected_columns} columns", row.text)
        return "skip"

    def _check_quotes(self) -> None:
        """Refuse a file in which a quote swallows the rest; name the line in which it opens."""
        if self._quote is None:
            return
        number = self.definition.skip
        opened = None
        for block in self._below_skipped():
            for line in block.removesuffix("\n").split("\n"):
                number += 1
                is_open = self._opens(line, opened is not None)
                opened = (opened or number) if is_open else None
        if opened is not None and opened < number:
            self.fail(
                f"the quote that opens in line {opened} is never closed: {number - opened} more "
                "lines would be one value; correct that line, or give `quote: null`"
            )

    def _opens(self, line: str, inside: bool) -> bool:
        """Tell whether a quote is open at the end of a line."""
        quote, position = self._quote or "", 0
        if not inside and line.startswith(quote):
            inside, position = True, 1
        while True:
            if inside:
                position = line.find(quote, position) + 1
                if position == 0:
                    return True
                if line.startswith(quote, position):  # doubled: a quote inside quotes
                    position += 1
                    continue
                inside = False
            position = line.find(self._separator, position) + 1
            if position == 0:
                return False
            if line.startswith(quote, position):
                inside, position = True, position + 1

    def _delimiter_hint(self, line: str) -> str:
        """Guess the delimiter from a line that has none of the expected ones."""
        counts = {d: line.count(d) for d in _DELIMITERS if d != self.definition.separator}
        best = max(counts, key=lambda delimiter: (counts[delimiter], len(delimiter)))
        if self._separator in line or not counts[best]:
            return ""
        return f"; is the delimiter another one? give such as `delimiter: {_DELIMITERS[best]}`"


class _Stream(io.RawIOBase):
    """Blocks of text as the file of bytes that Arrow reads; counts the quotes."""

    def __init__(self, blocks: Iterator[str], quote: str | None) -> None:
        self._blocks, self._quote = blocks, quote
        self._left = b""
        self.quotes = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def is_blank(self) -> bool:
        """Tell, before the first reading, whether there is nothing but blank lines."""
        while not self._left.strip():
            if not self._fetch():
                return True
        return False

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        while len(self._left) < size and self._fetch():
            pass
        data, self._left = self._left[:size], self._left[size:]
        return data

    def _fetch(self) -> bool:
        """Take one more block, if there is one."""
        block = next(self._blocks, None)
        if block is None:
            return False
        self.quotes += block.count(self._quote) if self._quote else 0
        self._left += block.encode()
        return True
