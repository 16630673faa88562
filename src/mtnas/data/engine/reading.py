"""How the files of one table are to be read."""

from dataclasses import dataclass
from typing import Literal

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?", "\\N")
BLANKS = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
WHITESPACE = "whitespace"  # a delimiter: runs of blanks
FILE_COLUMN = "@file"  # a column that every table has: the name of the file that a row is from
AS_WRITTEN = "@written: "  # before the name of a column that is kept as its file has it
Format = Literal["csv", "tsv", "jsonl", "parquet"]


@dataclass(frozen=True)
class Reading:
    """How text becomes rows; all but `format`, `decimal` and `missing` is for text tables.

    `quote` None: none. `columns` name those of a file without a header. `decimal` is the sign
    before the decimals of a number in text, `missing` are the texts that mean that a value is.
    """

    format: Format = "csv"
    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    header: bool = True
    columns: tuple[str, ...] = ()
    comment: str | None = None
    skip: int = 0
    encoding: str = "utf-8"
    decimal: str = "."
    missing: tuple[str, ...] = MISSING

    @property
    def is_text_table(self) -> bool:
        """Whether rows are values between delimiters."""
        return self.format in ("csv", "tsv")

    @property
    def quotes(self) -> str | None:
        """Return the quote; a delimiter of several characters is read without quotes."""
        return self.quote if len(self.delimiter) == 1 else None
