"""Selection on validation (V2): keep the weights of the best epoch, and say when to stop.

The option `selection` says what shares a best epoch, here called a unit: a whole model, one task of
a model (every task then has weights of its own), or all models of a seed.
Shapes: M members, T tasks, U units of a member (1, or T where each task is one), N examples.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mtnas.config.options import TrainingOptions
from mtnas.training.ensemble import Ensemble

State = Mapping[str, Tensor]


class Selection:
    """The weights of the epoch with the least validation loss so far, for every unit.

    A unit that has not improved for `patience` epochs is finished, even while others of the
    ensemble train on: so its result does not depend on its company.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        options: TrainingOptions,
        weights: Sequence[float] | None = None,
    ) -> None:
        """Start with the weights that the ensemble has now; losses of tasks count by `weights`."""
        self._ensemble, self._options, self._weights = ensemble, options, weights
        shape = (len(ensemble), ensemble.tasks_MT.shape[1] if options.selection == "task" else 1)
        self.states = tuple(
            {name: tensor.clone() for name, tensor in ensemble.state().items()}
            for _ in range(shape[1])
        )
        self.loss_MU = torch.full(shape, torch.inf, dtype=torch.float64)
        self.epoch_MU = torch.zeros(shape, dtype=torch.long)

    def update(self, epoch: int, loss_MT: Tensor) -> bool:
        """Keep the weights of the units that are better than ever; return whether to go on."""
        loss_MU, patience = self._of_units(loss_MT), self._options.patience
        alive = epoch - self.epoch_MU <= patience
        improved = alive & (loss_MU < self.loss_MU)
        self.loss_MU = torch.where(improved, loss_MU, self.loss_MU)
        self.epoch_MU = torch.where(improved, torch.tensor(epoch), self.epoch_MU)
        for state, improved_M in zip(self.states, improved.T, strict=True):
            chosen = improved_M.to(self._ensemble.device)
            for name, tensor in self._ensemble.state().items():
                state[name][chosen] = tensor[chosen]
        return not bool((epoch - self.epoch_MU >= patience).all())

    def state(self) -> dict[str, Any]:
        """Return the best weights and what they are worth; not copies."""
        return {"weights": self.states, "loss": self.loss_MU, "epoch": self.epoch_MU}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        for kept, loaded in zip(self.states, state["weights"], strict=True):
            for name, tensor in kept.items():
                tensor.copy_(loaded[name])
        self.loss_MU.copy_(state["loss"])
        self.epoch_MU.copy_(state["epoch"])

    def _of_units(self, loss_MT: Tensor) -> Tensor:
        """Return the losses that are compared between epochs, [M, U]."""
        if self._options.selection == "task":
            return loss_MT
        loss_M1 = weighted(loss_MT, self._ensemble, self._weights).sum(-1, keepdim=True)
        if self._options.selection == "model":
            return loss_M1
        # The models of one seed, which in a grid search must also be those of one trial.
        keys = [(member.seed, member.rates) for member in self._ensemble.members]
        same_MM = torch.tensor([[one == other for other in keys] for one in keys])
        return same_MM.double() @ loss_M1


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

    `axis` is that of the tasks, or of the outputs of tasks with so many each; one state is that of
    all tasks. The ensemble is left with the last.
    """
    measured = []
    for state in states:
        ensemble.load(state)
        measured.append(measure())
    if len(measured) == 1:
        return measured[0]
    sizes = list(widths or [1] * len(states))
    return torch.cat([torch.split(part, sizes, axis)[t] for t, part in enumerate(measured)], axis)
