"""One model: input feature -> sharing -> task layers; and how many parameters it has.

The embedding tables are not here: they are updated by rows and live in `training.ensemble`.
Shapes: B batch, D input (fields x embedding dimension), T tasks, H hidden.
"""

from typing import Any

import torch
from torch import Tensor, nn

from mtnas.config.options import MethodOptions
from mtnas.methods import Method
from mtnas.methods.parts.layers import uniform
from mtnas.runtime.errors import ConfigError

BUDGET_TOLERANCE = 0.02


class Towers(nn.Module):
    """The task layers: one linear unit per task (paper, Sec. 4.2)."""

    def __init__(self, num_tasks: int, hidden_dim: int) -> None:
        """Draw `weight` [T, H] and `bias` [T]."""
        super().__init__()
        self.weight = uniform(num_tasks, hidden_dim, fan_in=hidden_dim)
        self.bias = uniform(num_tasks, fan_in=hidden_dim)

    def forward(self, h_BTH: Tensor) -> Tensor:
        """Return logit_BT."""
        return (h_BTH * self.weight).sum(-1) + self.bias


class Model(nn.Module):
    """The dense part of one model."""

    def __init__(
        self,
        method: Method,
        options: MethodOptions,
        *,
        input_dim: int,
        num_tasks: int,
        num_tables: int = 1,
        **kw: Any,
    ) -> None:
        """Build `method` with `options` (widths solved) for D inputs and T tasks.

        `num_tables` is 1, or T where every task reads embedding tables of its own.
        """
        super().__init__()
        self._num_tables = num_tables
        assert method.sharing is not None, f"{method.name} is a control and trains nothing"
        self.sharing = method.sharing(options, input_dim=input_dim, num_tasks=num_tasks, **kw)
        width: Any = self.sharing.output_dim
        self.towers = Towers(num_tasks, width)

        self.noise_shape: tuple[int, ...] | None = getattr(self.sharing, "noise_shape", None)
        self.has_penalty = hasattr(self.sharing, "penalty")
        self.has_gates = num_tables == 1 and hasattr(self.sharing, "gate_scores")

    def forward(self, x_BD: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return logit_BT; `noise` is for a method that asks for it, and in training only.

        With tables per task the input is [B, D * T], the elements of the T tables side by side.
        """
        with_noise = () if noise is None else (noise,)
        if self._num_tables == 1:
            h_BTH = self.sharing(x_BD, *with_noise)
        else:
            x_TBD = x_BD.reshape(len(x_BD), -1, self._num_tables).movedim(2, 0)
            # The network of all tasks on the input of each, and of that the task's own output.
            own = [self.sharing(x, *with_noise)[:, t] for t, x in enumerate(x_TBD)]
            h_BTH = torch.stack(own, 1)
        logits: Tensor = self.towers(h_BTH)
        return logits


def count_parameters(
    method: Method, options: MethodOptions, *, input_dim: int, num_tasks: int
) -> int:
    """Count the dense parameters of one model, without drawing them."""
    with torch.device("meta"):
        model = Model(method, options, input_dim=input_dim, num_tasks=num_tasks)
    return sum(p.numel() for p in model.parameters())


def solve_width(
    method: Method, options: MethodOptions, budget: int, *, input_dim: int, num_tasks: int
) -> MethodOptions:
    """Return `options` with `hidden_dim` solved so that the dense parameters match `budget`.

    A width that is given is kept if it matches; options without a width are returned as they are.

    Raises:
        ConfigError: more than 2 % off (the paper sets "the number of parameters approximately the
            same").
    """

    def at(width: int) -> MethodOptions:
        return options.model_copy(update={"hidden_dim": width})

    def count(width: int) -> int:
        return count_parameters(method, at(width), input_dim=input_dim, num_tasks=num_tasks)

    def matches(width: int) -> bool:
        return abs(count(width) - budget) <= BUDGET_TOLERANCE * budget

    if not hasattr(options, "hidden_dim"):
        return options
    if options.hidden_dim is not None:
        if matches(options.hidden_dim):
            return options
        raise ConfigError(
            f"methods.{method.name}.hidden_dim: {options.hidden_dim} gives "
            f"{count(options.hidden_dim)} dense parameters, the budget of mtnas is {budget} within "
            f"{BUDGET_TOLERANCE:.0%}; leave hidden_dim out to have it solved"
        )
    low, high = 1, 2
    while count(high) < budget:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < budget else (low, middle)
    best = min((low, high), key=lambda width: abs(count(width) - budget))
    if not matches(best):
        raise ConfigError(
            f"methods.{method.name}.hidden_dim: no width gives {budget} dense parameters within "
            f"{BUDGET_TOLERANCE:.0%} (nearest: {best} with {count(best)}); change another option "
            "of the method, or the size of mtnas"
        )
    return at(best)
