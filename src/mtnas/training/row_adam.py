"""Adam with coupled L2 on embedding tables at the cost of the rows a batch reads.

The paper's weight decay acts on every row at every step. `RowAdam` gives what a dense update gives
but does a row's steps when the row is next read (`training.replay`), so the size of the table
hardly matters.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtnas.training import replay
from mtnas.training.replay import Array, Rows, Rule, State

BETAS = (0.9, 0.999)
EPS = 1e-8
ROWS_PER_THREAD = 1024  # fewer are not worth waking a thread


class RowAdam:
    """The optimiser of M tables [M, N, E].

    Each table is worked on for itself, so that a member's numbers do not depend on the others.
    """

    def __init__(
        self,
        table_MNE: Tensor,
        *,
        learning_rate: float,
        weight_decay: float,
        exact: bool = False,
    ) -> None:
        """Keep a reference to the tables, which are updated in place; `exact`: no jumps."""
        self._tables = [_Table(table.numpy()) for table in table_MNE]
        self._real: Any = self._tables[0].state.w.dtype.type
        real: Any = self._real
        self._rule = Rule(
            decay=real(weight_decay),
            keep_first=real(BETAS[0]),
            add_first=real(1 - BETAS[0]),
            keep_second=real(BETAS[1]),
            add_second=real(1 - BETAS[1]),
            eps=real(EPS),
            # A hundredth of what rounding does to a weight of one: no prediction can see it.
            vanished=real(np.finfo(real).eps / 100),
            exact=exact,
            fades=(BETAS[1] ** (2.0 ** np.arange(replay.DOUBLINGS + 1))).astype(real),
        )
        self._learning_rate, self._step = learning_rate, 0
        self._rates = _rates(1024, learning_rate).astype(self._real)
        self._pool = ThreadPoolExecutor(torch.get_num_threads())

    def read(self, rows_MB: Tensor) -> Tensor:
        """Return B rows of every table as they are now, x_MBE, to be followed by `step`."""
        read = []
        for rows, table in zip(rows_MB.contiguous().numpy(), self._tables, strict=True):
            table.find(rows)
            order = replay.by_age(table.rows, table.state.done, self._step)
            old = table.rows[order]
            self._in_parts(replay.replay, old, table.state, order, table.fresh, self._step)
            read.append(table.fresh.w[table.position])
        return torch.from_numpy(np.stack(read))

    def step(self, grad_MBE: Tensor) -> None:
        """Take one step, with the gradient of the rows read last."""
        if self._step == len(self._rates):
            self._rates = _rates(2 * self._step, self._learning_rate).astype(self._real)
        for grad, table in zip(grad_MBE.contiguous().numpy(), self._tables, strict=True):
            total = replay.add_up(grad, table.position, len(table.rows))
            args = (table.rows, table.state, table.fresh, total, self._step)
            self._in_parts(replay.touch, *args)
        self._step += 1

    def settle(self, rows_MB: Tensor | None = None) -> None:
        """Bring B rows of every table up to date in the tables themselves; without `rows_MB`, all.

        What was read before cannot be followed by `step` any more.
        """
        for m, table in enumerate(self._tables):
            if rows_MB is None:
                table.rows = np.arange(len(table.state.w), dtype=np.int32)
            else:
                table.find(rows_MB[m].contiguous().numpy())
            order = replay.by_age(table.rows, table.state.done, self._step)
            old = table.rows[order]
            self._in_parts(replay.replay, old, table.state, old, table.state, self._step)

    def _in_parts(self, kernel: Callable[..., None], rows: Rows, *args: Any) -> None:
        """Run a kernel on torch's number of threads; no part touches another's rows."""
        parts = min(torch.get_num_threads(), 1 + len(rows) // ROWS_PER_THREAD)
        args = (rows, *args, self._rates, self._rule)
        others = [self._pool.submit(kernel, part, parts, *args) for part in range(1, parts)]
        kernel(0, parts, *args)
        for other in others:
            other.result()


class _Table:
    """One table with its moments, and the distinct rows of the last batch."""

    def __init__(self, w: Array) -> None:
        self.state = _state(w)
        self.rows = self.position = np.empty(0, np.int32)
        self.fresh = _state(w[:0])  # the distinct rows as they are now
        self._slot = np.zeros(len(w), np.int32)

    def find(self, rows: Rows) -> None:
        """Note the distinct ones of `rows`, and where each of `rows` stands among them."""
        if len(rows) > len(self.fresh.w):
            self.fresh = _state(np.empty((len(rows), self.state.w.shape[1]), self.state.w.dtype))
        distinct, self.position = np.empty_like(rows), np.empty_like(rows)
        self.rows = distinct[: replay.distinct_rows(rows, self._slot, distinct, self.position)]


def _state(w: Array) -> State:
    return State(w, np.zeros_like(w), np.zeros_like(w), np.zeros(len(w), np.int32))


def _rates(steps: int, learning_rate: float) -> Array:
    """Return, per step, the learning rate and the scale of sqrt(v) with bias correction."""
    step = np.arange(1, steps + 1)
    rate = learning_rate / (1 - BETAS[0] ** step)
    return np.stack([rate, 1 / np.sqrt(1 - BETAS[1] ** step)], axis=1)
