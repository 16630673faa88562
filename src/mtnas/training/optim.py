"""Adam with coupled L2, as the paper uses it (weight decay on every parameter, every step; V5).

torch's fused kernel wherever it does. `MemberAdam` leaves out slices of the network that took no
part in a step (V6): the class of torch would let them decay and drift on momentum.
`training.row_adam` updates large embedding tables at the cost of the rows that are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby

import torch
from torch import Tensor

from mtnas.training.checkpoint import Saved
from mtnas.training.ensemble import FlatParameters, Rates

BETAS = (0.9, 0.999)
EPS = 1e-8


def rates_of(
    learning_rate: float | Sequence[float], weight_decay: float | Sequence[float], members: int
) -> list[Rates]:
    """Return the rates of M members; one number stands for all of them."""
    columns = [
        [value] * members if isinstance(value, int | float) else value
        for value in (learning_rate, weight_decay)
    ]
    return [Rates(*rates) for rates in zip(*columns, strict=True)]


def neighbours(rates_M: Sequence[Rates]) -> Iterator[tuple[slice, Rates]]:
    """Yield the runs of members with equal rates, and those rates."""
    start = 0
    for rates, run in groupby(rates_M):
        stop = start + len(list(run))
        yield slice(start, stop), rates
        start = stop


def _fused_step(
    rates: Rates,
    values: list[Tensor],
    grads: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    steps: list[Tensor],
) -> None:
    """Update tensors as `torch.optim.Adam(fused=True)` does, whose steps count already."""
    torch._fused_adam_(
        values, grads, first, second, [], steps,
        lr=rates.learning_rate, weight_decay=rates.weight_decay,
        beta1=BETAS[0], beta2=BETAS[1], eps=EPS, amsgrad=False, maximize=False,
    )  # fmt: skip


class FusedAdam:
    """torch's fused Adam over one tensor of all M members, who may have rates of their own.

    Its kernel, without the class `torch.optim.Adam`, whose start takes seconds and whose every step
    sorts the tensors anew.
    """

    def __init__(
        self,
        value_M: Tensor,
        *,
        learning_rate: float | Sequence[float],
        weight_decay: float | Sequence[float],
    ) -> None:
        """Keep a reference to the tensor [M, ...], updated in place; `grad_M` is its gradient."""
        self._value_M = value_M
        self.grad_M, first, second = (torch.zeros_like(value_M) for _ in range(3))
        steps = torch.zeros(len(value_M), device=value_M.device)
        self._state = {"first": first, "second": second, "steps": steps}
        # A tensor per member: torch rounds the last few elements of one otherwise than the rest.
        tensors = (value_M, self.grad_M, first, second, steps)
        self._groups = [
            (rates, [list(each[rows]) for each in tensors])
            for rows, rates in neighbours(rates_of(learning_rate, weight_decay, len(value_M)))
        ]

    @torch.no_grad()
    def _step(self) -> None:
        """Take one step, with the gradient that stands in `grad_M`."""
        for rates, tensors in self._groups:
            torch._foreach_add_(tensors[-1], 1)
            _fused_step(rates, *tensors)

    @torch.no_grad()
    def step_some(self, grad_M: Tensor, takes_part_M1: Tensor) -> None:
        """Take one step, but leave members that take no part as they are; rows are members.

        Which do is read on the device alone.
        """
        kept = [(tensor, tensor.clone()) for tensor in (self._value_M, *self._state.values())]
        self.grad_M.copy_(grad_M)
        self._step()
        for tensor, before in kept:
            tensor.copy_(torch.where(takes_part_M1.view_as(tensor), tensor, before))

    def state(self) -> Saved:
        """Return moments and step counts; not copies."""
        return self._state

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        for name, tensor in self._state.items():
            tensor.copy_(state[name])


class NetworkAdam(FusedAdam):
    """Adam over the dense parameters of M models, all of which take part in every step."""

    def __init__(
        self,
        params: FlatParameters,
        *,
        learning_rate: float | Sequence[float],
        weight_decay: float | Sequence[float],
    ) -> None:
        """Keep a reference to the parameters, updated in place; rates may be per member."""
        super().__init__(params.flat_MP, learning_rate=learning_rate, weight_decay=weight_decay)

    def step(self, grads: Mapping[str, Tensor]) -> None:
        """Take one step; `grads` are in the order of the parameters, as `Ensemble.leaves`."""
        torch.cat(_side_by_side(grads, len(self.grad_M)), 1, out=self.grad_M)
        self._step()


class MemberAdam:
    """Adam over the dense parameters of M models, of which slices may rest.

    `active[name]` is a boolean tensor over the leading axes of a parameter ([M] or [M, K]); a slice
    that is not active keeps its value, moments and step count. Names not in `active` always take
    part.
    """

    def __init__(
        self,
        params: FlatParameters,
        *,
        learning_rate: float | Sequence[float],
        weight_decay: float | Sequence[float],
        active: Mapping[str, Tensor],
    ) -> None:
        """Keep a reference to the parameters, updated in place; rates may be per member."""
        grads, first, second = (params.zeros() for _ in range(3))
        self._runs, self._columns = _slices(params.shapes, active)
        members, device = len(params.flat_MP), params.flat_MP.device
        self._steps_MS = torch.zeros(members, 1 + max(s for s, _ in self._runs), device=device)
        self._active_MS = torch.ones_like(self._steps_MS, dtype=torch.bool, device="cpu")
        self._grad_MP = grads.flat_MP
        self._state = {"first": first.flat_MP, "second": second.flat_MP, "steps": self._steps_MS}
        self.first, self.second = first.views(), second.views()
        self.steps = {name: self._steps_MS[:, columns] for name, columns in self._columns.items()}
        tensors = (params.flat_MP, self._grad_MP, first.flat_MP, second.flat_MP)
        self._parts_MR = [
            [(*(each[m, run] for each in tensors), self._steps_MS[m, s]) for s, run in self._runs]
            for m in range(members)
        ]
        self._rates = list(neighbours(rates_of(learning_rate, weight_decay, members)))
        self.set_active(active)

    def set_active(self, active: Mapping[str, Tensor]) -> None:
        """Say which slices take part from now on; the same names and axes as at the start."""
        for name, mask in active.items():
            self._active_MS[:, self._columns[name]] = mask.view(len(mask), -1).cpu()
        self._counts_MS = self._active_MS.to(self._steps_MS)
        moving_M = [
            [part for part, (s, _) in zip(parts_R, self._runs, strict=True) if active_S[s]]
            for parts_R, active_S in zip(self._parts_MR, self._active_MS.tolist(), strict=True)
        ]
        self._groups = [
            (rates, [list(each) for each in zip(*chain(*moving_M[rows]), strict=True)])
            for rows, rates in self._rates
            if any(moving_M[rows])
        ]

    @torch.no_grad()
    def step(self, grads: Mapping[str, Tensor]) -> None:
        """Apply one update; `grads` are in the order of the parameters, as `Ensemble.leaves`."""
        torch.cat(_side_by_side(grads, len(self._grad_MP)), 1, out=self._grad_MP)
        self._steps_MS += self._counts_MS
        for rates, tensors in self._groups:
            _fused_step(rates, *tensors)

    def state(self) -> Saved:
        """Return moments and step counts; not copies.

        What takes part follows from the routes, which whoever loads this state sets anew.
        """
        return self._state

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        for name, tensor in self._state.items():
            tensor.copy_(state[name])


def _side_by_side(grads: Mapping[str, Tensor], members: int) -> list[Tensor]:
    return [grad.reshape(members, -1) for grad in grads.values()]


def _slices(
    shapes: Mapping[str, torch.Size], active: Mapping[str, Tensor]
) -> tuple[list[tuple[int, slice]], dict[str, slice]]:
    """Number the slices: those of every name that may rest, and one (the first) for all others.

    Return the slice and the place of every run of parameters, and the slices of each such name.
    """
    columns, used = {}, 1
    lengths = list[tuple[int, int]]()
    for name, shape in shapes.items():
        if name not in active:
            lengths.append((0, shape.numel()))
            continue
        count = active[name][0].numel()
        columns[name] = slice(used, used + count)
        lengths += [(number, shape.numel() // count) for number in range(used, used + count)]
        used += count
    runs, start = list[tuple[int, slice]](), 0
    for number, group in groupby(lengths, lambda run: run[0]):
        stop = start + sum(length for _, length in group)
        runs.append((number, slice(start, stop)))
        start = stop
    return runs, columns
