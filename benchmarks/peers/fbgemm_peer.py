"""FBGEMM: its table-batched embedding, updated within the backward pass, and plain torch above.

Other mathematics: Adagrad (on a CPU it has no Adam), and only the rows of a batch are updated and
decay, so that a row which is not read keeps its value; the paper's weight decay acts on all.
"""

from collections.abc import Callable

import torch
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from fbgemm_gpu.split_table_batched_embeddings_ops_common import EmbeddingLocation, PoolingMode
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    ComputeDevice,
    SplitTableBatchedEmbeddingBagsCodegen,
)
from torch import Tensor, nn

from benchmarks import torch_dense
from benchmarks.work import BATCH, EMBEDDING_DIM, FIELDS, L2, LEARNING_RATE, Work

WIDTH = -(-EMBEDDING_DIM // 4) * 4  # the library wants a multiple of four; the rest is left unread


def build(work: Work) -> Callable[[int], float]:
    """Set up the library's table; the result trains on one batch and returns the summed loss."""
    torch.manual_seed(0)
    table = SplitTableBatchedEmbeddingBagsCodegen(
        [(work.num_rows, WIDTH, EmbeddingLocation.HOST, ComputeDevice.CPU)],
        optimizer=EmbOptimType.EXACT_ADAGRAD,
        learning_rate=LEARNING_RATE,
        weight_decay=L2,
        pooling_mode=PoolingMode.SUM,
    )
    table.init_embedding_weights_uniform(-0.017, 0.017)  # as wide as N(0, 0.01)
    network = torch_dense.MMoE(1)
    network.table = nn.Identity()  # type: ignore[assignment]
    adam = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, weight_decay=L2, fused=True)
    ids, labels = torch.from_numpy(work.ids), torch.from_numpy(work.labels)
    offsets = torch.arange(BATCH * FIELDS + 1)  # every id is a bag of its own
    bce = nn.functional.binary_cross_entropy_with_logits

    def looked_up(ids_BF: Tensor) -> Tensor:
        rows: Tensor = table(ids_BF.flatten(), offsets)
        return rows.view(*ids_BF.shape, WIDTH)[..., :EMBEDDING_DIM]

    def train(step: int) -> float:
        rows = work.batch(step)
        loss = bce(network(looked_up(ids[rows])), labels[rows], reduction="sum") / BATCH
        adam.zero_grad()
        loss.backward()
        adam.step()
        return float(loss.detach())

    return train
