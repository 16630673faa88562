"""What the rest of the library may ask of a sharing method."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

import mtnas.methods
from mtnas.config.options import MethodOptions
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError

Predict = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]


@dataclass(frozen=True)
class Method:
    """One method file, looked at from outside.

    `sharing(options, input_dim=, num_tasks=[, route=])` builds the torch module, which may have a
    `noise_shape` (`forward` then takes noise, in training), a `penalty()` on its parameters and
    `gate_scores(x_BD) -> scores_TBE`, to be recorded;
    `predict(labels_NT, rng) -> probability_NT` replaces it in control methods, which see labels.
    """

    name: str
    options: type[MethodOptions]
    sharing: Callable[..., nn.Module] | None
    predict: Predict | None
    per_task: bool

    @property
    def searches(self) -> bool:
        """Whether the method has a sharing route to search."""
        return "search" in self.options.model_fields


def available() -> tuple[str, ...]:
    """Name every method file."""
    return plugins.available(mtnas.methods)


def load(name: str, where: str = "config") -> Method:
    """Import one method file and check that it keeps the contract."""
    module: Any = plugins.load(mtnas.methods, name, kind="method", where=where)
    sharing, predict = getattr(module, "Sharing", None), getattr(module, "predict", None)
    if not hasattr(module, "Options") or (sharing is None) == (predict is None):
        raise ConfigError(
            f"{module.__file__}: a method file defines `Options` and one of `Sharing`, `predict`"
        )
    return Method(name, module.Options, sharing, predict, getattr(module, "PER_TASK", False))
