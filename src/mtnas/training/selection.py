"""Selection on validation data (V2): keep the weights of the best epoch, and end the training.

The option `selection` says what shares a best epoch, here called a unit: a whole model, one task of
a model (every task then has weights of its own), its tasks of one source, or all models of a seed.
Shapes: M members, T tasks, U units of a member, N examples.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from mtnas.config.options import TrainingOptions
from mtnas.data.prepare.manifest import TaskSummary
from mtnas.training.checkpoint import Saved
from mtnas.training.ensemble import Ensemble

State = Mapping[str, Tensor]
Value = TypeVar("Value")


class Selection:
    """The weights of the epoch with the least validation loss so far, for every unit.

    A unit that has not improved for `patience` epochs is finished, even while others of the
    ensemble train on: so its result does not depend on its company.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        options: TrainingOptions,
        tasks: Sequence[TaskSummary],
        weights: Sequence[float] | None = None,
    ) -> None:
        """Start with the weights that the ensemble has now.

        `tasks` are all of the dataset; their losses count by `weights`.
        """
        self._ensemble, self._options, self._weights = ensemble, options, weights
        self._unit_T = _units(ensemble, options, tasks)
        shape = (len(ensemble), max(self._unit_T) + 1)
        self._states = tuple(
            {name: tensor.clone() for name, tensor in ensemble.state().items()}
            for _ in range(shape[1])
        )
        self.loss_MU = torch.full(shape, torch.inf, dtype=torch.float64)
        self.epoch_MU = torch.zeros(shape, dtype=torch.long)

    @property
    def states(self) -> tuple[State, ...]:
        """Return the best weights: of all tasks, or those of each task where units differ."""
        return self._states if len(self._states) == 1 else self._of_tasks(self._states)

    @property
    def best_epochs(self) -> tuple[tuple[int, ...], ...]:
        """Return the best epochs of every member, as `states`."""
        epochs_MU = self.epoch_MU.tolist()
        return tuple(tuple(own) if len(own) == 1 else self._of_tasks(own) for own in epochs_MU)

    def _of_tasks(self, values: Sequence[Value]) -> tuple[Value, ...]:
        return tuple(values[unit] for unit in self._unit_T)

    def update(self, epoch: int, loss_MT: Tensor) -> bool:
        """Keep the weights of the units that are better than ever; return whether to go on."""
        loss_MU, patience = self._of_units(loss_MT), self._options.patience
        alive = epoch - self.epoch_MU <= patience
        improved = alive & (loss_MU < self.loss_MU)
        self.loss_MU = torch.where(improved, loss_MU, self.loss_MU)
        self.epoch_MU = torch.where(improved, torch.tensor(epoch), self.epoch_MU)
        for state, improved_M in zip(self._states, improved.T, strict=True):
            chosen = improved_M.to(self._ensemble.device)
            for name, tensor in self._ensemble.state().items():
                state[name][chosen] = tensor[chosen]
        return not bool((epoch - self.epoch_MU >= patience).all())

    def state(self) -> Saved:
        """Return the best weights and what they are worth; not copies."""
        return {"weights": self._states, "loss": self.loss_MU, "epoch": self.epoch_MU}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        for kept, loaded in zip(self._states, state["weights"], strict=True):
            for name, tensor in kept.items():
                tensor.copy_(loaded[name])
        self.loss_MU.copy_(state["loss"])
        self.epoch_MU.copy_(state["epoch"])

    def _of_units(self, loss_MT: Tensor) -> Tensor:
        """Return the losses that are compared between epochs, [M, U]."""
        if self._options.selection == "task":
            return loss_MT
        weighted_MT = weighted(loss_MT, self._ensemble, self._weights)
        if self._options.selection == "source":
            unit_T = torch.tensor(self._unit_T)
            units = range(self.loss_MU.shape[1])
            return torch.stack([weighted_MT[:, unit_T == unit].sum(-1) for unit in units], -1)
        loss_M1 = weighted_MT.sum(-1, keepdim=True)
        if self._options.selection == "model":
            return loss_M1
        # The models of one seed, which in a grid search must also be those of one trial.
        keys = [(member.seed, member.rates) for member in self._ensemble.members]
        same_MM = torch.tensor([[one == other for other in keys] for one in keys])
        return same_MM.double() @ loss_M1


def _units(ensemble: Ensemble, options: TrainingOptions, tasks: Sequence[TaskSummary]) -> list[int]:
    """Return the unit of every task of a member: members are alike in that."""
    found = [units_of(options, [tasks[t] for t in member.tasks]) for member in ensemble.members]
    assert all(units == found[0] for units in found), "members with other units"
    return found[0]


def units_of(options: TrainingOptions, tasks: Sequence[TaskSummary]) -> list[int]:
    """Return the unit of every task of a model of some tasks."""
    if options.selection == "task":
        return list(range(len(tasks)))
    if options.selection == "source":
        names = list(dict.fromkeys(task.source for task in tasks))
        return [names.index(task.source) for task in tasks]
    return [0] * len(tasks)


def weighted(loss_MT: Tensor, ensemble: Ensemble, weights: Sequence[float] | None) -> Tensor:
    """Return the losses of the members' tasks times the weights of all tasks, if there are any."""
    if weights is None:
        return loss_MT
    weight_T = torch.tensor(weights, dtype=loss_MT.dtype, device=loss_MT.device)
    return loss_MT * weight_T[ensemble.tasks_MT.to(loss_MT.device)]


def with_selected(
    ensemble: Ensemble,
    states: Sequence[State],
    measure: Callable[[], Tensor],
    axis: int,
    widths: Sequence[int] | None = None,
) -> Tensor:
    """Return a measurement of the ensemble in which each task has the weights selected for it.

    `axis` is that of the tasks; with `widths`, the number of outputs of each task, it is that of
    the outputs. `states` are one for each task, or one for all. The last stays in the ensemble.
    """
    measured: dict[int, Tensor] = {}
    for state in states:  # tasks of one source have the same
        if id(state) not in measured:
            ensemble.load(state)
            measured[id(state)] = measure()
    if len(states) == 1:
        return measured[id(states[0])]
    sizes = list(widths or [1] * len(states))
    parts = [torch.split(measured[id(s)], sizes, axis)[t] for t, s in enumerate(states)]
    return torch.cat(parts, axis)
