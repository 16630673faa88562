"""Read one file of configuration."""

from pathlib import Path

from mtnas.runtime.documents import read_document
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import Json
from mtnas.runtime.options import shown


def read_overlay(path: Path) -> Json:
    """Return what a file of configuration says; nothing, if it is empty.

    Raises:
        ConfigError: it cannot be read, is not YAML, holds something else than keys, or would let
            Snakemake run what stands in it.
    """
    said = read_document(path)
    if not isinstance(said, dict | None):
        raise ConfigError(
            f"{path}: must hold keys of the configuration, such as `seeds: 5`, not "
            f"{shown(said)}; they are listed in config/README.md"
        )
    if "__use_yte__" in (said or {}):
        raise ConfigError(
            f"{path}: __use_yte__: programs in configurations are not read; delete it"
        )
    return said or {}
