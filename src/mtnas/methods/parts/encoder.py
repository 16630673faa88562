"""Encoders: from the inputs of a batch to what a sharing method reads.

The embedding tables are not here: they are updated row by row and live in `training.ensemble`. An
encoder says how wide their rows are, and makes inputs of the rows that were looked up and of all
that is read without an embedding.
Shapes: B batch, C columns of ids, E embedding dimension, R readers, F embedded fields, P what is
read without an embedding, D = F * E + P input of a reader.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtnas.data.prepare.manifest import InputLayout


class Encoder(nn.Module):
    """The inputs of one model, side by side: embeddings, then numbers, then features.

    A bag is embedded as the mean of its entries. Beside numbers and features that may be missing
    stands a column that says where. A reader has embeddings of its own; all else is the same for
    all. There is one reader for all tasks together, or one for each task.
    """

    def __init__(
        self, layout: InputLayout, embedding_dim: int = 0, *, num_readers: int = 1
    ) -> None:
        """Read inputs of this layout, ids by embeddings of width E."""
        super().__init__()
        self.layout, self.num_readers = layout, num_readers
        self.plain_dim = sum(1 + number.has_missing for number in layout.numbers)  # P
        self.plain_dim += sum(block.width + block.has_missing for block in layout.features)
        self.output_dim = layout.num_embedded * embedding_dim + self.plain_dim  # D
        has_table = layout.num_embedded > 0
        self.row_dim = num_readers * embedding_dim if has_table else 0  # of an embedding table

    @classmethod
    def of_numbers(cls, dim: int) -> "Encoder":
        """Return the encoder of D = `dim` numbers that are read as they are."""
        return cls(InputLayout.of_numbers(f"x{i}" for i in range(dim)))

    def joined(self, rows: Tensor, ids: Tensor, plain: Sequence[Tensor], *, padding: int) -> Tensor:
        """Return what `forward` reads, [..., N], the elements of readers abreast.

        Args:
            rows: rows of the table that were looked up, [..., C, E * R].
            ids: where they stand in it, [..., C]; `padding` fills up a bag.
            plain: what is read without an embedding, [..., P] in parts.
        """
        layout = self.layout
        embedded = rows[..., : layout.singles, :].flatten(-2) if layout.bags else rows.flatten(-2)
        parts, first = [embedded], layout.singles
        for bag in layout.bags:
            columns = slice(first, first + bag.length)
            first += bag.length
            parts.append(_mean(rows[..., columns, :], ids[..., columns] != padding))
        parts += plain
        return parts[0] if len(parts) == 1 else torch.cat(parts, -1)

    def forward(self, read_BN: Tensor) -> Tensor:
        """Return x_BD for one reader, else x_RBD; N = F * E * R + P."""
        if self.num_readers == 1:
            return read_BN
        width = read_BN.shape[-1] - self.plain_dim
        x_RBD = read_BN[:, :width].reshape(read_BN.shape[0], -1, self.num_readers).movedim(2, 0)
        if self.plain_dim == 0:
            return x_RBD
        plain_BP = read_BN[:, width:]
        return torch.cat([x_RBD, plain_BP.expand(self.num_readers, *plain_BP.shape)], -1)


def _mean(rows: Tensor, is_entry: Tensor) -> Tensor:
    """Return the mean [..., E * R] of the rows [..., L, E * R] that are entries of a bag.

    The others weigh exactly 0, so they get no gradient. A bag without an entry is 0.
    """
    weight = is_entry.unsqueeze(-1).to(rows.dtype)
    return (rows * weight).sum(-2) / weight.sum(-2).clamp(min=1)
