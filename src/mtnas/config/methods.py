"""The options of every sharing method, read from its file without importing torch."""

from dataclasses import dataclass
from functools import cache

from mtnas.config.options import MethodOptions, SearchedOptions
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError


@dataclass(frozen=True)
class KnownMethod:
    """What the configuration needs to know of a method."""

    options: type[MethodOptions]
    is_control: bool  # it predicts from the labels and trains nothing
    per_task: bool = False  # it has a model for every task

    @property
    def searches(self) -> bool:
        """Whether a sharing route is searched."""
        return issubclass(self.options, SearchedOptions)


@cache
def known_methods() -> dict[str, KnownMethod]:
    """Return every method there is, by name."""
    return {name: _known(name) for name in plugins.names("methods")}


def _known(name: str) -> KnownMethod:
    module = plugins.part("methods", name, ("Options", "predict", "PER_TASK"))
    options = getattr(module, "Options", None)
    if not (isinstance(options, type) and issubclass(options, MethodOptions)):
        raise ConfigError(
            f"src/mtnas/methods/{name}.py: no class `Options(MethodOptions)`; a method file "
            "needs it and `Sharing`, see docs/adding-a-method.md"
        )
    per_task = bool(getattr(module, "PER_TASK", False))
    return KnownMethod(options, hasattr(module, "predict"), per_task)
