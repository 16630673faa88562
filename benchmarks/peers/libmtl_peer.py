"""LibMTL: its `MMoE`, equal weighting and `Trainer`, one step as `Trainer.train` makes it.

The library has neither embeddings nor a layer before the experts, and its MMoE feeds experts and
gates one dense input; a subclass therefore applies plain torch embeddings and the 150 -> 64 layer
first, which gives exactly the specified shape. What differs: L2 is Adam's `weight_decay` (the
library's way), the metrics that `train` updates are left out, and table gradients are dense.
"""

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from types import ModuleType
from typing import Any

import torch
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

# LibMTL 1.1.5 imports its image models, which need `torchvision.models.utils`, a module that
# torchvision no longer has. None of them is used here, so an empty module stands in for them.
sys.modules.setdefault("LibMTL.model", ModuleType("LibMTL.model"))

from LibMTL import Trainer  # noqa: E402
from LibMTL.architecture import MMoE  # noqa: E402
from LibMTL.loss import AbsLoss  # noqa: E402
from LibMTL.weighting import EW  # noqa: E402

NAMES = [f"task{i}" for i in range(TASKS)]


class _Loss(AbsLoss):
    def compute_loss(self, pred: Tensor, gt: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(pred.squeeze(-1), gt)


class _EmbeddedMMoE(MMoE):
    def __init__(self, *args: Any, tables: int, rows: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tables = nn.ModuleList(nn.Embedding(rows, EMBEDDING_DIM) for _ in range(tables))
        self.root = nn.Sequential(nn.Linear(FIELDS * EMBEDDING_DIM, ROOT_DIM), nn.ReLU())

    def forward(self, inputs: Tensor, task_name: str | None = None) -> dict[str, Tensor]:
        parts = inputs.chunk(len(self.tables), dim=1)
        embedded = [table(ids).flatten(1) for table, ids in zip(self.tables, parts, strict=True)]
        return super().forward(self.root(torch.cat(embedded, dim=1)), task_name)


class _CpuTrainer(Trainer):
    def _prepare_model(self, *args: Any) -> None:
        self.device = torch.device("cpu")  # `Trainer.__init__` knows of "cuda:0" only
        super()._prepare_model(*args)


def build(work: Work, *, per_field: bool) -> Callable[[int], float]:
    """Set up the library's MMoE; the result trains on one batch and returns the summed losses."""
    tables, rows = (FIELDS, work.field_rows) if per_field else (1, work.num_rows)
    shape = {"img_size": [ROOT_DIM], "num_experts": [EXPERTS], "tables": tables, "rows": rows}
    task = {"metrics": [], "metrics_fn": None, "weight": []}
    with redirect_stdout(StringIO()):  # parameter counts and a header
        trainer = _CpuTrainer(
            {name: {**task, "loss_fn": _Loss()} for name in NAMES},
            EW,
            _EmbeddedMMoE,
            lambda: nn.Sequential(nn.Linear(ROOT_DIM, EXPERT_DIM), nn.ReLU()),
            nn.ModuleDict({name: nn.Linear(EXPERT_DIM, 1) for name in NAMES}),
            rep_grad=False,
            multi_input=False,
            optim_param={"optim": "adam", "lr": LEARNING_RATE, "weight_decay": L2},
            scheduler_param=None,
            weight_args={},
            arch_args=shape,
        )
    trainer.model.train()
    ids = torch.from_numpy(work.field_ids if per_field else work.ids)
    labels = torch.from_numpy(work.labels)

    def train(step: int) -> float:
        batch = work.batch(step)
        targets = {name: labels[batch, i] for i, name in enumerate(NAMES)}
        losses = trainer._compute_loss(trainer.process_preds(trainer.model(ids[batch])), targets)
        trainer.optimizer.zero_grad()
        trainer.model.backward(losses, **trainer.kwargs["weight_args"])
        trainer.optimizer.step()
        return float(losses.sum().item())

    return train
