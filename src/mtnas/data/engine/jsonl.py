"""JSON lines: one object per line, each column a key, or a key of a key (`user.name`)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mtnas.data.engine.connection import Engine, literal
from mtnas.data.engine.delimited import text_relation
from mtnas.data.engine.plain import STAND_IN, plain
from mtnas.data.engine.reading import Reading
from mtnas.data.engine.source import Losses, Source

_SOUND = "CASE WHEN json_valid(c0) AND ltrim(c0, ' \t') LIKE '{%' THEN c0 END"


def open_file(
    engine: Engine, file: Path, reading: Reading, wanted: Sequence[str], losses: Losses
) -> Source | None:
    """Check a file to its end, and find the wanted columns; None: it holds no text.

    Raises:
        DataError: it is damaged, most lines are no objects, or a column holds objects.
    """
    found = plain(file, reading, engine.folder / engine.new_name("copy"))
    if found is None:
        return None
    signs = {"delim": STAND_IN, "quote": None, "escape": None}
    lines = text_relation(engine.path(found.path), 1, 0, signs, {"ignore_errors": "true"})
    objects = f"(SELECT {_SOUND} AS line, c0 FROM {lines} WHERE trim(c0, ' \t') != '')"
    ((rows, broken, example),) = engine.fetch(
        "SELECT count(line), count(*) - count(line), first(left(c0, 200)) FILTER (line IS NULL) "
        f"FROM {objects}"
    )
    if broken:
        losses.add("not a JSON object", example, broken)
    losses.check(rows, "are no JSON objects", "one object per line is expected")
    objects = f"(SELECT line FROM {objects} WHERE line IS NOT NULL)"
    source = Source(file, objects, {}, rows)
    return Source(file, objects, _columns(engine, source, wanted), rows)


def _columns(engine: Engine, source: Source, wanted: Sequence[str]) -> dict[str, str]:
    """Return the SQL of every wanted column that some line has; lists become lists of texts."""
    paths = {column: list(_paths(column)) for column in wanted}
    every = [path for options in paths.values() for path in options]
    if not every:
        return {}
    kinds = _kinds(engine, source, every)
    columns = {}
    for column, options in paths.items():
        there = [path for path in options if kinds[path]]
        found = {kind for path in there for kind in kinds[path]}
        if "OBJECT" in found:
            source.fail(f"column {column!r} holds objects; name one of their keys, `{column}.KEY`")
        read = _list if "ARRAY" in found or "LIST" in found else _text
        if there:
            columns[column] = f"coalesce({', '.join(map(read, there))})"
    return columns


def _paths(column: str) -> Iterator[str]:
    """Yield what a name may mean: a key, a key of a key, a key of objects in a list."""
    parts = column.split(".")
    for first in range(len(parts), 0, -1):
        head, rest = ".".join(parts[:first]), parts[first:]
        yield _path([head, *rest])
        for place in range(len(rest)):
            yield _path([head, *rest[:place]]) + "[*]" + _path(rest[place:]).removeprefix("$")


def _path(keys: Sequence[str]) -> str:
    return "$" + "".join('."' + key.replace('"', '\\"') + '"' for key in keys)


def _kinds(engine: Engine, source: Source, paths: Sequence[str]) -> dict[str, set[str]]:
    """Return which kinds of JSON values stand at each path."""
    plain_paths = [path for path in paths if "[*]" not in path]
    listed = "[" + ", ".join(map(literal, plain_paths)) + "]"
    found = {
        path: f"array_agg(DISTINCT kinds[{i + 1}]) FILTER (kinds[{i + 1}] IS NOT NULL)"
        for i, path in enumerate(plain_paths)
    }
    found |= {
        path: f"CASE WHEN bool_or(len(json_extract(line, {literal(path)})) > 0) THEN ['LIST'] END"
        for path in paths
        if "[*]" in path
    }
    relation = f"(SELECT line, json_type(line, {listed}) AS kinds FROM {source.relation})"
    (row,) = engine.fetch(f"SELECT {', '.join(found.values())} FROM {relation}")
    return {path: set(kinds or ()) for path, kinds in zip(found, row, strict=True)}


def _text(path: str) -> str:
    """Return a scalar as text: 4.0 is "4", a text is without its quotes."""
    return _scalar(f"json_extract(line, {literal(path)})")


def _list(path: str) -> str:
    inner = f"json_extract(line, {literal(path)})"
    if "[*]" not in path:  # a scalar among lists is a list of one
        inner = (
            f"CASE coalesce(json_type(line, {literal(path)}), 'NULL') "
            f"WHEN 'ARRAY' THEN {inner}->'$[*]' WHEN 'NULL' THEN NULL ELSE [{inner}] END"
        )
    return f"list_transform({inner}, lambda item: {_scalar('item')})"


def _scalar(value: str) -> str:
    return (
        f"CASE WHEN {value}::VARCHAR LIKE '\"%' THEN {value}->>'$' "
        f"WHEN {value}::VARCHAR = 'null' THEN NULL "
        f"ELSE regexp_replace({value}::VARCHAR, '^(-?[0-9]+)\\.0$', '\\1') END"
    )
