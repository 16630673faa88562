"""The keys of a dataset that a file declares, checked before a row is read."""

import codecs
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from mtnas.data.sources._tabular.expression import Expression
from mtnas.data.sources._tabular.parts import (
    FieldDefinition,
    SplitDefinition,
    TaskDefinition,
    Text,
    Texts,
)
from mtnas.runtime.errors import ConfigError, unknown
from mtnas.runtime.options import Options

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?", "\\N")
OF_TEXT_TABLES = ("delimiter", "quote", "escape", "header", "columns", "comment", "skip")
FILE_COLUMN = "@file"  # a column that every table has: the name of the file that a row is from
_RESERVED = re.compile(r"t[0-9]+|split")


class Definition(Options):
    """A dataset as its file describes it."""

    title: str = Field("", description="name for reports; default: the name of this file")
    label: str = Field(
        "", description="short name for tables and figures; default: the name of this file"
    )
    path: Texts = Field(
        min_length=1,
        description="a file, a list of files or a pattern such as `data/part-*.csv`; relative to "
        "the folder in which Snakemake runs. `.gz`, `.bz2` and `.zst` are unpacked on the way",
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
    decimal: Literal[".", ","] = Field(".", description="sign before the decimals of a number")
    missing: Texts = Field(
        MISSING,
        description="texts that mean that a value is missing: in a field it becomes `unknown`, in "
        "a rule the row is left out and counted",
    )
    fields: dict[str, FieldDefinition] = Field(
        min_length=1, description="input fields: a list of columns, or a mapping (see below)"
    )
    tasks: dict[str, TaskDefinition] = Field(
        min_length=1,
        description="a mapping of names to rules, or a list of rules; t0, t1, ... in this order",
    )
    split: SplitDefinition = Field(
        SplitDefinition(ratios=(0.7, 0.15, 0.15)),
        description="three shares or counts for a split at random (default: [0.7, 0.15, 0.15]), "
        "or a mapping (see below)",
    )
    num_features: int = Field(
        1_000_000, ge=2, le=2**31 - 1, description="rows of the embedding table, the hash's modulus"
    )

    @property
    def separator(self) -> str:
        """Return the delimiter."""
        return self.delimiter or ("\t" if self.format == "tsv" else ",")

    @property
    def rules(self) -> list[Expression]:
        """Return the rules of the tasks, in their order."""
        return [task.expression for task in self.tasks.values()]

    def column_of(self, field: str) -> str:
        """Name the column that a field is read from."""
        return self.fields[field].column or field

    def needed(self) -> list[str]:
        """Name every column that is read, each once."""
        split = [name for name in (self.split.column, self.split.time) if name]
        names = [*map(self.column_of, self.fields), *(c for r in self.rules for c in r.columns)]
        return list(dict.fromkeys([*names, *split]))

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
    def _is_consistent(self) -> Self:
        self._check_format()
        self._check_names()
        self._check_leaks()
        for name, task in self.tasks.items():
            for text in {*task.expression.texts} & {*self.missing}:
                raise ValueError(
                    f"tasks.{name}: {text!r} counts as missing, so no row can be equal to it; "
                    "write `is missing`, or give a shorter list `missing`"
                )
        return self

    def _check_format(self) -> None:
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
        if self.columns:
            self.check_columns(self.columns, "columns")

    def _check_names(self) -> None:
        names = [name for field in self.fields for name in self.names_of(field)]
        for name, count in Counter(names).items():
            if count > 1:
                raise ValueError(f"fields: two fields have the name {name!r}")
            if _RESERVED.fullmatch(name) or not name.strip():
                raise ValueError(
                    f"fields: the name {name!r} is taken (t0, t1, ... are tasks); give another "
                    f"name, and `column: {name}`"
                )

    def _check_leaks(self) -> None:
        """Refuse fields that read what a label or the split is made of."""
        for field, definition in self.fields.items():
            column = self.column_of(field)
            for task, rule in zip(self.tasks, self.rules, strict=True):
                if column in rule.columns:
                    raise ValueError(
                        f"fields.{field}: reads column {column!r}, which decides task {task!r} "
                        f"(`{rule.text}`): the label would be among the inputs; remove the field"
                    )
            if column == self.split.column:
                raise ValueError(
                    f"fields.{field}: reads column {column!r}, which decides the split; "
                    "remove the field"
                )
            recurs = definition.type == "time" and "year" not in definition.parts
            if column == self.split.time and not recurs:
                raise ValueError(
                    f"fields.{field}: reads column {column!r}, by which the rows are split: no "
                    "value of the test rows would be known from training; read it as type: time "
                    "with parts that recur (month, day, weekday, hour), or remove the field"
                )

    def names_of(self, field: str) -> list[str]:
        """Name what a field becomes: itself, or its parts."""
        definition = self.fields[field]
        if definition.type != "time":
            return [field]
        return [f"{field}_{part}" for part in definition.parts]

    def check_columns(self, columns: Sequence[str], where: str) -> None:
        """Refuse a table that lacks a column; `where` names the table."""
        known = [*columns, FILE_COLUMN]
        for task, rule in zip(self.tasks, self.rules, strict=True):
            rule.check(known, f"{where}: task {task!r}")
        for field in self.fields:
            if self.column_of(field) not in known:
                needs = f"{where}: field {field!r}"
                raise ConfigError(unknown("column", self.column_of(field), known, needs))
        for name in (self.split.column, self.split.time):
            if name and name not in known:
                raise ConfigError(unknown("column", name, known, f"{where}: split"))
