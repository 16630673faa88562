"""The options of every simulated study, read from its file without importing what it runs."""

from functools import cache

from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.options import Options

PACKAGE = "experiments.simulated"


@cache
def known_simulated_studies() -> dict[str, type[Options]]:
    """Return the options of every simulated study there is, by its name."""
    return {name: _options(name) for name in plugins.names(PACKAGE)}


def _options(name: str) -> type[Options]:
    options = getattr(plugins.part(PACKAGE, name, ("Options",)), "Options", None)
    if not (isinstance(options, type) and issubclass(options, Options)):
        raise ConfigError(
            f"src/mtnas/experiments/simulated/{name}.py: no class `Options` of options; the file "
            "of a simulated study needs it, and `unit`"
        )
    return options
