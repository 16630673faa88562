"""What multiplies the losses of tasks in training, beside the weights that are declared.

Nothing, a number for every task of a member that is known before (`Member.loss_weights`), a number
that is learned, one that is drawn for every batch, or one that their gradients give. Validation,
selection and reported losses leave it out, also that of training.
Shapes: M members, T tasks.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.config.training import TrainingOptions
from mtnas.runtime import seeds
from mtnas.tasks.kinds import TASK_KINDS
from mtnas.training.checkpoint import Saved
from mtnas.training.ensemble import Ensemble
from mtnas.training.optim import FusedAdam

Floats = NDArray[np.float64]
UNCERTAINTY_RATE = 10  # steps of a learned s, as multiples of those of the weights (V21)


class TaskWeights:
    """Weights that do not change in training; without any, losses stay as they are."""

    def __init__(self, ensemble: Ensemble) -> None:
        """Take the weights of the members of an ensemble, if they have some."""
        given = [m.loss_weights or (1.0,) * len(m.tasks) for m in ensemble.members]
        some = any(member.loss_weights for member in ensemble.members)
        like = ensemble.flat_params.flat_MP
        self._weight_MT = torch.tensor(given, dtype=torch.float64).to(like) if some else None

    @property
    def learned(self) -> tuple[Tensor, ...]:
        """Return what a step needs the gradient of."""
        return ()

    @property
    def now(self) -> Tensor | None:
        """Return the weights to record, [M, T]; None where all are 1, or of one batch only."""
        return self._weight_MT

    def draw(self) -> None:
        """Draw what the next step needs at random, on the CPU; nothing in a step itself does."""

    def __call__(self, loss_MT: Tensor, present_MT: Tensor | None = None) -> Tensor:
        """Return what training descends of the losses of tasks.

        `present_MT` tells which tasks have a label in the batch; None: all.
        """
        return loss_MT if self._weight_MT is None else loss_MT * self._weight_MT

    def step(self, grads: Sequence[Tensor]) -> None:
        """Take a step, with the gradients of what is learned."""

    def state(self) -> Saved:
        """Return what the next step depends on; not copies."""
        return {}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""


class Uncertainty(TaskWeights):
    """Weights exp(-s) with a learned s for every task of a member, at first 0 (V21).

    Kendall, Gal and Cipolla (CVPR 2018): exp(-s) L + s / 2, and exp(-s) L / 2 + s / 2 where L is a
    squared error, whose weight then tends to 1 / L. There is no weight decay on s, and its steps
    are `UNCERTAINTY_RATE` times as large as those of the weights. Where a batch has no label of a
    task, the s of that task rests: it would run away, for its loss is 0 there.
    """

    def __init__(self, ensemble: Ensemble, kinds: Sequence[str], rate: Sequence[float]) -> None:
        """Begin with equal weights; `rate` is the step size of every member."""
        super().__init__(ensemble)
        like = ensemble.flat_params.flat_MP
        squared = [TASK_KINDS[kind].loss_name == "mse" for kind in kinds]  # type: ignore[index]
        self._factor_T = torch.tensor([0.5 if own else 1.0 for own in squared]).to(like)
        zeros = torch.zeros(ensemble.tasks_MT.shape).to(like)
        self._s_MT, self._all_MT = zeros, torch.ones_like(zeros, dtype=torch.bool)
        rates = [UNCERTAINTY_RATE * own for own in rate for _ in kinds]
        self._adam = FusedAdam(zeros.view(-1, 1), learning_rate=rates, weight_decay=0.0)
        self._leaf_MT, self._present_MT = zeros, self._all_MT

    @property
    def learned(self) -> tuple[Tensor, ...]:
        """Return s_MT, as the last call used it."""
        return (self._leaf_MT,)

    @property
    def now(self) -> Tensor:
        """Return exp(-s), [M, T]."""
        return torch.exp(-self._s_MT)

    def __call__(self, loss_MT: Tensor, present_MT: Tensor | None = None) -> Tensor:
        """Return the losses with their weights, and what keeps these from shrinking."""
        self._present_MT = present_MT = self._all_MT if present_MT is None else present_MT
        self._leaf_MT = self._s_MT.detach().clone().requires_grad_()
        own_MT = torch.exp(-self._leaf_MT) * loss_MT * self._factor_T + self._leaf_MT / 2
        return own_MT * present_MT

    def step(self, grads: Sequence[Tensor]) -> None:
        """Take a step of Adam with the tasks that have a label in the batch."""
        self._adam.step_some(grads[0].view(-1, 1), self._present_MT.view(-1, 1))

    def state(self) -> Saved:
        """Return s and its moments; not copies."""
        return {"s": self._s_MT, "adam": self._adam.state()}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        self._s_MT.copy_(state["s"])
        self._adam.load(state["adam"])


class RandomWeights(TaskWeights):
    """Weights that are drawn anew for every batch, each seed from a stream of its own (V28).

    Lin, Ye, Zhang and Tsang (TMLR 2022): softmax(z), with z of every task from N(0, 1), here times
    the number of tasks, so that their mean is 1: the mean over the tasks that have a label in the
    batch.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        """Start the streams."""
        super().__init__(ensemble)
        self._rngs = [seeds.generator(m.seed, "task_weights") for m in ensemble.members]
        # Updated in place, so that a recorded step reads what was drawn last.
        self._drawn_MT = torch.ones(ensemble.tasks_MT.shape).to(ensemble.flat_params.flat_MP)
        self._is_drawn = False

    def draw(self) -> None:
        """Draw exp(z) for the next step."""
        tasks = self._drawn_MT.shape[1]
        z_MT = np.stack([rng.normal(size=tasks) for rng in self._rngs])
        self._drawn_MT.copy_(torch.from_numpy(np.exp(z_MT)))
        self._is_drawn = True

    def __call__(self, loss_MT: Tensor, present_MT: Tensor | None = None) -> Tensor:
        """Return the losses with the weights that were drawn for this step, for one step only."""
        assert self._is_drawn, "weights are drawn before every step"
        self._is_drawn = False
        drawn_MT = self._drawn_MT if present_MT is None else self._drawn_MT * present_MT
        # Where no task has a label all losses are 0, whatever they weigh.
        share_MT = drawn_MT / drawn_MT.sum(-1, keepdim=True).clamp(min=1e-9)
        return loss_MT * (share_MT * drawn_MT.count_nonzero(-1).unsqueeze(-1))

    def state(self) -> Saved:
        """Return the positions in the streams, and what was drawn from them last; not copies."""
        drawn = {"drawn": self._drawn_MT, "is_drawn": [self._is_drawn]}
        return {"streams": seeds.states(self._rngs), **drawn}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        seeds.restore(self._rngs, state["streams"])
        self._drawn_MT.copy_(state["drawn"])
        (self._is_drawn,) = state["is_drawn"]


