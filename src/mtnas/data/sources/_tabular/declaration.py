"""From `config/datasets/<name>.yaml` to a checked definition."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mtnas.data.sources._tabular.definition import Definition
from mtnas.runtime.errors import ConfigError, MtnasError
from mtnas.runtime.options import first_problem

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


def read(file: Path) -> Definition:
    """Read the file of a dataset; `ConfigError` names the file, the key and what is allowed."""
    return of(_load(file), str(file))


def of(values: Mapping[str, Any], where: str) -> Definition:
    """Check the keys of a dataset."""
    try:
        return Definition(**_written_out(values, where))
    except ValidationError as error:
        path, message = first_problem(Definition, error)
        raise ConfigError(": ".join(filter(None, [where, path, message]))) from None


def _written_out(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the keys with every short form written out."""
    full = dict(values)
    fields, tasks, split = (full.get(key) for key in ("fields", "tasks", "split"))
    if isinstance(fields, list):
        _check_list(fields, f"{where}: fields")
        full["fields"] = {str(name): {} for name in fields}
    elif isinstance(fields, Mapping):
        full["fields"] = {name: {} if own is None else own for name, own in fields.items()}
    if isinstance(tasks, list):
        tasks = {f"t{i}": rule for i, rule in enumerate(tasks)}
    if isinstance(tasks, Mapping):
        full["tasks"] = {k: {"rule": v} if isinstance(v, str) else v for k, v in tasks.items()}
    if isinstance(split, list):
        full["split"] = {"ratios": split}
    if "format" not in full and isinstance(full.get("path"), str | list):
        full["format"] = _format_of(full["path"], where)
    if full.get("format") == "tsv":
        full.setdefault("quote", None)
    return full


def _check_list(names: Sequence[object], where: str) -> None:
    """Refuse a list of fields with anything but names, each once."""
    for name in names:
        if isinstance(name, list | Mapping) or name is None:
            raise ConfigError(
                f"{where}: {name!r} is no name; to say more of a field, write all fields as a "
                "mapping, such as `fields: {age: {type: number}, city: {}}`"
            )
        if names.count(name) > 1:
            raise ConfigError(f"{where}: {name!r} is listed twice")


def _format_of(path: object, where: str) -> str:
    """Return the format that the name of the first file tells."""
    first = str(path[0] if isinstance(path, list) and path else path)
    suffixes = [suffix.lower() for suffix in Path(first).suffixes]
    while suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    if suffixes and suffixes[-1] in FORMATS:
        return FORMATS[suffixes[-1]]
    raise ConfigError(
        f"{where}: format: cannot be told from the name {Path(first).name!r}; "
        "give `format`: csv, tsv, jsonl or parquet"
    )


class _Loader(yaml.SafeLoader):
    """YAML without tags, whose keys are texts and occur once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Return a mapping; a key that is doubled or no text is an error with its line."""
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key, line = key_node.value, key_node.start_mark.line + 1
            if key_node.tag != "tag:yaml.org,2002:str":
                raise ConfigError(f"line {line}: the key {key} is no text; put it in quotes")
            if key in seen:
                raise ConfigError(f"line {line}: the key {key!r} occurs twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def _load(file: Path) -> Mapping[str, Any]:
    """Parse the file."""
    try:
        values = yaml.load(file.read_text(encoding="utf-8-sig"), _Loader)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 at byte {error.start}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: not YAML: {_one_line(error)}") from None
    except RecursionError:
        raise ConfigError(f"{file}: nested too deeply") from None
    except MtnasError as error:
        raise ConfigError(f"{file}: {error}") from None
    if not isinstance(values, Mapping):
        found = "empty" if values is None else f"a {type(values).__name__}"
        raise ConfigError(f"{file}: {found}; expected keys such as path, fields and tasks")
    return values


def _one_line(error: yaml.YAMLError) -> str:
    """Say where YAML ends to be YAML, and what is most often the reason in a rule."""
    mark = getattr(error, "problem_mark", None)
    at = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    return (
        f"{what}{at}; a rule that begins with a quote or a backtick, or holds `: ` or ` #`, goes "
        "in quotes of the other kind"
    )
