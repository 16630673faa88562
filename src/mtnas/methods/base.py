"""What the rest of the library may use of a sharing method."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mtnas.methods
from mtnas.config.options import MethodOptions, SearchedOptions
from mtnas.methods.parts.sharing import BaseSharing, RoutedSharing
from mtnas.routes.route import Route
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError

Predict = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]


@dataclass(frozen=True)
class Method:
    """A sharing method.

    It has a network, `sharing`, or, in a control method, `predict(known_NO, rng) ->
    said_NO`, which sees what a perfect model predicts (`experiments.controls`).
    """

    name: str
    options: type[MethodOptions]
    sharing: type[BaseSharing] | None
    predict: Predict | None
    per_task: bool

    @property
    def searches(self) -> bool:
        """Whether the method has a sharing route to search."""
        return self.sharing is not None and issubclass(self.sharing, RoutedSharing)

    def build(
        self,
        options: MethodOptions,
        *,
        input_dim: int,
        num_tasks: int,
        route: Route | None = None,
    ) -> BaseSharing:
        """Build the network of the method for D inputs and T tasks, with a route if it has one."""
        assert self.sharing is not None, f"{self.name} is a control and trains nothing"
        build: Callable[..., BaseSharing] = self.sharing
        on_route = {} if route is None else {"route": route}
        return build(options, input_dim=input_dim, num_tasks=num_tasks, **on_route)


def available() -> tuple[str, ...]:
    """Name every method."""
    return plugins.available(mtnas.methods)


def load(name: str, where: str = "config") -> Method:
    """Import the file of a method and check that it defines what a method needs."""
    module: Any = plugins.load(mtnas.methods, name, kind="method", where=where)
    sharing, predict = getattr(module, "Sharing", None), getattr(module, "predict", None)
    if not hasattr(module, "Options") or (sharing is None) == (predict is None):
        raise ConfigError(
            f"{module.__file__}: a method file defines `Options` and one of `Sharing`, `predict`"
        )
    if sharing is not None and not issubclass(sharing, BaseSharing):
        raise ConfigError(
            f"{module.__file__}: `Sharing` must be a `BaseSharing` or a `RoutedSharing` "
            "(methods/parts/sharing.py), see docs/adding-a-method.md"
        )
    method = Method(name, module.Options, sharing, predict, getattr(module, "PER_TASK", False))
    if method.searches != issubclass(method.options, SearchedOptions):
        raise ConfigError(
            f"{module.__file__}: a method with a route to search has both a `RoutedSharing` and "
            "`SearchedOptions`; this one has one of them"
        )
    return method
