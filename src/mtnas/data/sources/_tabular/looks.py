"""Warnings of texts that are probably not meant as they are read: `NA`, quotes, 3 beside 3.0."""

from collections.abc import Iterable, Iterator

from mtnas.data.engine.connection import Engine, literal, name
from mtnas.data.engine.query import View
from mtnas.data.engine.reading import FILE_COLUMN
from mtnas.data.sources._tabular.definition import SourceDefinition

_NOTHING = ("none", "<na>", "nat", "n/a", "na", "nan", "null", "nil", "#n/a", "-", "--", "missing")
_LONGEST = max(map(len, _NOTHING))
_QUOTED = "length({0}) > 1 AND left({0}, 1) = '\"' AND right({0}, 1) = '\"'"
_FLOAT, _WHOLE = "-?[0-9]+\\.0", "-?[0-9]+"


def warnings_of(
    engine: Engine, view: View, source: SourceDefinition, columns: Iterable[str]
) -> Iterator[str]:
    """Yield a sentence for every column of text with words for nothing, quotes, 3 beside 3.0."""
    texts = [c for c in dict.fromkeys(columns) if c != FILE_COLUMN and view.types[c] == "VARCHAR"]
    for relation in dict.fromkeys(view.origins[c].relation for c in texts):
        here = [c for c in texts if view.origins[c].relation == relation]
        yield from _of_table(engine, relation, here, view, source)


def _of_table(
    engine: Engine, relation: str, columns: list[str], view: View, source: SourceDefinition
) -> Iterator[str]:
    words, hashed = ", ".join(map(literal, _NOTHING)), _hashed(source)
    may_be_quoted = source.quote is None and source.reading.is_text_table
    parts, found = [], []
    for i, column in enumerate(columns):
        sql = name(view.origins[column].column)
        short = f"strlen({sql}) BETWEEN 1 AND {_LONGEST}"
        nothing = f"CASE WHEN {short} AND lower({sql}) IN ({words}) THEN {sql} END"
        quoted = _QUOTED.format(sql) if may_be_quoted else "false"
        is_float = f"ends_with({sql}, '.0')" if column in hashed else "false"
        parts.append(f"{nothing} AS n{i}, {quoted} AS q{i}, {is_float} AS f{i}")
        found.append(f"count(n{i}), min(n{i}), count(*) FILTER (q{i}), count(*) FILTER (f{i})")
    (row,) = engine.fetch(
        f"SELECT {', '.join(found)} FROM (SELECT {', '.join(parts)} FROM {relation})"
    )
    for i, column in enumerate(columns):
        nothing_, word, quoted_, floats = row[4 * i : 4 * i + 4]
        if nothing_:
            yield (
                f"column {column!r}: {nothing_} values are words for nothing, such as {word!r}, "
                "and are taken as values; add them to `missing` if they mean that there is none"
            )
        if quoted_:
            yield (
                f"column {column!r}: {quoted_} values are in double quotes, which are kept; give "
                "`quote: '\"'` if they are not part of them"
            )
        if floats:
            yield from _both(engine, relation, view.origins[column].column, column)


def _hashed(source: SourceDefinition) -> set[str]:
    """Name the columns whose texts are hashed as they are."""
    return {
        column
        for field, own in source.fields.items()
        if own.type in ("category", "id", "list")
        for column in source.columns_of(field)
    }


def _both(engine: Engine, relation: str, column: str, shown: str) -> Iterator[str]:
    sql = name(column)
    ((count, example),) = engine.fetch(
        f"SELECT count(*), min(a.x) FROM (SELECT DISTINCT {sql} AS x FROM {relation} WHERE "
        f"regexp_full_match({sql}, {literal(_FLOAT)})) AS a SEMI JOIN (SELECT DISTINCT {sql} AS y "
        f"FROM {relation} WHERE regexp_full_match({sql}, {literal(_WHOLE)})) AS b "
        "ON replace(a.x, '.0', '') = b.y"
    )
    if count:
        whole = str(example).removesuffix(".0")
        yield (
            f"column {shown!r}: {count} values are written in two ways, such as {whole} and "
            f"{example}, and count as different; write them alike"
        )
