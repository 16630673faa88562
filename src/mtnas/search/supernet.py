"""The supernet of a search: one ensemble that becomes the network of whichever routes are sampled.

Shapes: M members, B batch, T tasks, K blocks.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mtnas.config.options import TrainingOptions
from mtnas.methods.mtnas import activity
from mtnas.routes.space import SearchSpace
from mtnas.search.architecture import Architecture, Floats, Index
from mtnas.search.gate_bank import GateBank
from mtnas.tasks.scores import auc
from mtnas.training.data import Examples
from mtnas.training.ensemble import Ensemble
from mtnas.training.trainer import Trainer


class Supernet:
    """M supernets: an ensemble that gets a new route, and its gates, whenever one is sampled."""

    def __init__(
        self, ensemble: Ensemble, examples: Examples, space: SearchSpace, options: TrainingOptions
    ) -> None:
        """Build gate banks (none with mean pooling) and optimisers; change `ensemble` in place."""
        self.ensemble, self.examples, self.space = ensemble, examples, space
        self.bank = GateBank(ensemble, space) if space.pooling == "gate" else None
        self._index_MK: Index | None = None
        self._scored: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None
        self._values = ensemble.buffers["sharing.values_KW"].cpu().numpy()
        self._query = ensemble.buffers["sharing.query_KC"].cpu().numpy()
        self.trainer = Trainer(ensemble, examples, options, self.activity())

    def activity(self) -> dict[str, torch.Tensor]:
        """Return which slices of the parameters take part in the routes taken last."""
        active = activity(self.space, self._values, self._query)
        return {f"sharing.{name}": torch.from_numpy(mask) for name, mask in active.items()}

    def take(self, index_MK: Index, architecture: Architecture) -> None:
        """Become the network of the sampled routes N(u, w_u); nothing to do if it is already."""
        if self._index_MK is not None and np.array_equal(index_MK, self._index_MK):
            return
        self.route(index_MK, architecture)
        if self.bank is not None:
            self.bank.lend(torch.from_numpy(index_MK), self.ensemble, self.trainer.dense_optimizer)
        self._index_MK = index_MK

    def route(self, index_MK: Index, architecture: Architecture) -> None:
        """Change the routes of the ensemble, and nothing else."""
        self._values, self._query = architecture.buffers(index_MK)
        device = self.ensemble.device
        self.ensemble.buffers["sharing.values_KW"] = torch.from_numpy(self._values).to(device)
        self.ensemble.buffers["sharing.query_KC"] = torch.from_numpy(self._query).to(device)

    def weight_step(self, batch_MB: torch.Tensor) -> torch.Tensor:
        """Descend the training loss of the network taken last; return loss_M."""
        assert self._index_MK is not None, "take a route first"
        self.trainer.dense_optimizer.set_active(self.activity())
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
        """Return what R_val adds up, score_MT, of the network taken last on a validation batch.

        `kind` is `auc_sum` or `neg_loss`. The AUC of a task with one class only is NaN.
        """
        x_MBD, y_MTB = self.validation(batch_MB)
        return self.judge(self.ensemble.logits(x_MBD).transpose(1, 2), y_MTB, kind)

    def judge(self, logit_MTB: torch.Tensor, y_MTB: torch.Tensor, kind: str) -> Floats:
        """Return what R_val adds up for given outputs, score_MT; `kind` as in `scores`."""
        loss = kind == "neg_loss"
        score_MT = -self.examples.kind.loss(logit_MTB, y_MTB) if loss else auc(logit_MTB, y_MTB)
        return np.asarray(score_MT.cpu().numpy())

    @torch.no_grad()
    def validation(self, batch_MB: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return x_MBD and y_MTB of a validation batch; they are the same for every route."""
        if self._scored is None or self._scored[0] is not batch_MB:
            inputs_MBF = self.examples.inputs[batch_MB]
            self.trainer.table_optimizer.settle(inputs_MBF.flatten(1))
            y_MBT = self.examples.labels_of(self.ensemble.tasks_MT, batch_MB)
            self._scored = batch_MB, self.ensemble.embed(inputs_MBF), y_MBT.transpose(1, 2)
        return self._scored[1:]
