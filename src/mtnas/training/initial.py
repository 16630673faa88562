"""Embeddings that begin as given vectors (`data.prepare.initial`)."""

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.config.options import TrainingOptions
from mtnas.runtime.errors import ConfigError

log = logging.getLogger(__name__)


def check_initial(
    initial: NDArray[np.float32] | None, training: TrainingOptions, dataset: str
) -> None:
    """Refuse embeddings of another width than the vectors [rows, W] that they begin as, and warn
    of a weight decay that wipes these out.

    It is part of the gradient that Adam scales to steps of the learning rate, so a value that no
    label moves shrinks by about that in every step, however small the weight decay.
    """
    if initial is None:
        return
    where = f"dataset_options.{dataset}.training"
    if initial.shape[1] != training.embedding_dim:
        raise ConfigError(
            f"training.embedding_dim: {training.embedding_dim}, but the embeddings of dataset "
            f"{dataset!r} begin as vectors of width {initial.shape[1]}; set it to that, for this "
            f"dataset in {where}"
        )
    if training.weight_decay > 0:
        log.warning(
            "training.weight_decay: %g takes the vectors that the embeddings of dataset %r begin "
            "as to 0, by about the learning rate in each step; to keep them, set it to 0 in %s",
            *(training.weight_decay, dataset, where),
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
