"""The supernet of a search: one ensemble that becomes the network of whichever routes are sampled.

Shapes: M members, B batch, T tasks, K blocks, R the largest number of local routes of a block.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mtnas.config.options import TrainingOptions
from mtnas.methods.parts.sharing import RoutedSharing
from mtnas.routes.route import Route
from mtnas.search.architecture import Floats, Index
from mtnas.search.gate_bank import GateBank
from mtnas.tasks.scores import auc
from mtnas.training.data import Examples
from mtnas.training.ensemble import Ensemble
from mtnas.training.trainer import Trainer


class Supernet:
    """M supernets: an ensemble that gets a new route, and its gates, whenever one is sampled."""

    def __init__(self, ensemble: Ensemble, examples: Examples, options: TrainingOptions) -> None:
        """Build gate banks (of a method with gates) and optimisers; change `ensemble` in place."""
        self.ensemble, self.examples = ensemble, examples
        sharing = ensemble.template.routed
        self.bank = None if sharing.gate_name is None else GateBank(ensemble)
        self.buffers_of = _local_route_buffers(sharing)
        self._index_MK: Index | None = None
        self._scored: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None
        self.trainer = Trainer(ensemble, examples, options)

    def take(self, index_MK: Index) -> None:
        """Become the network of the sampled routes N(u, w_u); nothing to do if it is already."""
        if self._index_MK is not None and np.array_equal(index_MK, self._index_MK):
            return
        self.route(index_MK)
        if self.bank is not None:
            optimizer = self.trainer.dense_optimizer
            self.bank.lend(torch.from_numpy(index_MK), self.ensemble, optimizer)
        self._index_MK = index_MK

    def route(self, index_MK: Index) -> None:
        """Change the routes of the ensemble, and nothing else."""
        blocks = np.arange(index_MK.shape[1])
        tables = self.buffers_of.items()
        self.ensemble.take({name: table_KR[blocks, index_MK] for name, table_KR in tables})

    def weight_step(self, batch_MB: torch.Tensor) -> torch.Tensor:
        """Descend the training loss of the network taken last; return loss_M."""
        assert self._index_MK is not None, "take a route first"
        self.trainer.dense_optimizer.set_active(self.ensemble.activity() or {})
        loss_M, self._scored = self.trainer.step(batch_MB), None
        if self.bank is not None:
            self.bank.take_back(
                torch.from_numpy(self._index_MK), self.ensemble, self.trainer.dense_optimizer
            )
        return loss_M

    def state(self) -> dict[str, Any]:
        """Return weights, gates and optimisers, not copies; what comes next takes a route first."""
        bank = None if self.bank is None else self.bank.state()
        return {"trainer": self.trainer.state(), "bank": bank}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        self.trainer.load(state["trainer"])
        if self.bank is not None:
            self.bank.load(state["bank"])
        self._index_MK = None

    @torch.no_grad()
    def scores(self, batch_MB: torch.Tensor, kind: str) -> Floats:
        """Return the score of every task on a validation batch, score_MT, under the last routes.

        R_val is their sum. `kind` is `auc_sum` for AUCs or `neg_loss` for negative losses. The AUC
        of a task of which the batch has one class only is NaN.
        """
        x_MBD, y_MTB = self.validation(batch_MB)
        return self.judge(self.ensemble.logits(x_MBD).transpose(1, 2), y_MTB, kind)

    def judge(self, logit_MTB: torch.Tensor, y_MTB: torch.Tensor, kind: str) -> Floats:
        """Return the score of every task for given outputs, score_MT; `kind` as in `scores`."""
        loss = kind == "neg_loss"
        score_MT = -self.examples.kind.loss(logit_MTB, y_MTB) if loss else auc(logit_MTB, y_MTB)
        return np.asarray(score_MT.cpu().numpy())

    @torch.no_grad()
    def validation(self, batch_MB: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return x_MBD and y_MTB of a validation batch; they are the same for every route."""
        if self._scored is None or self._scored[0] is not batch_MB:
            inputs = self.examples.inputs
            self.trainer.table_optimizer.settle(inputs.ids[batch_MB].flatten(1))
            y_MBT = self.examples.labels_of(self.ensemble.tasks_MT, batch_MB)
            x_MBD = self.ensemble.read(inputs, batch_MB)
            self._scored = batch_MB, x_MBD, y_MBT.transpose(1, 2)
        return self._scored[1:]


def _local_route_buffers(sharing: RoutedSharing) -> dict[str, NDArray[np.bool_]]:
    """Tabulate every local route of every block as buffers of the method, [K, R, ...]."""
    space = sharing.space
    sizes = [space.num_local_routes(block) for block in space.blocks]
    columns = []
    for r in range(max(sizes)):
        chosen = [
            space.local_route(block, min(r, size - 1))
            for block, size in zip(space.blocks, sizes, strict=True)
        ]
        columns.append(sharing.route_buffers(Route(space, tuple(chosen))))
    return {name: np.stack([column[name] for column in columns], axis=1) for name in columns[0]}