class Projection(TaskWeights):
    """PCGrad: conflicting gradients of tasks are projected onto each other's normal plane (V29).

    Yu et al. (NeurIPS 2020), Algorithm 1: where the gradient of a task points against that of
    another, what does so is taken out, task after task in a random order. All that comes out are
    sums of the gradients as they were, so their inner products are enough to know how much of each.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        """Start the streams, from which the orders are drawn."""
        super().__init__(ensemble)
        self._rngs = [seeds.generator(m.seed, "task_order") for m in ensemble.members]
        self._tasks, self._order_MTT = ensemble.tasks_MT.shape[1], np.zeros((0, 0, 0), int)

    def draw(self) -> None:
        """Draw for every task the order in which it meets the others."""
        tasks = range(self._tasks)
        self._order_MTT = np.stack(
            [[rng.permutation(self._tasks) for _ in tasks] for rng in self._rngs]
        )

    def shares(self, products_MTT: Tensor) -> Tensor:
        """Return how much of the gradient of every task a step descends, [M, T].

        `products_MTT` are the inner products of the gradients of all pairs of tasks.
        """
        orders = zip(products_MTT.cpu().numpy(), self._order_MTT, strict=True)
        return torch.from_numpy(np.stack([_kept(*each) for each in orders])).to(products_MTT)

    def state(self) -> Saved:
        """Return the positions in the streams."""
        return {"streams": seeds.states(self._rngs)}

    def load(self, state: Saved) -> None:
        """Take over what `state` returned."""
        seeds.restore(self._rngs, state["streams"])


def _kept(products_TT: Floats, order_TT: NDArray[np.int_]) -> Floats:
    """Return the shares of one member; row i of `order_TT` is whom task i meets, and when."""
    share_TT = np.eye(len(products_TT))
    for share_T, task, order_T in zip(share_TT, range(len(order_TT)), order_TT, strict=True):
        for other in order_T[order_T != task]:
            product = share_T @ products_TT[:, other]
            if product < 0:
                share_T[other] -= product / products_TT[other, other]
    return np.asarray(share_TT.sum(0))


def weighting_of(ensemble: Ensemble, kinds: Sequence[str], options: TrainingOptions) -> TaskWeights:
    """Return how the losses of an ensemble's tasks, which are of these kinds, are weighed."""
    if options.weighting == "random":
        return RandomWeights(ensemble)
    if options.weighting == "pcgrad":
        return Projection(ensemble)
    if options.weighting == "uncertainty":
        return Uncertainty(ensemble, kinds, ensemble.rates(options)["learning_rate"])
    return TaskWeights(ensemble)
