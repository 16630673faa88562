"""Embeddings that begin as given vectors (`data.prepare.initial`)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.runtime.errors import ConfigError


def check_width(initial: NDArray[np.float32] | None, embedding_dim: int, dataset: str) -> None:
    """Refuse embeddings of another width than the vectors [rows, W] that they begin as."""
    if initial is not None and initial.shape[1] != embedding_dim:
        raise ConfigError(
            f"training.embedding_dim: {embedding_dim}, but the embeddings of dataset {dataset!r} "
            f"begin as vectors of width {initial.shape[1]}; set it to that, for this dataset in "
            f"dataset_options.{dataset}.training"
        )


def begin_as_given(table_MNE: Tensor, initial: NDArray[np.float32]) -> None:
    """Put given vectors [rows, W] in the place of drawn embeddings, alike in all members.

    A row of NaN stays as it was drawn. Where every task reads a table of its own, its elements lie
    abreast of those of the others (`methods.parts.encoder`), and all tables begin alike.
    """
    rows = np.flatnonzero(~np.isnan(initial).any(axis=1))
    readers = table_MNE.shape[-1] // initial.shape[1]
    vectors = torch.from_numpy(np.repeat(initial[rows], readers, axis=1)).to(table_MNE)
    table_MNE[:, torch.from_numpy(rows).to(table_MNE.device)] = vectors
