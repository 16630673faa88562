"""Adam with coupled L2 on embedding tables at the cost of the rows a batch reads.

The paper's weight decay acts on every row at every step. `RowAdam` gives what a dense update gives
but does a row's steps when the row is next read (`training.lazy_adam`), so the size of the table
hardly matters.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtnas.training import lazy_adam, row_order
from mtnas.training.checkpoint import Saved
from mtnas.training.kernels import Array, Rows
from mtnas.training.lazy_adam import Rule, State
from mtnas.training.optim import BETAS, EPS, rates_of

ROWS_PER_THREAD = 1024  # fewer are not worth waking a thread


class RowAdam:
    """The optimiser of M tables [M, N, E].

    Each table is worked on for itself, so that a member's numbers do not depend on the others.
    """

    reads_ahead = True

    def __init__(
        self,
        table_MNE: Tensor,
        *,
        learning_rate: float | Sequence[float],
        weight_decay: float | Sequence[float],
        exact: bool = False,
    ) -> None:
        """Keep a reference to the tables, which are updated in place; `exact`: no jumps.

        Rates may be per table.
        """
        tables = [table.numpy() for table in table_MNE]
        rates_M = rates_of(learning_rate, weight_decay, len(tables))
        self._tables = [
            _Table(w, rates.learning_rate, _rule(w.dtype.type, rates.weight_decay, exact))
            for w, rates in zip(tables, rates_M, strict=True)
        ]
        self._step, self._known = 0, 0
        self._schedules: dict[float, Array] = {}
        self._grow_schedules()
        self._pool = ThreadPoolExecutor(1 + torch.get_num_threads())
        self._ahead: tuple[Tensor, Future[None]] | None = None

    def read(self, rows_MB: Tensor) -> Tensor:
        """Return B rows of every table as they are now, x_MBE, to be followed by `step`."""
        if not self._was_read_ahead(rows_MB):
            self._find(rows_MB, self._step)
        read = []
        for table in self._tables:
            table.batch, table.next = table.next, table.batch
            self._refresh(table, table.batch, table.touched, self._step)
            read.append(table.batch.fresh.w[table.batch.position])
        return torch.from_numpy(np.stack(read))

    def read_ahead(self, rows_MB: Tensor) -> None:
        """Begin, in another thread, to prepare the rows that will be read after the next `step`.

        This only saves time: no number changes.
        """
        self._was_read_ahead(None)
        self._grow_schedules()
        self._ahead = rows_MB, self._pool.submit(self._find, rows_MB, self._step + 1)

    def _find(self, rows_MB: Tensor, step: int) -> None:
        """Refresh the rows of a batch, but for those that the last one touches, to a step."""
        for rows, table in zip(rows_MB.contiguous().numpy(), self._tables, strict=True):
            table.next.find(rows)
            table.touched, others = table.batch.shared(table.next.rows)
            self._refresh(table, table.next, others, step)

    def _was_read_ahead(self, rows_MB: Tensor | None) -> bool:
        """Wait for what is being read ahead, and tell whether it is what is asked for."""
        if self._ahead is None:
            return False
        (rows, done), self._ahead = self._ahead, None
        done.result()
        return rows is rows_MB

    def step(self, grad_MBE: Tensor) -> None:
        """Take one step, with the gradient of the rows read last."""
        self._grow_schedules()
        for grad, table in zip(grad_MBE.contiguous().numpy(), self._tables, strict=True):
            batch = table.batch
            total = lazy_adam.add_up(grad, batch.position, len(batch.rows))
            self._in_parts(
                lazy_adam.touch, table, batch.rows, table.state, batch.fresh, total, self._step
            )
        self._step += 1

    def settle(self, rows_MB: Tensor | None = None) -> None:
        """Bring B rows of every table up to date in the tables themselves; without `rows_MB`, all.

        What was read before cannot be followed by `step` any more.
        """
        self._was_read_ahead(None)
        for m, table in enumerate(self._tables):
            if rows_MB is None:
                rows = np.arange(len(table.state.w), dtype=np.int32)
            else:
                table.batch.find(rows_MB[m].contiguous().numpy())
                rows = table.batch.rows
            order = row_order.by_age(rows, table.state.done, self._step)
            old = rows[order]
            self._in_parts(lazy_adam.replay, table, old, table.state, old, table.state, self._step)

    def state(self) -> Saved:
        """Return all but the tables themselves: moments, the last step of every row, not copies.

        And the rows of the last batch: which rows are refreshed together decides on jumps.
        """
        tables = [
            {**{name: torch.from_numpy(array) for name, array in table.moments()},
             "rows": table.batch.rows}
            for table in self._tables
        ]  # fmt: skip
        return {"step": self._step, "tables": tables}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        self._was_read_ahead(None)
        self._step = state["step"]
        while self._step + 1 >= self._known:
            self._grow_schedules()
        for table, loaded in zip(self._tables, state["tables"], strict=True):
            for name, array in table.moments():
                torch.from_numpy(array).copy_(loaded[name])
            table.batch.find(loaded["rows"])

    def _refresh(self, table: "_Table", batch: "_Batch", which: Rows, step: int) -> None:
        """Copy `which` of the rows of a batch out of the table, as they are at a step."""
        rows = batch.rows[which]
        order = row_order.by_age(rows, table.state.done, step)
        old, to = rows[order], which[order]
        self._in_parts(lazy_adam.replay, table, old, table.state, to, batch.fresh, step)

    def _grow_schedules(self) -> None:
        """Make sure that the step sizes of the next step are there, for every learning rate."""
        if self._step + 1 >= self._known:
            self._known = max(1024, 2 * self._known)
            real = self._tables[0].state.w.dtype
            for rate in {table.learning_rate for table in self._tables}:
                self._schedules[rate] = _schedule(self._known, rate).astype(real)

    def _in_parts(
        self, kernel: Callable[..., None], table: "_Table", rows: Rows, *args: Any
    ) -> None:
        """Run a kernel on torch's number of threads; no part touches another's rows."""
        parts = min(torch.get_num_threads(), 1 + len(rows) // ROWS_PER_THREAD)
        args = (rows, *args, self._schedules[table.learning_rate], table.rule)
        others = [self._pool.submit(kernel, part, parts, *args) for part in range(1, parts)]
        kernel(0, parts, *args)
        for other in others:
            other.result()


class _Table:
    """One table with its moments and rates, the batch read last and the one that is read ahead."""

    def __init__(self, w: Array, learning_rate: float, rule: Rule) -> None:
        self.learning_rate, self.rule = learning_rate, rule
        self.state = _state(w)
        self.batch, self.next = _Batch(w), _Batch(w)
        self.touched = np.empty(0, np.int32)  # rows of `next` that are also in `batch`

    def moments(self) -> tuple[tuple[str, Any], ...]:
        """Return by name what belongs to every row besides its weights."""
        return ("m", self.state.m), ("v", self.state.v), ("done", self.state.done)


class _Batch:
    """The distinct rows of a batch, and what they hold."""

    def __init__(self, w: Array) -> None:
        self.rows = self.position = np.empty(0, np.int32)
        self.fresh = _state(w[:0])
        self._slot = np.zeros(len(w), np.int32)

    def find(self, rows: Rows) -> None:
        """Note the distinct ones of `rows`, and where each of `rows` stands among them."""
        if len(rows) > len(self.fresh.w):
            w = self.fresh.w
            self.fresh = _state(np.empty((len(rows), w.shape[1]), w.dtype))
        distinct, self.position = np.empty_like(rows), np.empty_like(rows)
        self.rows = distinct[: row_order.distinct_rows(rows, self._slot, distinct, self.position)]

    def shared(self, rows: Rows) -> tuple[Rows, Rows]:
        """Return where the `rows` stand that this batch holds, and where the others do."""
        return row_order.shared_rows(rows, self._slot, self.rows, len(self.rows))


def _state(w: Array) -> State:
    return State(w, np.zeros_like(w), np.zeros_like(w), np.zeros(len(w), np.int32))


def _rule(real: Any, weight_decay: float, exact: bool) -> Rule:
    """Return the constants of the kernels, in the type `real` of a table."""
    return Rule(
        decay=real(weight_decay),
        keep_first=real(BETAS[0]),
        add_first=real(1 - BETAS[0]),
        keep_second=real(BETAS[1]),
        add_second=real(1 - BETAS[1]),
        eps=real(EPS),
        # A hundredth of what rounding does to a weight of one: no prediction can see it.
        vanished=real(np.finfo(real).eps / 100),
        exact=exact,
        fades=(BETAS[1] ** (2.0 ** np.arange(lazy_adam.DOUBLINGS + 1))).astype(real),
    )


def _schedule(steps: int, learning_rate: float) -> Array:
    """Return, per step, the learning rate and the scale of sqrt(v) with bias correction."""
    step = np.arange(1, steps + 1)
    rate = learning_rate / (1 - BETAS[0] ** step)
    return np.stack([rate, 1 / np.sqrt(1 - BETAS[1] ** step)], axis=1)
