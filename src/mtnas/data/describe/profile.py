"""What the columns of a table hold, counted by the engine."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mtnas.data.codes import CODES, likely, told
from mtnas.data.engine.connection import literal
from mtnas.data.engine.connection import name as quoted

Fetch = Callable[[str], list[tuple[Any, ...]]]

WORDS = ("none", "<na>", "nat", "n/a", "na", "nan", "null", "nil", "#n/a", "-", "--")
_NEARLY_ALL = 0.95
SEPARATORS = ("|", ";", ",")
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DAY = r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
_FIRST_LIST = 0.3  # of the values hold the separator, from which a column is looked at as lists

# What is counted of the values of a column: a condition on the text `t`.
_CHECKS = {
    "number": f"regexp_full_match(t, '{_NUMBER}')",
    "whole": "regexp_full_match(t, '[+-]?[0-9]+')",
    "whole_as_decimal": r"regexp_full_match(t, '[+-]?[0-9]+\.0+')",
    "round": r"regexp_full_match(t, '[+-]?[0-9]*([05]|99)(\.0+)?')",
    "beyond_exact": "regexp_full_match(t, '[+-]?[0-9]+') AND abs(TRY_CAST(t AS HUGEINT)) > 2**53",
    "negative": f"t LIKE '-%' AND regexp_full_match(t, '{_NUMBER}')",
    "minus_one": r"regexp_full_match(t, '-1(\.0+)?')",
    "bit": r"regexp_full_match(t, '[01](\.0+)?')",
    "flag": "lower(t) IN ('true', 'false')",
    "decimal_comma": r"regexp_full_match(t, '[+-]?([0-9]{1,3}(\.[0-9]{3})+|[0-9]+),[0-9]+')",
    "date": "regexp_full_match(t, '[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9].*)?')",
    "other_date": r"regexp_full_match(t, '[0-9]{1,2}[/.][0-9]{1,2}[/.][0-9]{2,4}( .*)?')",
    "month_first": r"regexp_full_match(t, '[0-9]{1,2}[/.](1[3-9]|2[0-9]|3[01])[/.].*')",
    "compact_8": f"regexp_full_match(t, '{_DAY}')",
    "compact_10": f"regexp_full_match(t, '{_DAY}([01][0-9]|2[0-3])')",
    "compact_12": f"regexp_full_match(t, '{_DAY}([01][0-9]|2[0-3])[0-5][0-9]')",
    "compact_14": f"regexp_full_match(t, '{_DAY}([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]')",
    "unix_seconds": r"regexp_full_match(t, '[0-9]{9,11}(\.[0-9]+)?')",
    "unix_millis": "regexp_full_match(t, '[0-9]{12,14}')",
    "bracketed": r"regexp_full_match(t, '\[.*\]', 's')",
    "quoted": "t LIKE '\"%' OR (t LIKE '''%''' AND length(t) > 1)",
    "lines": "contains(t, chr(10))",
    "long": "length(t) > 60",
    "word": f"lower(t) IN ({', '.join(map(repr, WORDS))})",
    **{sign: f"contains(t, '{sign}')" for sign in SEPARATORS},
}


@dataclass(frozen=True)
class Column:
    """What a column of the table holds.

    `counts` says of how many rows a check (`_CHECKS`) holds, `examples` are the most frequent
    values with their rows, `separator` stands between the members of its values if they are lists.
    """

    name: str
    type: str  # as DuckDB writes it
    rows: int
    present: int  # rows with a value
    distinct: int
    smallest: float | None
    largest: float | None
    examples: tuple[tuple[str, int], ...]
    counts: Mapping[str, int]
    words: tuple[str, ...] = ()  # that stand for a missing value perhaps
    separator: str | None = None
    odd: tuple[str, ...] = ()  # the most frequent values that are no numbers
    codes: tuple[str, ...] = ()  # what numbers say that stand for a missing value perhaps

    def share(self, check: str) -> float:
        """Return the part of the rows with a value for which a check holds; words are none."""
        values = self.present - self.counts["word"]
        return self.counts[check] / values if values else 0.0

    @property
    def is_number(self) -> bool:
        """Whether nearly all values are numbers, perhaps with a comma before the decimals."""
        return self.share("number") + self.share("decimal_comma") > _NEARLY_ALL

    @property
    def missing(self) -> float:
        """Return the part of the rows without a value."""
        return 1 - self.present / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Profile:
    """What a table holds: its columns, and rows that are there more than once."""

    rows: int
    columns: tuple[Column, ...]
    repeated: int  # rows that are equal to an earlier one


def profile(fetch: Fetch, table: str, types: Mapping[str, str]) -> Profile:
    """Count what a table holds.

    Args:
        fetch: returns the rows of a query.
        table: name of a table of the engine, as SQL writes it.
        types: the types of its columns by name; what is missing is NULL.
    """
    names = ", ".join(map(quoted, types))
    ((rows, different),) = fetch(
        f"SELECT coalesce(sum(n), 0)::BIGINT, count(*) "
        f"FROM (SELECT count(*) AS n FROM {table} GROUP BY {names})"
    )
    columns = tuple(_column(fetch, table, name, kind) for name, kind in types.items())
    return Profile(rows, columns, rows - different)


def _column(fetch: Fetch, table: str, name: str, kind: str) -> Column:
    """Count what one column holds: once per different value."""
    values = (
        f"WITH v AS MATERIALIZED (SELECT trim(CAST({quoted(name)} AS VARCHAR)) AS t, count(*) AS n "
        f"FROM {table} GROUP BY 1), p AS MATERIALIZED (SELECT * FROM v WHERE t IS NOT NULL) "
    )
    counted = ", ".join(
        f"coalesce(sum(n) FILTER (WHERE {check}), 0)::BIGINT" for check in _CHECKS.values()
    )
    ((rows, examples, words, odd, present, distinct, low, high, *counts),) = fetch(
        f"{values} SELECT (SELECT sum(n)::BIGINT FROM v), "
        "(SELECT list([t, n::VARCHAR]) FROM (FROM p ORDER BY n DESC, t LIMIT 4)), "
        f"(SELECT list(t ORDER BY t) FROM p WHERE {_CHECKS['word']}), "
        f"(SELECT list(left(t, 20)) FROM (FROM p WHERE NOT ({_CHECKS['number']} OR "
        f"{_CHECKS['word']}) ORDER BY n DESC, t LIMIT 3)), "
        "coalesce(sum(n), 0)::BIGINT, count(*), "
        f"min(TRY_CAST(t AS DOUBLE)) FILTER (WHERE {_CHECKS['number']}), "
        f"max(TRY_CAST(t AS DOUBLE)) FILTER (WHERE {_CHECKS['number']}), {counted} FROM p"
    )
    found = Column(
        name,
        kind,
        rows or 0,
        present,
        distinct,
        low,
        high,
        tuple((text, int(count)) for text, count in examples or ()),
        dict(zip(_CHECKS, counts, strict=True)),
        tuple(words or ()),
        odd=tuple(odd or ()),
    )
    separator = next((s for s in SEPARATORS if _is_list(fetch, values, found, s)), None)
    codes = _codes(fetch, values, found) if found.is_number else ()
    return Column(**{**found.__dict__, "separator": separator, "codes": codes})


def _codes(fetch: Fetch, values: str, column: Column) -> tuple[str, ...]:
    """Say which numbers probably mean that a value is missing."""
    is_code = f"x IN ({', '.join(map(str, sorted(CODES)))})"
    ((found, low, high),) = fetch(
        f"{values}, x AS (SELECT TRY_CAST(t AS DOUBLE) AS x, n FROM p WHERE {_CHECKS['number']}) "
        f"SELECT list([x, n]) FILTER ({is_code}), min(x) FILTER (NOT {is_code}), "
        f"max(x) FILTER (NOT {is_code}) FROM x"
    )
    if not found or low is None:
        return ()
    counts = Counter[float]()
    for code, count in found:
        counts[code] += int(count)
    return tuple(
        told(code, counts[code], low, high)
        for code in likely(counts, low, high, column.counts["number"])
    )


def _is_list(fetch: Fetch, values: str, column: Column, sign: str) -> bool:
    """Tell whether values are lists: of several lengths, of members that come again."""
    if column.share(sign) < _FIRST_LIST or column.share("bracketed") > 0.5:
        return False
    ((lengths, members, different),) = fetch(
        f"{values}, m AS (SELECT string_split(t, {literal(sign)}) AS l FROM p) "
        "SELECT count(DISTINCT len(l)), sum(len(l))::BIGINT, "
        "(SELECT count(DISTINCT trim(x)) FROM (SELECT unnest(l) AS x FROM m)) FROM m"
    )
    return bool(lengths >= 3 and different < 0.5 * members)
