"""The files of one table, of which a column may have another type in each: made alike.

What DuckDB does itself would write 3.0 for 3, 0.10000000149011612 for 0.1, or round large numbers.
"""

from collections.abc import Mapping, Sequence

from mtnas.data.engine.cleaning import without_point
from mtnas.data.engine.connection import Engine, name
from mtnas.data.engine.exact import WHOLE, float_as_double, is_rounded
from mtnas.data.engine.source import Source

_FLOATS = ("FLOAT", "DOUBLE")


def alike(engine: Engine, sources: Sequence[Source], parts: Sequence[str]) -> list[str]:
    """Return the SQL of the parts of a table, one of each file, with columns that can be united.

    A list wins over its members, a text over numbers, `DOUBLE` over floats and whole numbers.

    Raises:
        DataError: whole numbers in one file would be rounded, since another has floats.
    """
    if len(parts) == 1:
        return [*parts]
    types = [engine.types(part) for part in parts]
    kinds: dict[str, set[str]] = {}
    for own in types:
        for column, kind in own.items():
            kinds.setdefault(column, set()).add(kind)
    different = {column: found for column, found in kinds.items() if len(found) > 1}
    return [
        _part(engine, source, part, own, different)
        for source, part, own in zip(sources, parts, types, strict=True)
    ]


def _part(
    engine: Engine,
    source: Source,
    part: str,
    types: Mapping[str, str],
    different: Mapping[str, set[str]],
) -> str:
    replaced = []
    for column in types.keys() & different.keys():
        others = different[column]
        if types[column] in WHOLE and others & {*_FLOATS} and not _becomes_text(others):
            _check_exact(engine, source, part, column)
        if (sql := _as_others(name(column), types[column], others)) is not None:
            replaced.append(f"{sql} AS {name(column)}")
    return f"SELECT * REPLACE ({', '.join(sorted(replaced))}) FROM ({part})" if replaced else part


def _as_others(column: str, kind: str, others: set[str]) -> str | None:
    """Return the SQL of a column as the other files have it; None: it can stay as it is."""
    if any(other.endswith("[]") for other in others):
        text = _as_text(column, kind)
        is_list = kind.endswith("[]")
        return None if is_list else f"CASE WHEN {column} IS NOT NULL THEN [{text}] END"
    if _becomes_text(others):
        return _as_text(column, kind)
    if kind == "FLOAT":
        return float_as_double(column)
    return None


def _becomes_text(others: set[str]) -> bool:
    return any(other == "VARCHAR" or other.endswith("[]") for other in others)


def _as_text(column: str, kind: str) -> str:
    text = f"CAST({column} AS VARCHAR)"
    return without_point(text) if kind in _FLOATS else text


def _check_exact(engine: Engine, source: Source, part: str, column: str) -> None:
    if is_rounded(engine, f"({part})", column):
        source.fail(
            f"column {column!r} holds whole numbers above 2^53, and floats in another file of the "
            "table: some would be rounded; write it as whole numbers, or as texts, in all files"
        )
