"""The supernet of a search: an ensemble whose routes can be exchanged at every step.

Shapes: M members, B batch, T tasks, K blocks, R the largest number of local routes of a block.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from mtnas.config.options import TrainingOptions
from mtnas.methods.parts.sharing import RoutedSharing
from mtnas.routes.route import Route
from mtnas.search.architecture import Floats, Index
from mtnas.search.gate_bank import GateBank
from mtnas.search.rewards import check_outputs
from mtnas.tasks.kinds import BINARY
from mtnas.tasks.metrics import Kind
from mtnas.training.checkpoint import Saved
from mtnas.training.data import Examples
from mtnas.training.ensemble import Ensemble
from mtnas.training.optim import MemberAdam
from mtnas.training.selection import weighted
from mtnas.training.trainer import Trainer


class Supernet:
    """M supernets: an ensemble that gets other routes, with their gates, at every step."""

    def __init__(self, ensemble: Ensemble, examples: Examples, options: TrainingOptions) -> None:
        """Add optimisers and, for a method with gates, a gate bank; change `ensemble` in place."""
        self.ensemble, self.examples = ensemble, examples
        sharing = ensemble.template.routed
        self.bank = None if sharing.gate_name is None else GateBank(ensemble)
        self.buffers_of = _local_route_buffers(sharing)
        self._index_MK: Index | None = None
        self._scored: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None
        self.trainer = Trainer(ensemble, examples, options)
        assert isinstance(self.trainer.dense_optimizer, MemberAdam), "what a route leaves out rests"
        self._optimizer = self.trainer.dense_optimizer

    def take(self, index_MK: Index) -> None:
        """Switch to the networks N(u, w_u) of some routes, unless they are the present ones."""
        if self._index_MK is not None and np.array_equal(index_MK, self._index_MK):
            return
        self.route(index_MK)
        if self.bank is not None:
            self.bank.lend(torch.from_numpy(index_MK), self.ensemble, self._optimizer)
        self._index_MK = index_MK

    def route(self, index_MK: Index) -> None:
        """Change the routes of the ensemble, but not its gates."""
        blocks = np.arange(index_MK.shape[1])
        tables = self.buffers_of.items()
        self.ensemble.take({name: table_KR[blocks, index_MK] for name, table_KR in tables})

    def weight_step(self, batch_MB: torch.Tensor) -> torch.Tensor:
        """Take a weight step with the present routes; return the training loss, loss_M."""
        assert self._index_MK is not None, "take a route first"
        self._optimizer.set_active(self.ensemble.activity() or {})
        loss_M, self._scored = self.trainer.step(batch_MB), None
        if self.bank is not None:
            index_MK = torch.from_numpy(self._index_MK)
            self.bank.take_back(index_MK, self.ensemble, self._optimizer)
        return loss_M

    def state(self) -> Saved:
        """Return weights, gates and optimisers, without copying; after `load`, take a route."""
        bank = None if self.bank is None else self.bank.state()
        return {"trainer": self.trainer.state(), "bank": bank}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        self.trainer.load(state["trainer"])
        if self.bank is not None:
            self.bank.load(state["bank"])
        self._index_MK = None

    @torch.no_grad()
    def scores(self, batch_MB: torch.Tensor, kind: str) -> Floats:
        """Return the score of every task on a validation batch, score_MT, under the last routes.

        R_val is their sum. `kind` is `auc_sum`, the AUC of binary tasks and the negative loss of
        others, or `neg_loss`, the negative loss of all. A loss counts by the weight of its task, an
        AUC as it is. What is undefined for the labels of the batch is NaN: the AUC of one class,
        the loss of none.
        """
        x_MBD, y_MBT = self.validation(batch_MB)
        return self.judge(self.ensemble.logits(x_MBD), y_MBT, kind)

    def judge(self, out_MBO: torch.Tensor, y_MBT: torch.Tensor, kind: str) -> Floats:
        """Return the score of every task for given outputs, score_MT; `kind` as in `scores`.

        Raises:
            TrainingError: an output is not a finite number.
        """
        check_outputs(out_MBO)
        layout = self.examples.output_layout
        if kind == "auc_sum" and layout.uniform is BINARY:
            score_MT = BINARY.scores["auc"](out_MBO.transpose(1, 2), y_MBT.transpose(1, 2))
        else:
            loss_MT = layout.loss(out_MBO, y_MBT)
            score_MT = -weighted(loss_MT, self.ensemble, self.examples.task_weights)
            parts = zip(layout.kinds, layout.parts(out_MBO), strict=True)
            for t, (of_task, out_MB) in enumerate(parts):
                if kind == "auc_sum" and of_task == "binary":
                    score_MT[:, t] = BINARY.scores["auc"](out_MB, y_MBT[..., t])
        return np.asarray(score_MT.cpu().numpy())

    def guesses(self, kind: str) -> Floats:
        """Return what a guess scores in every task, [T]; `kind` as in `scores`."""
        layout = self.examples.output_layout
        weights = self.examples.task_weights or (1.0,) * len(layout.kinds)
        tasks = zip(layout.kinds, layout.widths, weights, strict=True)
        return np.array(
            [
                0.5 if kind == "auc_sum" and of_task == "binary"
                else -_guess_loss(of_task, width) * weight
                for of_task, width, weight in tasks
            ]
        )  # fmt: skip

    @torch.no_grad()
    def validation(self, batch_MB: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return x_MBD and y_MBT of a validation batch; they are the same for every route."""
        if self._scored is None or self._scored[0] is not batch_MB:
            inputs = self.examples.inputs
            self.trainer.table_optimizer.settle(self.trainer.rows(batch_MB))
            y_MBT = self.examples.targets_of(self.ensemble, batch_MB)
            self._scored = batch_MB, self.ensemble.encoded(inputs, batch_MB), y_MBT
        return self._scored[1:]


def _guess_loss(kind: Kind, width: int) -> float:
    """Return the loss of the mean of standardised labels, or of equal probabilities."""
    if kind in ("regression", "drawn"):
        return 1.0
    return float(np.log(2 if kind == "binary" else width))


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
