"""A file name is a registration: find the plug-ins of a package by listing its folder."""

import importlib
import pkgutil
from types import ModuleType

from mtnas.errors import ConfigError, unknown

_NOT_PLUGINS = {"base"}


def available(package: ModuleType) -> tuple[str, ...]:
    """Name the plug-in modules of a package, without importing them."""
    found = (m.name for m in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(n for n in found if n not in _NOT_PLUGINS and not n.startswith("_")))


def load(package: ModuleType, name: str, *, kind: str, where: str = "config") -> ModuleType:
    """Import one plug-in module; an unknown name is a `ConfigError` with the nearest one."""
    names = available(package)
    if name not in names:
        raise ConfigError(unknown(kind, name, names, where))
    return importlib.import_module(f"{package.__name__}.{name}")
