"""deepctr-torch: its `MMOE`, one step as `BaseModel.fit` makes it for each batch.

What differs: the model has no layer before the experts, so each expert is 150 -> 64 -> 64 and the
gates read all 150 embeddings (more arithmetic than one shared 150 -> 64 layer); there L2 is
l2 * |w|^2 (no 1/2, biases left out), added to the loss over the whole of every table, and the loss
is summed over the batch, not averaged; ids travel as float32; table gradients are dense.
"""

from collections.abc import Callable

import torch
from deepctr_torch.inputs import SparseFeat
from deepctr_torch.models.multitask import MMOE

from benchmarks.work import (
    EMBEDDING_DIM,
    EXPERT_DIM,
    EXPERTS,
    FIELDS,
    L2,
    LEARNING_RATE,
    ROOT_DIM,
    TASKS,
    Work,
)

# Importing the package starts a thread that asks PyPI for a newer version; it ends by itself.


def build(work: Work, *, per_field: bool) -> Callable[[int], float]:
    """Set up the library's MMoE; the result trains on one batch and returns the summed loss."""
    rows = work.field_rows if per_field else work.num_rows
    model = MMOE(
        [
            SparseFeat(f"f{i}", rows, EMBEDDING_DIM, embedding_name=f"f{i}" if per_field else "all")
            for i in range(FIELDS)
        ],
        num_experts=EXPERTS,
        expert_dnn_hidden_units=(ROOT_DIM, EXPERT_DIM),
        gate_dnn_hidden_units=(),
        tower_dnn_hidden_units=(),
        l2_reg_embedding=L2,
        l2_reg_dnn=L2,
        init_std=0.01,  # at its default, 1e-4, three layers pass on nothing for hundreds of steps
        task_types=["binary"] * TASKS,
        task_names=[f"task{i}" for i in range(TASKS)],
    )
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    model.compile(adam, loss=["binary_crossentropy"] * TASKS)
    model.train()
    ids = torch.from_numpy(work.field_ids if per_field else work.ids)
    labels = torch.from_numpy(work.labels)

    def train(step: int) -> float:
        batch = work.batch(step)
        x, y = ids[batch].float(), labels[batch].float()
        predicted = model(x)
        model.optim.zero_grad()
        loss = sum(
            criterion(predicted[:, task], y[:, task], reduction="sum")
            for task, criterion in enumerate(model.loss_func)
        )
        total = loss + model.get_regularization_loss() + model.aux_loss
        total.backward()
        model.optim.step()
        return float(total.item())

    return train
