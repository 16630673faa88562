"""Encoders: from the inputs of a batch to what a sharing method reads.

The embedding tables are not here: they are updated row by row and live in `training.ensemble`. An
encoder says how wide their rows are, and makes inputs of the rows that were looked up.
Shapes: B batch, F fields, E embedding dimension, R readers, D input of a reader.
"""

from torch import Tensor, nn


class Encoder(nn.Module):
    """The inputs of one model: ids, whose embeddings stand side by side, or plain numbers.

    A reader has embeddings of its own. There is one for all tasks together, or one for each task.
    """

    def __init__(
        self, num_columns: int, embedding_dim: int | None = None, *, num_readers: int = 1
    ) -> None:
        """Read F ids of embeddings of width E, or, without a width, `num_columns` numbers."""
        super().__init__()
        self.num_readers = num_readers
        self.is_dense = embedding_dim is None
        self.output_dim = num_columns * (embedding_dim or 1)  # D
        self.row_dim = num_readers * (embedding_dim or 0)  # of an embedding table

    def forward(self, read_BN: Tensor) -> Tensor:
        """Return x_BD for one reader, else x_RBD; N = F * E * R, the elements of readers abreast.

        Plain numbers are passed on as they are.
        """
        if self.num_readers == 1:
            return read_BN
        return read_BN.reshape(len(read_BN), -1, self.num_readers).movedim(2, 0)
