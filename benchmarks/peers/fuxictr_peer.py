"""FuxiCTR: an MMoE of its layers on its `MultiTaskModel`, one step being its own `train_step`.

The package holds the parts but no MMoE (that is in its repository's model zoo), so the model is put
together here from `FeatureEmbedding` and `MLP_Block`, in exactly the specified shape. What differs:
L2 is l2 / 2 * |w|^2, added to the loss over the whole of every table; `train_step` also clips the
norm of all gradients (at 10, the default of `fit`); table gradients are dense.
"""

from collections.abc import Callable
from tempfile import gettempdir

import torch
from fuxictr.features import FeatureMap
from fuxictr.pytorch.layers import FeatureEmbedding, MLP_Block
from fuxictr.pytorch.models import MultiTaskModel
from torch import Tensor, nn

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

NAMES = [f"f{i}" for i in range(FIELDS)]
LABELS = [f"task{i}" for i in range(TASKS)]


class _MMoE(MultiTaskModel):
    def __init__(self, feature_map: FeatureMap) -> None:
        super().__init__(
            feature_map,
            task=["binary_classification"] * TASKS,
            num_tasks=TASKS,
            embedding_regularizer=L2,
            net_regularizer=L2,
            verbose=0,
            model_root=gettempdir(),  # only a name: nothing is saved
            metrics=["AUC"],
        )
        self.embedding = FeatureEmbedding(feature_map, EMBEDDING_DIM)
        self.root = MLP_Block(FIELDS * EMBEDDING_DIM, [ROOT_DIM])
        self.experts = nn.ModuleList(MLP_Block(ROOT_DIM, [EXPERT_DIM]) for _ in range(EXPERTS))
        self.gates = nn.ModuleList(
            MLP_Block(ROOT_DIM, output_dim=EXPERTS, output_activation="softmax") for _ in LABELS
        )
        self.towers = nn.ModuleList(MLP_Block(EXPERT_DIM, output_dim=1) for _ in LABELS)
        self.compile("adam", "binary_crossentropy", LEARNING_RATE)
        self.reset_parameters()
        self.model_to_device()
        self._max_gradient_norm = 10.0

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        root_BR = self.root(self.embedding(self.get_inputs(inputs), flatten_emb=True))
        experts_BED = torch.stack([expert(root_BR) for expert in self.experts], dim=1)
        predictions = {}
        for i, label in enumerate(LABELS):
            mixed_BD = (self.gates[i](root_BR)[:, None] @ experts_BED).squeeze(1)
            predictions[f"{label}_pred"] = self.output_activation[i](self.towers[i](mixed_BD))
        return predictions


def build(work: Work, *, per_field: bool) -> Callable[[int], float]:
    """Set up the model; the result trains on one batch and returns the summed loss of the tasks."""
    feature_map = FeatureMap("benchmark", gettempdir())
    feature_map.labels = LABELS
    for name in NAMES:
        spec = {"type": "categorical", "source": ""}
        spec["vocab_size"] = work.field_rows if per_field else work.num_rows
        if not per_field and name != NAMES[0]:
            spec["share_embedding"] = NAMES[0]
        feature_map.features[name] = spec
    feature_map.num_fields = feature_map.get_num_fields()
    model = _MMoE(feature_map).train()
    ids = work.field_ids if per_field else work.ids
    columns = {name: torch.from_numpy(ids[:, i].copy()) for i, name in enumerate(NAMES)}
    columns |= {name: torch.from_numpy(work.labels[:, i].copy()) for i, name in enumerate(LABELS)}

    def train(step: int) -> float:
        batch = work.batch(step)
        return float(model.train_step({k: column[batch] for k, column in columns.items()}).item())

    return train
