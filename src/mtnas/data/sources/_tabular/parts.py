"""The parts of a dataset that a file declares: fields, tasks, split, and the values they take."""

from collections import Counter
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from mtnas.data.engine.syntax import Expression, parse
from mtnas.data.sources._tabular.values import time_format
from mtnas.runtime.errors import unknown
from mtnas.runtime.options import Options
from mtnas.tasks.metrics import OF_KIND

# Keys of a field that only some types have.
_OF_TYPES = {
    ("buckets",): ("number", "count"),
    ("parts", "time_format"): ("time",),
    ("separator", "max_length"): ("list",),
    ("path", "key"): ("features",),
}


def _as_text(value: object) -> object:
    """Take a number for the text that it is in a file; refuse what YAML made of a bare word."""
    if isinstance(value, bool) or value is None:
        raise ValueError("put it in quotes: without them YAML takes it for true, false or null")
    if isinstance(value, datetime):
        raise ValueError("put it in quotes: without them YAML takes it for a time")
    if isinstance(value, date):  # as it is written: YAML knows YYYY-MM-DD only
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | float) else value


def _as_list(value: object) -> object:
    """Take one value for a list of one."""
    return [value] if isinstance(value, str | int | float | date) else value


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
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -1e308 <= value <= 1e308  # neither NaN nor beyond floats


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
TimeFormat = Annotated[str, AfterValidator(time_format)]
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


FieldKind = Literal["category", "id", "number", "count", "time", "numeric", "list", "features"]


class FieldDefinition(Options):
    """One input field."""

    column: str | None = Field(
        None,
        description="column to read, also of a joined table (books.title) or a key of a key "
        "(user.name); null: the field's own name",
    )
    sql: str | None = Field(
        None, description="instead of `column`: an SQL expression, such as `year(borrowed)`"
    )
    type: FieldKind = Field(
        "category",
        description="`category` and `id` are texts; `number` and `count` (whole, 0 or more) are "
        "read as numbers, so that 4 and 4.0 are one value; `time` becomes a field per part; "
        "`numeric` is a number for the model, not one value of many; `list` holds several values; "
        "`features` is a row of a matrix in another file",
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
    time_format: TimeFormat | None = Field(
        None,
        description="for `time`: a pattern such as `%d/%m/%Y`, or `unix`; null: ISO dates and "
        "times, YYYYMMDD, unix times",
    )
    separator: str | None = Field(
        None,
        min_length=1,
        description="for a `list` that is written as text: the sign between its members",
    )
    max_length: int = Field(
        50, ge=1, le=10_000, description="for `list`: members that are kept; longer ones are cut"
    )
    path: str | None = Field(
        None,
        description="for `features`: a matrix in a .npy or Parquet file; row i belongs to row i of "
        "the table, or `column` holds the number of its row (from 0), or see `key`",
    )
    key: str | None = Field(
        None,
        description="for `features` in a Parquet file: the column by whose value a row is found",
    )
    help: str = Field("", description="what the field means")

    @field_validator("sql")
    @classmethod
    def _is_an_expression(cls, sql: str | None) -> str | None:
        return None if sql is None else parse(sql).text

    @model_validator(mode="after")
    def _suits_its_type(self) -> Self:
        if self.column is not None and self.sql is not None:
            raise ValueError("give either `column` or `sql`")
        for keys, kinds in _OF_TYPES.items():
            for key in keys:
                given = getattr(self, key) != type(self).model_fields[key].default
                if given and self.type not in kinds:
                    verb, listed = "are" if key.endswith("s") else "is", " or ".join(kinds)
                    raise ValueError(f"{key} {verb} for type {listed}, not {self.type}")
        if self.type == "features":
            self._check_features()
        return self

    def _check_features(self) -> None:
        if self.path is None:
            raise ValueError("features need `path`, a .npy or Parquet file")
        if self.sql is not None:
            raise ValueError("features have no `sql`; give `key` or `column`, or neither")
        if self.key is not None and self.path.endswith(".npy"):
            raise ValueError("`key` needs a Parquet file with that column, not .npy")
        if self.key is not None and self.column is not None:
            raise ValueError("give either `column`, the number of a row, or `key`")


class TaskDefinition(Options):
    """One task."""

    sql: str = Field(
        description="an SQL expression, such as `rating >= 4`: when a label is 1, which class it "
        "is, or its number"
    )
    kind: Literal["binary", "multiclass", "regression"] = Field(
        "binary", description="what is predicted: yes or no, a class, a number"
    )
    classes: Texts = Field(
        (), description="for `multiclass`: in this order; any other value is none, and counted"
    )
    unit: str = Field("", description="for `regression`: such as minutes")
    metrics: tuple[str, ...] = Field(
        (), description="those that are reported; default: all of the kind"
    )
    loss_weight: float = Field(1.0, gt=0, description="of its loss in the MTL loss (V2)")
    help: str = Field("", description="what the task means")

    @field_validator("sql")
    @classmethod
    def _is_an_expression(cls, sql: str) -> str:
        return parse(sql).text

    @model_validator(mode="after")
    def _suits_its_kind(self) -> Self:
        if self.classes and self.kind != "multiclass":
            raise ValueError(f"classes are for kind multiclass, not {self.kind}")
        if len(self.classes) == 1:
            raise ValueError("classes: two are needed at least")
        twice = [repr(c) for c, count in Counter(self.classes).items() if count > 1]
        if twice:
            raise ValueError(f"classes: listed twice: {', '.join(twice)}")
        if self.unit and self.kind != "regression":
            raise ValueError(f"unit is for kind regression, not {self.kind}")
        for metric in self.metrics:
            if metric not in OF_KIND[self.kind]:
                raise ValueError(f"metrics: {unknown('metric', metric, OF_KIND[self.kind])}")
        return self

    @property
    def expression(self) -> Expression:
        """Return the checked expression."""
        return parse(self.sql)


class SplitDefinition(Options):
    """How rows are divided into train, valid and test."""

    ratios: Ratios = Field(
        None, description="shares (or counts) of train, valid and test, at random or by `time`"
    )
    time: str | None = Field(
        None, description="column of the time (or of any number) by which the oldest rows train"
    )
    time_format: TimeFormat | None = Field(
        None, description="a pattern such as `%d/%m/%Y`, or `unix`"
    )
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
