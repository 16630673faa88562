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


class AdaTT(nn.Module):
    """The layout of AdaTT (Li et al., KDD 2023), as large as `MMoE`: our own code.

    In each of two levels a task has experts of its own; it reads the experts of all tasks by its
    gate and, besides, a linear combination of its own ones, which no gate can close.
    """

    LEVELS = (w.ROOT_DIM, 40, 40)  # 4 (64 x 40 + 40 x 40) weights of experts, of MMoE 4 x 64 x 64

    def __init__(self, num_rows: int, fields: int = w.FIELDS) -> None:
        """Draw as `MMoE` does."""
        super().__init__()
        self.table = nn.Embedding(num_rows, w.EMBEDDING_DIM)
        nn.init.normal_(self.table.weight, std=0.01)
        self.root = nn.Linear(fields * w.EMBEDDING_DIM, w.ROOT_DIM)
        sizes = zip(self.LEVELS[:-1], self.LEVELS[1:], strict=True)
        self.levels = nn.ModuleList(_Fusion(*pair) for pair in sizes)
        self.towers = nn.Linear(self.LEVELS[-1], w.TASKS)

    def forward(self, ids_BF: Tensor) -> Tensor:
        """Return logit_BT."""
        root_BI = self.root(self.table(ids_BF).flatten(1)).relu()
        x_TBI = root_BI.expand(w.TASKS, *root_BI.shape)
        for level in self.levels:
            x_TBI = level(x_TBI)
        return (x_TBI.transpose(0, 1) * self.towers.weight).sum(-1) + self.towers.bias


class _Fusion(nn.Module):
    """A level: experts of every task, read by all tasks, with a residual of a task's own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        own, bound = w.EXPERTS // w.TASKS, inputs**-0.5
        self.experts_TIO = _drawn(bound, w.TASKS, inputs, own * outputs)
        self.bias_T1O = _drawn(bound, w.TASKS, 1, own * outputs)
        self.gates_TIE = _drawn(bound, w.TASKS, inputs, w.EXPERTS)
        self.own_T1N = nn.Parameter(torch.full((w.TASKS, 1, own), 1 / own))

    def forward(self, x_TBI: Tensor) -> Tensor:
        h_TBO = torch.baddbmm(self.bias_T1O, x_TBI, self.experts_TIO).relu()
        h_TBNO = h_TBO.unflatten(-1, (self.own_T1N.shape[-1], -1))
        all_BEO = h_TBNO.transpose(0, 1).flatten(1, 2)
        scores_TBE = (x_TBI @ self.gates_TIE).softmax(-1)
        fused_BTO = scores_TBE.transpose(0, 1) @ all_BEO
        return fused_BTO.transpose(0, 1) + (self.own_T1N.unsqueeze(-1) * h_TBNO).sum(2)


def _drawn(bound: float, *shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))


NETWORKS: dict[str, type[nn.Module]] = {"mmoe": MMoE, "adatt": AdaTT}
FORMS = {
    "default": {"foreach": False, "fused": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "compiled": {"fused": True},
}


def build(work: Work, *, form: str, network: str = "mmoe") -> Callable[[int], float]:
    """Return a training step; `form` is default, foreach, fused or compiled."""
    torch.manual_seed(0)
    model = NETWORKS[network](work.num_rows)
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
