"""Ensembles: many models of one architecture that are computed together.

Every parameter, buffer and embedding table of an ensemble has a leading axis of length M, one entry
for each of its models, the members. A member has a seed, one or more tasks and perhaps a route. One
model has M = 1; single-task models are members with one task. How it is done is known here and in
`training.calls` alone.

Shapes: M members, B batch, C columns of ids, E embedding dimension (of all tables that a member
reads), N rows of a table, T tasks, O outputs of all tasks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import stack_module_state

from mtnas.config.options import TrainingOptions
from mtnas.methods.parts.model import Model
from mtnas.methods.parts.sharing import Buffers, RoutedSharing
from mtnas.routes.route import Route
from mtnas.runtime import seeds
from mtnas.training.calls import Calls
from mtnas.training.inputs import MixedInputs, NumberScale


class Rates(NamedTuple):
    """Learning rate and weight decay: the options in which members of an ensemble may differ."""

    learning_rate: float
    weight_decay: float


class LabelScale(NamedTuple):
    """The mean and the spread of a label: an output says how many spreads it is from the mean."""

    mean: float = 0.0
    spread: float = 1.0


@dataclass(frozen=True)
class Member:
    """One model of an ensemble: its seed, the label columns it learns, its route if it has one.

    Without `rates` of its own it has those of the training options; without `scales`, one of each
    task, its outputs are in the unit of the labels. `loss_weights`, one of each task, count beside
    those of the options, in training alone.
    """

    seed: int
    tasks: tuple[int, ...]
    route: Route | None = None
    rates: Rates | None = None
    scales: tuple[LabelScale, ...] = ()
    loss_weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class FlatParameters:
    """Named tensors [M, ...] stored side by side in one tensor, flat_MP.

    So an optimiser needs a few operations, however many tensors there are.
    """

    flat_MP: Tensor
    shapes: Mapping[str, torch.Size]  # without the leading axis

    @classmethod
    def of(cls, named: Mapping[str, Tensor]) -> "FlatParameters":
        """Copy tensors side by side."""
        flat_MP = torch.cat([tensor.flatten(1) for tensor in named.values()], 1)
        return cls(flat_MP, {name: tensor.shape[1:] for name, tensor in named.items()})

    def zeros(self) -> "FlatParameters":
        """Return zeros laid out in the same way."""
        return FlatParameters(torch.zeros_like(self.flat_MP), self.shapes)

    def views(self) -> dict[str, Tensor]:
        """Return every tensor by name, [M, ...]; not copies."""
        sizes = [shape.numel() for shape in self.shapes.values()]
        parts = zip(self.shapes.items(), torch.split(self.flat_MP, sizes, dim=1), strict=True)
        return {name: part.view(-1, *shape) for (name, shape), part in parts}


class Ensemble:
    """M models with their embedding tables, trained and evaluated together.

    `params` are views into `flat_params`.
    """

    def __init__(
        self,
        members: Sequence[Member],
        build: Callable[[Member], Model],
        *,
        num_rows: int,
        options: TrainingOptions,
        device: str = "cpu",
    ) -> None:
        """Draw every member from the streams of its own seed; N = `num_rows`.

        Everything is drawn on the CPU, so that the start is the same on every device.
        """
        self.members = tuple(members)
        self.tasks_MT = torch.tensor([member.tasks for member in members], device=device)
        number = len(members[0].tasks)
        all_first = all(member.tasks == tuple(range(number)) for member in members)
        self._first_tasks = number if all_first else None
        self.scale_2MT = _scales(self.members, device)
        models = [_drawn(build, member) for member in members]
        self._template = models[0]
        params, buffers = stack_module_state(models)
        dtype = getattr(torch, options.dtype)
        self.flat_params = FlatParameters.of(
            {name: p.detach().to(device, dtype) for name, p in params.items()}
        )
        self.params = self.flat_params.views()
        own = {name: buffer.to(device) for name, buffer in buffers.items()}
        self._calls = Calls(self._template, self.params, own)
        sharing = self._template.sharing
        names = sharing.route_names if isinstance(sharing, RoutedSharing) else ()
        self._stand({name: buffers[of_sharing(name)].numpy() for name in names})
        width = self._template.encoder.row_dim
        self.table_MNE = _tables(self.members, num_rows, width, options).to(device)
        first = torch.arange(len(members), dtype=torch.int32, device=device) * num_rows
        self._offset_M11 = first.view(-1, 1, 1)
        self._padding = num_rows - 1  # the row that fills up bags, where there are any
        layout = self._template.encoder.layout
        self._standardizes = any(number.standardized for number in layout.numbers)
        self._scale = NumberScale.neutral(len(members), len(layout.numbers), device)

    @property
    def device(self) -> torch.device:
        """Return where the tensors are."""
        return self.table_MNE.device

    @property
    def template(self) -> Model:
        """Return a model to call with the parameters of any member (`functional_call`)."""
        return self._template

    @property
    def leaves(self) -> Mapping[str, Tensor]:
        """Return the parameters that a training step differentiates by (`Calls.leaves`)."""
        return self._calls.leaves

    @property
    def buffers(self) -> Mapping[str, Tensor]:
        """Return the buffers of all members, [M, ...] by name."""
        return self._calls.buffers

    def __len__(self) -> int:
        return len(self.members)

    def standardize(self, inputs: MixedInputs, rows: Sequence[NDArray[np.int64]]) -> None:
        """Measure mean and spread of the numbers in the rows that each member is trained on."""
        if self._standardizes:
            self._scale = inputs.scale_of(rows)

    def encoded(self, inputs: MixedInputs, index_MB: Tensor) -> Tensor:
        """Return the network's input for some examples, x_MBD: embeddings, numbers, features."""
        ids = inputs.ids.index_select(0, index_MB.flatten())
        ids_MBC = ids.view(*index_MB.shape, inputs.ids.shape[1])
        rows = (ids_MBC + self._offset_M11).flatten()
        looked_up = self.table_MNE.flatten(0, 1).index_select(0, rows)
        return self.joined(looked_up, ids_MBC, inputs, index_MB)

    def joined(
        self, looked_up: Tensor, ids_MBC: Tensor, inputs: MixedInputs, index_MB: Tensor
    ) -> Tensor:
        """Return what `encoded` does, given the embeddings of `ids_MBC`, one after the other."""
        rows_MBCE = looked_up.view(*ids_MBC.shape, self.table_MNE.shape[-1])
        plain = inputs.plain(index_MB, self._scale, self.table_MNE.dtype)
        return self._template.encoder.joined(rows_MBCE, ids_MBC, plain, padding=self._padding)

    def rates(self, options: TrainingOptions) -> dict[str, list[float]]:
        """Return the learning rate and the weight decay of every member, by name."""
        shared = Rates(options.learning_rate, options.weight_decay)
        each = [member.rates or shared for member in self.members]
        return {name: [getattr(rates, name) for rates in each] for name in Rates._fields}

    def learns_first(self, tasks: int) -> bool:
        """Tell whether every member learns the first so many tasks, in their order."""
        return self._first_tasks == tasks

    @property
    def noise_shape(self) -> tuple[int, ...] | None:
        """Return the shape of the noise that a member's method wants in training, if it does."""
        return self._template.sharing.noise_shape

    def logits(
        self,
        x_MBD: Tensor,
        params: Mapping[str, Tensor] | None = None,
        noise_M: Tensor | None = None,
    ) -> Tensor:
        """Return out_MBO of every member on its own batch; with noise_M [M, ...] as in training.

        `params` default to those of the ensemble.
        """
        return self._calls((x_MBD,) if noise_M is None else (x_MBD, noise_M), params)

    def penalty(self, params: Mapping[str, Tensor]) -> Tensor | None:
        """Return what the method adds to the training loss of every member, [M]; None: nothing."""
        if not self._template.sharing.has_penalty:
            return None
        return self._calls((), params, lambda model: model.sharing.penalty())

    @property
    def has_gates(self) -> bool:
        """Whether the models have gate scores to be recorded."""
        return self._template.has_gates

    def gate_scores(self, x_MBD: Tensor) -> Tensor:
        """Return the gate scores of every member on its own batch, [M, T, B, experts]."""
        return self._calls((x_MBD,), None, lambda model, x_BD: model.sharing.gate_scores(x_BD))

    def shared_input(self, x_MBD: Tensor) -> Tensor:
        """Return what every shared part reads, [M, B, D], or [M, T, B, D] if tasks differ."""
        return self._calls((x_MBD,), None, lambda model, x_BD: model.shared_input(x_BD))

    def take(self, buffers: Buffers) -> None:
        """Switch to the networks of other routes, given as buffers (`RoutedSharing`), [M, ...]."""
        for name, array in buffers.items():
            self._calls.take(of_sharing(name), torch.from_numpy(array).to(self.device))
        self._stand(buffers)

    def _stand(self, route: Buffers) -> None:
        """Keep the routes, and tell a model alone its own."""
        self._route = route
        if len(self) == 1 and route:
            self._template.routed.stand({name: array[0] for name, array in route.items()})

    def activity(self) -> dict[str, Tensor] | None:
        """Return which slices of which parameters take part in the members' routes, [M, slices].

        None where the method has no routes: then everything takes part.
        """
        if not self._route:
            return None
        active = self._template.routed.activity(self._route)
        return {of_sharing(name): torch.from_numpy(mask) for name, mask in active.items()}

    def state(self) -> dict[str, Tensor]:
        """Return every tensor that training sets, by name; not copies."""
        scale = self._scale.state() if self._standardizes else {}
        return {**self.params, "embedding": self.table_MNE, **scale}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Copy tensors named as in `state()` into this ensemble."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])


