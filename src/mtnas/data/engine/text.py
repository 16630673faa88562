"""A text file as blocks of whole lines, unpacked, decoded and checked while it is read."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pyarrow as pa

from mtnas.runtime.errors import DataError

READ_BYTES = 1 << 20
LONGEST_LINE = 1 << 22  # characters; more is no line of a table
_SIGNATURES = {
    b"\x1f\x8b": "compressed by gzip: its name must end in .gz",
    b"PK\x03\x04": "a zip archive, or a spreadsheet: unpack it, or save it as CSV",
    b"PAR1": "a Parquet file: give `format: parquet`",
    b"\xff\xfe": "UTF-16: give `encoding: utf-16`",
    b"\xfe\xff": "UTF-16: give `encoding: utf-16`",
}


class TextFile:
    """One file of text; `lines` counts what `blocks` has yielded so far.

    `is_unix` tells, when all is read, whether no line ended with a carriage return.
    """

    def __init__(self, path: Path, encoding: str) -> None:
        self.path, self.lines, self._encoding = path, 0, encoding
        self.is_unix = True
        # The sign of UTF-8 at the beginning of a file is not part of its first line.
        self._codec = "utf-8-sig" if encoding == "utf-8" else encoding

    def blocks(self) -> Iterator[str]:
        """Yield whole lines, each with one `\\n` at its end; a last line may have been cut.

        Raises:
            DataError: it cannot be unpacked or decoded, holds a NUL or an endless line.
        """
        rest = ""
        for text in self._decoded():
            head, newline, tail = text.rpartition("\n")
            if newline:
                yield self._checked(rest + head + newline)
                rest = tail
            else:
                rest += tail
            if len(rest) > LONGEST_LINE:
                self._fail(f"line {self.lines + 1} has over {LONGEST_LINE} characters")
        if rest:
            yield self._checked(rest + "\n")

    def _checked(self, block: str) -> str:
        if "\0" in block:
            line = self.lines + block[: block.index("\0")].count("\n") + 1
            self._fail(f"a NUL in line {line}: the file is damaged, or no text in {self._encoding}")
        self.lines += block.count("\n")
        return block

    def _decoded(self) -> Iterator[str]:
        """Yield decoded pieces in which every line ends with `\\n`."""
        codec = codecs.getincrementaldecoder(self._codec)()
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        for number, raw in enumerate(self._raw()):
            try:
                text = codec.decode(raw, final=not raw)
            except UnicodeError as error:
                self._undecodable(error)
            text = text.removeprefix("\ufeff") if number == 0 else text  # such as of utf-16-le
            yield newlines.decode(text, final=not raw)
        self.is_unix = newlines.newlines in (None, "\n")

    def _raw(self) -> Iterator[bytes]:
        """Yield unpacked bytes; the last piece is empty."""
        try:
            with pa.input_stream(str(self.path), compression="detect") as stream:
                first = stream.read(READ_BYTES)
                self._check_signature(first)
                while first:
                    yield first
                    first = stream.read(READ_BYTES)
        except (OSError, pa.ArrowException) as error:
            self._fail(f"cannot be read to its end ({_reason(error)}); get the file again")
        yield b""

    def _check_signature(self, first: bytes) -> None:
        for signature, what in _SIGNATURES.items():
            if first.startswith(signature) and not self._encoding.startswith("utf-16"):
                self._fail(f"the file is {what}")

    def _undecodable(self, error: UnicodeError) -> NoReturn:
        """Name the byte and the line that are not in the encoding."""
        where = ""
        if isinstance(error, UnicodeDecodeError):
            line = self.lines + error.object[: error.start].count(b"\n") + 1
            where = f": byte {error.object[error.start]:#04x} in line {line}"
        self._fail(
            f"not text in {self._encoding}{where}; give its `encoding`, such as latin-1 or cp1252"
        )

    def _fail(self, why: str) -> NoReturn:
        raise DataError(f"{self.path}: {why}")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).splitlines()[0]
