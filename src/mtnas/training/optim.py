"""Adam with coupled L2, as the paper uses it (weight decay on every parameter, every step; V5).

torch's fused Adam wherever it does (`NetworkAdam`, `DenseTableAdam`). `MemberAdam` can leave out
slices of the network that took no part in a step (V6): torch's would let them decay and drift on
momentum. `training.row_adam` updates large embedding tables at the cost of the rows that are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

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
        for rates, (values, grads, first, second, steps) in self._groups:
            torch._foreach_add_(steps, 1)
            torch._fused_adam_(
                values, grads, first, second, [], steps,
                lr=rates.learning_rate, weight_decay=rates.weight_decay,
                beta1=BETAS[0], beta2=BETAS[1], eps=EPS, amsgrad=False, maximize=False,
            )  # fmt: skip

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
        self._params_MP = params.flat_MP
        rates_M = rates_of(learning_rate, weight_decay, len(params.flat_MP))
        # Member by member the same operation as alone, so that not a bit depends on company.
        self._decays = [(rows, rates.weight_decay) for rows, rates in neighbours(rates_M)]
        first, second, members = params.zeros(), params.zeros(), len(params.flat_MP)
        self._first_MP, self._second_MP = first.flat_MP, second.flat_MP
        self.first, self.second = first.views(), second.views()
        self._runs, self._columns = _slices(params.shapes, active)
        device, num_slices = params.flat_MP.device, 1 + max(s for s, _ in self._runs)
        rate_M1 = torch.tensor([[rates.learning_rate] for rates in rates_M], dtype=torch.float64)
        self._rate_M1 = rate_M1.to(device)
        self._steps_MS = torch.zeros(members, num_slices, dtype=torch.float64, device=device)
        self._active_MS = torch.ones(members, num_slices, dtype=torch.bool, device=device)
        self.steps = {name: self._steps_MS[:, columns] for name, columns in self._columns.items()}
        self.set_active(active)

    def set_active(self, active: Mapping[str, Tensor]) -> None:
        """Say which slices take part from now on; the same names and axes as at the start."""
        for name, mask in active.items():
            self._active_MS[:, self._columns[name]] = mask.view(len(mask), -1)

    @torch.no_grad()
    def step(self, grads: Mapping[str, Tensor]) -> None:
        """Apply one update; `grads` are in the order of the parameters, as `Ensemble.leaves`."""
        grad_MP = torch.cat(_side_by_side(grads, len(self._params_MP)), 1)
        for rows, decay in self._decays:
            grad_MP[rows].add_(self._params_MP[rows], alpha=decay)
        self._steps_MS += self._active_MS
        steps_MS = self._steps_MS.clamp(min=1)  # never took part: any finite number will do
        rate_MS = self._rate_M1 / (1 - BETAS[0] ** steps_MS) * self._active_MS
        scale_MP = self._spread((1 - BETAS[1] ** steps_MS).rsqrt())
        active_MP = self._spread(self._active_MS)
        self._first_MP.lerp_(grad_MP, active_MP * (1 - BETAS[0]))
        self._second_MP.lerp_(grad_MP.square_(), active_MP * (1 - BETAS[1]))
        scale_MP = self._second_MP.sqrt().mul_(scale_MP).add_(EPS)
        self._params_MP.sub_(self._spread(rate_MS).mul(self._first_MP).div_(scale_MP))

    def state(self) -> dict[str, Tensor]:
        """Return moments, step counts and what takes part; not copies."""
        return {
            "first": self._first_MP,
            "second": self._second_MP,
            "steps": self._steps_MS,
            "active": self._active_MS,
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state` returned."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])

    def _spread(self, value_MS: Tensor) -> Tensor:
        """Give every parameter the value of its slice."""
        columns = torch.split(value_MS.to(self._params_MP.dtype), 1, dim=1)
        return torch.cat([columns[s].expand(-1, size) for s, size in self._runs], 1)


class DenseTableAdam(FusedAdam):
    """Adam over whole embedding tables; better where memory is fast or tables are small."""

    reads_ahead = False  # reading is cheap here

    def __init__(
        self,
        table_MNE: Tensor,
        *,
        learning_rate: float | Sequence[float],
        weight_decay: float | Sequence[float],
    ) -> None:
        """Keep a reference to the tables, which are updated in place; rates may be per table."""
        super().__init__(table_MNE, learning_rate=learning_rate, weight_decay=weight_decay)
        members, num_rows, _ = table_MNE.shape
        self._first_M1 = torch.arange(members, device=table_MNE.device).unsqueeze(1) * num_rows
        self._table_RE, self._flat_grad = table_MNE.flatten(0, 1), self.grad_M.flatten()
        self._element_E = torch.arange(table_MNE.shape[2], device=table_MNE.device)
        self._read = self._first_M1

    def read(self, rows_MB: Tensor) -> Tensor:
        """Return B rows of every table, x_MBE, to be followed by `step`."""
        self._read = (rows_MB + self._first_M1).flatten()
        return self._table_RE.index_select(0, self._read).view(*rows_MB.shape, -1)

    def read_ahead(self, rows_MB: Tensor) -> None:
        """Do nothing."""

    @torch.no_grad()
    def step(self, grad_MBE: Tensor) -> None:
        """Take one step, with the gradient of the rows read last."""
        # Element by element: torch is several times slower at adding rows.
        elements = self._read.unsqueeze(1) * len(self._element_E) + self._element_E
        self._flat_grad.scatter_add_(0, elements.flatten(), grad_MBE.flatten())
        self._step()
        self.grad_M.zero_()

    def settle(self, rows_MB: Tensor | None = None) -> None:
        """Do nothing: every row is always up to date."""


class NoTable:
    """What stands in for an embedding table where there are no ids: nothing to look up or learn."""

    reads_ahead = False

    def __init__(self, dtype: torch.dtype) -> None:
        """Read in the precision of the network."""
        self._dtype = dtype

    def read(self, rows_MB: Tensor) -> Tensor:
        """Return no rows, x_MBE of size 0."""
        return rows_MB.new_empty(len(rows_MB), 0, 0, dtype=self._dtype)

    def read_ahead(self, rows_MB: Tensor) -> None:
        """Do nothing."""

    def step(self, grad_MBE: Tensor) -> None:
        """Do nothing."""

    def settle(self, rows_MB: Tensor | None = None) -> None:
        """Do nothing."""

    def state(self) -> Saved:
        """Return nothing."""
        return {}

    def load(self, state: Saved) -> None:
        """Do nothing."""


class FixedTable(NoTable):
    """What stands in for the optimiser of embedding tables that are read but not trained."""

    def __init__(self, table_MNE: Tensor) -> None:
        """Keep a reference to the tables."""
        super().__init__(table_MNE.dtype)
        self._table = table_MNE

    def read(self, rows_MB: Tensor) -> Tensor:
        """Return B rows of every table, x_MBE."""
        pairs = zip(self._table, rows_MB.long(), strict=True)
        return torch.stack([table.index_select(0, rows) for table, rows in pairs])


def _side_by_side(grads: Mapping[str, Tensor], members: int) -> list[Tensor]:
    return [grad.reshape(members, -1) for grad in grads.values()]


def _slices(
    shapes: Mapping[str, torch.Size], active: Mapping[str, Tensor]
) -> tuple[list[tuple[int, int]], dict[str, slice]]:
    """Number the slices: those of every name that may rest, and one (the first) for all others.

    Return the slice and the length of every run of parameters, and the slices of each such name.
    """
    runs, columns, used = [], {}, 1
    for name, shape in shapes.items():
        if name not in active:
            runs.append((0, shape.numel()))
            continue
        count = active[name][0].numel()
        columns[name] = slice(used, used + count)
        runs += [(number, shape.numel() // count) for number in range(used, used + count)]
        used += count
    return runs, columns
