"""Weights of tasks that are computed from the training rows before training (Algorithm 2, V20).

Shapes: N training rows, P inputs that are read without an embedding, K columns of labels, D rows of
theta: one for each id, one for each of the P inputs.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

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
    keys = dict.fromkeys((member.seed, member.tasks) for member in members)
    known = {key: svd_weights(assembly, examples, *key) for key in keys}
    return [replace(member, loss_weights=known[member.seed, member.tasks]) for member in members]


def svd_weights(
    assembly: Assembly, examples: Examples, seed: int, tasks: Sequence[int]
) -> tuple[float, ...]:
    """Return the weights of some tasks from the training rows of a seed, with mean 1."""
    literal = assembly.training.weighting == "svd_literal"
    theta_DK, y = theta_of(
        assembly, examples, seed, tasks, "literal" if literal else "standardised"
    )
    rank = min(assembly.training.weighting_rank, len(tasks))  # of a model of some of the tasks
    return tuple(weights_of_theta(theta_DK, y, rank).tolist())


def theta_of(
    assembly: Assembly, examples: Examples, seed: int, tasks: Sequence[int], coding: Coding
) -> tuple[Floats, Coded]:
    """Return what the inputs of the training rows of a seed tell of some tasks.

    That is theta_DK, a column for every column of their labels, and these labels.
    """
    rows = assembly.with_labels_of(tasks, assembly.split(seed)).train
    labels = examples.of_seeds.get(seed, examples.labels)
    labels_NT = labels[torch.from_numpy(rows)][:, list(tasks)].double().cpu().numpy()
    y = coded(labels_NT, coding, [_kind(examples, task) for task in tasks])
    return _theta(examples, rows, y.y_NK, coding), y


def _kind(examples: Examples, task: int) -> LabelKind:
    kind = examples.tasks[task].kind
    if TASK_KINDS[kind].loss_name == "mse":
        return "regression"
    return "multiclass" if kind == "multiclass" else "binary"


def _theta(examples: Examples, rows: Indices, y_NK: Floats, coding: Coding) -> Floats:
    """Return X'Y of all inputs: ids one-hot, then what is read without an embedding."""
    inputs, parts = examples.inputs, []
    if inputs.layout.num_columns:
        n_ids = examples.num_rows - bool(inputs.layout.bags)
        parts.append(theta_of_ids(inputs.ids[torch.from_numpy(rows)].cpu().numpy(), y_NK, n_ids))
    x_NP = _plain(inputs, rows)
    if x_NP.shape[1]:
        x_NP = standardised_inputs(x_NP) if coding == "standardised" else x_NP
        parts.append(theta_of_dense(x_NP, y_NK))
    return np.vstack(parts)


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
