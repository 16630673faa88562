"""Typed, frozen records of configuration keys that refuse an unknown key."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from mtnas.runtime.errors import ConfigError, unknown

_EXPECTED = {"model_type": "a mapping", "dict_type": "a mapping", "tuple_type": "a list"}


class Options(BaseModel):
    """Base of every options record."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str = "") -> Self:
        """Build from a mapping of plain data; `ConfigError` says what is wrong at `where`.

        Types are those of JSON: 2.0 is no integer, true no number, and a number no text.
        """
        try:
            return cls.model_validate_json(json.dumps(values, default=str), strict=True)
        except ValidationError as error:
            path, message = first_problem(cls, error)
            at = ".".join(filter(None, [where, path]))
            raise ConfigError(": ".join(filter(None, [at, message]))) from None


def first_problem(record: type[BaseModel], error: ValidationError) -> tuple[str, str]:
    """Return the key of the first error, dotted, and what is wrong with its value."""
    # A name that does not exist explains the rest, such as a key that is missing.
    first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    keys = first["loc"]
    if first["type"] == "extra_forbidden":
        known = _keys_below(record, keys[:-1])
        return ".".join(map(str, keys[:-1])), unknown("key", str(keys[-1]), known)
    if first["type"] == "missing":
        return ".".join(map(str, keys[:-1])), f"the key {str(keys[-1])!r} is missing"
    expected = _EXPECTED.get(first["type"])
    if expected is not None:
        return ".".join(map(str, keys)), f"{first['input']!r}: {expected} is expected"
    message = first["msg"].removeprefix("Value error, ")
    if isinstance(first["input"], Mapping):  # of a whole record: it may begin with one of its keys
        key, _, rest = message.partition(": ")
        named = bool(rest) and key in _keys_below(record, keys)
        keys, message = ((*keys, key), rest) if named else (keys, message)
        return ".".join(map(str, keys)), message
    return ".".join(map(str, keys)), f"{first['input']!r}: {message}" if keys else message


def _keys_below(record: type[BaseModel], keys: Sequence[int | str]) -> list[str]:
    """Name the keys of the record at a path of keys below another, none if there is none."""
    left, here = list(keys), record
    while left:
        field = here.model_fields.get(str(left.pop(0)))
        annotation = None if field is None else field.annotation
        if get_origin(annotation) is dict and left:
            left.pop(0)  # a name, not a key
        kinds = (annotation, *get_args(annotation))
        records = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        if not records:
            return []
        here = records[0]
    return list(here.model_fields)
