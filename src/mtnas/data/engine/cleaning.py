"""SQL that cleans the values of a column: blanks, missing values, not-a-number."""

import re
from collections.abc import Sequence

from mtnas.data.engine.connection import literal
from mtnas.data.engine.reading import Reading

_BLANKS = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")


def cleaned(column: str, kind: str, reading: Reading) -> str:
    """Return the SQL of a column without blanks around texts; what means missing is NULL.

    `kind` is the type of the column, as DuckDB writes it.
    """
    if kind == "VARCHAR":
        text = f"trim({column}, {literal(_BLANKS)})"
        return f"CASE WHEN {_is_missing(text, reading)} THEN NULL ELSE {text} END"
    if kind.endswith("[]"):
        text = f"trim(item, {literal(_BLANKS)})"
        texts = f"list_transform({column}, lambda item: {text})"
        return (
            f"list_filter({texts}, lambda item: NOT coalesce({_is_missing('item', reading)}, true))"
        )
    if kind in ("FLOAT", "DOUBLE"):
        column = f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END"
    numbers = _numbers(reading.missing)
    if numbers and is_numeric(kind):
        return f"CASE WHEN {column} IN ({', '.join(numbers)}) THEN NULL ELSE {column} END"
    return column


def is_numeric(kind: str) -> bool:
    """Tell whether a type of DuckDB is one of numbers."""
    whole = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
    return kind.removeprefix("U") in whole or kind.startswith(("DECIMAL", "FLOAT", "DOUBLE"))


def _is_missing(text: str, reading: Reading) -> str:
    """Return the SQL of whether a text means missing; -1.0 does where -1 does."""
    if not reading.missing:
        return "false"
    found = f"{text} IN ({', '.join(map(literal, reading.missing))})"
    numbers = _numbers(reading.missing)
    if not numbers:
        return found
    shorter = (
        f"CASE WHEN regexp_full_match({text}, '[+-]?[0-9]*\\.[0-9]*') AND {text} != '.' "
        f"THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"
    )
    return f"({found} OR {shorter} IN ({', '.join(map(literal, numbers))}))"


def _numbers(missing: Sequence[str]) -> list[str]:
    """Return those texts that are numbers, each in its shortest spelling."""
    found = [text for text in missing if _NUMBER.fullmatch(text) and text.strip("+-.")]
    short = [text.rstrip("0").rstrip(".") if "." in text else text for text in found]
    return list(dict.fromkeys(text for text in short if text.strip("+-")))
