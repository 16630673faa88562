"""Columns as text, numbers, flags, times and buckets; what cannot be read as such is marked.

A function that reads values returns them, null where a value is missing or wrong, and a mask of
the wrong ones.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mtnas.runtime.errors import DataError

Read = tuple[pa.Array, pa.BooleanArray]
Buckets = Sequence[float] | str | Mapping[str, float] | None

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
UNIX, DATE = r"^[0-9]+(\.[0-9]+)?$", r"^(19|20)[0-9]{6}$"  # YYYYMMDD is no unix time
PARTS = {
    "year": pc.year,
    "month": pc.month,
    "day": pc.day,
    "weekday": pc.day_of_week,  # 0 = Monday
    "hour": pc.hour,
}
_FLAGS = {"1": True, "true": True, "1.0": True, "0": False, "false": False, "0.0": False}
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
# Unix times by their size, with the factor to microseconds: seconds up to the year 5138, milli-,
# micro- and nanoseconds. A number below (March 1973 in seconds) is a year, a day or a count.
_UNITS = ((1e8, 1e11, 1e6), (1e11, 1e14, 1e3), (1e14, 1e17, 1.0), (1e17, 1e20, 1e-3))


def clean(column: pa.Array, missing: Collection[str]) -> pa.Array:
    """Strip texts; make null what means missing: the given texts and NaN.

    Raises:
        DataError: values that cannot be written as text, such as structures.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    text = pc.utf8_trim_whitespace(as_text(column))
    absent = pc.is_in(text, pa.array(sorted(missing), pa.string()))
    return pc.if_else(absent, None, column if _is_native(column.type) else text)


def as_text(column: pa.Array) -> pa.StringArray:
    """Return text: 4.0 is "4", a list is joined by `|`."""
    try:
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            return pc.binary_join(column.cast(pa.list_(pa.string())), "|")
        return column.cast(pa.string())
    except pa.ArrowException:
        raise DataError(f"values of type {column.type} are no texts, numbers or times") from None


def is_number(text: str) -> bool:
    """Tell whether a text is a number as `as_number` reads it."""
    return re.match(NUMBER, text) is not None


def as_number(column: pa.Array, decimal: str = ".") -> Read:
    """Return float64; `decimal` is the sign before the decimals in text."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if _is_numeric(column.type):
        return column.cast(pa.float64(), safe=False), _nowhere(column)
    text = as_text(column)
    if decimal != ".":
        text = pc.replace_substring(text, decimal, ".")
    sound = pc.match_substring_regex(text, NUMBER)
    digits = pc.utf8_ltrim(pc.if_else(sound, text, None), "+")
    numbers = digits.cast(pa.float64())
    numbers = pc.if_else(pc.is_finite(numbers), numbers, None)
    return numbers, _wrong(column, numbers)


def as_flag(column: pa.Array) -> Read:
    """Return booleans of 0/1 and true/false."""
    text = pc.utf8_lower(as_text(column))
    index = pc.index_in(text, pa.array(list(_FLAGS)))
    flags = pa.array(list(_FLAGS.values())).take(index)
    return flags, _wrong(column, flags)


def as_time(column: pa.Array, pattern: str | None = None) -> Read:
    """Return UTC times: ISO dates and times, YYYYMMDD, unix times, or those of a pattern.

    A time without a zone is taken as it is.
    """
    if _is_moment(column.type):
        kind = pa.timestamp("us", tz="UTC" if getattr(column.type, "tz", None) else None)
        return column.cast(kind, safe=False).cast(pa.timestamp("us")), _nowhere(column)
    if pa.types.is_floating(column.type):  # whole seconds, not 1.3e+09
        column = pc.floor(column).cast(pa.int64(), safe=False)
    text = as_text(column)
    if pattern is not None:
        times = _parsed(text, lambda value: datetime.strptime(value, pattern))
        return times, _wrong(column, times)
    plain = pc.and_not(pc.match_substring_regex(text, UNIX), pc.match_substring_regex(text, DATE))
    written = _parsed(pc.if_else(plain, None, text), datetime.fromisoformat)
    times = pc.if_else(plain, _unix(pc.if_else(plain, text, None)), written)
    return times, _wrong(column, times)


def bucket(numbers: pa.DoubleArray, rule: Buckets) -> pa.StringArray:
    """Return the bucket of every number as text; without a rule the number itself.

    Edges e0 < e1 < ... make the buckets x < e0, e0 <= x < e1, ...; `log2` is floor(log2(1 + |x|))
    with the sign of x; {width: w} is floor(x / w).
    """
    if rule is None:
        return numbers.cast(pa.string())
    x = numbers.to_numpy(zero_copy_only=False)
    if isinstance(rule, Mapping):
        return _named(np.floor(x / rule["width"]), numbers)
    if isinstance(rule, str):
        # frexp is exact where log2 of a power of two might round.
        return _named(np.sign(x) * (np.frexp(1 + np.abs(x))[1] - 1), numbers)
    edges = [f"{edge:g}" for edge in rule]
    inner = [f"{a} to {b}" for a, b in zip(edges, edges[1:], strict=False)]
    names = pa.array([f"below {edges[0]}", *inner, f"from {edges[-1]}"])
    index = np.searchsorted(np.asarray(rule, np.float64), x, side="right")
    return names.take(pa.array(index, mask=np.isnan(x)))


def _named(values: Any, numbers: pa.DoubleArray) -> pa.StringArray:
    """Return whole numbers as text, null where `numbers` is."""
    mask = pc.is_null(numbers).to_numpy(zero_copy_only=False)
    return pa.array(values + 0.0, mask=mask).cast(pa.string())  # + 0.0: no "-0"


def _wrong(column: pa.Array, values: pa.Array) -> pa.BooleanArray:
    """Tell where there was a value that could not be read."""
    return pc.and_(pc.is_valid(column), pc.is_null(values))


def _nowhere(column: pa.Array) -> pa.BooleanArray:
    return pa.repeat(pa.scalar(False), len(column))


def _is_native(kind: pa.DataType) -> bool:
    """Tell what is kept as it is; everything else becomes text."""
    return _is_numeric(kind) or _is_moment(kind) or bool(pa.types.is_boolean(kind))


def _is_moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _is_numeric(kind: pa.DataType) -> bool:
    is_kind = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(test(kind) for test in is_kind)


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


def _parsed(text: pa.StringArray, parse: Callable[[str], datetime]) -> pa.TimestampArray:
    """Return the times of texts, each distinct one parsed once; null where that fails."""
    encoded = text.dictionary_encode()
    micros = [_micros(value, parse) for value in encoded.dictionary.to_pylist()]
    return pa.array(micros, pa.int64()).cast(pa.timestamp("us")).take(encoded.indices)


def _micros(text: str, parse: Callable[[str], datetime]) -> int | None:
    """Return the microseconds from 1970 to a time, UTC if it names a zone."""
    try:
        moment = parse(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return (moment - _EPOCH) // _MICROSECOND
