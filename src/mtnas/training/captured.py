"""The weight step of a training on a GPU as a CUDA graph: recorded once, then replayed.

A step is hundreds of small kernels, and asking Python for each takes longer than computing it. A
replay launches all of them at once. It reads and writes the memory that was recorded, so batch and
noise are copied to where the recorded step expects them, and all that a step changes must stay in
its place: weights, moments and step counts are updated in place everywhere.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from mtnas.training.trainer import Trainer

RTOL, ATOL = (
    1e-2,
    1e-5,
)  # what sums in another order may change; a step that is not taken moves more
WARM_UP = 3  # plain steps of every batch size before it is recorded, as torch asks for

log = logging.getLogger(__name__)
Step = Callable[[Tensor, Tensor | None], Tensor]  # as `Trainer.step_by_task`
Record = Callable[[Callable[[], Tensor]], tuple[Callable[[], None], Tensor]]


def step_of(trainer: Trainer) -> Step:
    """Return how a trainer takes its steps: on a GPU recorded, elsewhere as it is."""
    on_gpu = trainer.ensemble.device.type == "cuda"
    return CapturedStep(trainer) if on_gpu else trainer.step_by_task


def cuda_graph(work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """Record work without doing it; return what does it, and where its result then stands."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = work()
    return graph.replay, result


class CapturedStep:
    """`Trainer.step_by_task`: plain at first, then recorded and replayed, for each batch size.

    A recorded step is first tried beside a plain one. What cannot be recorded, or does anything
    else, goes on as plain steps, and the log says why.
    """

    def __init__(self, trainer: Trainer, record: Record = cuda_graph) -> None:
        """Record the steps of a trainer; `record` is another way only in tests."""
        self._trainer, self._record = trainer, record
        self._taken: Counter[torch.Size] = Counter()
        self._recorded: dict[torch.Size, _Recorded] = {}
        self._plain = False

    @property
    def recorded(self) -> int:
        """Return how many batch sizes are replayed."""
        return len(self._recorded)

    def __call__(self, index_MB: Tensor, upcoming_MB: Tensor | None = None) -> Tensor:
        """Take one weight step; return the loss of every task, loss_MT, which is a copy."""
        noise_M, size = self._trainer.draw(index_MB.shape[1]), index_MB.shape
        if not self._plain and size not in self._recorded and self._taken[size] >= WARM_UP:
            self._try(index_MB, noise_M)
        if size in self._recorded:
            return self._recorded[size](index_MB, noise_M)
        self._taken[size] += 1
        return _aside(lambda: self._trainer.step_with(noise_M, index_MB), index_MB.device)

    def _try(self, index_MB: Tensor, noise_M: Tensor | None) -> None:
        try:
            recorded = _Recorded(self._trainer, index_MB, noise_M, self._record)
        except RuntimeError as error:
            reason = "cannot be recorded (" + str(error).partition("\n")[0] + ")"
        else:
            if _agrees(self._trainer, recorded, index_MB, noise_M):
                self._recorded[index_MB.shape] = recorded
                return
            reason = "does something else once it is recorded"
        self._plain = True
        log.warning("a step %s; going on with plain, slower ones", reason)


class _Recorded:
    """A step on batches of one size, and the memory that it reads them from."""

    def __init__(
        self, trainer: Trainer, index_MB: Tensor, noise_M: Tensor | None, record: Record
    ) -> None:
        self._index_MB = index_MB.clone()
        self._noise_M = None if noise_M is None else noise_M.clone()
        work = lambda: trainer.step_with(self._noise_M, self._index_MB)  # noqa: E731
        self._replay, self._loss_MT = record(work)

    def __call__(self, index_MB: Tensor, noise_M: Tensor | None) -> Tensor:
        self._index_MB.copy_(index_MB)
        if self._noise_M is not None and noise_M is not None:
            self._noise_M.copy_(noise_M)
        self._replay()
        return self._loss_MT.clone()


def _agrees(
    trainer: Trainer, recorded: _Recorded, index_MB: Tensor, noise_M: Tensor | None
) -> bool:
    """Whether a recorded step does what a plain one does, up to rounding; neither is then taken.

    Another batch than the recorded one tells whether the step reads the batch that it is given.
    """
    before, other_MB = _copied(trainer.state()), index_MB.roll(1, dims=1) // 2
    after = []
    steps: list[Callable[[], Tensor]] = [
        lambda: trainer.step_with(noise_M, other_MB),
        lambda: recorded(other_MB, noise_M),
    ]
    for step in steps:
        loss_MT = step()
        after.append(_copied([loss_MT, trainer.state()]))
        trainer.load(before)
    plain, replayed = ([t for t in tree_leaves(of) if isinstance(t, Tensor)] for of in after)
    return all(torch.allclose(*pair, RTOL, ATOL) for pair in zip(plain, replayed, strict=True))


def _copied(state: Any) -> Any:
    """Return a state whose tensors are copies on the CPU, where there is room for them."""
    return tree_map(lambda t: t.to("cpu", copy=True) if isinstance(t, Tensor) else t, state)


def _aside(step: Callable[[], Tensor], device: torch.device) -> Tensor:
    """Take a step on a stream of its own, so that libraries set themselves up outside a record."""
    if device.type != "cuda":
        return step()
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    usual = torch.cuda.current_stream()
    side.wait_stream(usual)
    with torch.cuda.stream(side):
        loss_MT = step()
    usual.wait_stream(side)
    return loss_MT
