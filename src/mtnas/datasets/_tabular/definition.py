"""The keys of a dataset that a file declares, checked before a row is read."""

import codecs
import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from mtnas.datasets._tabular.expression import Expression
from mtnas.errors import ConfigError, unknown
from mtnas.strict import Options

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?", "\\N")
OF_TEXT_TABLES = ("delimiter", "quote", "escape", "header", "columns", "comment", "skip")
FILE_COLUMN = "@file"  # a column that every table has: the name of the file that a row is from
_RESERVED = re.compile(r"t[0-9]+|split")


def _as_text(value: object) -> object:
    """Take a number for the text that it is in a file; refuse what YAML made of a bare word."""
    if isinstance(value, bool) or value is None:
        raise ValueError("put it in quotes: without them YAML takes it for true, false or null")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | float) else value


def _as_list(value: object) -> object:
    """Take one value for a list of one."""
    return [value] if isinstance(value, str | int | float) else value


def _as_buckets(value: Any) -> object:
    """Check a rule for buckets: edges in rising order, `log2` or {width: w}."""
    match value:
        case None | "log2":
            return value
        case {"width": int() | float() as width, **others} if not others and width > 0:
            return {"width": float(width)}
        case [_, *_] if all(map(_is_number, value)):
            edges: list[float] = [float(edge) for edge in value]
            if all(a < b for a, b in zip(edges, edges[1:], strict=False)):
                return edges
            raise ValueError("edges must rise, each above the one before")
        case int():
            raise ValueError(
                "a number of buckets would need quantiles, which look at the test set; give edges "
                "such as [18, 25, 35], `log2` or {width: 10}"
            )
    raise ValueError("allowed: edges such as [18, 25, 35], `log2` or {width: 10}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_ratios(value: object) -> object:
    """Check three shares whose sum is 1, or three counts."""
    if value is None:
        return None
    if not (isinstance(value, list | tuple) and len(value) == 3 and all(map(_is_number, value))):
        raise ValueError("three numbers are expected: train, valid, test")
    counts = all(isinstance(part, int) for part in value)
    if min(value) <= 0 or not (counts or abs(sum(value) - 1) < 1e-6):
        raise ValueError("expected shares above 0 with the sum 1, or counts")
    return tuple(value)


Text = Annotated[str, BeforeValidator(_as_text)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_list)]
Ratios = Annotated[
    Any,
    BeforeValidator(_as_ratios),
    WithJsonSchema({"type": ["array", "null"], "items": {"type": "number"}}),
]
Buckets = Annotated[
    Any,
    BeforeValidator(_as_buckets),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "number"}},
                {"enum": ["log2"]},
                {"type": "object"},
                {"type": "null"},
            ]
        }
    ),
]


class FieldDefinition(Options):
    """One input field."""

    column: str | None = Field(None, description="column to read; null: the field's own name")
    type: Literal["category", "id", "number", "count", "time"] = Field(
        "category",
        description="`category` and `id` are texts; `number` and `count` (whole, 0 or more) are "
        "read as numbers, so that 4 and 4.0 are one value; `time` becomes a field per part",
    )
    buckets: Buckets = Field(
        None,
        description="for `number` and `count`: edges such as [18, 25, 35], `log2` (doubling "
        "widths) or {width: 10}; null: every number is a value of its own",
    )
    parts: tuple[Literal["year", "month", "day", "weekday", "hour"], ...] = Field(
        ("month", "weekday", "hour"),
        min_length=1,
        description="for `time`: the fields it becomes, named `<field>_<part>`: year, month, day, "
        "weekday (0 is Monday), hour, in UTC",
    )
    time_format: str | None = Field(
        None,
        description="for `time`: a pattern such as `%d/%m/%Y`; null: ISO dates and times, "
        "YYYYMMDD, unix times",
    )
    help: str = Field("", description="what the field means")

    @model_validator(mode="after")
    def _suits_its_type(self) -> Self:
        if self.buckets is not None and self.type not in ("number", "count"):
            raise ValueError(f"buckets are for type number or count, not {self.type}")
        if self.time_format is not None and self.type != "time":
            raise ValueError(f"time_format is for type time, not {self.type}")
        if self.parts != type(self).model_fields["parts"].default and self.type != "time":
            raise ValueError(f"parts are for type time, not {self.type}")
        return self


class TaskDefinition(Options):
    """One binary task."""

    rule: str = Field(description="when the label is 1, such as `rating >= 4`")
    help: str = Field("", description="what the task means")

    @field_validator("rule")
    @classmethod
    def _is_a_rule(cls, rule: str) -> str:
        return Expression.parse(rule).text

    @cached_property
    def expression(self) -> Expression:
        """Return the rule, ready to be computed."""
        return Expression.parse(self.rule)


class SplitDefinition(Options):
    """How rows are divided into train, valid and test."""

    ratios: Ratios = Field(
        None, description="shares (or counts) of train, valid and test, at random or by `time`"
    )
    time: str | None = Field(
        None, description="column of the time (or of any number) by which the oldest rows train"
    )
    time_format: str | None = Field(None, description="a pattern such as `%d/%m/%Y`")
    column: str | None = Field(
        None, description="column that says where a row belongs; `@file` is its file's name"
    )
    train: Texts = Field((), description="values of `column` that train")
    valid: Texts = Field((), description="values of `column` that validate")
    valid_share: float | None = Field(
        None, gt=0, lt=1, description="instead of `valid`: a share of the training rows, at random"
    )
    test: Texts = Field((), description="values of `column` that test")

    @property
    def kind(self) -> Literal["random", "column", "time"]:
        """Name the kind; all but `random` are the same for every seed."""
        return "column" if self.column else "time" if self.time else "random"

    @model_validator(mode="after")
    def _is_one_of_three(self) -> Self:
        if (self.column is None) == (self.ratios is None):
            raise ValueError("give either `ratios`, perhaps with `time`, or `column`")
        of_columns = self.train or self.valid or self.test or self.valid_share is not None
        if self.column is None and of_columns:
            raise ValueError("train, valid, valid_share and test need `column`")
        if self.time is None and self.time_format is not None:
            raise ValueError("time_format needs `time`")
        if self.column is not None:
            self._check_parts()
        return self

    def _check_parts(self) -> None:
        if self.time is not None:
            raise ValueError("give either `column` or `time`")
        if not self.train or not self.test:
            raise ValueError("with `column`, list its values for `train` and for `test`")
        if bool(self.valid) == (self.valid_share is not None):
            raise ValueError("give either `valid`, a list of values, or `valid_share`, a share")
        counts = Counter([*self.train, *self.valid, *self.test])
        twice = [repr(value) for value, count in counts.items() if count > 1]
        if twice:
            raise ValueError(f"listed twice: {', '.join(twice)}")


class Definition(Options):
    """A dataset as its file describes it."""

    title: str = Field("", description="name for reports; default: the name of this file")
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
