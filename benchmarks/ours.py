"""Our trainer on the same work: any number of models, any method, in one process."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks import work as w
from benchmarks.work import Work
from mtnas import methods
from mtnas.config.options import TrainingOptions
from mtnas.data.prepare.manifest import InputLayout
from mtnas.methods.parts.encoder import Encoder
from mtnas.methods.parts.model import Model
from mtnas.training import trainer
from mtnas.training.data import Examples
from mtnas.training.ensemble import Ensemble, Member

TRAINING = TrainingOptions(
    learning_rate=w.LEARNING_RATE, weight_decay=w.L2, embedding_dim=w.EMBEDDING_DIM
)
PROCESS = ExitStack()  # what holds for the rest of a process


def ensemble_of(
    work: Work,
    name: str = "mmoe",
    seeds: Sequence[int] = (0,),
    width: int = w.EXPERT_DIM,
    device: str = "cpu",
    kind: type[Ensemble] = Ensemble,
) -> Ensemble:
    """Return untrained models of one method on a table of all `num_rows` rows."""
    method = methods.load(name)
    known = method.options.model_fields
    widths = {"hidden_dim": width, "root_dim": width, "num_experts": w.EXPERTS}
    options = method.options(**{k: v for k, v in widths.items() if k in known})
    encoder = Encoder(InputLayout(singles=w.FIELDS), w.EMBEDDING_DIM)
    members = [Member(seed, tuple(range(w.TASKS))) for seed in seeds]
    return kind(
        members,
        lambda _: Model(method, options, encoder=encoder, num_tasks=w.TASKS),
        num_rows=work.num_rows,
        options=TRAINING,
        device=device,
    )


class CompiledEnsemble(Ensemble):
    """An ensemble whose network is compiled, to see what that gains."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what an ensemble takes."""
        super().__init__(*args, **kwargs)
        self.logits = torch.compile(super().logits)  # type: ignore[method-assign]


def examples_of(work: Work) -> Examples:
    """Return the work as examples; rows that never occur are kept, as the others keep them."""
    examples = Examples.from_arrays(work.ids.astype(np.int32), work.labels)
    return replace(examples, num_rows=work.num_rows)


def build(
    work: Work,
    *,
    name: str = "mmoe",
    models: int = 1,
    exact: bool = False,
    by_rows: bool | None = None,
    width: int = w.EXPERT_DIM,
    compiled: bool = False,
) -> Callable[[int], float]:
    """Return a training step of `models` models of one method; `by_rows` forces a form on it."""
    if by_rows is not None:
        trainer.ROWS_PER_READ = 0 if by_rows else work.num_rows
    kind = CompiledEnsemble if compiled else Ensemble
    ensemble = ensemble_of(work, name, range(models), width, kind=kind)
    trained = trainer.Trainer(ensemble, examples_of(work), TRAINING, exact_decay=exact)
    PROCESS.enter_context(trainer.spare_thread(trained))  # as `fit` does
    upcoming: dict[int, torch.Tensor] = {}

    def batch(step: int) -> torch.Tensor:
        rows = work.batch(step)
        return torch.arange(rows.start, rows.stop).expand(models, -1)

    def train(step: int) -> float:
        index_MB = upcoming.pop(step, None)
        upcoming[step + 1] = batch(step + 1)
        index_MB = batch(step) if index_MB is None else index_MB
        return float(trained.step(index_MB, upcoming[step + 1]).mean())

    return train
