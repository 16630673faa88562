"""Simulators: one file per dataset that writes look-alike raw files. Listing them imports none."""

import sys
from typing import TYPE_CHECKING

from mtnas.runtime import plugins

if TYPE_CHECKING:
    from mtnas.data.simulators.base import Simulator


def available() -> tuple[str, ...]:
    """Name every dataset that can be simulated."""
    return plugins.available(sys.modules[__name__])


def load(name: str, *, where: str = "config") -> "Simulator":
    """Return a simulator by dataset; an unknown name is a `ConfigError` with the nearest one."""
    module = plugins.load(sys.modules[__name__], name, kind="simulated dataset", where=where)
    simulator: Simulator = module.Simulator()
    return simulator
