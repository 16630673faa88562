"""Gradients of the tasks in a short run of all of them together, averaged over the run.

Shapes: M members (seeds), T tasks.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mtnas.evidence.diagnosis.measures import Line
from mtnas.experiments.assembly import Assembly
from mtnas.experiments.noisy_labels import examples_of
from mtnas.experiments.task_weights import with_task_weights
from mtnas.runtime.errors import TrainingError
from mtnas.study.specs import DiagnoseSpec
from mtnas.training.data import training_batches
from mtnas.training.ensemble import Ensemble
from mtnas.training.task_gradients import ALL_LAYERS
from mtnas.training.trainer import Trainer

AFFINITY = "tag_affinity"


def measures_of_gradients(
    assembly: Assembly, spec: DiagnoseSpec, seeds: Sequence[int]
) -> list[list[Line]]:
    """Train all tasks for some epochs; return, for each seed, cosines of gradients and affinities.

    They are means over a probe every `probe_every` steps, the first step included, of those in
    which both tasks have labelled examples; None where no probe had.

    Raises:
        TrainingError: a loss is no finite number.
    """
    examples = examples_of(assembly, seeds)
    members = with_task_weights(assembly, examples, assembly.members(seeds, {}))
    ensemble, splits = assembly.ensemble(members, "none"), assembly.splits(members)
    ensemble.standardize(examples.inputs, [split.train for split in splits])
    trainer = Trainer(ensemble, examples, assembly.training)
    batches = training_batches(examples, splits, ensemble, assembly.training)
    found: dict[tuple[str, str], list[Tensor]] = {}
    for step in range(spec.epochs * batches.per_epoch):
        batch_MB = next(batches)
        if step % spec.probe_every == 0:
            for key, value_MTT in _probe(trainer, batch_MB, spec.probe_rate).items():
                found.setdefault(key, []).append(value_MTT.double().cpu())
        _check(ensemble, trainer.step(batch_MB), step)
    means = {key: torch.stack(values).nanmean(0) for key, values in found.items()}
    names = [task.name for task in examples.tasks]
    return [_lines({key: mean[m] for key, mean in means.items()}, names) for m in range(len(seeds))]


def _probe(trainer: Trainer, batch_MB: Tensor, rate: float) -> dict[tuple[str, str], Tensor]:
    """Return by measure and layer what one batch tells, [M, T, T]."""
    gradients = trainer.task_gradients(batch_MB)
    cosines = gradients.cosines()
    affinity_MTT = gradients.affinity(
        lambda params, looked_up: trainer.losses_at(batch_MB, params, looked_up), rate
    )
    return {
        **{("gradient_cosine", layer): cosine_MTT for layer, cosine_MTT in cosines.items()},
        (AFFINITY, ALL_LAYERS): affinity_MTT,
    }


def _check(ensemble: Ensemble, loss_M: Tensor, step: int) -> None:
    for member, loss in zip(ensemble.members, loss_M.tolist(), strict=True):
        if not abs(loss) < float("inf"):
            raise TrainingError(
                f"seed {member.seed}: the training loss is not finite in step {step + 1}; lower "
                "training.learning_rate and run again"
            )


def _lines(means: dict[tuple[str, str], Tensor], names: Sequence[str]) -> list[Line]:
    return [
        (measure, first, second, layer, None if mean_TT[i, j].isnan() else float(mean_TT[i, j]))
        for (measure, layer), mean_TT in means.items()
        for i, first in enumerate(names)
        for j, second in enumerate(names)
        if i != j
    ]
