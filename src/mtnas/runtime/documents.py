"""Read YAML (or JSON, which is YAML) that a person wrote: bounded, without tags, no key twice."""

import json
import math
from contextlib import suppress
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from mtnas.runtime.errors import ConfigError, printable

LARGEST = 1 << 20  # bytes of a file
DEEPEST = 50  # lists and mappings in each other
MOST_VALUES = 100_000  # with every alias (`*name`) written out
LONGEST = 10_000  # characters of one text
MAX_INTEGER = 2**63 - 1
_STRING, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_WORDS = ("on", "off", "yes", "no", "y", "n")  # to YAML 1.2, and to people


def read_document(path: Path) -> Any:
    """Return what a file of YAML or JSON holds; None, if it is empty.

    Raises:
        ConfigError: it is no regular file, cannot be read, is not YAML, or is beyond the limits
            above; the message names the file and the line.
    """
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path}: not a regular file; give a file of YAML")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ConfigError(f"{path}: larger than {LARGEST} bytes; give a file of YAML")
        return _parsed(content.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {_one_line(error)}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply") from None
    except _BeyondError as error:
        raise ConfigError(f"{path}: {error}") from None


class _BeyondError(Exception):
    """What this project refuses although YAML allows it; the message begins with the line."""

    def __init__(self, node: Any, why: str) -> None:
        super().__init__(f"line {node.start_mark.line + 1}: {why}")


def _parsed(text: str) -> Any:
    return deepcopy(_parsed_once(text))


@lru_cache(64)  # a study asks for the file of a dataset more than a hundred times
def _parsed_once(text: str) -> Any:
    with suppress(ValueError, RecursionError):
        json.loads(text)
        text = text.replace("\t", " ")  # between values: JSON allows it, and YAML does not
    try:
        return yaml.load(text, _Loader)
    except ValueError:  # of its scanner: "\\U00110000"
        raise yaml.YAMLError("an escape in double quotes is no character") from None


class _Loader(yaml.SafeLoader):
    """YAML without tags, whose keys are the texts that stand there and occur once."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._sizes: dict[int, int] = {}  # by node: the values in it

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node; refuse what becomes too large when it is written out."""
        if self.check_event(yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if node is not None and id(node) not in self._sizes:
                raise _BeyondError(node, "a value that holds itself")
            return node
        self._depth += 1
        node = super().compose_node(parent, index)
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
        self._sizes[id(node)] = size = 1 + sum(self._sizes[id(part)] for part in _parts(node))
        if size > MOST_VALUES:
            raise _BeyondError(node, f"more than {MOST_VALUES} values, aliases written out")
        self._depth -= 1
        return node

    def get_event(self) -> Any:
        """Return the next event; refuse lists and mappings that lie too deep."""
        if self._depth > DEEPEST:
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise _BeyondError(event, "nested too deeply")
        return super().get_event()  # type: ignore[no-untyped-call]

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Return a value; refuse what has the form of a number or a date, and is none."""
        if isinstance(node, yaml.ScalarNode) and len(node.value) > LONGEST:
            raise _BeyondError(node, f"a text of {len(node.value)} characters, at most {LONGEST}")
        try:
            value = super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
            raise _BeyondError(node, f"{_shown(node)} is no value; put text in quotes") from None
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            raise _BeyondError(node, f"{_shown(node)} is beyond {MAX_INTEGER}; put text in quotes")
        if isinstance(value, float) and not math.isfinite(value):
            raise _BeyondError(node, f"{_shown(node)} is no finite number; put text in quotes")
        if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
            raise _BeyondError(node, f"{_shown(node)} holds half a character (a surrogate)")
        return value


def _parts(node: Any) -> list[Any]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _check_keys(node: yaml.MappingNode) -> None:
    """Refuse a key that is doubled or no text."""
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if key.tag == _MERGE:
            continue
        if isinstance(key, yaml.ScalarNode) and key.value.lower() in _WORDS:
            key.tag = _STRING
        if key.tag != _STRING:
            raise _BeyondError(key, f"the key {_shown(key)} is no text; put it in quotes")
        if key.value in lines:
            first = f"first in line {lines[key.value]}"
            raise _BeyondError(key, f"the key {key.value!r} occurs twice, {first}")
        lines[key.value] = key.start_mark.line + 1


def _shown(node: Any) -> str:
    return printable(str(node.value), 60) if isinstance(node, yaml.ScalarNode) else "given"


def _one_line(error: yaml.YAMLError) -> str:
    """Say where YAML ends to be YAML."""
    mark = getattr(error, "problem_mark", None)
    at = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{getattr(error, 'problem', None) or str(error).splitlines()[0]}{at}"
