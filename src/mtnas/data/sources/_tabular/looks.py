"""Warnings of texts that are probably not meant as they are read: `NA`, quotes."""

from collections.abc import Iterable, Iterator

from mtnas.data.engine.connection import Engine, literal, name
from mtnas.data.engine.query import View
from mtnas.data.engine.reading import FILE_COLUMN
from mtnas.data.sources._tabular.definition import SourceDefinition

_NOTHING = ("none", "<na>", "nat", "n/a", "na", "nan", "null", "nil", "#n/a", "-", "--", "missing")
_LONGEST = max(map(len, _NOTHING))
_QUOTED = "length({0}) > 1 AND left({0}, 1) = '\"' AND right({0}, 1) = '\"'"


def warnings_of(
    engine: Engine,
    view: View,
    source: SourceDefinition,
    columns: Iterable[str],
    computed: Iterable[str],
) -> Iterator[str]:
    """Yield a sentence for every column of text with words for nothing, or with quotes.

    `computed` are the columns that may be read as numbers: the view knows them then.
    """
    texts = [c for c in dict.fromkeys(columns) if c != FILE_COLUMN and view.types[c] == "VARCHAR"]
    numeric = {*computed}
    may_be_quoted = source.quote is None and source.reading.is_text_table
    for relation in dict.fromkeys(view.origins[c].relation for c in texts):
        here = [c for c in texts if view.origins[c].relation == relation]
        asked = [sql for c in here for sql in _asked(view.origins[c].column, may_be_quoted)]
        found = view.look(engine, relation, [c for c in here if c in numeric], asked)
        for column, counts in zip(here, zip(*[iter(found)] * 3, strict=True), strict=True):
            yield from _said(column, *counts)


def _asked(column: str, may_be_quoted: bool) -> tuple[str, str, str]:
    """Return the SQL of how many words for nothing there are, one of them, and of quoted values."""
    sql, words = name(column), ", ".join(map(literal, _NOTHING))
    short = f"strlen({sql}) BETWEEN 1 AND {_LONGEST}"
    nothing = f"CASE WHEN {short} AND lower({sql}) IN ({words}) THEN {sql} END"
    quoted = f"count(*) FILTER ({_QUOTED.format(sql)})" if may_be_quoted else "0"
    return f"count({nothing})", f"min({nothing})", quoted


def _said(column: str, nothing: int, word: str, quoted: int) -> Iterator[str]:
    if nothing:
        yield (
            f"column {column!r}: {nothing} values are words for nothing, such as {word!r}, "
            "and are taken as values; add them to `missing` if they mean that there is none"
        )
    if quoted:
        yield (
            f"column {column!r}: {quoted} values are in double quotes, which are kept; give "
            "`quote: '\"'` if they are not part of them"
        )
