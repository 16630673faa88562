"""Adam with coupled L2, as the paper uses it (weight decay on every parameter, every step).

Two forms of one rule. `MemberAdam` updates the dense parameters of a stack and can leave out
slices that took no part in a step: torch's Adam would let them decay and drift on their momentum.
`TableAdam` updates embedding tables from the gradient of the rows a step touched; all other rows
see the decay alone, as in a dense update.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPS = 1e-8


class MemberAdam:
    """Adam over stacked parameters [M, ...], with a step count for every slice that may rest.

    `active[name]` is a boolean tensor over the leading axes of the parameter ([M] or [M, K]); a
    slice that is not active keeps its value, moments and step count. Names not in `active` always
    take part.
    """

    def __init__(
        self,
        params: Mapping[str, Tensor],
        *,
        learning_rate: float,
        weight_decay: float,
        active: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Keep references to `params`, which are updated in place."""
        self.params = params
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.first = {name: torch.zeros_like(p) for name, p in params.items()}
        self.second = {name: torch.zeros_like(p) for name, p in params.items()}
        self.active = {name: _over(mask, params[name]) for name, mask in (active or {}).items()}
        self.steps = {
            name: torch.zeros(_count_shape(p, self.active.get(name)), dtype=torch.float64)
            for name, p in params.items()
        }

    def set_active(self, active: Mapping[str, Tensor]) -> None:
        """Say which slices take part from now on; the same names and axes as at the start."""
        self.active = {name: _over(mask, self.params[name]) for name, mask in active.items()}

    @torch.no_grad()
    def step(self, grads: Mapping[str, Tensor]) -> None:
        """Apply one update."""
        for name, param in self.params.items():
            active = self.active.get(name)
            grad = grads[name].add(param, alpha=self.weight_decay)
            first, second, steps = self.first[name], self.second[name], self.steps[name]
            if active is None:
                steps += 1
                first.lerp_(grad, 1 - BETAS[0])
                second.mul_(BETAS[1]).addcmul_(grad, grad, value=1 - BETAS[1])
                param.sub_(self._change(first, second, steps))
            else:
                steps += active
                first.lerp_(grad, active * (1 - BETAS[0]))
                second.lerp_(grad * grad, active * (1 - BETAS[1]))
                param.sub_(self._change(first, second, steps) * active)

    def _change(self, first: Tensor, second: Tensor, steps: Tensor) -> Tensor:
        steps = steps.clamp(min=1)  # a slice that never took part: any finite number will do
        rate = (self.learning_rate / (1 - BETAS[0] ** steps)).to(first.dtype)
        scale = (1 - BETAS[1] ** steps).sqrt().to(first.dtype)
        return rate * first / (second.sqrt() / scale + EPS)


class TableAdam:
    """Adam over embedding tables, fed with the gradient of the touched rows."""

    def __init__(self, table_MNE: Tensor, *, learning_rate: float, weight_decay: float) -> None:
        """Keep a reference to the tables, which are updated in place."""
        self._table = table_MNE
        self._table.grad = torch.zeros_like(table_MNE)
        self._adam = torch.optim.Adam(
            [table_MNE], lr=learning_rate, betas=BETAS, eps=EPS, weight_decay=weight_decay,
            fused=True,
        )  # fmt: skip

    @torch.no_grad()
    def step(self, rows: Tensor, grad: Tensor) -> None:
        """Add up the gradients of equal rows and update every row.

        `rows` [R] are flat numbers into [M * N], `grad` is [R, E].
        """
        assert self._table.grad is not None
        total = self._table.grad.view(-1, grad.shape[-1])
        total.index_add_(0, rows, grad)
        self._adam.step()
        total.index_fill_(0, rows, 0.0)


def _over(mask: Tensor, param: Tensor) -> Tensor:
    """Shape a mask over leading axes so that it broadcasts over the whole parameter."""
    return mask.to(param.dtype).view(*mask.shape, *[1] * (param.dim() - mask.dim()))


def _count_shape(param: Tensor, active: Tensor | None) -> tuple[int, ...]:
    if active is None:
        return (1,) * param.dim()
    return tuple(active.shape)
