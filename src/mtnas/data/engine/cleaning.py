"""SQL that cleans the values of a column: blanks, missing values, not-a-number."""

import re
from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from mtnas.data.engine.connection import Engine, literal, name
from mtnas.data.engine.reading import AS_WRITTEN, BLANKS, Reading

AROUND = r"^[\s\v\pZ\x1c-\x1f\x{85}]|[\s\v\pZ\x1c-\x1f\x{85}]$"
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")


def clean(
    relation: str,
    types: Mapping[str, str],
    reading: Reading,
    blanks: str,
    later: Collection[str] = (),
) -> str:
    """Return the SQL of a query for the columns of a relation, cleaned.

    `types` are those of the columns, as DuckDB writes them; `blanks` may be around a value. One
    step after the other: what is computed once is then not computed again. A column that is to stay
    as it is written is let through, and so are texts that are cleaned `later` (`encoded`).
    """
    kept = {c for c, kind in types.items() if kind == "VARCHAR"}.intersection(later)
    kept |= {c for c in types if c.startswith(AS_WRITTEN)}
    types = {c: "" if c in kept else kind for c, kind in types.items()}
    trimmed = [f"{_trimmed(name(c), kind, blanks)} AS {name(c)}" for c, kind in types.items()]
    chosen = [f"{cleaned(name(c), kind, reading)} AS {name(c)}" for c, kind in types.items()]
    return f"(SELECT {', '.join(chosen)} FROM (SELECT {', '.join(trimmed)} FROM {relation}))"


def encoded(
    engine: Engine, columns: Sequence[pa.StringArray], reading: Reading, blanks: str
) -> list[pa.DictionaryArray]:
    """Return columns of texts encoded, with each different text cleaned once."""
    if not columns:
        return []
    raw = [column.dictionary_encode() for column in columns]
    texts = pa.concat_arrays([column.dictionary for column in raw])
    trimmed = f"(SELECT {_trimmed('text', 'VARCHAR', blanks)} AS text FROM given)"
    sql = f"SELECT {cleaned('text', 'VARCHAR', reading)} AS text FROM {trimmed}"
    clean_texts, start, found = engine.computed(texts, sql), 0, []
    for column in raw:
        own = clean_texts.slice(start, len(column.dictionary)).dictionary_encode()
        start += len(column.dictionary)
        indices = own.indices.take(column.indices)
        found.append(pa.DictionaryArray.from_arrays(indices, own.dictionary))
    return found


def _trimmed(column: str, kind: str, blanks: str) -> str:
    """Return the SQL of a column without blanks around it; to look for unusual ones is faster."""
    if kind != "VARCHAR" or not blanks:
        return column
    if blanks == " ":
        return f"trim({column})"
    found = f"regexp_matches({column}, {literal(AROUND)})"
    return f"CASE WHEN {found} THEN trim({column}, {literal(BLANKS)}) ELSE {column} END"


def cleaned(column: str, kind: str, reading: Reading) -> str:
    """Return the SQL of a column without blanks around it in which what means missing is NULL."""
    if kind == "VARCHAR":
        return f"CASE WHEN {_is_missing(column, reading)} THEN NULL ELSE {column} END"
    if kind.endswith("[]"):
        texts = f"list_transform({column}, lambda item: trim(item, {literal(BLANKS)}))"
        missing = f"coalesce({_is_missing('item', reading)}, true)"
        return f"list_filter({texts}, lambda item: NOT {missing})"
    if kind in ("FLOAT", "DOUBLE"):
        column = f"CASE WHEN isfinite({column}) THEN {column} END"  # nor is infinity a number
    numbers = _numbers(reading.missing)
    if numbers and is_numeric(kind):
        return f"CASE WHEN {column} IN ({', '.join(numbers)}) THEN NULL ELSE {column} END"
    return column


def without_point(text: str) -> str:
    """Return the SQL of a text in which a whole number is without a point: 3.0 is 3."""
    return f"regexp_replace({text}, '^(?:-?(0)|(-?[1-9][0-9]*))\\.0+$', '\\1\\2')"


def is_numeric(kind: str) -> bool:
    """Tell whether a type of DuckDB is one of numbers."""
    whole = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
    return kind.removeprefix("U") in whole or kind.startswith(("DECIMAL", "FLOAT", "DOUBLE"))


def _is_missing(text: str, reading: Reading) -> str:
    """Return the SQL of whether a text means missing; -1.0 does where -1 does."""
    if not reading.missing:
        return "false"
    longest = max(len(word.encode()) for word in reading.missing)
    found = (
        f"strlen({text}) <= {longest} AND {text} IN ({', '.join(map(literal, reading.missing))})"
    )
    numbers = _numbers(reading.missing)
    if not numbers:
        return found
    shorter = (
        f"CASE WHEN regexp_full_match({text}, '[+-]?[0-9]*\\.[0-9]*') AND {text} != '.' "
        f"THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"
    )
    return f"(({found}) OR {shorter} IN ({', '.join(map(literal, numbers))}))"


def _numbers(missing: Sequence[str]) -> list[str]:
    """Return those texts that are numbers, each in its shortest spelling."""
    found = [text for text in missing if _NUMBER.fullmatch(text) and text.strip("+-.")]
    short = [text.rstrip("0").rstrip(".") if "." in text else text for text in found]
    return list(dict.fromkeys(text for text in short if text.strip("+-")))
