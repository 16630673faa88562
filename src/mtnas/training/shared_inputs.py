"""What the shared part of a model reads for each of its tasks, summed over rows.

Shapes: M members, T tasks, N rows of a task, B batch, D inputs of the shared part.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mtnas.training.data import Examples, Indices
from mtnas.training.ensemble import Ensemble
from mtnas.training.fit import EVALUATION_BATCH
from mtnas.training.selection import State, with_selected


@torch.no_grad()
def input_products(
    ensemble: Ensemble,
    states: Sequence[State],
    examples: Examples,
    rows: Sequence[Sequence[Indices]],
) -> Tensor:
    """Return the sums of (1, x)(1, x)' over `rows`, [M][T] of N each: [M, T, 1 + D, 1 + D].

    x is what the shared part reads for the task, with the weights selected for it. The first row of
    a sum holds the number of rows and the sum of x, the rest is X'X. In float64.
    """

    of_task = list(zip(*rows, strict=True))

    def measure() -> Tensor:
        of_tasks = [_products(ensemble, examples, own, t) for t, own in enumerate(of_task)]
        return torch.stack(of_tasks, 1)

    return with_selected(ensemble, states, measure, axis=1)


def _products(ensemble: Ensemble, examples: Examples, rows: Sequence[Indices], task: int) -> Tensor:
    """Return `input_products` of one task, [M, 1 + D, 1 + D]; members may differ in rows."""
    index_MN = pad_sequence(list(map(torch.from_numpy, rows)), batch_first=True)
    length_M1 = torch.tensor(list(map(len, rows))).unsqueeze(1)
    is_row_MN = torch.arange(index_MN.shape[1]) < length_M1
    batches = partial(torch.split, split_size_or_sections=EVALUATION_BATCH, dim=1)
    total = torch.zeros((), dtype=torch.float64, device=ensemble.device)
    for index_MB, is_row_MB in zip(batches(index_MN), batches(is_row_MN), strict=True):
        x = ensemble.encoded(examples.inputs, index_MB.to(ensemble.device))
        read = ensemble.shared_input(x)
        x_MBD = (read if read.dim() == 3 else read[:, task]).double()
        weight_MB1 = is_row_MB.to(x_MBD).unsqueeze(-1)
        with_one = torch.cat([weight_MB1, x_MBD * weight_MB1], -1)
        total = total + with_one.mT @ with_one
    return total
