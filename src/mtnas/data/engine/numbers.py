"""SQL that reads texts as exact numbers, flags and times; what is none is NULL.

A whole number is BIGINT or HUGEINT, any other DECIMAL where that holds every value of its column,
else DOUBLE: nothing is rounded that is written out.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from mtnas.data.engine.connection import BATCH_ROWS, Engine, literal
from mtnas.runtime.errors import DataError

_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_THOUSANDS = r"[+-]?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]+)?"
_DIGITS = 38  # that an exact type holds
_EXACT_FLOAT = 2**53  # beyond, neighbouring whole numbers are one float
FLAGS = {"1": True, "true": True, "1.0": True, "0": False, "false": False, "0.0": False}


@dataclass(frozen=True)
class Numbers:
    """What stands in a text column: how many values, how many are numbers, and how long they are.

    `simple` numbers have few digits and nothing else but a sign and a point. `whole` digits stand
    before the decimals of the longest, `decimals` behind; `exponents` are written with one, `large`
    are whole and beyond 2^53.
    """

    values: int = 0
    numbers: int = 0
    simple: int = 0
    whole: int = 0
    decimals: int = 0
    exponents: int = 0
    large: int = 0

    def __add__(self, other: "Numbers") -> "Numbers":
        return Numbers(
            self.values + other.values,
            self.numbers + other.numbers,
            self.simple + other.simple,
            max(self.whole, other.whole),
            max(self.decimals, other.decimals),
            self.exponents + other.exponents,
            self.large + other.large,
        )

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


def as_number(text: str, column: str, decimal: str, found: Numbers) -> str:
    """Return the SQL of a text of a column as a number of a type that holds all of its numbers."""
    sql_type = found.sql_type(column)
    if found.simple == found.values:
        return f"TRY_CAST({text} AS {sql_type})"
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


class NumberCounter:
    """Counts how numbers are written in text columns, from the different values of pieces."""

    def __init__(self, engine: Engine, columns: Iterable[str], decimal: str) -> None:
        self.found = dict.fromkeys(columns, Numbers())
        self._engine, self._query = engine, _query(decimal)
        self._waiting, self._size = list[pa.Table](), 0

    def add(self, column: str, values: pa.StringArray, counts: pa.Int64Array) -> None:
        """Add different values of a column, and how often each of them is there."""
        which = pa.repeat(pa.scalar(column), len(values))
        self._waiting.append(pa.table([which, values, counts], ["c", "v", "n"]))
        self._size += len(values)
        if self._size > BATCH_ROWS:
            self.count()

    def count(self) -> None:
        """Count what was added; needed at the end."""
        if self._size:
            waiting = pa.concat_tables(self._waiting)
            self._waiting, self._size = [], 0
            for column, *facts in self._engine.fetch_over(waiting, self._query):
                self.found[column] += Numbers(*facts)


def _query(decimal: str) -> str:
    """Return the SQL of what `Numbers` holds, for values v that are n times in column c.

    `plain` is true where a value is a short whole number, `short` where it has short decimals,
    `number` holds the digits of any other.
    """
    short = _short("v") if decimal == "." else "false"
    first = f"(SELECT *, {_plain('v')} AS plain, {short} AS short FROM given)"
    rest = f"CASE WHEN NOT plain AND NOT short THEN {number_text('v', decimal)} END AS number"
    digits = "regexp_replace(number, '^-?0*([0-9]*).*$', '\\1')"
    decimals = "rtrim(regexp_extract(number, '^-?[0-9]*\\.([0-9]*)', 1), '0')"
    written_out = "NOT contains(lower(number), 'e')"
    large = f"{decimals} = '' AND TRY_CAST({digits} AS HUGEINT) > {_EXACT_FLOAT}"
    facts = (
        "sum(n)",
        "sum(n) FILTER (plain OR short OR number IS NOT NULL)",
        "sum(n) FILTER (plain OR short)",
        "max(CASE WHEN plain THEN strlen(v) WHEN short THEN instr(v, '.') "
        f"WHEN {written_out} THEN length({digits}) END)",
        "max(CASE WHEN short THEN strlen(rtrim(v, '0')) - instr(v, '.') "
        f"WHEN {written_out} THEN length({decimals}) END)",
        f"sum(n) FILTER (NOT ({written_out}))",
        f"sum(n) FILTER ({written_out} AND {large})",
    )
    found = ", ".join(f"coalesce({fact}, 0)::BIGINT" for fact in facts)
    return f"SELECT c, {found} FROM (SELECT *, {rest} FROM {first}) GROUP BY c"
