"""torch-rechub: its `MMOE` and `MTLTrainer`, one step as `train_one_epoch` makes it for each batch.

What differs: the model has no layer before the experts, so each expert is 150 -> 64 -> 64 and the
gates read all 150 embeddings; batch normalisation follows every hidden and gate layer and cannot
be left out; L2 is Adam's `weight_decay`, the trainer's default way (its other way, a term of the
loss, makes further passes over the tables); the tasks' losses are averaged, not summed; table
gradients are dense.
"""

from collections.abc import Callable

import torch
from torch_rechub.basic.features import SparseFeature
from torch_rechub.models.multi_task import MMOE
from torch_rechub.trainers import MTLTrainer

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


def build(work: Work, *, per_field: bool) -> Callable[[int], float]:
    """Set up the library's MMoE; the result trains on one batch and returns the mean loss."""
    rows = work.field_rows if per_field else work.num_rows
    names = [f"f{i}" for i in range(FIELDS)]
    features = [
        SparseFeature(
            name, rows, EMBEDDING_DIM, shared_with=None if per_field or name == "f0" else "f0"
        )
        for name in names
    ]
    task_types = ["classification"] * TASKS
    trainer = MTLTrainer(
        MMOE(
            features,
            task_types,
            n_expert=EXPERTS,
            expert_params={"dims": [ROOT_DIM, EXPERT_DIM]},
            tower_params_list=[{"dims": []}] * TASKS,
        ),
        task_types,
        optimizer_params={"lr": LEARNING_RATE, "weight_decay": L2},
    )
    model = trainer.model.train()
    ids = work.field_ids if per_field else work.ids
    columns = {name: torch.from_numpy(ids[:, i].copy()) for i, name in enumerate(names)}
    labels = torch.from_numpy(work.labels)

    def train(step: int) -> float:
        batch = work.batch(step)
        predicted = model({name: column[batch] for name, column in columns.items()})
        losses = [
            criterion(predicted[:, task], labels[batch, task].float())
            for task, criterion in enumerate(trainer.loss_fns)
        ]
        loss = sum(losses) / TASKS + trainer.reg_loss_fn(model)
        model.zero_grad()
        loss.backward()
        trainer.optimizer.step()
        return float(loss.item())

    return train
