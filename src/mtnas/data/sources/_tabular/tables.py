"""The keys that say what the files of a table are, and how they are read."""

import codecs
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mtnas.data.engine.reading import MISSING, Reading
from mtnas.data.sources._tabular.parts import Text, Texts
from mtnas.runtime.options import Options

OF_TEXT_TABLES = ("delimiter", "quote", "escape", "header", "columns", "comment", "skip")


def _as_pairs(value: object) -> object:
    """Take one name, or a list of them, for columns of the same name on both sides."""
    if isinstance(value, str):
        return {value: value}
    if isinstance(value, list | tuple):
        return {str(name): str(name) for name in value}
    return value


class TableKeys(Options):
    """One table in one or several files."""

    path: Texts = Field(
        min_length=1,
        description="a file, a list of files or a pattern such as `data/**/*.csv`; relative to "
        "the folder in which Snakemake runs. `.gz`, `.bz2` and `.zst` are unpacked on the way; a "
        "folder named `year=2020` gives a column `year`",
    )
    format: Literal["csv", "tsv", "jsonl", "parquet"] = Field(
        description="default: as the file's name ends"
    )
    delimiter: str | None = Field(
        None,
        min_length=1,
        description="between two values; may be several characters, then without quotes; "
        "`whitespace` for runs of blanks; null: `,`, or a tab for tsv",
    )
    quote: str | None = Field(
        '"', description="around values that hold a delimiter; null: none, the default for tsv"
    )
    escape: str | None = Field(None, description='before a quote inside quotes; null: `""`')
    header: bool = Field(True, description="whether the first line names the columns")
    columns: tuple[Text, ...] = Field((), description="names of the columns if there is no header")
    comment: str | None = Field(None, min_length=1, description="lines that begin so are left out")
    skip: int = Field(0, ge=0, description="lines to leave out before the header")
    encoding: str = Field("utf-8", description="of text files; such as latin-1, cp1252, utf-16")
    decimal: Literal[".", ","] = Field(
        ".", description="sign before the decimals of a number; with `,` a `.` may part thousands"
    )
    missing: Texts = Field(
        MISSING,
        description="texts that mean that a value is missing: in a field it becomes `unknown`, in "
        "an expression it is NULL; -1 stands for -1.0 as well",
    )

    @property
    def reading(self) -> Reading:
        """Return how the engine is to read the files."""
        keys = {key: getattr(self, key) for key in Reading.__dataclass_fields__}
        keys["delimiter"] = self.delimiter or ("\t" if self.format == "tsv" else ",")
        return Reading(**keys)

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, name: str) -> str:
        try:
            "a".encode(name)
        except LookupError:
            raise ValueError("no such encoding; such as utf-8, latin-1, cp1252, utf-16") from None
        return codecs.lookup(name).name

    @field_validator("delimiter", "quote", "escape")
    @classmethod
    def _is_a_sign(cls, sign: str | None) -> str | None:
        sign = {"\\t": "\t", "tab": "\t"}.get(sign or "", sign)
        if sign is not None and (not sign.isascii() or {"\n", "\r", "\0"} & set(sign)):
            raise ValueError("ASCII characters of one line are allowed")
        return sign

    @field_validator("quote", "escape")
    @classmethod
    def _is_one_character(cls, sign: str | None) -> str | None:
        if sign is not None and len(sign) != 1:
            raise ValueError("one character is allowed, or null for none")
        return sign

    @model_validator(mode="after")
    def _suits_its_format(self) -> Self:
        text_table = self.format in ("csv", "tsv")
        for key in OF_TEXT_TABLES:
            if not text_table and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key} is for csv and tsv, not {self.format}")
        if text_table and self.header == bool(self.columns):
            why = "only without a header" if self.header else "needed where there is no header"
            raise ValueError(f"columns: the names are {why}: header: false, columns: [...]")
        twice = [name for name, count in Counter(self.columns).items() if count > 1]
        if twice:
            raise ValueError(f"columns: {', '.join(map(repr, twice))} is listed twice")
        return self


class JoinDefinition(TableKeys):
    """A further table, of which every row of the first finds at most one row."""

    on: Annotated[Mapping[str, str], BeforeValidator(_as_pairs)] = Field(
        description="the column that both have, a list of them, or {its name in the first table: "
        "its name in this one}; 3 is 3.0 where all are numbers"
    )
    allow_unmatched: float = Field(
        0.5,
        ge=0,
        le=1,
        description="the job stops if more than this share of the rows has no partner",
    )

    @field_validator("on")
    @classmethod
    def _names_columns(cls, on: Any) -> Any:
        if not on:
            raise ValueError("name at least one column")
        return on
