"""One file as the engine reads it, before its values are cleaned."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from mtnas.data.engine.reading import BLANKS
from mtnas.runtime.errors import DataError

SMALL = 1 << 26  # bytes of text that are kept as they were read: they are asked often


@dataclass(frozen=True)
class Source:
    """What stands behind FROM for one file, and the SQL of every column that it has.

    `hint` says what may be the fault where a column is not found; `blanks` may stand around a
    value.
    """

    file: Path
    relation: str
    columns: Mapping[str, str]
    rows: int
    hint: str = ""
    blanks: str = BLANKS

    def fail(self, why: str) -> NoReturn:
        """Raise what makes the whole file useless."""
        raise DataError(f"{self.file}: {why}")


@dataclass
class Losses:
    """Lines of one file that could not be read, by reason."""

    file: Path
    label: str
    tolerant: bool = False  # then only a file without any sound row is refused
    counts: Counter[str] = field(default_factory=Counter)
    example: str = ""

    def add(self, reason: str, text: str, lines: int = 1) -> None:
        """Count lines, and keep the first as an example."""
        self.counts[f"{self.label}: {reason}"] += lines
        self.example = self.example or text.strip("\n").partition("\n")[0][:80]

    def check(self, rows: int, what: str, fix: str) -> None:
        """Refuse a file most of whose lines are broken."""
        broken = self.counts.total()
        if broken > rows and not (self.tolerant and rows):
            raise DataError(
                f"{self.file}: {broken} of {broken + rows} rows {what}; the first is "
                f"{self.example!r}; {fix}"
            )
