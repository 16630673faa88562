"""The JSON schema of the whole configuration, from those of options (`mtnas.schema`)."""

from mtnas.options import TrainingOptions
from mtnas.schema import (
    Schema,
    import_method_schema,
    is_control,
    mapping,
    method_schemas,
    names_of,
    options_schema,
    plugins,
    searches,
)
from mtnas.synthetic import SyntheticOptions

MAX_INT32 = 2**31 - 1  # seeds and ids are stored as int32
MAX_SEEDS = 10_000  # a larger number is a seed that was meant to be in a list
TUNED_TRAINING = ("learning_rate", "weight_decay", "batch_size")  # others set the size or the loop
# Solved to match the budget (V3), or what a search is asked for: no subject of a grid.
NOT_TUNED = ("hidden_dim", "search", "derive")
TRAINING = {"$ref": "#/$defs/training"}


def config_schema(
    methods: dict[str, Schema], datasets: tuple[str, ...], synthetic: tuple[str, ...] = ()
) -> Schema:
    """Return the schema of the whole configuration; `synthetic` names its drawn datasets."""
    per_method = {name: {"$ref": f"#/$defs/methods/{name}"} for name in sorted(methods)}
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
            "description": "datasets of every experiment that does not name its own",
            "default": [],
            **names_of(dataset),
        },
        "dataset_options": {
            "description": "how a dataset is prepared; what it changes in methods and training",
            **mapping(
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
        "training": {"description": "how weights are trained", **TRAINING},
        "tuning": {
            "description": "grid search of training and method options on validation (V8)",
            "$ref": "#/$defs/tuning",
        },
        "methods": {
            "description": "deviations from a method's own defaults",
            **mapping(per_method),
        },
        "variants": {
            "description": "named deviations of a method: its options and, under `training`, how "
            "it is trained; `paper` (no deviation) always exists",
            **mapping(
                {
                    name: {
                        "type": "object",
                        "propertyNames": {"pattern": "^[a-z0-9_]+$", "not": {"const": "paper"}},
                        "additionalProperties": _variant_schema(name, schema),
                    }
                    for name, schema in sorted(methods.items())
                }
            ),
        },
        "experiments": {
            "description": "named sets of runs",
            "type": "object",
            "propertyNames": {"pattern": "^[a-z0-9_]+$"},
            "additionalProperties": mapping(
                {
                    # An empty list switches an experiment of another file off.
                    "datasets": {"type": "array", "items": dataset, "uniqueItems": True},
                    "methods": names_of(method),
                    "variants": mapping(
                        {name: names_of({"type": "string"}) for name in per_method}
                    ),
                },
            ),
        },
        "exhaustive": {
            "description": "small spaces, every route of which is trained: by name, the variants "
            "of mtnas whose searches are judged by it; the first one's network makes the space",
            "type": "object",
            "propertyNames": {"pattern": "^[a-z0-9_]+$"},
            "additionalProperties": names_of({"type": "string"}),
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
        **mapping(properties),
        "$defs": {
            "training": options_schema(TrainingOptions),
            "tuning": _tuning_schema(methods),
            "dataset": _dataset_schema(per_method),
            "synthetic_dataset": _without_source(_dataset_schema(per_method)),
            "synthetic": options_schema(SyntheticOptions),
            "methods": {name: methods[name] for name in sorted(methods)},
        },
    }


def _dataset_schema(per_method: Schema) -> Schema:
    """Return the schema of one entry of `dataset_options`."""
    own_default = "null: the dataset's own"
    return mapping(
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
                **mapping(per_method),
            },
            "training": {"description": "like `training`, for this dataset only", **TRAINING},
            "tuning": {
                "description": "like `tuning`, for this dataset only",
                "$ref": "#/$defs/tuning",
            },
        }
    )


def _variant_schema(method: str, schema: Schema) -> Schema:
    """Return the schema of a variant: options of the method, and of training if it trains."""
    path = f"#/$defs/methods/{method}/properties"
    options: Schema = {name: {"$ref": f"{path}/{name}"} for name in schema["properties"]}
    return mapping(options if is_control(schema) else {**options, "training": TRAINING})


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
    return mapping(
        {
            "enabled": {
                "description": "false: every run has the options of this file as they are",
                "default": False,
                "type": "boolean",
            },
            "methods": {
                "description": "methods that are tuned where an experiment runs them",
                "default": [],
                **names_of({"enum": list(trained)}),
            },
            "seeds": {
                "description": "seeds of a trial: the first n of `seeds`, or a list",
                "default": 3,
                "anyOf": [
                    {"type": "integer", "minimum": 1, "maximum": MAX_SEEDS},
                    names_of({"type": "integer", "minimum": 0, "maximum": MAX_INT32}),
                ],
            },
            "training": {
                "description": "lists of values for "
                + ", ".join(f"`{name}`" for name in TUNED_TRAINING),
                **mapping(of_training),
            },
            "options": {
                "description": "per method, lists of values for its own options",
                **mapping({name: mapping(grid) for name, grid in of_methods.items()}),
            },
        }
    )


def _grid(schema: Schema, path: str) -> Schema:
    """Return, for every option of a block, the schema of a list of its values."""
    return {
        name: mapping(_grid(part, f"{path}/properties/{name}"))
        if "properties" in part
        else _choices(f"{path}/properties/{name}")
        for name, part in schema["properties"].items()
        if name not in NOT_TUNED
    }


def _choices(reference: str) -> Schema:
    return names_of({"$ref": reference})


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