def _scales(members: Sequence[Member], device: str) -> Tensor | None:
    """Return means and spreads of all members' labels, float64 [2, M, T]; None if all are 0, 1."""
    scales = [m.scales or (LabelScale(),) * len(m.tasks) for m in members]
    if all(scale == LabelScale() for each in scales for scale in each):
        return None
    return torch.tensor(scales, dtype=torch.float64, device=device).movedim(2, 0)


def of_sharing(name: str) -> str:
    """Return what a parameter or buffer of a method is called in a model."""
    return f"sharing.{name}"


def _drawn(build: Callable[[Member], Model], member: Member) -> Model:
    # torch's layers draw from the global generator: lend it the member's stream and put it back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.torch_seed(member.seed, "weights"))
        return build(member)


def _tables(
    members: Sequence[Member], num_rows: int, width: int, options: TrainingOptions
) -> Tensor:
    """Draw the embedding tables of all members, table_MNE with E = `width`."""
    # numpy asks for huge pages, which makes reading rows here and there much cheaper.
    table_MNE = torch.from_numpy(np.empty((len(members), num_rows, width), options.dtype))
    for m, member in enumerate(members):
        table_MNE[m] = _embeddings(member.seed, num_rows, width, options)
    return table_MNE


def _embeddings(seed: int, num_rows: int, width: int, options: TrainingOptions) -> Tensor:
    # V4: torch's own N(0, 1) would not train under this optimiser.
    rng = torch.Generator().manual_seed(seeds.torch_seed(seed, "embedding"))
    drawn = torch.empty(num_rows, width)
    return drawn.normal_(0, options.embedding_std, generator=rng)
