"""What every sharing method is: a module between the encoder and the heads of a model.

Shapes: B batch, D input, T tasks, H hidden, E experts, M models, K blocks of a route, V values that
a block may read, C nodes that it may ask.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace

Buffers = Mapping[str, NDArray[np.bool_]]
Mix = Callable[[slice, Tensor, Tensor], Tensor]  # blocks, h_VBH and nodes_CBH below -> y_KBH


class BaseSharing(nn.Module):
    """Base class of `Sharing` in the file of a method: `forward` maps x_BD to h_BTH.

    It is built as `Sharing(options, input_dim=D, num_tasks=T)` and sets `output_dim`, H. Everything
    else here has a default; only methods that need it replace it.
    """

    output_dim: int
    noise_shape: tuple[int, ...] | None = None  # of what `forward` takes as well, in training
    noise_per_example: ClassVar[bool] = False  # it has a leading axis of examples besides
    has_penalty: ClassVar[bool] = False
    has_gates: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.has_penalty = cls.penalty is not BaseSharing.penalty
        cls.has_gates = cls.gate_scores is not BaseSharing.gate_scores

    def penalty(self) -> Tensor:
        """Return what the method adds to the training loss, a scalar of its parameters."""
        return torch.zeros(())

    def gate_scores(self, x_BD: Tensor) -> Tensor:
        """Return the weight of every expert in the gate of every task, scores_TBE, to record it."""
        raise NotImplementedError(f"{type(self).__module__} has no gate scores")


class RoutedSharing(BaseSharing, ABC):
    """Base of a method whose sharing route is searched, or given as `Sharing(..., route=...)`.

    The route is data, in buffers, so that models with different routes train side by side. Without
    one, a network is that of the densest route. `forward(x_BD, mixed=...)` takes a function
    in place of the route, by which a search may mix the values of blocks in its own way.
    """

    space: SearchSpace
    route_names: tuple[str, ...]  # of the buffers that hold the route
    gate_name: str | None = None  # of the parameter gate_KVH, one gate per block; None: no gates

    @staticmethod
    @abstractmethod
    def route_buffers(route: Route) -> dict[str, NDArray[np.bool_]]:
        """Return a route as the buffers of the network, by name, [K, ...]."""

    @abstractmethod
    def activity(self, buffers: Buffers) -> dict[str, NDArray[np.bool_]]:
        """Return which slices of which parameters the routes of M models use.

        `buffers` are those of `route_buffers`, [M, K, ...]. The keys of the result are names of
        parameters, its arrays are [M, slices]; a parameter that is not named is used as a whole.
        Unused slices have no gradient, and the optimiser must leave them alone: Adam would let them
        decay and drift.
        """

    @abstractmethod
    def used_parameters(self, route: Route) -> int:
        """Count the parameters that a route uses."""

    def stand(self, buffers: Buffers) -> None:  # noqa: B027
        """Be told the route of a model that is called as it stands, [K, ...]: it may save work."""

    def take(self, route: Route) -> None:
        """Switch to the network of a route."""
        buffers = self.route_buffers(route)
        self.route_names = tuple(buffers)
        for name, array in buffers.items():
            self.register_buffer(name, torch.from_numpy(array))
