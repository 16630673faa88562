"""JSON schemas of options, generated from their classes; `study_schema` puts them together.

A method's `Options` lives in a module that imports torch. Parsing the workflow must not, so
`config/schemas/config.schema.json` carries the schema of every method with its defaults. A method
that the file does not know, or whose `Options` changed since, is imported to ask it.
"""

import ast
import hashlib
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from mtnas.config.options import MethodOptions
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import read_json
from mtnas.runtime.provenance import PACKAGE, canonical_code

Schema = dict[str, Any]

REPOSITORY = PACKAGE.parents[1]
SCHEMA_FILE = REPOSITORY / "config/schemas/config.schema.json"


def mapping(properties: Schema, **more: Any) -> Schema:
    """Return the schema of a mapping that refuses unknown keys."""
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def names_of(item: Schema) -> Schema:
    """Return the schema of a list of one or more different names."""
    return {"type": "array", "items": item, "minItems": 1, "uniqueItems": True}


def _inline(node: Any, definitions: Schema) -> Any:
    """Replace references by what they point at; drop titles, which only repeat the key."""
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return {
        key: {name: _inline(value, definitions) for name, value in item.items()}
        if key == "properties"
        else _inline(item, definitions)
        for key, item in node.items()
        if key not in {"title", "$defs", "required"}
    }


def options_schema(options: type[Any]) -> Schema:
    """Return the self-contained schema of one options class."""
    raw = options.model_json_schema()
    schema: Schema = _inline(raw, raw.get("$defs", {}))
    schema.pop("description", None)
    for name, value in options().model_dump(mode="json").items():
        schema["properties"][name]["default"] = value
    return schema


def _options_code(name: str) -> str:
    """Fingerprint what a method's schema is made of: its `Options` and the shared ones, and
    whether it predicts without training.
    """
    module = ast.parse((PACKAGE / "methods" / f"{name}.py").read_text(encoding="utf-8"))
    named = [n for n in module.body if isinstance(n, ast.ClassDef | ast.FunctionDef)]
    own = [n for n in named if "Options" in n.name or n.name == "predict"]
    shared = ast.parse((PACKAGE / "config/options.py").read_text(encoding="utf-8"))
    text = "".join(map(canonical_code, [*own, shared]))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def import_method_schema(name: str) -> Schema:
    """Return the schema of a method by importing it (and torch with it)."""
    package = import_module("mtnas.methods")  # not `import`: parsing must stay free of torch
    module = plugins.load(package, name, kind="method")
    options = getattr(module, "Options", None)
    if not (isinstance(options, type) and issubclass(options, MethodOptions)):
        raise ConfigError(
            f"src/mtnas/methods/{name}.py: no class `Options(MethodOptions)`; a method file "
            "needs it and `Sharing`, see docs/adding-a-method.md"
        )
    kind = {"x-control": True} if hasattr(module, "predict") else {}
    return {**options_schema(options), **kind, "x-code": _options_code(name)}


@cache
def method_schemas(file: Path = SCHEMA_FILE) -> dict[str, Schema]:
    """Return the schema of every method there is, from the generated file where it is fresh."""
    known = {}
    if file.is_file():
        content = read_json(file, ("$defs",), error=ConfigError, remedy="run `make schema`")
        known = content["$defs"]["methods"]
    fresh = {name for name, schema in known.items() if _is_fresh(name, schema)}
    return {
        name: known[name] if name in fresh else import_method_schema(name)
        for name in plugins.names("methods")
    }


def _is_fresh(name: str, schema: Schema) -> bool:
    path = PACKAGE / "methods" / f"{name}.py"
    return path.is_file() and schema.get("x-code") == _options_code(name)


def searches(schema: Schema) -> bool:
    """Whether a method has a search: its options hold a `search` block."""
    return "search" in schema["properties"]


def is_control(schema: Schema) -> bool:
    """Whether a method predicts from the labels and trains nothing."""
    return bool(schema.get("x-control", False))


def defaults(schema: Schema) -> dict[str, Any]:
    """Return the default of every option, nested blocks included."""
    values: dict[str, Any] = {}
    for name, part in schema["properties"].items():
        if "default" in part:
            values[name] = part["default"]
        elif "properties" in part:
            values[name] = defaults(part)
    return values
