"""Simulators: one file per dataset that writes look-alike raw files. Listing them imports none."""

import sys
from typing import TYPE_CHECKING

from mtnas import discovery

if TYPE_CHECKING:
    from mtnas.simulation.base import Simulator


def available() -> tuple[str, ...]:
    """Name every dataset that can be simulated."""
    return discovery.available(sys.modules[__name__])


def load(name: str, *, where: str = "config") -> "Simulator":
    """Return a simulator by dataset; an unknown name is a `ConfigError` with the nearest one."""
    module = discovery.load(sys.modules[__name__], name, kind="simulated dataset", where=where)
    simulator: Simulator = module.Simulator()
    return simulator
