"""Adam with coupled L2 on embedding tables of a GPU, at a share of the memory traffic.

The paper's weight decay acts on every row at every step, so a dense update reads and writes all
tables. `SweptAdam` takes the same steps later, but never more than `SWEEP` of them late: a step
updates the rows that a batch reads and one part of `SWEEP` of the tables, in turn. All steps that
a row missed are taken one by one in one kernel, so its numbers move once, and no jumps are needed
(V10). Every shape is known beforehand and the step number lies on the device, so that a step can
be recorded (`training.captured`).

Shapes: M members, N rows of a table, E embedding dimension, B rows a batch reads (with repeats), S
rows that are updated together.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mtnas.training.checkpoint import Saved
from mtnas.training.optim import BETAS, EPS, rates_of

SWEEP = 16  # steps in which every row is updated at least once

Moments = tuple[Tensor, Tensor, Tensor]  # w, m, v
Replay = Callable[..., Moments]


class SweptAdam:
    """The optimiser of M tables [M, N, E]."""

    reads_ahead = False

    def __init__(
        self,
        table_MNE: Tensor,
        *,
        learning_rate: float | Sequence[float],
        weight_decay: float | Sequence[float],
    ) -> None:
        """Keep a reference to the tables, which are updated in place; rates may be per table."""
        members, num_rows, _ = table_MNE.shape
        device = table_MNE.device
        self._tables: Moments = (
            table_MNE, torch.zeros_like(table_MNE), torch.zeros_like(table_MNE),
        )  # fmt: skip
        self._done_MN = torch.zeros(members, num_rows, dtype=torch.int32, device=device)
        self._step = torch.zeros((), dtype=torch.int64, device=device)
        rates = torch.tensor(rates_of(learning_rate, weight_decay, members), dtype=torch.float64)
        self._rate_M11, decay_M11 = rates.to(device).T.reshape(2, members, 1, 1)
        self._decay_M11 = decay_M11.to(table_MNE.dtype)
        self._back_K = torch.arange(SWEEP - 1, -1, -1, device=device)
        self._part = -(-num_rows // SWEEP)
        self._every_S = torch.arange(self._part, device=device)
        self._first_M1 = torch.arange(members, device=device).unsqueeze(1) * num_rows
        self._slot = torch.zeros(members * num_rows, dtype=torch.int32, device=device)
        # One kernel instead of a hundred; on a CPU it would have to be compiled first.
        on_gpu = device.type == "cuda"
        self._replay: Replay = torch.compile(replay, dynamic=True) if on_gpu else replay
        self._at = self._first_M1.flatten()
        self._fresh = self._tables

    @torch.no_grad()
    def read(self, rows_MB: Tensor) -> Tensor:
        """Return B rows of every table as they are now, x_MBE, to be followed by `step`."""
        self._at = (rows_MB + self._first_M1).flatten()
        self._fresh = self._as_now(self._at, rows_MB.shape[1])
        return self._fresh[0].clone()

    def read_ahead(self, rows_MB: Tensor) -> None:
        """Do nothing."""

    @torch.no_grad()
    def step(self, grad_MBE: Tensor) -> None:
        """Take one step, with the gradient of the rows read last."""
        self._step += 1
        shape = grad_MBE.shape
        total = self._added_up(grad_MBE.flatten(0, 1)).view(shape)
        rule = (*(part[-1] for part in self._rules()), self._decay_M11)
        # Repeats of a row hold the same and get the same gradient, so any of them may be kept.
        self._put(self._at, _stepped(self._fresh, total, *rule))
        self._sweep(self._step % SWEEP)

    @torch.no_grad()
    def settle(self, rows_MB: Tensor | None = None) -> None:
        """Bring B rows of every table up to date in the tables themselves; without, all."""
        if rows_MB is None:
            for part in range(SWEEP):
                self._sweep(part)
            return
        at = (rows_MB + self._first_M1).flatten()
        self._put(at, self._as_now(at, rows_MB.shape[1]))

    def state(self) -> Saved:
        """Return all but the tables themselves; not copies."""
        _, first, second = self._tables
        return {"m": first, "v": second, "done": self._done_MN, "step": self._step}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])

    def _sweep(self, part: Tensor | int) -> None:
        """Bring one part of every table up to date."""
        rows_S = (part * self._part + self._every_S).clamp(max=self._done_MN.shape[1] - 1)
        at = (rows_S + self._first_M1).flatten()
        self._put(at, self._as_now(at, self._part))

    def _as_now(self, at: Tensor, rows: int) -> Moments:
        """Return rows of every table with all steps that they missed, [M, S, E]."""
        done_MS = self._done_MN.flatten().index_select(0, at).view(-1, rows)
        old = [t.flatten(0, 1).index_select(0, at).view(len(t), rows, -1) for t in self._tables]
        return self._replay(*old, self._step - done_MS, *self._rules(), self._decay_M11)

    def _rules(self) -> tuple[Tensor, Tensor]:
        """Return size and scale of the last K = `SWEEP` steps, in order, with bias correction.

        Not in `replay`, whose kernel would work them out anew for every number of a table.
        """
        count_K111 = (self._step - self._back_K).clamp(min=1).double().view(-1, 1, 1, 1)
        size_KM11 = self._rate_M11 / (1 - BETAS[0] ** count_K111)
        scale_K111 = (1 - BETAS[1] ** count_K111).rsqrt()
        real = self._tables[0].dtype
        return size_KM11.to(real), scale_K111.to(real)

    def _put(self, at: Tensor, fresh: Moments) -> None:
        for table, rows in zip(self._tables, fresh, strict=True):
            table.flatten(0, 1).index_copy_(0, at, rows.flatten(0, 1))
        now = self._step.to(torch.int32).expand(len(at))
        self._done_MN.view(-1).index_copy_(0, at, now)

    def _added_up(self, grad_RE: Tensor) -> Tensor:
        """Return, for every row read, the sum of the gradients of all its repeats."""
        every = torch.arange(len(self._at), dtype=torch.int32, device=grad_RE.device)
        self._slot.index_copy_(0, self._at, every)  # one of the repeats stands for all
        first = self._slot.index_select(0, self._at).long()
        total: Tensor = torch.zeros_like(grad_RE).index_add_(0, first, grad_RE)
        return total.index_select(0, first)


def replay(
    w: Tensor, m: Tensor, v: Tensor, missed_MS: Tensor, size_KM11: Tensor, scale_K111: Tensor,
    decay_M11: Tensor,
) -> Moments:  # fmt: skip
    """Take the last steps that rows missed, so many of at most `SWEEP`, with no gradient."""
    missed_MS1 = missed_MS.unsqueeze(-1)
    for k in range(SWEEP):
        due = missed_MS1 >= SWEEP - k
        new = _stepped((w, m, v), None, size_KM11[k], scale_K111[k], decay_M11)
        w, m, v = (torch.where(due, a, b) for a, b in zip(new, (w, m, v), strict=True))
    return w, m, v


def _stepped(
    old: Moments, grad: Tensor | None, size_M11: Tensor, scale_111: Tensor, decay_M11: Tensor
) -> Moments:
    """Take one step on rows, [M, S, E], with the gradient of the loss if there is one."""
    w, m, v = old
    g = w * decay_M11 if grad is None else grad + w * decay_M11
    m = torch.lerp(m, g, 1 - BETAS[0])
    v = BETAS[1] * v + (1 - BETAS[1]) * g * g
    return w - size_M11 * m / (v.sqrt() * scale_111 + EPS), m, v
