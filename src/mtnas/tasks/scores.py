"""Losses and scores as pure functions of tensors, vectorised over all leading axes.

Shapes: ... any leading axes (models, tasks), N examples (last axis).
"""

import torch
from torch import Tensor


def auc(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the area under the ROC curve; ties count one half.

    `scores` and `labels` (0 or 1) are [..., N]; the result [...] is float64 and NaN where the
    labels have one class only: the caller decides what that means.
    """
    order = scores.argsort(dim=-1)
    ranked = scores.gather(-1, order)
    positive = labels.gather(-1, order).double()
    negatives_up_to = (1 - positive).cumsum(-1)
    # Every example of a group of ties sees the negatives before the group and half of those in it.
    zero = torch.zeros_like(negatives_up_to[..., :1])
    negatives_before = torch.cat([zero, negatives_up_to[..., :-1]], dim=-1)
    starts = torch.ones_like(ranked, dtype=torch.bool)
    starts[..., 1:] = ranked[..., 1:] != ranked[..., :-1]
    before = torch.where(starts, negatives_before, zero).cummax(dim=-1).values
    ends = torch.ones_like(starts)
    ends[..., :-1] = starts[..., 1:]
    total = negatives_up_to[..., -1:]
    # Counts grow along the axis, so the nearest group end to the right is a running minimum.
    up_to = torch.where(ends, negatives_up_to, total).flip(-1).cummin(dim=-1).values.flip(-1)
    wins = (positive * (before + up_to) / 2).sum(-1)
    return wins / (positive.sum(-1) * total.squeeze(-1))


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the binary cross-entropy (natural log) of every example."""
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")


def squared_errors(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the squared error of every example."""
    return (outputs - labels).square()
