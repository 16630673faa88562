"""What the spec of a prepared table keeps of its dataset's file, and back, also of older specs.

A spec holds what can change a number: not titles and notes, nor the places of files.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from mtnas.data.engine.connection import literal, name
from mtnas.data.sources._tabular.definition import Definition
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import Json

_SHOWN = {"title", "label", "help"}  # what only shows; and what says where the files are:
_PLACES = {"path"}
_PARTS = ("joins", "fields", "tasks")
_AS_BEFORE = (("group", None),)
_RULE = re.compile(r'(\w+) (==|in) ("[^"]*"|\[.*\])')  # before tasks were written in SQL


def kept_in_spec(definition: Definition) -> Json:
    """Return the keys that can change a number."""
    full = _without(definition.model_dump(mode="json"))
    tables = full.pop("sources")
    return {**full, **tables[""]} if list(tables) == [""] else {**full, "sources": tables}


def from_spec(keys: Mapping[str, Any], file: Definition) -> Json:
    """Put back what was left out, as the file has it now; a key that is not there has its default.

    Raises:
        ConfigError: a task has a rule of an older version that is not known here.
    """
    shown = {key: getattr(file, key) for key in ("title", "label")}
    if "sources" not in keys:
        return {**_table(keys, file, ""), **shown}
    tables = {key: _table(own, file, key) for key, own in keys["sources"].items()}
    return {**keys, "sources": tables, **shown}


def _table(keys: Mapping[str, Any], file: Definition, source: str) -> Json:
    """Return the keys of one table."""
    table = {
        **keys,
        "tasks": {key: _in_sql(key, own) for key, own in keys.get("tasks", {}).items()},
    }
    if (now := file.sources.get(source)) is None:
        return table
    for part in _PARTS:
        listed = getattr(now, part)
        table[part] = {
            key: {**own, **_given(listed[key])} if key in listed else own
            for key, own in table.get(part, {}).items()
        }
    return {**table, "path": list(now.path)}


def _without(keys: Mapping[str, Any]) -> Json:
    """Leave out titles and notes; fields and tasks that happen to be called so are kept."""
    kept = {}
    for key, value in keys.items():
        if key in _SHOWN | _PLACES and not isinstance(value, dict):
            continue
        if (key, value) in _AS_BEFORE:  # what older tables were prepared without
            continue
        if key in (*_PARTS, "sources"):
            value = {part: _without(own) for part, own in value.items()}
        kept[key] = value
    return kept


def _given(keys: Any) -> Json:
    found = keys.model_dump(mode="json", include=_SHOWN | _PLACES)
    return {key: value for key, value in found.items() if value not in (None, "")}


def _in_sql(task: str, keys: Mapping[str, Any]) -> Json:
    """Return the keys of a task whose rule an older spec wrote as `city == "Rome"`."""
    if "rule" not in keys or "sql" in keys:
        return dict(keys)
    rule, rest = keys["rule"], {key: own for key, own in keys.items() if key != "rule"}
    if (found := _RULE.fullmatch(rule)) is None:
        raise ConfigError(
            f"tasks.{task}: the rule `{rule}` is of an older version; write it in SQL as the key "
            "`sql` in its place, with = for ==, texts in single quotes, lists as IN (...)"
        )
    listed = json.loads(found[3])
    if isinstance(listed, str):
        return {**rest, "sql": f"{name(found[1])} = {literal(listed)}"}
    return {**rest, "sql": f"{name(found[1])} IN ({', '.join(map(literal, listed))})"}
