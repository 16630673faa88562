"""Plain PyTorch: `nn.Embedding` with a dense gradient and `torch.optim.Adam` in its three forms.

The fourth form is the fused one behind a network that `torch.compile` compiles.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks import work as w
from benchmarks.work import Work


class MMoE(nn.Module):
    """The network of `benchmarks.work`, as one would write it by hand."""

    def __init__(self, num_rows: int, fields: int = w.FIELDS) -> None:
        """Draw the table N(0, 0.01) as ours is, the rest as torch does."""
        super().__init__()
        self.table = nn.Embedding(num_rows, w.EMBEDDING_DIM)
        nn.init.normal_(self.table.weight, std=0.01)
        self.root = nn.Linear(fields * w.EMBEDDING_DIM, w.ROOT_DIM)
        self.experts = nn.Linear(w.ROOT_DIM, w.EXPERTS * w.EXPERT_DIM)
        self.gates = nn.Linear(w.ROOT_DIM, w.TASKS * w.EXPERTS, bias=False)
        self.towers = nn.Linear(w.EXPERT_DIM, w.TASKS)

    def forward(self, ids_BF: Tensor) -> Tensor:
        """Return logit_BT."""
        root = self.root(self.table(ids_BF).flatten(1)).relu()
        h_BEH = self.experts(root).relu().unflatten(1, (w.EXPERTS, w.EXPERT_DIM))
        scores_BTE = self.gates(root).unflatten(1, (w.TASKS, w.EXPERTS)).softmax(-1)
        mixed_BTH = scores_BTE @ h_BEH
        return (mixed_BTH * self.towers.weight).sum(-1) + self.towers.bias


FORMS = {
    "default": {"foreach": False, "fused": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "compiled": {"fused": True},
}


def build(work: Work, *, form: str) -> Callable[[int], float]:
    """Return a training step; `form` is default, foreach, fused or compiled."""
    torch.manual_seed(0)
    model = MMoE(work.num_rows)
    adam = torch.optim.Adam(
        model.parameters(), lr=w.LEARNING_RATE, weight_decay=w.L2, **FORMS[form]
    )
    if form == "compiled":
        model.compile()
    ids, labels = torch.from_numpy(work.ids), torch.from_numpy(work.labels)
    bce = nn.functional.binary_cross_entropy_with_logits

    def train(step: int) -> float:
        rows = work.batch(step)
        loss = bce(model(ids[rows]), labels[rows], reduction="sum") / w.BATCH
        adam.zero_grad()
        loss.backward()
        adam.step()
        return float(loss.detach())

    return train
