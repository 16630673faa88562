"""SQL that reads texts as exact numbers, flags and times; what is none is NULL.

A whole number is BIGINT or HUGEINT, any other DECIMAL where that holds every value of its column,
else DOUBLE: nothing is rounded that is written out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mtnas.data.engine.connection import Engine, literal, name
from mtnas.runtime.errors import DataError

_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_THOUSANDS = r"[+-]?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]+)?"
_DIGITS = 38  # that an exact type holds
_EXACT_FLOAT = 2**53  # beyond, neighbouring whole numbers are one float
FLAGS = {"1": True, "true": True, "1.0": True, "0": False, "false": False, "0.0": False}


@dataclass(frozen=True)
class Numbers:
    """What stands in a text column: how many values, how many are numbers, and how long they are.

    `whole` digits stand before the decimals of the longest, `decimals` behind; `exponents` are
    written with one, `large` are whole and beyond 2^53.
    """

    values: int
    numbers: int
    whole: int
    decimals: int
    exponents: int
    large: int
    example: str | None  # of what is no number

    def sql_type(self, column: str) -> str:
        """Choose the type that rounds nothing; `DataError` if there is none."""
        if self.exponents == 0 and self.whole + self.decimals <= _DIGITS:
            if self.decimals:
                return f"DECIMAL({max(self.whole + self.decimals, 1)}, {self.decimals})"
            return "BIGINT" if self.whole <= 18 else "HUGEINT"
        if self.large:
            raise DataError(
                f"column {column!r}: whole numbers above 2^53 beside others that need floating "
                "point: some would be rounded; compare them as texts ('...'), or write them alike"
            )
        return "DOUBLE"


def number_text(text: str, decimal: str) -> str:
    """Return the SQL of a number's digits with a `.`, NULL where a text is no finite number.

    With `decimal` a comma, a `.` may only part thousands: 1.234 is 1234, and 1.5 is no number.
    """
    flag = (
        f"CASE WHEN strlen({text}) > 5 THEN {text} WHEN lower({text}) = 'true' THEN '1' "
        f"WHEN lower({text}) = 'false' THEN '0' ELSE {text} END"
    )
    if decimal == ",":
        plain = f"CASE WHEN contains({text}, '.') THEN NULL ELSE replace({flag}, ',', '.') END"
        flag = (
            f"CASE WHEN regexp_full_match({text}, {literal(_THOUSANDS)}) "
            f"THEN replace(replace({text}, '.', ''), ',', '.') ELSE {plain} END"
        )
    finite = f"coalesce(isfinite(TRY_CAST({flag} AS DOUBLE)), false)"
    # One inside the other: a cast that fails is slow.
    sound = f"CASE WHEN {finite} THEN ltrim({flag}, '+') END"
    return f"CASE WHEN regexp_full_match({flag}, {literal(_NUMBER)}) THEN {sound} END"


def as_number(text: str, decimal: str, sql_type: str) -> str:
    """Return the SQL of a text as a number of a type that holds it."""
    digits, fast = number_text(text, decimal), _plain(text)
    if sql_type in ("BIGINT", "HUGEINT"):
        digits = f"regexp_replace({digits}, '\\.0*$', '')"
    elif decimal == ".":
        fast = f"({fast} OR {_short(text)})"
    return f"TRY_CAST(CASE WHEN {fast} THEN {text} ELSE {digits} END AS {sql_type})"


def _plain(text: str) -> str:
    """Return the SQL of whether a text is a short whole number, which is fast to read.

    It has 18 characters at most: its digits are not counted, that is fast, too.
    """
    return f"regexp_full_match({text}, '-?[0-9]{{1,15}}(\\.0)?')"


def _short(text: str) -> str:
    """Return the SQL of whether a text is a number with short decimals."""
    return f"regexp_full_match({text}, '-?[0-9]{{1,15}}\\.[0-9]{{1,15}}')"


def as_flag(text: str) -> str:
    """Return the SQL of 0/1 and true/false."""
    whens = " ".join(f"WHEN {literal(word)} THEN {value}" for word, value in FLAGS.items())
    return f"CASE lower({text}::VARCHAR) {whens} END"


def as_time(text: str) -> str:
    """Return the SQL of an ISO date or time."""
    return f"TRY_CAST({text} AS TIMESTAMP)"


def numbers_in(
    engine: Engine, relation: str, columns: Sequence[str], decimal: str, more: Sequence[str] = ()
) -> tuple[dict[str, Numbers], tuple[Any, ...]]:
    """Look once through text columns for how their numbers are written.

    `more` is SQL of further aggregates that are computed on the way and returned, too.
    """
    first, second, found = ["*"], ["*"], []
    for i, column in enumerate(columns):
        value, plain, short, number = name(column), *(name(f"#{part}{i}") for part in "psn")
        is_short = _short(value) if decimal == "." else "false"
        digits = number_text(value, decimal)
        first += [f"{_plain(value)} AS {plain}", f"{is_short} AS {short}"]
        second.append(f"CASE WHEN {plain} OR {short} THEN NULL ELSE {digits} END AS {number}")
        found += _facts(value, plain, short, number)
    if not [*found, *more]:
        return {}, ()
    relation = f"(SELECT {', '.join(second)} FROM (SELECT {', '.join(first)} FROM {relation}))"
    (row,) = engine.fetch(f"SELECT {', '.join([*found, *more])} FROM {relation}")
    facts = {c: Numbers(*row[7 * i : 7 * i + 7]) for i, c in enumerate(columns)}
    return facts, row[len(found) :]


def _facts(value: str, plain: str, short: str, number: str) -> list[str]:
    """Return the SQL of what `Numbers` holds.

    `plain` is true where a value is a short whole number, `short` where it has short decimals,
    `number` holds the digits of any other.
    """
    digits = f"regexp_replace({number}, '^-?0*([0-9]*).*$', '\\1')"
    decimals = f"rtrim(regexp_extract({number}, '^-?[0-9]*\\.([0-9]*)', 1), '0')"
    written_out = f"NOT contains(lower({number}), 'e')"
    large = f"{decimals} = '' AND TRY_CAST({digits} AS HUGEINT) > {_EXACT_FLOAT}"
    point = f"instr({value}, '.')"
    end = f"CASE WHEN ends_with({value}, '0') THEN rtrim({value}, '0') ELSE {value} END"
    return [
        f"count({value})",
        f"count(*) FILTER ({plain} OR {short}) + count({number})",
        f"coalesce(greatest(max(strlen({value})) FILTER ({plain}), max({point}) FILTER ({short}), "
        f"max(length({digits})) FILTER ({written_out})), 0)",
        f"coalesce(greatest(max(strlen({end}) - {point}) FILTER ({short}), "
        f"max(length({decimals})) FILTER ({written_out})), 0)",
        f"count({number}) FILTER (NOT {written_out})",
        f"count({number}) FILTER ({written_out} AND {large})",
        f"min(left({value}, 80)) FILTER (NOT {plain} AND NOT {short} AND {number} IS NULL)",
    ]
