"""Columns as text, times and buckets; what cannot be read as such is marked.

A function that reads values returns them, null where a value is missing or wrong, and a mask of
the wrong ones.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mtnas.runtime.errors import DataError

Converted = tuple[pa.Array, pa.BooleanArray]
Buckets = Sequence[float] | str | Mapping[str, float] | None

_LARGE = 1e16  # from which a float is written with an exponent
POINT, FLAGS = r"^(?:-?(0)|(-?[1-9][0-9]*))\.0+$", ("True", "TRUE", "False", "FALSE")
UNIX, DATE = r"^[0-9]+(\.[0-9]+)?$", r"^(19|20)[0-9]{6}$"  # YYYYMMDD is no unix time
PARTS = {
    "year": pc.year,
    "month": pc.month,
    "day": pc.day,
    "weekday": pc.day_of_week,  # 0 = Monday
    "hour": pc.hour,
}
UNIX_FORMAT = "unix"
# Digits of a day and an hour (and minute, second), which may be unix times as well.
_COMPACT = {
    "%Y%m%d%H": 10,
    "%Y%m%d%H%M": 12,
    "%Y%m%d%H%M%S": 14,
}
_LENGTHS = {8: "YYYYMMDD", 12: "YYYYMMDDHHMM", 14: "YYYYMMDDHHMMSS"}
_HOUR = "([01][0-9]|2[0-3])([0-5][0-9]){0,2}$"
_DAY = f"^(19|20)[0-9]{{2}}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01]){_HOUR}"
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
# Unix times by their size, with the factor to microseconds: seconds up to the year 5138, milli-,
# micro- and nanoseconds. A number below (March 1973 in seconds) is a year, a day or a count.
_UNITS = ((1e8, 1e11, 1e6), (1e11, 1e14, 1e3), (1e14, 1e17, 1.0), (1e17, 1e20, 1e-3))


def as_text(column: pa.Array) -> pa.StringArray:
    """Return text: 4.0 is "4", a list is joined by `|`."""
    try:
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            return pc.binary_join(column.cast(pa.list_(pa.string())), "|")
        if pa.types.is_decimal(column.type):
            return as_bucket(column, None).cast(pa.string())
        if pa.types.is_floating(column.type):
            column = pc.add(column, pa.scalar(0, column.type))  # -0.0 is 0
        text = column.cast(pa.string())
        if pa.types.is_timestamp(column.type):  # whole seconds without their decimals
            text = pc.replace_substring_regex(text, r"\.0+(Z?)$", r"\1")
        return text
    except pa.ArrowException:
        raise DataError(f"values of type {column.type} are no texts, numbers or times") from None


def as_value(column: pa.Array, as_written: bool = True) -> pa.Array:
    """Return the texts by which values are told apart, alike of texts and of typed values.

    True and TRUE are `true`, a whole number is without a point: 3.0 is `3`. A decimal is as it is
    written: 3.50, unless it was computed, when its zeros mean nothing. Encoded ones stay so.
    """
    if pa.types.is_dictionary(column.type):
        texts = as_value(column.dictionary, as_written)
        return pa.DictionaryArray.from_arrays(column.indices, texts)
    if pa.types.is_decimal(column.type) and as_written:
        encoded = column.dictionary_encode()
        written = [f"{number:f}" for number in encoded.dictionary.to_pylist()]
        return as_value(pa.array(written, pa.string())).take(encoded.indices)
    text = as_text(column)
    if pa.types.is_float64(column.type):  # Arrow writes 1e+15, programs that write CSV do not
        is_whole = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), _LARGE))
        whole = pc.if_else(is_whole, column, None).cast(pa.int64()).cast(pa.string())
        text = pc.coalesce(whole, text)
    if pc.any(pc.match_substring(text, ".0")).as_py():
        text = pc.replace_substring_regex(text, POINT, r"\1\2")
    flags = pc.is_in(text, pa.array(FLAGS))
    return pc.if_else(flags, pc.utf8_lower(text), text) if pc.any(flags).as_py() else text


def as_time(column: pa.Array, pattern: str | None = None) -> Converted:
    """Return UTC times: ISO dates and times, YYYYMMDD, unix times, or those of a pattern.

    A time without a zone is taken as it is.

    Raises:
        DataError: digits that may be a unix time or a date with an hour.
    """
    if _is_moment(column.type):
        kind = pa.timestamp("us", tz="UTC" if getattr(column.type, "tz", None) else None)
        return column.cast(kind, safe=False).cast(pa.timestamp("us")), _nowhere(column)
    if pa.types.is_floating(column.type):  # whole seconds, not 1.3e+09
        column = pc.floor(column).cast(pa.int64(), safe=False)
    is_encoded = pa.types.is_dictionary(column.type)
    encoded = column if is_encoded else as_text(column).dictionary_encode()
    times = _times(encoded.dictionary, pattern).take(encoded.indices)
    return times, _wrong(column, times)


def _times(text: pa.StringArray, pattern: str | None) -> pa.TimestampArray:
    """Return the times of different texts."""
    if pattern == UNIX_FORMAT:
        return _unix(pc.if_else(pc.match_substring_regex(text, UNIX), text, None))
    if pattern is not None:
        return _parsed(text, pattern)
    _check_compact(text)
    plain = pc.and_not(pc.match_substring_regex(text, UNIX), pc.match_substring_regex(text, DATE))
    written = _parsed(pc.if_else(plain, None, text), None)
    return pc.if_else(plain, _unix(pc.if_else(plain, text, None)), written)


def as_bucket(numbers: pa.Array, rule: Buckets) -> pa.Array:
    """Return the buckets of numbers as texts, encoded; without a rule the numbers: 4.0 is "4".

    Edges e0 < e1 < ... make the buckets x < e0, e0 <= x < e1, ...; `log2` is floor(log2(1 + |x|))
    with the sign of x; {width: w} is floor(x / w). All is computed on decimals: 0.3 / 0.1 is 3.
    """
    edges = rule if rule is None or isinstance(rule, str) else tuple(rule)
    width = rule["width"] if isinstance(rule, Mapping) else None
    if pa.types.is_float32(numbers.type):  # 0.7, not 0.699999988
        numbers = numbers.cast(pa.string()).cast(pa.float64())
    encoded = numbers.dictionary_encode()
    if rule is None and pa.types.is_integer(numbers.type):
        names = encoded.dictionary.cast(pa.string())
    else:
        found = [_bucket(x, edges, width) for x in encoded.dictionary.to_pylist()]
        names = pa.array(found, pa.string())
    return pa.DictionaryArray.from_arrays(encoded.indices, names)


def _exact(x: Any) -> Decimal:
    """Return a number as it is written in the shortest way."""
    return x if isinstance(x, Decimal) else Decimal(str(x))


@lru_cache(1 << 16, typed=True)  # the chunks of a table hold the same numbers again
def _bucket(number: Any, rule: tuple[Any, ...] | str | None, width: float | None) -> str:
    x = Fraction(_exact(number))
    if rule is None:
        return _written(number, x)
    if width is not None:
        return str(x // Fraction(_exact(width)))
    if isinstance(rule, str):
        size = int(1 + abs(x)).bit_length() - 1
        return str(-size if x < 0 else size)
    edges = [_edge(edge) for edge in rule]
    index = bisect_right([Fraction(_exact(edge)) for edge in rule], x)
    if index == 0:
        return f"below {edges[0]}"
    return f"from {edges[-1]}" if index == len(edges) else f"{edges[index - 1]} to {edges[index]}"


def _edge(edge: float) -> str:
    """Write an edge: short, unless that would be another number."""
    short = f"{edge:g}"
    return short if float(short) == edge else f"{Decimal(str(edge)):f}".removesuffix(".0")


def _written(number: Any, x: Fraction) -> str:
    """Write a number: without an exponent if it is whole, without zeros at its end."""
    if x.denominator == 1:
        large = isinstance(number, float) and abs(x) >= 10**17
        return str(pa.scalar(number).cast(pa.string()).as_py()) if large else str(x.numerator)
    if isinstance(number, float):
        return str(pa.scalar(number).cast(pa.string()).as_py())
    return f"{number:f}".rstrip("0")


def units_in(column: pa.Array) -> set[str]:
    """Name the units of the unix times in a column, by what would be a time of 1990 to 2050."""
    text = as_text(column.unique())
    plain = text.filter(pc.match_substring_regex(text, UNIX))
    numbers = plain.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return {
        unit
        for unit, factor in (("seconds", 1), ("milliseconds", 1e3), ("microseconds", 1e6))
        if ((numbers >= 6.3e8 * factor) & (numbers < 2.53e9 * factor)).any()
    }


def shown(column: pa.Array, where: pa.BooleanArray) -> pa.StringArray:
    """Return some values as text, null elsewhere."""
    if not pc.any(where).as_py():
        return pa.nulls(len(column), pa.string())
    return as_text(pc.if_else(where, column, None))


def days_in(column: pa.Array) -> set[str]:
    """Name how days are written in a column of numbers, if there is nothing but times in it."""
    text = as_text(column)
    text = text.filter(pc.match_substring_regex(text, UNIX))
    if pa.types.is_floating(column.type) or len(text) == 0:
        return set()
    is_day, is_longer = (
        pc.match_substring_regex(text, pattern) for pattern in (_DAY.replace(_HOUR, "$"), _DAY)
    )
    numbers = text.cast(pa.float64()).to_numpy(zero_copy_only=False)
    is_unix = pa.array(numbers >= _UNITS[0][0])
    if not pc.all(pc.or_(is_day, pc.or_(is_longer, is_unix))).as_py():
        return set()
    lengths = {len(value) for value in text.filter(pc.or_(is_day, is_longer)).to_pylist()}
    return {_LENGTHS[length] for length in lengths - {10}}  # ten digits may be seconds


def _check_compact(text: pa.StringArray) -> None:
    """Refuse digits with two readings."""
    twofold = text.filter(pc.fill_null(pc.match_substring_regex(text, _DAY), False))
    if len(twofold):
        first = twofold[0].as_py()
        pattern = next(pattern for pattern, size in _COMPACT.items() if size == len(first))
        raise DataError(
            f"{first!r} may be the hour of a day or a unix time; give "
            f"`time_format: '{pattern}'` or `time_format: {UNIX_FORMAT}`"
        )


def _wrong(column: pa.Array, values: pa.Array) -> pa.BooleanArray:
    """Tell where there was a value that could not be read."""
    return pc.and_(pc.is_valid(column), pc.is_null(values))


def _nowhere(column: pa.Array) -> pa.BooleanArray:
    return pa.repeat(pa.scalar(False), len(column))


def _is_moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _unix(text: pa.StringArray) -> pa.TimestampArray:
    """Return the times of unix times; the size of a number tells its unit."""
    numbers = text.cast(pa.float64()).to_numpy(zero_copy_only=False)
    micros = np.full(len(numbers), np.nan)
    for smallest, largest, factor in _UNITS:
        fits = (numbers >= smallest) & (numbers < largest)
        micros[fits] = np.floor(numbers[fits] * factor)
    nowhere = np.isnan(micros)
    whole = np.where(nowhere, 0, micros).astype(np.int64)
    return pa.array(whole, mask=nowhere).cast(pa.timestamp("us"))


def _parsed(text: pa.StringArray, pattern: str | None) -> pa.TimestampArray:
    """Return the times of texts; null where there is none, or none that can be parsed."""
    micros = [None if value is None else _micros(value, pattern) for value in text.to_pylist()]
    return pa.array(micros, pa.int64()).cast(pa.timestamp("us"))


def time_format(pattern: str) -> str:
    """Return a pattern of times; `ValueError` unless what it writes, it reads."""
    now = datetime.now(UTC)
    try:
        datetime.strptime(now.strftime(pattern), pattern)
    except (ValueError, re.error) as problem:
        raise ValueError(f"no pattern of a time ({problem}); write one as %d.%m.%Y") from None
    return pattern


@lru_cache(1 << 16)  # a field and the split may read the same times
def _micros(text: str, pattern: str | None) -> int | None:
    """Return the microseconds from 1970 to a time, UTC if it names a zone."""
    try:
        moment = datetime.strptime(text, pattern) if pattern else datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return (moment - _EPOCH) // _MICROSECOND
