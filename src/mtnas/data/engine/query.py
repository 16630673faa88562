"""One query over a table: columns as they are and expressions, in the order of the rows."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pyarrow as pa

from mtnas.data.engine.connection import Engine, EngineError, literal, name
from mtnas.data.engine.exact import check_exact, float_as_double
from mtnas.data.engine.numbers import NumberCounter, Numbers, as_flag, as_number, as_time
from mtnas.data.engine.reads import Read, What
from mtnas.data.engine.resolve import Resolved, resolve
from mtnas.data.engine.syntax import TOO_DEEP, Expression
from mtnas.data.engine.tables import Table
from mtnas.runtime.errors import DataError

_Result = TypeVar("_Result")
PLACE = "#row"  # of a row in its table, where a join may have moved it
# A column, some values, their counts, and how many rows have none.
See = Callable[[str, pa.StringArray, pa.Int64Array, int], None]


@dataclass(frozen=True)
class Origin:
    """Where a column is from."""

    relation: str
    column: str
    decimal: str


@dataclass(frozen=True)
class Asked:
    """A column to be computed: an expression, and what its texts are read as (None: as they are).

    `wrap` takes its SQL and its type and returns the SQL of what is delivered.
    """

    expression: Expression
    root: What | None = None
    wrap: Callable[[str, str], str] | None = None


@dataclass
class View:
    """Something to select from: `relation` is SQL, `types` those of its columns.

    `origins` says from which table, under which name and with which decimal sign a column is.
    `is_ordered`: its rows come in their order; else they are put in it by the column `#row`.
    `near` has by joined table a query: the rows whose key is there, but written otherwise, and the
    two spellings of one; by texts alone.
    """

    relation: str
    types: dict[str, str]
    origins: dict[str, Origin]
    is_ordered: bool = True
    near: dict[str, str] = field(default_factory=dict)
    _known: dict[str, Numbers] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Table, decimal: str = ".") -> "View":
        """Return the view of one table."""
        relation = name(table.view)
        origins = {column: Origin(relation, column, decimal) for column in table.types}
        return cls(relation, dict(table.types), origins)

    def texts(self, columns: Iterable[str]) -> list[str]:
        """Return the text columns among some, each once."""
        return [c for c in dict.fromkeys(columns) if self.types[c] == "VARCHAR"]

    def numbers(self, engine: Engine, columns: Iterable[str]) -> dict[str, Numbers]:
        """Look through the text columns among some for how their numbers are written."""
        texts = self.texts(columns)
        new = [c for c in texts if c not in self._known]
        self.look(engine, new, new)
        return {c: self._known[c] for c in texts}

    def look(
        self, engine: Engine, columns: Iterable[str], numeric: Iterable[str], see: See | None = None
    ) -> None:
        """Look once through text columns: tell `see` their values, remember the numbers of some."""
        here: dict[tuple[str, str], dict[str, str]] = {}
        for column in columns:
            origin = self.origins[column]
            here.setdefault((origin.relation, origin.decimal), {})[origin.column] = column
        for (relation, decimal), names in here.items():
            counter = NumberCounter(engine, {*names.values()}.intersection(numeric), decimal)
            for column, values, counts, none in engine.distinct(relation, list(names)):
                if names[column] in counter.found:
                    counter.add(names[column], values, counts)
                if see is not None:
                    see(names[column], values, counts, none)
            counter.count()
            self._known |= counter.found


@dataclass
class Query:
    """SQL that gives columns and expressions, and for every read the texts it could not read.

    `reads` names, by expression, the columns that it reads in another way. For each, the column
    `bad_name` holds every value that was none, NULL elsewhere, and `there_name` tells where there
    was a value.
    """

    sql: str
    types: dict[str, str]
    reads: dict[str, tuple[Read, ...]] = field(default_factory=dict)


def bad_name(read: Read) -> str:
    """Return the name of the column that holds what could not be read."""
    return f"{read.name}: wrong"


def there_name(read: Read) -> str:
    """Return the name of the column that tells where there was a value to read."""
    return f"{read.name}: there"


def build(engine: Engine, view: View, columns: Sequence[str], asked: Mapping[str, Asked]) -> Query:
    """Return the query of some columns of a view, and of expressions by name.

    Raises:
        DataError: an expression does not fit the types of its columns; it says what to write.
    """
    numbers = view.numbers(engine, computed(asked))
    found = {
        key: resolve(item.expression, view.types, numbers, item.root) for key, item in asked.items()
    }
    for key, each in found.items():
        check_exact(engine, view.relation, view.types, numbers, asked[key].expression, each.node)
    reads = list(dict.fromkeys(read for each in found.values() for read in each.reads))
    values = [f"{_read(read, view, numbers)} AS {name(read.name)}" for read in reads]
    inner = f"(SELECT *, {', '.join(values)} FROM {view.relation})" if values else view.relation
    chosen = [name(column) for column in columns]
    written = _written(engine, found, asked)
    kinds = _types(engine, inner, written, asked)
    for key, sql in written.items():
        wrap = asked[key].wrap
        chosen.append(f"{sql if wrap is None else wrap(sql, kinds[key])} AS {name(key)}")
    for read in reads:
        wrong = f"{name(read.column)} IS NOT NULL AND {name(read.name)} IS NULL"
        shown = f"left({name(read.column)}::VARCHAR, 80)"
        chosen.append(f"CASE WHEN {wrong} THEN {shown} END AS {name(bad_name(read))}")
        chosen.append(f"{name(read.column)} IS NOT NULL AS {name(there_name(read))}")
    order = "" if view.is_ordered else f" ORDER BY {name(PLACE)}"
    sql = f"SELECT {', '.join(chosen)} FROM {inner}{order}"
    return Query(sql, engine.types(sql), {key: tuple(each.reads) for key, each in found.items()})


def computed(asked: Mapping[str, Asked]) -> Iterator[str]:
    """Yield the columns that may be read as numbers."""
    for item in asked.values():
        if item.root is not None or not item.expression.is_column:
            yield from item.expression.columns


def batches(engine: Engine, query: Query, size: int | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the result, so many rows at once; `DataError` if it cannot be computed."""
    try:
        yield from engine.batches(query.sql, size)
    except EngineError as error:
        said = _remedy(str(error))
        if said == str(error):
            said += "; `TRY(...)` around a part gives NULL where it cannot be computed"
        raise DataError(f"an expression cannot be computed: {said}") from None


