"""Read one file of configuration."""

from pathlib import Path

import yaml

from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import Json


def read_overlay(path: Path) -> Json:
    """Return what a file of configuration says; nothing, if it is empty.

    Raises:
        ConfigError: it cannot be read, is not YAML, or holds something else than keys.
    """
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else " ".join(str(problem).split())
        raise ConfigError(f"{path}: cannot be read as YAML ({why}); correct the file") from None
    if not isinstance(said, dict | None):
        raise ConfigError(
            f"{path}: must hold keys of the configuration, such as `seeds: 5`, not {said!r}; they "
            "are listed in config/README.md"
        )
    return said or {}
