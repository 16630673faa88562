"""Datasets: one file each, found by its name. Listing them imports none.

A file of this folder is a dataset in Python; a file of `config/datasets` is one in YAML.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mtnas.runtime import plugins

if TYPE_CHECKING:
    from mtnas.data.sources.base import Dataset


def available() -> tuple[str, ...]:
    """Name every dataset."""
    return plugins.available(sys.modules[__name__])


def load(
    name: str, *, where: str = "config", definition: Mapping[str, Any] | None = None
) -> "Dataset":
    """Return a dataset by name; an unknown name is a `ConfigError` with the nearest one.

    `definition` stands for the keys of its YAML file, but for `path`.
    """
    file = plugins.declared().get(name)
    if file is not None:
        plugins.check_declared(name, file, sys.modules[__name__])
        # By name: the code of a dataset in Python does not depend on it.
        loaded: Dataset = import_module(f"{__name__}._tabular.dataset").load(name, file, definition)
        return loaded
    module = plugins.load(sys.modules[__name__], name, kind="dataset", where=where)
    dataset: Dataset = module.Dataset()
    return dataset


def code_of(name: str) -> str:
    """Return the file, from `src/mtnas`, in which the code of a dataset is."""
    return f"data/sources/{'_tabular/dataset' if name in plugins.declared() else name}.py"
