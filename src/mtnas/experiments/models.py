"""Some models trained side by side: in one ensemble, or in several where they are not alike.

All members of an ensemble take equally many steps of one size and have equally many outputs of one
kind. Models of other tasks may differ in that: where labels are missing, where tasks are of several
kinds, and where there are more of them. So they are divided by it, and a model never depends on its
company.
Shapes: M members, N examples, O outputs, T tasks.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import mul
from typing import Any

import torch
from torch import Tensor

from mtnas.experiments.assembly import Assembly
from mtnas.experiments.noisy_labels import examples_of, num_changed
from mtnas.experiments.task_weights import with_task_weights
from mtnas.runtime.errors import ConfigError
from mtnas.training.checkpoint import Checkpoint, Tree
from mtnas.training.data import Split
from mtnas.training.ensemble import Ensemble, Member
from mtnas.training.fit import FitResult, fit, mean_gate_scores, predict_selected
from mtnas.training.mixing import Mixing, divided
from mtnas.training.selection import State, units_of

OF_A_TASK = ("alignment", "heads")  # parts of a model that are trained when all else is frozen


@dataclass
class Group:
    """An ensemble, its splits, and how it was trained."""

    ensemble: Ensemble
    splits: list[Split]
    fitted: FitResult | None = None
    before: FitResult | None = None  # of the whole models that it began from, without their weights

    @property
    def states(self) -> Sequence[State]:
        """Return the selected weights; where nothing was trained, those that the ensemble has."""
        return (self.ensemble.state(),) if self.fitted is None else self.fitted.states

    def rows(self, part: str) -> list[Any]:
        """Return the rows of a part of the data, member by member."""
        return [getattr(split, part) for split in self.splits]


class Models:
    """Models in the order of their members; that they are in several ensembles is not seen."""

    def __init__(self, assembly: Assembly, members: Sequence[Member]) -> None:
        """Draw all models.

        Raises:
            ConfigError: `selection: seed` needs models side by side that are not alike.
        """
        self._assembly = assembly
        self._examples = examples_of(assembly, [member.seed for member in members])
        self.members = tuple(with_task_weights(assembly, self._examples, members))
        splits = assembly.splits(members)
        self._places = _divided(assembly, self.members, splits)
        self._groups = [
            Group(assembly.ensemble([self.members[m] for m in places]), [splits[m] for m in places])
            for places in self._places
        ]

    @property
    def whole(self) -> Ensemble:
        """Return the ensemble of all, of a method with one model for all tasks."""
        (group,) = self._groups
        return group.ensemble

    def fit(self, checkpoint: Checkpoint) -> None:
        """Train all; with a checkpoint this goes on from it, and ends in the same numbers."""
        for number, group in enumerate(self._groups):
            own = checkpoint if len(self._groups) == 1 else checkpoint.part(number)
            self._fit(group, own)
            if own is not checkpoint:
                checkpoint.seconds += own.seconds

    def _fit(self, group: Group, checkpoint: Checkpoint) -> None:
        """Train a group; with `alignment: frozen` or its control first all, then what is of a task
        (V17, V18).
        """
        assembly = self._assembly
        data = self._examples, group.splits, assembly.training
        if not assembly.training.in_two_phases:
            group.fitted = fit(group.ensemble, *data, checkpoint)
            return
        plain = assembly.ensemble(group.ensemble.members, alignment="none")
        first = checkpoint.part(0)
        group.before = replace(fit(plain, *data, first), states=())
        group.ensemble.load({**group.ensemble.state(), **plain.state()})
        second = checkpoint.part(1)
        group.fitted = fit(group.ensemble, *data, second, trained=OF_A_TASK)
        checkpoint.seconds += first.seconds + second.seconds

    def changed_labels(self, seed: int) -> dict[str, int] | None:
        """Return how many training labels of each task noise has changed; None without noise."""
        return num_changed(self._assembly, self._examples, seed)

    @cached_property
    def task_weights(self) -> list[dict[str, float]] | None:
        """What `weighting` made every task of a model weigh, by name, in its best epoch.

        None where that sets no weights, or nothing was trained.
        """
        if not all(group.fitted is not None and group.fitted.weights for group in self._groups):
            return None
        names = [task.name for task in self._examples.tasks]

        def of_group(group: Group) -> list[dict[str, float]]:
            return [_weights(group, m, names) for m in range(len(group.ensemble))]

        return self.of_members(of_group)

    @property
    def seconds(self) -> float:
        """Return how long training took."""
        fits = (fit for group in self._groups for fit in (group.before, group.fitted))
        return sum(fitted.seconds for fitted in fits if fitted is not None)

    def outputs(self, part: str) -> list[Tensor]:
        """Return the outputs of every model on a part of its split, out_NO, on the CPU."""
        examples = self._examples

        def of_group(group: Group) -> Tensor:
            own = predict_selected(group.ensemble, group.states, examples, group.rows(part))
            return own.cpu()

        return self.of_members(of_group)

    def gates(self, part: str) -> list[Tensor] | None:
        """Return the mean gate scores of every model on a part of its split, [T, experts].

        None for a method without gate scores.
        """
        if not self._groups[0].ensemble.has_gates:
            return None
        examples = self._examples

        def of_group(group: Group) -> Tensor:
            rows = group.rows(part)
            found = mean_gate_scores(group.ensemble, group.states, examples, rows)
            assert found is not None
            return found

        return self.of_members(of_group)

    @cached_property
    def fits(self) -> list[Tree]:
        """How every model learned, as `evidence.records.Fit`; nothing where nothing was trained."""
        if self._groups[0].fitted is None:
            return []
        weights = self._examples.task_weights or (1.0,) * len(self._examples.tasks)
        return self.of_members(lambda group: _fits(group, weights))

    @property
    def best_epochs(self) -> list[tuple[int, ...]]:
        """Return the best epochs of every model: one, or one of each task."""
        return self.of_members(lambda group: group.fitted.best_epochs)  # type: ignore[union-attr]

    def weights(self, places: Sequence[int]) -> dict[str, Tensor]:
        """Return the selected weights of some models by name, with a leading axis of models.

        Where tasks have weights of their own that differ, or are of different shapes, names begin
        with that of the task.
        """
        found = [self._selected(m) for m in places]
        if len(found[0]) > 1:  # a joint model, with the state that each task selected
            return _named(self._assembly.task_names, found[0])
        alone = [state for (state,) in found]
        shapes = [{name: tensor.shape for name, tensor in state.items()} for state in alone]
        if all(shape == shapes[0] for shape in shapes):
            return {name: torch.cat([state[name] for state in alone]) for name in alone[0]}
        return _named([self._assembly.task_names[self.members[m].tasks[0]] for m in places], alone)

    def _selected(self, place: int) -> list[dict[str, Tensor]]:
        """Return every selected state of one model, as copies on the CPU; a scale is one, too."""
        (group, m), *_ = (
            (group, places.index(place))
            for places, group in zip(self._places, self._groups, strict=True)
            if place in places
        )
        scale = group.ensemble.scale_2MT
        own = {} if scale is None else {"label_mean": scale[0], "label_spread": scale[1]}
        return [
            {n: tensor[m : m + 1].detach().cpu().clone() for n, tensor in {**state, **own}.items()}
            for state in group.states
        ]

    def of_members(self, of_group: Callable[[Group], Any]) -> list[Any]:
        """Return what a function gives for the members of a group, in the order of all members."""
        found: list[Any] = [None] * len(self.members)
        for places, group in zip(self._places, self._groups, strict=True):
            for place, value in zip(places, of_group(group), strict=True):
                found[place] = value
        return found


def kind_of(assembly: Assembly, tasks: Sequence[int], split: Split) -> Hashable:
    """Return what models of some tasks, on their splits, must have in common to be in one ensemble.

    That is: outputs, what shares a best epoch, and how many rows of which source a batch takes.
    """
    examples, training = assembly.examples, assembly.training
    mixing = Mixing.of(training, examples.source, examples.sources)
    _, plan = divided(split.train, split.left_out, training.batch_size, mixing)
    units = units_of(training, [examples.tasks[task] for task in tasks])
    return examples.output_layout.of(tasks), tuple(units), plan.shape, plan.tobytes()


def _divided(
    assembly: Assembly, members: Sequence[Member], splits: Sequence[Split]
) -> list[list[int]]:
    """Return the places of the members that can be in one ensemble, group by group."""
    groups: dict[Hashable, list[int]] = {}
    of_seed: dict[int, Hashable] = {}
    for place, (member, split) in enumerate(zip(members, splits, strict=True)):
        key = kind_of(assembly, member.tasks, split)
        groups.setdefault(key, []).append(place)
        if of_seed.setdefault(member.seed, key) != key and assembly.training.selection == "seed":
            raise ConfigError(
                f"training.selection: 'seed', but the tasks of {assembly.spec.dataset} differ in "
                f"kind or in labelled rows, so the models of {assembly.method.name} do not take "
                "their steps side by side; use selection: model"
            )
    return list(groups.values())


def _fits(group: Group, weights: Sequence[float]) -> list[Tree]:
    """Return how every model of a group learned, and how it did before it was aligned.

    `weights` are those of all tasks in the MTL loss.
    """
    assert group.fitted is not None
    own = [[weights[task] for task in member.tasks] for member in group.ensemble.members]
    return [
        {
            "seed": member.seed,
            "tasks": list(member.tasks),
            **_curves(group.fitted, m, own[m]),
            "before": None if group.before is None else _curves(group.before, m, own[m]),
        }
        for m, member in enumerate(group.ensemble.members)
    ]


def _weights(group: Group, m: int, names: Sequence[str]) -> dict[str, float]:
    """Return the weights of the tasks of one model in its best epoch, or in that of each task."""
    assert group.fitted is not None
    fitted = group.fitted
    if group.before is not None and not fitted.best_epochs[m][0]:
        fitted = group.before  # nothing was better than what it began from
    epochs = fitted.best_epochs[m]
    return {
        names[task]: fitted.weights[epochs[t % len(epochs)] - 1][m][t]
        for t, task in enumerate(group.ensemble.members[m].tasks)
    }


def _curves(fitted: FitResult, m: int, weights: Sequence[float]) -> Tree:
    """Return the best epoch and the losses of one model, as `evidence.records.Curves`."""
    return {
        "best_epoch": _one_or_all(fitted.best_epochs[m]),
        "train_loss": [losses[m] for losses in fitted.train_loss],
        "valid_loss": [sum(map(mul, losses[m], weights)) for losses in fitted.valid_losses],
        "valid_losses": [list(losses[m]) for losses in fitted.valid_losses],
    }


def _one_or_all(best_epochs: Sequence[int]) -> int | list[int]:
    """Return the epoch of a model, or those of its tasks where each has its own."""
    return best_epochs[0] if len(best_epochs) == 1 else list(best_epochs)


def _named(tasks: Sequence[str], states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the tensors of all states in one dict; names begin with that of the task."""
    return {
        f"{task}.{name}": tensor
        for task, state in zip(tasks, states, strict=True)
        for name, tensor in state.items()
    }
