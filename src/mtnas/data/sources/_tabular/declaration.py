"""From `config/datasets/<name>.yaml` to a checked definition."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mtnas.data import packaged
from mtnas.data.sources._tabular.checks import problems
from mtnas.data.sources._tabular.definition import Definition, SourceDefinition
from mtnas.data.sources._tabular.tables import TableKeys
from mtnas.runtime.documents import read_document
from mtnas.runtime.errors import ConfigError, unknown
from mtnas.runtime.files import Json
from mtnas.runtime.options import problems_of

COMPRESSED = (".gz", ".bz2", ".zst")
FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_OF_FILE = {*Definition.model_fields}
_OF_TABLE = {*SourceDefinition.model_fields}
_READING = {*TableKeys.model_fields} - {"path"}
_OF_ONE_TABLE = ("path", "fields", "tasks", "joins")
_OF_TEXTS = ("decimal", "missing")  # that a joined table has as the first, if it says nothing
_MOST_ROUNDS = 20
_DEEPEST = 4  # sources, its name, fields, the name of one: that is set aside whole
_HINT = (  # at what is most often the reason in a rule
    "; an expression that begins with a quote, or holds `: ` or ` #`, goes in quotes of the other "
    "kind"
)
_LACK = re.compile(r"the key '\w+' is missing|should have at least")


def read(file: Path) -> Definition:
    """Read the file of a dataset; `ConfigError` names the file, the keys and what is allowed."""
    return of(_load(file), str(file))


def of(values: Mapping[str, Any], where: str) -> Definition:
    """Check the keys of a dataset; a `ConfigError` tells all problems at once, each with its fix.

    Keys that are wrong are set aside one after the other, so that the rest is checked, too.
    """
    found: list[str] = []
    full = _written_out(values, found)
    for turn in range(_MOST_ROUNDS):
        try:
            definition = Definition.model_validate(full)
        except ValidationError as error:
            told = [_told(keys, what) for keys, what, _ in problems_of(Definition, error)]
            # What is missing after the first turn was set aside.
            found += [text for text in told if turn == 0 or not _LACK.search(text)]
            if not all([_remove(full, first["loc"]) for first in error.errors()]):
                break
        else:
            found += problems(definition)
            break
    if found:
        raise ConfigError(f"{where}: {_listed(found)}")
    return definition


def _listed(found: Sequence[str]) -> str:
    """Return the problems in one line, each once."""
    each = list(dict.fromkeys(found))
    if len(each) == 1:
        return each[0]
    numbered = "; ".join(f"({i}) {problem}" for i, problem in enumerate(each, 1))
    return f"{len(each)} problems: {numbered}"


def _told(keys: Sequence[int | str], message: str) -> str:
    names = [str(key) for key in keys]
    if names[:2] == ["sources", ""]:  # one table has no name
        names = names[2:]
    return ": ".join(filter(None, [".".join(names), message]))


def _remove(values: Any, place: Sequence[int | str]) -> bool:
    """Take a wrong entry out; tell whether there was one that can be done without."""
    keys = [key for key in place if key != "[key]"][:_DEEPEST]
    while keys:
        holder = values
        for key in keys[:-1]:
            try:
                holder = holder[key]
            except (KeyError, IndexError, TypeError):
                holder = None
        if isinstance(holder, dict) and keys[-1] in holder and len(keys) != 2:
            del holder[keys[-1]]
            return True
        keys.pop()
    return False


def _written_out(values: Mapping[str, Any], found: list[str]) -> Json:
    """Return the keys with every short form written out, and one table as a source."""
    known = _OF_FILE | _OF_TABLE
    found += [unknown("key", key, known) for key in values if key not in known]
    full = {key: value for key, value in values.items() if key in _OF_FILE - {"sources"}}
    table = {key: value for key, value in values.items() if key in _OF_TABLE}
    several = values.get("sources")
    if "sources" not in values:
        full["sources"] = {"": _table(table, found)}
    elif not isinstance(several, Mapping):
        full["sources"] = several
    else:
        both = [key for key in _OF_ONE_TABLE if key in table]
        found += [f"{key}: is given in each of `sources` where these are" for key in both]
        shared = {key: table[key] for key in _READING if key in table}
        full["sources"] = {
            name: _table({**shared, **own}, found) if isinstance(own, Mapping) else own
            for name, own in several.items()
        }
    if isinstance(full.get("split"), list):
        full["split"] = {"ratios": full["split"]}
    return full


def _table(values: Mapping[str, Any], found: list[str]) -> Json:
    """Return the keys of a table with its short forms written out."""
    full = dict(values)
    fields, tasks, joins = (full.get(key) for key in ("fields", "tasks", "joins"))
    if isinstance(fields, list):
        found += _problems_in(fields)
        full["fields"] = {str(name): {} for name in fields if isinstance(name, str | int | float)}
        if not full["fields"] and fields:
            full["fields"] = {"?": {}}
    elif isinstance(fields, Mapping):
        full["fields"] = {name: {} if own is None else own for name, own in fields.items()}
    if isinstance(tasks, list):
        tasks = {f"t{i}": rule for i, rule in enumerate(tasks)}
    if isinstance(tasks, Mapping):
        full["tasks"] = {k: {"sql": v} if isinstance(v, str) else v for k, v in tasks.items()}
    if isinstance(joins, Mapping):
        reading: Json = {key: full[key] for key in _OF_TEXTS if key in full}
        full["joins"] = {
            name: _with_format({**reading, **join}, found) if isinstance(join, Mapping) else join
            for name, join in joins.items()
        }
    return _with_format(_with_path(full, found), found)


def _with_path(full: Json, found: list[str]) -> Json:
    """Name the file that a table of a package is converted to."""
    if isinstance(package := full.get("package"), str):
        path = [packaged.packaged(package).file]
        if full.get("path", path) != path:
            found.append("package: give either `path` or `package`")
        return {**full, "path": path, "format": "parquet"}
    return full


def _with_format(full: Json, found: list[str]) -> Json:
    """Tell the format from the name of the first file; a TSV has no quotes unless it says so."""
    if "path" not in full:
        full.setdefault("format", "csv")
    if "format" not in full and isinstance(full["path"], str | list):
        full["format"] = _format_of(full["path"])
        if full["format"] is None:
            path = full["path"]
            first = str(path[0] if isinstance(path, list) and path else path)
            found.append(
                f"format: cannot be told from the name {Path(first).name!r}; give `format`: csv, "
                "tsv, jsonl or parquet"
            )
            full["format"] = "csv"
    if full.get("format") == "tsv":
        full.setdefault("quote", None)
    return full


def _problems_in(names: Sequence[object]) -> Iterator[str]:
    """Tell of anything in a list of fields but names, each once."""
    for name in names:
        if isinstance(name, list | Mapping) or name is None:
            yield (
                f"fields: {name!r} is no name; to say more of a field, write all fields as a "
                "mapping, such as `fields: {age: {type: number}, city: {}}`"
            )
        elif names.count(name) > 1:
            yield f"fields: {name!r} is listed twice"


def _format_of(path: object) -> str | None:
    """Return the format that the name of the first file tells."""
    first = str(path[0] if isinstance(path, list) and path else path)
    suffixes = [suffix.lower() for suffix in Path(first).suffixes]
    while suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return FORMATS.get(suffixes[-1]) if suffixes else None


def _load(file: Path) -> Mapping[str, Any]:
    """Parse the file."""
    try:
        values = read_document(file)
    except ConfigError as error:
        raise ConfigError(f"{error}{_HINT if ': not YAML: ' in str(error) else ''}") from None
    if not isinstance(values, Mapping):
        found = "empty" if values is None else f"a {type(values).__name__}"
        raise ConfigError(f"{file}: {found}; expected keys such as path, fields and tasks")
    return values
