"""Where the options of a run may be set, and how what is set in several places becomes one."""

from collections.abc import Mapping

from mtnas.config.entries import Block
from mtnas.runtime.options import Keys


def merged(*layers: Mapping[str, object]) -> Block:
    """Merge mappings, later ones win; nested mappings are merged, anything else replaced."""
    result: Block = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            both = isinstance(old, dict) and isinstance(value, Mapping)
            result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def option_layers(dataset: str, method: str, variant: str) -> tuple[Keys, ...]:
    """Return the paths where options of a run may be set; later ones win."""
    return (
        ("methods", method),
        ("dataset_options", dataset, "methods", method),
        ("variants", method, variant),
    )


def training_layers(dataset: str, method: str, variant: str) -> tuple[Keys, ...]:
    """Return the paths where training options of a run may be set; later ones win."""
    return (
        ("training",),
        ("dataset_options", dataset, "training"),
        ("variants", method, variant, "training"),
    )


def tuning_layers(dataset: str) -> tuple[Keys, ...]:
    """Return the paths where the grid search of a dataset may be set; later ones win."""
    return ("tuning",), ("dataset_options", dataset, "tuning")
