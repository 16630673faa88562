"""Gradients of the losses of tasks with respect to what they share, and what a step would do.

Shapes: M members, T tasks, R rows of a table that a batch reads, E embedding dimension.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

SHARED = "sharing."  # begins the names of the parameters that all tasks share
EMBEDDING, ALL_LAYERS = "embedding", "all"

LossesAt = Callable[[Mapping[str, Tensor], Tensor], Tensor]  # params, looked_up_MRE -> loss_MT


@dataclass(frozen=True)
class TaskGradients:
    """The loss of every task on a batch and its gradients at the present weights.

    Attributes:
        loss_MT: the losses.
        params: the parameters, [M, ...] by name.
        looked_up_MRE: the embeddings that the batch reads.
        of_params: gradients by parameter, [T, M, ...].
        of_rows_TMRE: gradients of the embeddings, each place by itself.
        rows_MR: the rows of the table that these places read; one may be read often.
    """

    loss_MT: Tensor
    params: Mapping[str, Tensor]
    looked_up_MRE: Tensor
    of_params: Mapping[str, Tensor]
    of_rows_TMRE: Tensor
    rows_MR: Tensor

    @cached_property
    def summed_rows(self) -> Tensor:
        """Gradients of the rows of the table: at every place the sum over all that read its row."""
        summed = torch.zeros_like(self.of_rows_TMRE)
        if not summed.numel():
            return summed
        for m, rows_R in enumerate(self.rows_MR):
            own, place_R = torch.unique(rows_R, return_inverse=True)
            tasks, _, _, width = summed.shape
            total = summed.new_zeros(tasks, len(own), width)
            summed[:, m] = total.index_add_(1, place_R, self.of_rows_TMRE[:, m])[:, place_R]
        return summed

    def products(self) -> dict[str, Tensor]:
        """Return the inner products of the gradients of all pairs of tasks, [M, T, T], by layer.

        A layer is a module of the shared part, or the `embedding`; `all` is everything together.
        """
        found: dict[str, Tensor] = {}
        for layer, grad_TMP in self._shared():
            found[layer] = found.get(layer, 0) + torch.einsum("imp,jmp->mij", grad_TMP, grad_TMP)
        if self.of_rows_TMRE.numel():
            found[EMBEDDING] = torch.einsum("imre,jmre->mij", self.of_rows_TMRE, self.summed_rows)
        return {**found, ALL_LAYERS: torch.stack(list(found.values())).sum(0)}

    def _shared(self) -> Iterator[tuple[str, Tensor]]:
        for name, grad in self.of_params.items():
            if name.startswith(SHARED):
                layer = name.removeprefix(SHARED).rpartition(".")[0] or name.removeprefix(SHARED)
                yield layer, grad.flatten(2).double()

    def cosines(self) -> dict[str, Tensor]:
        """Return the cosines of the gradients of all pairs of tasks, [M, T, T], by layer.

        NaN where a task has no gradient.
        """
        return {layer: _cosine(product) for layer, product in self.products().items()}

    def affinity(self, losses_at: LossesAt, rate: float) -> Tensor:
        """Return Z_{i->j}, [M, T, T]: what a step for i takes off the loss of j.

        Z_{i->j} = 1 - L_j(shared - rate * grad L_i, own_j) / L_j(shared, own_j) on the same batch,
        after a step of plain gradient descent on what is shared alone (Fifty et al., NeurIPS 2021).
        NaN where one of the two has no labelled example.
        """
        after = torch.stack(
            [losses_at(*self._moved(task, rate)) for task in range(self.loss_MT.shape[1])], dim=1
        )
        before_M1T = self.loss_MT.unsqueeze(1)
        z_MTT = 1 - after.double() / before_M1T.double()
        known_MT = self.loss_MT > 0  # without a labelled example the loss is 0
        both = known_MT.unsqueeze(1) & known_MT.unsqueeze(2)
        return torch.where(both, z_MTT, torch.nan)

    def _moved(self, task: int, rate: float) -> tuple[dict[str, Tensor], Tensor]:
        moved = {
            name: value - rate * self.of_params[name][task] if name.startswith(SHARED) else value
            for name, value in self.params.items()
        }
        return moved, self.looked_up_MRE - rate * self.summed_rows[task]


def _cosine(product_MTT: Tensor) -> Tensor:
    length_MT = product_MTT.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    scale = length_MT.unsqueeze(1) * length_MT.unsqueeze(2)
    cosine = product_MTT / torch.where(scale > 0, scale, torch.nan)
    return cosine.clamp(-1, 1)
