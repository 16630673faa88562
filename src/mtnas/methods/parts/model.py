"""One model: encoder -> sharing -> heads; and how many parameters it has.

Between them may be layers of every task's own (`methods.parts.alignment`).
Shapes: B batch, N what was read for an example, D input, T tasks, H hidden, O
outputs of all tasks.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mtnas.config.options import MethodOptions
from mtnas.config.training import Alignment
from mtnas.methods import Method
from mtnas.methods.parts.alignment import InputAlignment, OutputAdapter
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.heads import Heads
from mtnas.methods.parts.sharing import RoutedSharing
from mtnas.routes.route import Route
from mtnas.runtime.errors import ConfigError

BUDGET_TOLERANCE = 0.02


class Model(nn.Module):
    """One model without its embedding tables."""

    def __init__(
        self,
        method: Method,
        options: MethodOptions,
        *,
        encoder: Encoder,
        num_tasks: int,
        widths: Sequence[int] | None = None,
        route: Route | None = None,
        alignment: Alignment = "none",
    ) -> None:
        """Build `method` with `options` (widths solved) for T tasks, perhaps on a route.

        `widths` says how many outputs every task has; None: one.
        """
        super().__init__()
        dim = encoder.output_dim
        self.encoder = encoder
        self._reads_tables = options.num_tables(num_tasks) > 0
        self.sharing = method.build(options, input_dim=dim, num_tasks=num_tasks, route=route)
        hidden_dim = self.sharing.output_dim
        self.heads = Heads(widths or [1] * num_tasks, hidden_dim)
        # Drawn last: all other weights are those of a model without it.
        aligned, adapted = alignment in ("joint", "frozen"), alignment == "control"
        self.alignment = InputAlignment(num_tasks, dim) if aligned else None
        self.adapter = OutputAdapter(num_tasks, dim, hidden_dim) if adapted else None

    def forward(self, read_BN: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return out_BO; `noise` is for a method that asks for it, and in training only."""
        x, with_noise = self.shared_input(read_BN), () if noise is None else (noise,)
        if self._reads_one or self._reads_tables:
            h_BTH: Tensor = self.sharing(x, *with_noise)
        else:
            # The network of all tasks on the input of each, and of that the task's own output.
            own = [self.sharing(x_BD, *with_noise)[:, t] for t, x_BD in enumerate(x)]
            h_BTH = torch.stack(own, 1)
        out_BO: Tensor = self.heads(h_BTH if self.adapter is None else self.adapter(h_BTH))
        return out_BO

    def shared_input(self, read_BN: Tensor) -> Tensor:
        """Return what tasks share a network of: x_BD, or x_TBD, an input of each.

        A method that reads several tables at once gets x_RBD, the input by every table.
        """
        x: Tensor = self.encoder(read_BN)
        return x if self.alignment is None else self.alignment(x)

    @property
    def _reads_one(self) -> bool:
        """Whether all tasks read one input."""
        return self.encoder.num_readers == 1 and self.alignment is None

    @property
    def has_gates(self) -> bool:
        """Whether gate scores are recorded: there are some, and all tasks read one input."""
        return self.sharing.has_gates and self._reads_one

    @property
    def routed(self) -> RoutedSharing:
        """Return the network of a method whose route is searched; for such a method only."""
        assert isinstance(self.sharing, RoutedSharing), f"{type(self.sharing).__module__}: no route"
        return self.sharing

    def num_parameters(self, route: Route | None = None) -> int:
        """Count the parameters, or those that a route uses."""
        if route is None:
            return sum(parameter.numel() for parameter in self.parameters())
        heads = sum(parameter.numel() for parameter in self.heads.parameters())
        return self.routed.used_parameters(route) + heads


def outline(
    method: Method,
    options: MethodOptions,
    *,
    encoder: Encoder,
    num_tasks: int,
    widths: Sequence[int] | None = None,
    alignment: Alignment = "none",
) -> Model:
    """Return a model whose parameters have shapes but no values, to count them."""
    with torch.device("meta"):
        return Model(
            method,
            options,
            encoder=encoder,
            num_tasks=num_tasks,
            widths=widths,
            alignment=alignment,
        )


def count_parameters(
    method: Method,
    options: MethodOptions,
    *,
    input_dim: int,
    num_tasks: int,
    widths: Sequence[int] | None = None,
) -> int:
    """Count the dense parameters of one model that reads D = `input_dim` numbers."""
    encoder = Encoder.of_numbers(input_dim)
    model = outline(method, options, encoder=encoder, num_tasks=num_tasks, widths=widths)
    return model.num_parameters()


def solve_width(
    method: Method,
    options: MethodOptions,
    budget: int,
    *,
    input_dim: int,
    num_tasks: int,
    widths: Sequence[int] | None = None,
) -> MethodOptions:
    """Return `options` with `hidden_dim` solved so that the dense parameters match `budget`.

    A width that is given is kept if it matches; options without a width are returned as they are.

    Raises:
        ConfigError: more than 2 % off (the paper sets "the number of parameters approximately the
            same").
    """

    def count(width: int) -> int:
        size = {"input_dim": input_dim, "num_tasks": num_tasks}
        return count_parameters(method, _of_width(options, width), **size, widths=widths)

    if not hasattr(options, "hidden_dim"):
        return options
    given: int | None = options.hidden_dim
    width = _nearest_width(count, budget) if given is None else given
    found = count(width)
    if abs(found - budget) <= BUDGET_TOLERANCE * budget:
        return _of_width(options, width)
    if given is None:
        told = f"no width fits (nearest: {width}, with {found} dense parameters)"
        remedy = "change another option of the method, or the size of mtnas"
    else:
        told = f"{width} gives {found} dense parameters"
        remedy = "leave hidden_dim out to have it solved"
    raise ConfigError(
        f"methods.{method.name}.hidden_dim: {told}; the budget of mtnas is {budget} within "
        f"{BUDGET_TOLERANCE:.0%}; {remedy}"
    )


def _of_width(options: MethodOptions, width: int) -> MethodOptions:
    return options.model_copy(update={"hidden_dim": width})


def _nearest_width(count: Callable[[int], int], budget: int) -> int:
    """Return the width whose count, which grows with it, is nearest to the budget."""
    low, high = 1, 2
    while count(high) < budget:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < budget else (low, middle)
    return min((low, high), key=lambda width: abs(count(width) - budget))
