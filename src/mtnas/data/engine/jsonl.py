"""JSON lines: one object per line, each column a key, or a key of a key (`user.name`)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mtnas.data.engine.cleaning import without_point
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
    twice = _Twice(wanted)
    rows, doubled = _count(engine, objects, twice, losses)
    objects = f"(SELECT line FROM {objects} WHERE line IS NOT NULL)"
    if doubled:
        objects = f"(SELECT line FROM {twice.looked(objects, 'line')} WHERE NOT {twice.found})"
    source = Source(file, objects, {}, rows)
    return Source(file, objects, _columns(engine, source, wanted), rows)


class _Twice:
    """SQL that finds lines in which a key that is read stands twice: it would have two values.

    The keys of every object that a wanted column may be in are columns k0, k1, ...
    """

    def __init__(self, wanted: Sequence[str]) -> None:
        owners: dict[str, dict[str, None]] = {}
        for column in wanted:
            for owner, key in _owners(column):
                owners.setdefault(owner, {})[key] = None
        self._owners = list(owners)
        found = [
            _is_twice(f"k{i}", key, "[*]" in owner)
            for i, (owner, keys) in enumerate(owners.items())
            for key in keys
        ]
        self.found = f"coalesce({' OR '.join(found)}, false)" if found else "false"

    @property
    def keys(self) -> str:
        """Return the columns with the keys, separated by commas."""
        return ", ".join(f"k{i}" for i in range(len(self._owners)))

    def looked(self, objects: str, columns: str) -> str:
        """Return the SQL of the lines of a relation with the keys in them."""
        keys = [f"json_keys(line, {literal(o)}) AS k{i}" for i, o in enumerate(self._owners)]
        return f"(SELECT {', '.join([columns, *keys])} FROM {objects})"


def _is_twice(keys: str, key: str, is_list: bool) -> str:
    """Return the SQL of whether a key is among some twice; of a list of objects in one of them."""
    if is_list:
        return f"len(list_filter({keys}, lambda own: {_is_twice('own', key, False)})) > 0"
    return f"len(list_filter({keys}, lambda key: key = {literal(key)})) > 1"


def _count(engine: Engine, objects: str, twice: _Twice, losses: Losses) -> tuple[int, int]:
    """Return how many lines are sound, and in how many a key is twice; refuse if most are not.

    Many lines have the same keys, so these are looked at once: that is nearly free.
    """
    grouped = (
        "SELECT count(line) AS sound, count(*) - count(line) AS broken, min(left(c0, 200)) AS "
        f"shown, {twice.found} AS twice FROM {twice.looked(objects, 'line, c0')} "
        f"GROUP BY {', '.join(filter(None, ['line IS NULL', twice.keys]))}"
    )
    ((rows, broken, example, doubled, other),) = engine.fetch(
        "SELECT coalesce(sum(sound) FILTER (NOT twice), 0)::BIGINT, "
        "coalesce(sum(broken), 0)::BIGINT, min(shown) FILTER (broken > 0), "
        "coalesce(sum(sound) FILTER (twice), 0)::BIGINT, min(shown) FILTER (twice) "
        f"FROM ({grouped})"
    )
    if broken:
        losses.add("not a JSON object", example, broken)
    if doubled:
        losses.add("an object with a key twice", other, doubled)
    also = ", or have a key twice" if doubled else ""
    losses.check(
        rows,
        f"are no JSON objects{also}",
        "write one object per line, as `jq -c '.[]'` does of a list, `jq -c .` of objects",
    )
    return rows, doubled


def _owners(column: str) -> Iterator[tuple[str, str]]:
    """Yield the path of every object that a name may lead through, and the key in it."""
    parts = column.split(".")
    for first in range(len(parts), 0, -1):
        keys = [".".join(parts[:first]), *parts[first:]]
        yield from ((_path(keys[:place]), key) for place, key in enumerate(keys))
        for star in range(1, len(keys)):
            for place in range(star, len(keys)):
                inner = _path(keys[star:place]).removeprefix("$")
                yield f"{_path(keys[:star])}[*]{inner}", keys[place]


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
        f"ELSE {without_point(f'{value}::VARCHAR')} END"
    )
