"""Check a configuration against its JSON schema; one message that says what to change."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from mtnas.config.schema import Schema
from mtnas.runtime.errors import ConfigError, unknown

Keys = Sequence[str | int]
KIND_NAMES = {"object": "mapping", "array": "list"}


@dataclass(frozen=True)
class Origins:
    """Where a configuration was written: in files, later ones win, and above them in `--config`."""

    files: tuple[Path, ...] = ()
    typed: Mapping[str, Any] = field(default_factory=dict)


def _is_integer(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: object, value: object) -> bool:
    return _is_integer(_, value) or (isinstance(value, float) and isfinite(value))


# JSON schema alone takes 2.0 for an integer and lets NaN pass every limit.
_TYPES = {"integer": _is_integer, "number": _is_number}
_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(_TYPES)
)


def check(raw: Mapping[str, Any], schema: Schema, origins: Origins) -> dict[str, Any]:
    """Return a clean copy of a configuration, or raise `ConfigError` at its first error."""
    values: dict[str, Any] = normalized(raw, schema, schema)
    errors = sorted(_Validator(schema).iter_errors(values), key=_reading_order)
    if errors:
        raise ConfigError(_message(errors[0], origins))
    return values


def _reading_order(error: ValidationError) -> tuple[bool, int]:
    """Put names that do not exist first: they explain the rest."""
    return error.validator not in {"additionalProperties", "enum"}, len(error.absolute_path)


def resolved_reference(part: Schema, root: Schema) -> Schema:
    """Follow a reference into the definitions of the schema."""
    if "$ref" not in part:
        return part
    target: Any = root
    for key in part["$ref"].removeprefix("#/").split("/"):
        target = target[key]
    return {**target, **{key: value for key, value in part.items() if key != "$ref"}}


def normalized(value: Any, part: Schema, root: Schema) -> Any:
    """Copy a value: an empty mapping is not null, and YAML's `1e-3` is a number, not a string."""
    part = resolved_reference(part, root)
    for option in part.get("anyOf", ()):
        value = normalized(value, option, root)
    kinds = part.get("type", ())
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if value is None and kinds == {"object"}:
        return {}
    if isinstance(value, Mapping):
        known, other = part.get("properties", {}), part.get("additionalProperties")
        other = other if isinstance(other, dict) else {}
        return {key: normalized(item, known.get(key, other), root) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [normalized(item, part.get("items", {}), root) for item in value]
    if "number" in kinds and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def place(keys: Keys, origins: Origins, name: str | None = None) -> str:
    """Say where a key (or `name` below it) stands, and its path: `--config`, or the last file that
    has it.
    """
    looked_for = [*keys, *([] if name is None else [name])]
    source = "--config" if _has(origins.typed, looked_for) else _file_with(looked_for, origins)
    path = ".".join(str(key) for key in keys)
    return f"{source}: {path}" if path else source


def _file_with(keys: Keys, origins: Origins) -> str:
    """Name the last file that has a key; one that none has is a default, of the whole config."""
    for file in reversed(origins.files):
        if file.is_file() and _has(yaml.safe_load(file.read_text(encoding="utf-8")), keys):
            return str(file)
    return "config"


def _has(value: Any, keys: Keys) -> bool:
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _kind(keys: Keys) -> str:
    """Name what the keys of the mapping at this path are."""
    match keys:
        case ["methods"] | ["variants"] | ["dataset_options", _, "methods"]:
            return "method"
        case [*_, "tuning", "methods" | "options"]:
            return "method"
        case ["experiments", _, "methods" | "variants"]:
            return "method"
        case ["dataset_options"] | ["datasets"] | ["experiments", _, "datasets"]:
            return "dataset"
        case ["tuning", "training" | "options", *_] | [
            "methods" | "variants" | "training" | "synthetic",
            *_,
        ]:
            return "option"
        case ["dataset_options", _, _, *_]:
            return "option"
    return "key"


def _message(error: ValidationError, origins: Origins) -> str:
    keys = [key for key in error.absolute_path if isinstance(key, str | int)]
    rule: Any = error.validator_value
    value: Any = error.instance
    parent = keys[:-1] if keys and isinstance(keys[-1], int) else keys
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        name = next(key for key in value if key not in known)
        return unknown(_kind(keys), name, known, place(keys, origins, name))
    if error.validator == "enum" and _kind(parent) in {"method", "dataset"}:
        return unknown(_kind(parent), value, map(str, rule), place(parent, origins))
    where = place(keys, origins)
    if error.validator == "enum":
        return unknown("value", value, map(str, rule), where)
    if error.validator == "not":
        return f"{where}: the name {value!r} is taken by the variant without deviations"
    if error.validator == "pattern" and isinstance(error.schema, dict):
        if "description" in error.schema:
            return f"{where}: {value!r} is not {error.schema['description']}"
        return f"{where}: the name {value!r} must be lower-case letters, digits and _"
    if error.validator == "anyOf":
        return f"{where}: {_reason(error)}; expected {allowed({'anyOf': rule})}"
    return f"{where}: {_plain(error)}"


def _reason(error: ValidationError) -> str:
    """Say what is wrong with a value for the alternative whose type it has."""
    for nested in error.context or ():
        if nested.validator != "type" or nested.relative_path:
            return _plain(nested)
    return f"{error.instance!r} is not allowed"


def _plain(error: ValidationError) -> str:
    value, rule = error.instance, error.validator_value
    kinds: Any = [rule] if isinstance(rule, str) else rule
    signs = {
        "minimum": "at least",
        "maximum": "at most",
        "exclusiveMinimum": "greater than",
        "exclusiveMaximum": "less than",
        "minItems": "of at least length",
        "maxItems": "of at most length",
    }
    if error.validator in signs:
        return f"{value!r} must be {signs[str(error.validator)]} {rule}"
    if error.validator == "uniqueItems":
        counts = Counter(map(repr, value))  # type: ignore[arg-type]
        twice = [item for item, count in counts.items() if count > 1]
        return f"{value!r} names {', '.join(twice)} more than once"
    if error.validator == "type" and isinstance(value, float) and not isfinite(value):
        return f"{value!r} must be a finite number"
    if error.validator == "type":
        named = " or ".join(KIND_NAMES.get(kind, kind) for kind in kinds)
        return f"{value!r} must be of type {named}{_contents(value, error.schema)}"
    return str(error.message)


def _contents(value: object, part: Any) -> str:
    """Say what a list or a mapping that was expected may hold, and how one value is put in it."""
    if "properties" in part:
        return f"; allowed keys: {', '.join(part['properties'])}"
    if "items" not in part:
        return ""
    names = part["items"].get("enum")
    fits = isinstance(value, str | int | float) if names is None else value in names
    example = f", such as [{show(value)}]" if fits else ""
    return example if names is None else f"{example}; allowed in it: {', '.join(map(str, names))}"


def show(value: object) -> str:
    """Write a value as YAML does."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def allowed(part: Schema) -> str:
    """Say in a few words what a value may be."""
    if "enum" in part:
        return ", ".join(f"`{show(value)}`" for value in part["enum"])
    if "const" in part:
        return f"`{show(part['const'])}`"
    if "anyOf" in part:
        return " or ".join(allowed(option) for option in part["anyOf"])
    if "$ref" in part or "type" not in part:
        return "see below"
    kinds: list[str] = part["type"] if isinstance(part["type"], list) else [part["type"]]
    return " or ".join(_kind_text(kind, part) for kind in kinds)


def _kind_text(kind: str, part: Schema) -> str:
    """Name one type with its limits, such as `list of different integers >= 0`."""
    items = part.get("items", {})
    if kind == "array" and "type" in items:
        different = "different " if part.get("uniqueItems") else ""
        kind_of_item = KIND_NAMES.get(items["type"], items["type"])
        return f"list of {different}{kind_of_item}s{_limits(items)}"
    return KIND_NAMES.get(kind, kind) + (_limits(part) if kind in _TYPES else "")


def _limits(part: Schema) -> str:
    signs = {
        "minimum": ">=",
        "exclusiveMinimum": ">",
        "maximum": "<=",
        "exclusiveMaximum": "<",
    }
    return "".join(f" {sign} {part[key]}" for key, sign in signs.items() if key in part)
