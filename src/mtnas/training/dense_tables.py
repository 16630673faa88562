"""Embedding tables that are updated whole at every step, or not at all.

Shapes: M members, N rows of a table, E embedding dimension, B rows read.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mtnas.training.checkpoint import Saved
from mtnas.training.optim import FusedAdam


class DenseTableAdam(FusedAdam):
    """Adam over whole embedding tables; better where memory is fast or tables are small."""

    reads_ahead = False  # reading is cheap here

    def __init__(
        self,
        table_MNE: Tensor,
        *,
        learning_rate: float | Sequence[float],
        weight_decay: float | Sequence[float],
    ) -> None:
        """Keep a reference to the tables, which are updated in place; rates may be per table."""
        super().__init__(table_MNE, learning_rate=learning_rate, weight_decay=weight_decay)
        members, num_rows, _ = table_MNE.shape
        self._first_M1 = torch.arange(members, device=table_MNE.device).unsqueeze(1) * num_rows
        self._table_RE, self._flat_grad = table_MNE.flatten(0, 1), self.grad_M.flatten()
        self._element_E = torch.arange(table_MNE.shape[2], device=table_MNE.device)
        self._read = self._first_M1

    def read(self, rows_MB: Tensor) -> Tensor:
        """Return B rows of every table, x_MBE, to be followed by `step`."""
        self._read = (rows_MB + self._first_M1).flatten()
        return self._table_RE.index_select(0, self._read).view(*rows_MB.shape, -1)

    def read_ahead(self, rows_MB: Tensor) -> None:
        """Do nothing."""

    @torch.no_grad()
    def step(self, grad_MBE: Tensor) -> None:
        """Take one step, with the gradient of the rows read last."""
        # Element by element: torch is several times slower at adding rows.
        elements = self._read.unsqueeze(1) * len(self._element_E) + self._element_E
        self._flat_grad.scatter_add_(0, elements.flatten(), grad_MBE.flatten())
        self._step()
        self.grad_M.zero_()

    def settle(self, rows_MB: Tensor | None = None) -> None:
        """Do nothing: every row is always up to date."""


class NoTable:
    """What stands in for an embedding table where there are no ids: nothing to look up or learn."""

    reads_ahead = False

    def __init__(self, dtype: torch.dtype) -> None:
        """Read in the precision of the network."""
        self._dtype = dtype

    def read(self, rows_MB: Tensor) -> Tensor:
        """Return no rows, x_MBE of size 0."""
        return rows_MB.new_empty(len(rows_MB), 0, 0, dtype=self._dtype)

    def read_ahead(self, rows_MB: Tensor) -> None:
        """Do nothing."""

    def step(self, grad_MBE: Tensor) -> None:
        """Do nothing."""

    def settle(self, rows_MB: Tensor | None = None) -> None:
        """Do nothing."""

    def state(self) -> Saved:
        """Return nothing."""
        return {}

    def load(self, state: Saved) -> None:
        """Do nothing."""


class FixedTable(NoTable):
    """What stands in for the optimiser of embedding tables that are read but not trained."""

    def __init__(self, table_MNE: Tensor) -> None:
        """Keep a reference to the tables."""
        super().__init__(table_MNE.dtype)
        self._table = table_MNE

    def read(self, rows_MB: Tensor) -> Tensor:
        """Return B rows of every table, x_MBE."""
        pairs = zip(self._table, rows_MB.long(), strict=True)
        return torch.stack([table.index_select(0, rows) for table, rows in pairs])
