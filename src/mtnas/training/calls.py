"""How the model of an ensemble is called, once for every member with its own tensors.

A member alone is called as its model stands, which holds the ensemble's tensors, so that a step
costs no more than with plain PyTorch. Several are mapped over.
Shapes: M members.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from mtnas.methods.parts.model import Model

Part = Callable[..., Tensor]  # of a model and some inputs


class Calls:
    """A model that is called with the parameters and buffers of every member, [M, ...] by name.

    `leaves` are the parameters that a training step differentiates by: the same memory, and of a
    member alone without the leading axis.
    """

    def __init__(
        self, model: Model, params: Mapping[str, Tensor], buffers: Mapping[str, Tensor]
    ) -> None:
        """Keep references to all of them."""
        self.model, self._params, self._buffers = model, params, dict(buffers)
        self._alone = len(next(iter(params.values()))) == 1
        self.leaves: Mapping[str, Tensor]
        if self._alone:
            self.leaves = {name: nn.Parameter(p[0]) for name, p in params.items()}
            for name, tensor in {**self.leaves, **_alone(buffers)}.items():
                _put(model, name, tensor)
        else:
            self.leaves = {name: p.detach().requires_grad_() for name, p in params.items()}

    @property
    def buffers(self) -> Mapping[str, Tensor]:
        """Return the buffers of all members, [M, ...]."""
        return self._buffers

    def take(self, name: str, buffer: Tensor) -> None:
        """Replace a buffer of all members, [M, ...]."""
        self._buffers[name] = buffer
        if self._alone:
            _put(self.model, name, buffer[0])

    def __call__(
        self,
        inputs: Sequence[Tensor],
        params: Mapping[str, Tensor] | None = None,
        part: Part | None = None,
    ) -> Tensor:
        """Return what every model makes of its own inputs, [M, ...]; a `part` of it if given.

        `params` are `leaves`, or others, [M, ...]; those of the ensemble if none are given.
        """
        as_it_stands = params is None and not torch.is_grad_enabled()
        if self._alone and (as_it_stands or params is self.leaves):
            own = [tensor.squeeze(0) for tensor in inputs]
            output: Tensor = self.model(*own) if part is None else part(self.model, *own)
            return output.unsqueeze(0)
        module = self.model if part is None else _Part(self.model, part)
        prefix = "" if part is None else "model."
        named = {**(self._params if params is None else params), **self._buffers}
        return _mapped(module, {f"{prefix}{n}": tensor for n, tensor in named.items()}, inputs)


class _Part(nn.Module):
    """A module whose `forward` calls one function of a model, for `functional_call`."""

    def __init__(self, model: Model, part: Part) -> None:
        super().__init__()
        self.model, self.part = model, part

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.part(self.model, *inputs)


def _mapped(module: nn.Module, state: Mapping[str, Tensor], inputs: Sequence[Tensor]) -> Tensor:
    """Call a module once per member, each with its own parameters, buffers and inputs."""

    def one(state: Mapping[str, Tensor], *inputs: Tensor) -> Tensor:
        return cast(Tensor, functional_call(module, dict(state), inputs))

    if len(next(iter(state.values()))) == 1:  # the same without the cost of mapping
        return one(_alone(state), *(tensor.squeeze(0) for tensor in inputs)).unsqueeze(0)
    output_M: Tensor = vmap(one)(state, *inputs)
    return output_M


def _alone(named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.squeeze(0) for name, tensor in named.items()}


def _put(model: nn.Module, name: str, tensor: Tensor) -> None:
    """Give a model a parameter or buffer by its full name."""
    owner, _, own = name.rpartition(".")
    setattr(model.get_submodule(owner), own, tensor)
