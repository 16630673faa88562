"""The JSON schema of the configuration, generated from the options classes.

A method's `Options` lives in a module that imports torch. Parsing the workflow must not, so
`config/schemas/config.schema.json` carries the schema of every method with its defaults. A method
that the file does not know, or whose `Options` changed since, is imported to ask it.
"""

import ast
import hashlib
from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any

from mtnas import discovery
from mtnas.errors import ConfigError
from mtnas.files import read_json
from mtnas.options import MethodOptions, TrainingOptions
from mtnas.provenance import PACKAGE, canonical_code
from mtnas.synthetic import SyntheticOptions

Schema = dict[str, Any]

REPOSITORY = PACKAGE.parents[1]
MAX_INT32 = 2**31 - 1  # seeds and ids are stored as int32
MAX_SEEDS = 10_000  # a larger number is a seed that was meant to be in a list
SCHEMA_FILE = REPOSITORY / "config/schemas/config.schema.json"
TUNED_TRAINING = ("learning_rate", "weight_decay", "batch_size")  # others set the size or the loop
# Solved to match the budget (V3), or what a search is asked for: no subject of a grid.
NOT_TUNED = ("hidden_dim", "search", "derive")


def plugins(package: str) -> tuple[str, ...]:
    """Name the plug-ins of one of our packages without running any of its code."""
    spec = find_spec(f"mtnas.{package}")
    if spec is None:
        raise ConfigError(f"src/mtnas/{package}: this package is missing from the installation")
    return discovery.available(module_from_spec(spec))


def _object(properties: Schema, **more: Any) -> Schema:
    """Return the schema of a mapping that refuses unknown keys."""
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def _names(item: Schema) -> Schema:
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
    shared = ast.parse((PACKAGE / "options.py").read_text(encoding="utf-8"))
    text = "".join(map(canonical_code, [*own, shared]))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def import_method_schema(name: str) -> Schema:
    """Return the schema of a method by importing it (and torch with it)."""
    package = import_module("mtnas.methods")  # not `import`: parsing must stay free of torch
    module = discovery.load(package, name, kind="method")
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
        for name in plugins("methods")
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


def config_schema(
    methods: dict[str, Schema], datasets: tuple[str, ...], synthetic: tuple[str, ...] = ()
) -> Schema:
    """Return the schema of the whole configuration; `synthetic` names its drawn datasets."""
    per_method = {name: {"$ref": f"#/$defs/methods/{name}"} for name in sorted(methods)}
    training = {"$ref": "#/$defs/training"}
    dataset = {"enum": [*datasets, *synthetic]}
    method = {"enum": sorted(methods)}
    properties = {
        "seeds": {
            "description": "independent repetitions: a number n (seeds 0 .. n-1) or a list",
            "default": 5,
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_SEEDS},
                {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 0, "maximum": MAX_INT32},
                    "minItems": 1,
                    "uniqueItems": True,
                },
            ],
        },
        "fixed_split": {
            "description": "one split for all seeds (the paper) instead of one per seed",
            "default": False,
            "type": "boolean",
        },
        "datasets": {
            "description": "datasets of every experiment",
            "default": [],
            **_names(dataset),
        },
        "dataset_options": {
            "description": "how a dataset is prepared; what it changes in methods and training",
            **_object(
                {name: {"$ref": "#/$defs/dataset"} for name in datasets}
                | {name: {"$ref": "#/$defs/synthetic_dataset"} for name in synthetic}
            ),
        },
        "synthetic": {
            "description": "named datasets that are drawn from a generator, not measured",
            "type": "object",
            "propertyNames": {"pattern": "^[a-z0-9_]+$"},
            "additionalProperties": {"$ref": "#/$defs/synthetic"},
        },
        "training": {"description": "how weights are trained", **training},
        "tuning": {
            "description": "grid search of training and method options on validation (V8)",
            "$ref": "#/$defs/tuning",
        },
        "methods": {
            "description": "deviations from a method's own defaults",
            **_object(per_method),
        },
        "variants": {
            "description": "named deviations of a method; `paper` (no deviation) always exists",
            **_object(
                {
                    name: {
                        "type": "object",
                        "propertyNames": {"pattern": "^[a-z0-9_]+$", "not": {"const": "paper"}},
                        "additionalProperties": reference,
                    }
                    for name, reference in per_method.items()
                }
            ),
        },
        "experiments": {
            "description": "named sets of runs",
            "type": "object",
            "propertyNames": {"pattern": "^[a-z0-9_]+$"},
            "additionalProperties": _object(
                {
                    "methods": _names(method),
                    "variants": _object({name: _names({"type": "string"}) for name in per_method}),
                },
            ),
        },
        "exhaustive": {
            "description": "small spaces, every route of which is trained: by name, the variants "
            "of mtnas whose searches are judged by it; the first one's network makes the space",
            "type": "object",
            "propertyNames": {"pattern": "^[a-z0-9_]+$"},
            "additionalProperties": _names({"type": "string"}),
        },
        **{
            f"{name}_raw": {
                "description": f"short for dataset_options.{name}.raw, for the command line",
                "type": ["string", "null"],
            }
            for name in datasets
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of the MTNAS reproduction (generated by `make schema`)",
        **_object(properties),
        "$defs": {
            "training": options_schema(TrainingOptions),
            "tuning": _tuning_schema(methods),
            "dataset": _dataset_schema(per_method, training),
            "synthetic_dataset": _without_source(_dataset_schema(per_method, training)),
            "synthetic": options_schema(SyntheticOptions),
            "methods": {name: methods[name] for name in sorted(methods)},
        },
    }


