"""Which value wins: a method's defaults < `methods` < those of the dataset < the variant's.

The same order, without methods, holds for `training`, and without variants for `tuning`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mtnas.config.options import SearchOptions, TrainingOptions
from mtnas.config.schema import defaults, searches
from mtnas.config.study import PAPER, Config, Spec
from mtnas.config.validation import place
from mtnas.data import sources
from mtnas.data.synthetic import TASKS, SyntheticOptions
from mtnas.runtime.errors import ConfigError, unknown


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Merge mappings, later ones win; nested mappings are merged, anything else replaced."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            both = isinstance(old, dict) and isinstance(value, Mapping)
            result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def value_at(config: Config, keys: Sequence[str]) -> dict[str, Any]:
    """Return the mapping at a path of the configuration, an empty one if there is none."""
    value = config.values
    for key in keys:
        value = value.get(key, {})
    return value


def _layers(dataset: str, method: str, variant: str) -> tuple[tuple[str, ...], ...]:
    """Name the places that say something about the options of a run; later ones win."""
    return (
        ("methods", method),
        ("dataset_options", dataset, "methods", method),
        ("variants", method, variant),
    )


def origin(config: Config, dataset: str, method: str, variant: str, option: str) -> str:
    """Say where the last word about an option of a run, dotted if nested, stands."""
    return _last_word(config, _layers(dataset, method, variant), option)


def resolve_options(config: Config, dataset: str, method: str, variant: str = PAPER) -> Spec:
    """Return all options of a method: defaults < `methods` < the dataset's < the variant's."""
    schema = config.method(method)
    if variant not in config.variants(method):
        raise ConfigError(
            unknown(f"variant of {method}", variant, config.variants(method), "config")
        )
    layers = [value_at(config, keys) for keys in _layers(dataset, method, variant)]
    options = merged(defaults(schema), *layers)
    options.pop("training", None)  # a variant's own, for `resolve_training`
    options.pop("title", None)  # what readers call a variant
    if searches(schema):
        try:
            search = SearchOptions.of(options["search"], "")
        except ConfigError:  # reading the files again, to say where, is slow
            where = origin(config, dataset, method, variant, "search")
            search = SearchOptions.of(options["search"], where)
        options["search"] = search.model_dump(mode="json")
    return options


def _training_layers(dataset: str, method: str, variant: str) -> tuple[tuple[str, ...], ...]:
    """Name the places that say something about the training of a run; later ones win."""
    return (
        ("training",),
        ("dataset_options", dataset, "training"),
        ("variants", method, variant, "training"),
    )


def training_origin(config: Config, dataset: str, method: str, variant: str, option: str) -> str:
    """Say where the last word about an option of a run's training stands."""
    return _last_word(config, _training_layers(dataset, method, variant), option)


def _last_word(config: Config, layers: Sequence[tuple[str, ...]], option: str) -> str:
    *blocks, name = option.split(".")
    first, *later = layers
    keys = next((k for k in reversed(later) if name in value_at(config, (*k, *blocks))), first)
    return place((*keys, *blocks, name), config.origins)


def resolve_training(config: Config, dataset: str, method: str, variant: str = PAPER) -> Spec:
    """Return all training options: defaults < `training` < the dataset's < the variant's."""
    layers = _training_layers(dataset, method, variant)
    values = merged(*(value_at(config, keys) for keys in layers))
    try:
        training = TrainingOptions.of(values, "")
    except ConfigError:  # as in `resolve_options`
        last = next((k for k in reversed(layers) if value_at(config, k)), layers[0])
        training = TrainingOptions.of(values, place(last, config.origins))
    return training.model_dump(mode="json")


def resolve_tuning(config: Config, dataset: str) -> Spec:
    """Return the whole `tuning` block of a dataset: defaults < `tuning` < the dataset's."""
    own = value_at(config, ("dataset_options", dataset, "tuning"))
    return merged(defaults(config.schema["$defs"]["tuning"]), config["tuning"], own)


def trial_seeds(config: Config, tuning: Spec) -> list[int]:
    """Return the seeds that every trial of a grid search has."""
    seeds = tuning["seeds"]
    return list(seeds if isinstance(seeds, list) else config["seeds"][:seeds])


def is_simulated(config: Config, dataset: str) -> bool:
    """Whether the workflow writes the raw files of a dataset itself."""
    return config["dataset_options"].get(dataset, {}).get("simulate") is not None


def num_tasks(config: Config, dataset: str) -> int:
    """Return T of a dataset."""
    return len(TASKS if dataset in config["synthetic"] else sources.load(dataset).tasks)


def drawn_options(config: Config, dataset: str) -> SyntheticOptions:
    """Return what a synthetic dataset is drawn from."""
    return SyntheticOptions.of(config["synthetic"][dataset], f"synthetic.{dataset}")
