"""Base class of all options: typed, read-only, and with clear messages for wrong keys or values."""

import re
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails
from typing_extensions import is_typeddict

from mtnas.runtime.errors import ConfigError, unknown
from mtnas.runtime.files import Json

Keys = tuple[int | str, ...]

CONFIG = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
_CONTAINERS = {"model_type": "mapping", "dict_type": "mapping", "tuple_type": "list"}
_LONGEST = 300  # characters of a value in a message
_NAMES = ("extra_forbidden", "literal_error")
# What YAML 1.2 reads as a number and YAML 1.1, which is what Python has, as text: 1e-3.
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


class Problem(NamedTuple):
    """What is wrong and where; `name` is the unknown key at this place, if that is the problem."""

    keys: Keys
    message: str
    name: str | None = None


class Options(BaseModel):
    """Base class of every group of options."""

    model_config = CONFIG

    @classmethod
    def of(cls, values: Json, where: str = "") -> Self:
        """Build from plain data; a `ConfigError` begins with `where` and says what is wrong there.

        Types are not converted: 2.0 is not an integer, true is not a number, a number is not text.
        """
        try:
            return cls.model_validate(plain(values), strict=True)
        except ValidationError as error:
            path, message = first_problem(cls, error)
            at = ".".join(filter(None, [where, path]))
            raise ConfigError(": ".join(filter(None, [at, message]))) from None

    @model_validator(mode="before")
    @classmethod
    def _empty_is_not_null(cls, values: Any) -> Any:
        return nothing_to_empty(values)


def nothing_to_empty(values: Any) -> Any:
    """Return an empty mapping for null, which is what YAML makes of a key without any value."""
    return {} if values is None else values


def plain(value: Any) -> Any:
    """Copy the content of a YAML or JSON file; text like `1e-3` becomes a number, lists tuples."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


def first_problem(record: Any, error: ValidationError) -> tuple[str, str]:
    """Return the dotted key of the first error, and what is found and allowed there."""
    problem = problem_of(record, error)
    return ".".join(map(str, problem.keys)), problem.message


def problem_of(record: Any, error: ValidationError) -> Problem:
    """Return the first error.

    An unknown name comes first, since a misspelt key also makes the right key look missing.
    """
    return _problem(record, _by_weight(error)[0])


def problems_of(record: Any, error: ValidationError) -> list[Problem]:
    """Return all errors, the ones that explain others first."""
    return [_problem(record, first) for first in _by_weight(error)]


def _by_weight(error: ValidationError) -> list[ErrorDetails]:
    return sorted(error.errors(), key=lambda p: (p["type"] not in _NAMES, len(p["loc"])))


def _problem(record: Any, first: ErrorDetails) -> Problem:
    keys, kind, value = first["loc"], first["type"], first["input"]
    if kind == "extra_forbidden":
        name, known = str(keys[-1]), keys_of(type_at(record, keys[:-1]))
        return Problem(keys[:-1], unknown("key", name, known), name)
    if kind == "missing":
        return Problem(keys[:-1], f"the key {str(keys[-1])!r} is missing")
    if kind == "literal_error":
        names = [str(name) for name in get_args(type_at(record, keys))]
        listed = keys[:-1] if isinstance(keys[-1], int) else keys
        what = str(listed[-1]).removesuffix("s") if listed != keys else "value"
        return Problem(listed, unknown(what, value, names))
    if kind in _CONTAINERS:
        kind_there = type_at(record, keys)
        return Problem(keys, _other_container(_CONTAINERS[kind], value, kind_there))
    if kind == "value_error":
        return Problem(*_own_words(record, first))
    said = re.sub("^(Input|Value|Dictionary|List|Tuple|String) ", "", first["msg"])
    return Problem(keys, f"{shown(value)} {said.partition(' after validation')[0]}")


def _own_words(record: Any, problem: ErrorDetails) -> tuple[Keys, str]:
    """Return the place and the message of an error that a validator of this project raised.

    Its message may begin with a key of what it checks; that key then becomes part of the place.
    """
    keys, message = problem["loc"], problem["msg"].removeprefix("Value error, ")
    if keys and keys[-1] == "[key]":
        return keys[:-2], message
    if not isinstance(problem["input"], Mapping):
        return keys, f"{shown(problem['input'])}: {message}" if keys else message
    key, _, rest = message.partition(": ")
    if rest and key in keys_of(type_at(record, keys)):
        return (*keys, key), rest
    return keys, message


def _other_container(expected: str, value: object, kind: Any) -> str:
    """Say that a list or a mapping is expected, what it may contain, and give an example."""
    message = f"{shown(value)} should be a {expected}"
    if names := keys_of(kind):
        return f"{message}; allowed keys: {', '.join(names)}"
    items = [bare(item) for item in get_args(kind) if item is not ...]
    names = [str(name) for name in get_args(items[-1])] if _is_literal(items) else []
    fits = isinstance(value, str | int | float) and (not names or value in names)
    message += f", such as [{value}]" if expected == "list" and fits else ""
    return message + (f"; allowed in it: {', '.join(names)}" if names else "")


def _is_literal(items: Sequence[Any]) -> bool:
    return bool(items) and get_origin(items[-1]) is Literal


def keys_of(kind: Any) -> list[str]:
    """Name the keys of a group of options or of a mapping with known keys; otherwise none."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return list(kind.model_fields)
    return list(kind.__annotations__) if is_typeddict(kind) else []


def type_at(kind: Any, keys: Sequence[int | str]) -> Any:
    """Return the type of the value that a path of keys leads to, starting at a type."""
    for key in keys:
        kind = bare(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(key)].annotation
        elif is_typeddict(kind):
            kind = kind.__annotations__[key]
        else:  # a dict holds values, a list items
            kind = [item for item in get_args(kind) if item is not ...][-1]
    return bare(kind)


def bare(kind: Any) -> Any:
    """Return a type without its limits, and without null."""
    while (origin := get_origin(kind)) is Annotated or NoneType in get_args(kind):
        args = get_args(kind)
        kind = args[0] if origin is Annotated else next(a for a in args if a is not NoneType)
    return kind


def shown(value: object) -> str:
    """Write a value for a message, cut if it is long; tuples as lists, as they were in YAML."""
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