def _dataset_schema(per_method: Schema, training: Schema) -> Schema:
    """Return the schema of one entry of `dataset_options`."""
    own_default = "null: the dataset's own"
    return _object(
        {
            "raw": {
                "description": "folder of raw files; null: the data is embedded, fetched into "
                "`results/raw/<dataset>`, or lies where the `path` of its own file says",
                "default": None,
                "type": ["string", "null"],
            },
            "mirrors": {
                "description": "addresses of folders to fetch raw files from, before the built-in "
                "ones",
                "default": [],
                "type": "array",
                "items": {
                    "description": "an address such as https://example.org/folder",
                    "type": "string",
                    "pattern": "^https?://[^/]+",
                },
                "uniqueItems": True,
            },
            "simulate": {
                "description": "write simulated raw files with this many rows and read them "
                "instead of `raw`; everything made from them says so",
                "default": None,
                "type": ["integer", "null"],
                "minimum": 1,
            },
            "simulate_seed": {
                "description": "seed of the simulated rows",
                "default": 0,
                "type": "integer",
                "minimum": 0,
                "maximum": MAX_INT32,
            },
            "num_features": {
                "description": f"rows of the embedding table, the hash's modulus; {own_default}",
                "default": None,
                "type": ["integer", "null"],
                "minimum": 2,
                "maximum": MAX_INT32,
            },
            "drop_fields": {
                "description": "input fields to leave out",
                "default": [],
                "type": "array",
                "items": {"type": "string"},
                "uniqueItems": True,
            },
            "split": {
                "description": "train, validation, test: three shares with sum 1, or counts; "
                + own_default,
                "default": None,
                "type": ["array", "null"],
                "items": {"type": "number", "exclusiveMinimum": 0},
                "minItems": 3,
                "maxItems": 3,
            },
            "split_seed": {
                "description": "seed of the one split that `fixed_split: true` gives to all seeds",
                "default": 0,
                "type": "integer",
                "minimum": 0,
                "maximum": MAX_INT32,
            },
            "methods": {
                "description": "like `methods`, for this dataset only",
                **_object(per_method),
            },
            "training": {"description": "like `training`, for this dataset only", **training},
            "tuning": {
                "description": "like `tuning`, for this dataset only",
                "$ref": "#/$defs/tuning",
            },
        }
    )


def _tuning_schema(methods: dict[str, Schema]) -> Schema:
    """Return the schema of a grid search; a grid lists values that the option itself allows."""
    trained = {name: schema for name, schema in sorted(methods.items()) if not is_control(schema)}
    of_training: Schema = {
        name: _choices(f"#/$defs/training/properties/{name}") for name in TUNED_TRAINING
    }
    of_methods = {
        # A searched route belongs to the options it was searched with.
        name: {} if searches(schema) else _grid(schema, f"#/$defs/methods/{name}")
        for name, schema in trained.items()
    }
    return _object(
        {
            "enabled": {
                "description": "false: every run has the options of this file as they are",
                "default": False,
                "type": "boolean",
            },
            "methods": {
                "description": "methods that are tuned where an experiment runs them",
                "default": [],
                **_names({"enum": list(trained)}),
            },
            "seeds": {
                "description": "seeds of a trial: the first n of `seeds`, or a list",
                "default": 3,
                "anyOf": [
                    {"type": "integer", "minimum": 1, "maximum": MAX_SEEDS},
                    _names({"type": "integer", "minimum": 0, "maximum": MAX_INT32}),
                ],
            },
            "training": {
                "description": "lists of values for "
                + ", ".join(f"`{name}`" for name in TUNED_TRAINING),
                **_object(of_training),
            },
            "options": {
                "description": "per method, lists of values for its own options",
                **_object({name: _object(grid) for name, grid in of_methods.items()}),
            },
        }
    )


def _grid(schema: Schema, path: str) -> Schema:
    """Return, for every option of a block, the schema of a list of its values."""
    return {
        name: _object(_grid(part, f"{path}/properties/{name}"))
        if "properties" in part
        else _choices(f"{path}/properties/{name}")
        for name, part in schema["properties"].items()
        if name not in NOT_TUNED
    }


def _choices(reference: str) -> Schema:
    return _names({"$ref": reference})


def _without_source(dataset: Schema) -> Schema:
    """Leave out what says how values are read and hashed: synthetic data have no such values."""
    source = {"raw", "mirrors", "simulate", "simulate_seed", "num_features", "drop_fields"}
    kept = {key: part for key, part in dataset["properties"].items() if key not in source}
    return {**dataset, "properties": kept}


def current_schema(synthetic: tuple[str, ...] = ()) -> Schema:
    """Return the schema for the methods and datasets there are now, synthetic ones included."""
    return config_schema(method_schemas(), plugins("datasets"), synthetic)


def generate() -> Schema:
    """Return the schema, asking every method anew."""
    names = plugins("methods")
    methods = {name: import_method_schema(name) for name in names}
    return config_schema(methods, plugins("datasets"))
