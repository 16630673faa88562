"""Some models trained side by side: in one ensemble, or in several where they are not alike.

All members of an ensemble take equally many steps of one size and have equally many outputs of one
kind. Models of one task each may differ in that: where labels are missing, and where tasks are of
several kinds. So they are divided by it, and a model never depends on its company.
Shapes: M members, N examples, O outputs, T tasks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from mtnas.experiments.assembly import Assembly
from mtnas.runtime.errors import ConfigError
from mtnas.training.checkpoint import Checkpoint, Tree
from mtnas.training.data import Split
from mtnas.training.ensemble import Ensemble, Member
from mtnas.training.fit import FitResult, fit, mean_gate_scores, predict_selected
from mtnas.training.mixing import Mixing, divided
from mtnas.training.selection import State


@dataclass
class _Group:
    """An ensemble, its splits, and how it was trained."""

    ensemble: Ensemble
    splits: list[Split]
    fitted: FitResult | None = None

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
        self._assembly, self.members = assembly, tuple(members)
        splits = assembly.splits(members)
        self._places = _divided(assembly, self.members, splits)
        self._groups = [
            _Group(
                assembly.ensemble([self.members[m] for m in places]), [splits[m] for m in places]
            )
            for places in self._places
        ]

    @property
    def whole(self) -> Ensemble:
        """Return the ensemble of all, of a method with one model for all tasks."""
        (group,) = self._groups
        return group.ensemble

    def fit(self, checkpoint: Checkpoint) -> None:
        """Train all; with a checkpoint this goes on from it, and ends in the same numbers."""
        assembly = self._assembly
        for number, group in enumerate(self._groups):
            own = checkpoint if len(self._groups) == 1 else checkpoint.part(number)
            group.fitted = fit(
                group.ensemble, assembly.examples, group.splits, assembly.training, own
            )
            if own is not checkpoint:
                checkpoint.seconds += own.seconds

    @property
    def seconds(self) -> float:
        """Return how long training took."""
        return sum(group.fitted.seconds for group in self._groups if group.fitted is not None)

    def outputs(self, part: str) -> list[Tensor]:
        """Return the outputs of every model on a part of its split, out_NO, on the CPU."""
        examples = self._assembly.examples

        def of_group(group: _Group) -> Tensor:
            own = predict_selected(group.ensemble, group.states, examples, group.rows(part))
            return own.cpu()

        return self._of_members(of_group)

    def gates(self, part: str) -> list[Tensor] | None:
        """Return the mean gate scores of every model on a part of its split, [T, experts].

        None for a method without gate scores.
        """
        if not self._groups[0].ensemble.has_gates:
            return None
        examples = self._assembly.examples

        def of_group(group: _Group) -> Tensor:
            rows = group.rows(part)
            found = mean_gate_scores(group.ensemble, group.states, examples, rows)
            assert found is not None
            return found

        return self._of_members(of_group)

    @cached_property
    def fits(self) -> list[Tree]:
        """How every model learned, as `evidence.records.Fit`; nothing where nothing was trained."""
        if self._groups[0].fitted is None:
            return []
        return self._of_members(lambda group: _fits(group.ensemble, group.fitted))

    @property
    def best_epochs(self) -> list[tuple[int, ...]]:
        """Return the best epochs of every model: one, or one of each task."""
        return self._of_members(lambda group: group.fitted.best_epochs)  # type: ignore[union-attr]

    def weights(self, places: Sequence[int]) -> dict[str, Tensor]:
        """Return the selected weights of some models by name, with a leading axis of models.

        Where tasks have weights of their own that differ, or are of different shapes, names begin
        with that of the task.
        """
        names = [task.name for task in self._assembly.examples.tasks]
        found = [self._selected(m) for m in places]
        if len(found[0]) > 1:  # a joint model, with the state that each task selected
            return _named(names, found[0])
        alone = [state for (state,) in found]
        shapes = [{name: tensor.shape for name, tensor in state.items()} for state in alone]
        if all(shape == shapes[0] for shape in shapes):
            return {name: torch.cat([state[name] for state in alone]) for name in alone[0]}
        return _named([names[self.members[m].tasks[0]] for m in places], alone)

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

    def _of_members(self, of_group: Callable[[_Group], Any]) -> list[Any]:
        """Return what a function gives for the members of a group, in the order of all members."""
        found: list[Any] = [None] * len(self.members)
        for places, group in zip(self._places, self._groups, strict=True):
            for place, value in zip(places, of_group(group), strict=True):
                found[place] = value
        return found


def _divided(
    assembly: Assembly, members: Sequence[Member], splits: Sequence[Split]
) -> list[list[int]]:
    """Return the places of the members that can be in one ensemble, group by group."""
    if not assembly.method.per_task:
        return [list(range(len(members)))]
    examples = assembly.examples
    mixing = Mixing.of(assembly.training, examples.source, examples.sources)
    groups: dict[Any, list[int]] = {}
    of_seed: dict[int, Any] = {}
    for place, (member, split) in enumerate(zip(members, splits, strict=True)):
        _, plan = divided(split.train, split.left_out, assembly.training.batch_size, mixing)
        key = (examples.output_layout.of(member.tasks), plan.shape, plan.tobytes())
        groups.setdefault(key, []).append(place)
        if of_seed.setdefault(member.seed, key) != key and assembly.training.selection == "seed":
            raise ConfigError(
                f"training.selection: 'seed', but the tasks of {assembly.spec.dataset} differ in "
                f"kind or in labelled rows, so the models of {assembly.method.name} do not take "
                "their steps side by side; use selection: model"
            )
    return list(groups.values())


def _fits(ensemble: Ensemble, fitted: FitResult | None) -> list[Tree]:
    assert fitted is not None
    return [
        {
            "seed": member.seed,
            "tasks": list(member.tasks),
            "best_epoch": _one_or_all(fitted.best_epochs[m]),
            "train_loss": [losses[m] for losses in fitted.train_loss],
            "valid_loss": [sum(losses[m]) for losses in fitted.valid_losses],
            "valid_losses": [list(losses[m]) for losses in fitted.valid_losses],
        }
        for m, member in enumerate(ensemble.members)
    ]


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
