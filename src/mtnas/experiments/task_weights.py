"""Weights of tasks that are computed from the training rows before training (Algorithm 2, V20).

Shapes: N training rows, P inputs that are read without an embedding, K columns of labels, D rows of
theta: one for each id, one for each of the P inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.experiments.assembly import Assembly
from mtnas.tasks.kinds import TASK_KINDS
from mtnas.training.data import Examples, Indices
from mtnas.training.ensemble import Member
from mtnas.training.inputs import MixedInputs, NumberScale
from mtnas.transfer.arrays import Floats
from mtnas.transfer.coding import Coded, Coding, LabelKind, coded
from mtnas.transfer.reweighting import standardised_inputs, weights_of_theta
from mtnas.transfer.theta import theta_of_dense, theta_of_ids


def with_task_weights(
    assembly: Assembly, examples: Examples, members: Sequence[Member]
) -> list[Member]:
    """Return members with the weights of their tasks, where `training.weighting` is svd.

    `examples` have the labels that the members learn from. Members of a seed and of the same tasks
    have the same weights.

    Raises:
        DataError: the inputs tell nothing of the labels.
    """
    if not assembly.training.weighting.startswith("svd"):
        return list(members)
    literal = assembly.training.weighting == "svd_literal"
    coding: Coding = "literal" if literal else "standardised"
    known: dict[tuple[int, tuple[int, ...]], tuple[float, ...]] = {}
    for seed in dict.fromkeys(member.seed for member in members):
        of_ids = OfIds.of(assembly, examples, seed, coding)
        for tasks in dict.fromkeys(member.tasks for member in members if member.seed == seed):
            known[seed, tasks] = svd_weights(assembly, examples, of_ids, tasks)
    return [replace(member, loss_weights=known[member.seed, member.tasks]) for member in members]


@dataclass(frozen=True)
class OfIds:
    """What the training rows of a seed tell of all tasks: their coded labels, and theta of ids.

    A row without a label of a task adds nothing to it, so these are those of any of the tasks.
    """

    seed: int
    coding: Coding
    y: Coded
    theta_DK: Floats

    @classmethod
    def of(cls, assembly: Assembly, examples: Examples, seed: int, coding: Coding) -> "OfIds":
        """Code the labels of a seed and count its ids, once for all tasks."""
        rows = torch.from_numpy(assembly.split(seed).train)
        labels_NT = examples.of_seeds.get(seed, examples.labels)[rows].double().cpu().numpy()
        y = coded(labels_NT, coding, list(map(_kind, examples.tasks)))
        inputs, theta_DK = examples.inputs, np.empty((0, y.y_NK.shape[1]))
        if inputs.layout.num_columns:
            n_ids = examples.num_rows - bool(inputs.layout.bags)
            theta_DK = theta_of_ids(inputs.ids[rows].cpu().numpy(), y.y_NK, n_ids)
        return cls(seed, coding, y, theta_DK)

    def theta(
        self, assembly: Assembly, examples: Examples, tasks: Sequence[int]
    ) -> tuple[Floats, Coded]:
        """Return what all inputs tell of some tasks: ids, then what is read without an embedding.

        That is theta_DK, a column for every column of their labels, and these labels.
        """
        split = assembly.split(self.seed)
        rows = assembly.with_labels_of(tasks, split).train
        columns = [np.flatnonzero(self.y.task_K == task) for task in tasks]
        taken = np.concatenate(columns)
        used_N = np.isin(split.train, rows, assume_unique=True)
        task_K = np.repeat(np.arange(len(tasks)), list(map(len, columns)))
        y, parts = Coded(self.y.y_NK[used_N][:, taken], task_K), [self.theta_DK[:, taken]]
        x_NP = _plain(examples.inputs, rows)
        if x_NP.shape[1]:
            x_NP = standardised_inputs(x_NP) if self.coding == "standardised" else x_NP
            parts.append(theta_of_dense(x_NP, y.y_NK))
        return np.vstack(parts), y


def svd_weights(
    assembly: Assembly, examples: Examples, of_ids: OfIds, tasks: Sequence[int]
) -> tuple[float, ...]:
    """Return the weights of some tasks from the training rows of a seed, with mean 1."""
    theta_DK, y = of_ids.theta(assembly, examples, tasks)
    rank = min(assembly.training.weighting_rank, len(tasks))  # of a model of some of the tasks
    return tuple(weights_of_theta(theta_DK, y, rank).tolist())


def theta_of(
    assembly: Assembly, examples: Examples, seed: int, tasks: Sequence[int], coding: Coding
) -> tuple[Floats, Coded]:
    """Return what the inputs of the training rows of a seed tell of some tasks (`OfIds.theta`)."""
    return OfIds.of(assembly, examples, seed, coding).theta(assembly, examples, tasks)


def _kind(task: TaskSummary) -> LabelKind:
    if TASK_KINDS[task.kind].loss_name == "mse":
        return "regression"
    return "multiclass" if task.kind == "multiclass" else "binary"


def _plain(inputs: MixedInputs, rows: Indices) -> Floats:
    """Return what the network reads of rows without an embedding, [N, P]."""
    layout, device = inputs.layout, inputs.ids.device
    index_1N = torch.from_numpy(rows).unsqueeze(0).to(device)
    if any(number.standardized for number in layout.numbers):
        scale = inputs.scale_of([rows])
    else:
        scale = NumberScale.neutral(1, len(layout.numbers), device)
    parts = inputs.plain(index_1N, scale, torch.float64)
    joined = torch.cat(
        [torch.empty(1, len(rows), 0, dtype=torch.float64), *(p.cpu() for p in parts)], -1
    )
    return np.asarray(joined[0].numpy())
