"""A step along gradients of tasks that do not conflict (PCGrad, V29).

Shapes: M members, T tasks, R rows of a table that a batch reads, E embedding dimension.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from mtnas.training.task_gradients import ALL_LAYERS, SHARED, TaskGradients
from mtnas.training.weighting import Projection


def projected(
    projection: Projection,
    loss_MT: Tensor,
    leaves: Mapping[str, Tensor],
    looked_up_MRE: Tensor,
    rows_MR: Tensor,
) -> tuple[Tensor, ...]:
    """Return what a step descends: a gradient for each of `leaves`, and that of the embeddings.

    Conflicts are those in the shared part and the embeddings, which the losses `loss_MT` have in
    common; what belongs to one task follows its own gradient. The graph of the losses is kept.
    """
    wanted = [*leaves.values(), looked_up_MRE]
    found_T = [
        torch.autograd.grad(loss_M.sum(), wanted, retain_graph=True, materialize_grads=True)
        for loss_M in loss_MT.unbind(-1)
    ]
    *own, rows_TMRE = map(torch.stack, zip(*found_T, strict=True))
    tasks, members = len(found_T), len(loss_MT)
    of_params = {
        name: grad.reshape(tasks, members, -1) for name, grad in zip(leaves, own, strict=True)
    }
    gradients = TaskGradients(loss_MT, {}, looked_up_MRE, of_params, rows_TMRE, rows_MR)
    share_TM = projection.shares(gradients.products()[ALL_LAYERS]).T.to(loss_MT.dtype)
    everything_TM = torch.ones_like(share_TM)
    descended = [
        torch.einsum("tm,tmp->mp", share_TM if name.startswith(SHARED) else everything_TM, grad_TMP)
        for name, grad_TMP in of_params.items()
    ]
    of_leaves = (grad.view_as(leaf) for grad, leaf in zip(descended, wanted, strict=False))
    return (*of_leaves, torch.einsum("tm,tmre->mre", share_TM, rows_TMRE))