def _read(read: Read, view: View, numbers: Mapping[str, Numbers]) -> str:
    column, is_text = name(read.column), view.types[read.column] == "VARCHAR"
    if read.what == "flag":
        return as_flag(column)
    if read.what == "time":
        return as_time(column)
    if view.types[read.column] == "FLOAT":
        return float_as_double(column)
    if not is_text:
        return f"CAST({column} AS INTEGER)"  # true and false
    decimal = view.origins[read.column].decimal
    return as_number(column, read.column, decimal, numbers[read.column])


def _written(
    engine: Engine, found: Mapping[str, Resolved], asked: Mapping[str, Asked]
) -> dict[str, str]:
    """Return the SQL of every tree; `DataError` if one is nested deeper than the engine reads."""
    trees = {key: literal(json.dumps(each.statement)) for key, each in found.items()}
    calls = {key: f"json_deserialize_sql({tree})" for key, tree in trees.items()}
    try:
        (texts,) = _all_or_each(calls, asked, lambda sql: engine.fetch(f"SELECT {sql}"))
    except _FaultyError as faulty:
        raise DataError(f"`{faulty.text}`: {TOO_DEEP}") from None
    written = (f"({str(text).removeprefix('SELECT ')})" for text in texts)
    return dict(zip(found, written, strict=True))


def _types(
    engine: Engine, relation: str, written: Mapping[str, str], asked: Mapping[str, Asked]
) -> dict[str, str]:
    """Return the type of every expression; `DataError` names one that the engine refuses."""
    named = {key: f"{sql} AS {name(key)}" for key, sql in written.items()}
    try:
        return _all_or_each(named, asked, lambda s: engine.types(f"SELECT {s} FROM {relation}"))
    except _FaultyError as faulty:
        raise DataError(f"`{faulty.text}`: {_remedy(faulty.said)}") from None


class _FaultyError(Exception):
    """An expression that the engine refuses, and what it says."""

    def __init__(self, text: str, said: str) -> None:
        super().__init__(said)
        self.text, self.said = text, said


def _all_or_each(
    parts: Mapping[str, str], asked: Mapping[str, Asked], run: Callable[[str], _Result]
) -> _Result:
    """Run parts as one query, which is fast; if it fails one by one, to find the one to blame."""
    try:
        return run(", ".join(parts.values()))
    except EngineError:
        for key, part in parts.items():
            try:
                run(part)
            except EngineError as error:
                raise _FaultyError(asked[key].expression.text, str(error)) from None
        raise


def _remedy(said: str) -> str:
    """Add to what DuckDB says what to do."""
    for sign, remedy in (
        ("Cannot compare", "write numbers without quotes and texts in single quotes"),
        (
            "No function matches",
            "the types of its arguments do not fit; cast them: `CAST(x AS DOUBLE)`",
        ),
        ("verflow", "a number became too large to be exact; compute with `CAST(x AS DOUBLE)`"),
        ("Out of Range", "compute with `CAST(x AS DOUBLE)`"),
        ("Could not parse", "use `try_strptime`, which gives NULL there"),
        ("Conversion", "use `TRY_CAST`"),
        ("convert", "use `TRY_CAST`, or write texts in single quotes and numbers without"),
    ):
        if sign in said:
            return f"{said}; {remedy}"
    return said
