"""Datasets: one file each, found by its name. Listing them imports none."""

import sys
from typing import TYPE_CHECKING

from mtnas import discovery

if TYPE_CHECKING:
    from mtnas.datasets.base import Dataset


def available() -> tuple[str, ...]:
    """Name every dataset."""
    return discovery.available(sys.modules[__name__])


def load(name: str, *, where: str = "config") -> "Dataset":
    """Return a dataset by name; an unknown name is a `ConfigError` with the nearest one."""
    module = discovery.load(sys.modules[__name__], name, kind="dataset", where=where)
    dataset: Dataset = module.Dataset()
    return dataset
