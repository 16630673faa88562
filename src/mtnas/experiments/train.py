"""Train one method over all its seeds: select on validation, touch the test set once.

Shapes: S seeds, M members, N examples, T tasks.
"""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor

from mtnas.evidence.records import Git, Parameters, RunRecord, Timings, write_metrics
from mtnas.experiments.assembly import Assembly
from mtnas.experiments.controls import outputs_from, perfect
from mtnas.experiments.derive import Derived, read_derived, routes_to_match, with_winner
from mtnas.experiments.job import Job
from mtnas.experiments.journal import Journal, run_groups
from mtnas.experiments.models import Models
from mtnas.experiments.noisy_labels import labels_on
from mtnas.experiments.scoring import (
    Scores,
    by_unit,
    check_outputs,
    joined,
    predicted,
    predictions_of,
    scores_of,
    tidy,
    warn_of_constant,
)
from mtnas.experiments.splits import split_digest
from mtnas.runtime import provenance, seeds
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import atomic_path
from mtnas.runtime.usage import Usage
from mtnas.study.specs import RunSpec
from mtnas.training.checkpoint import Checkpoint, Tree

log = logging.getLogger(__name__)

PARTS = ("valid", "test")


@dataclass(frozen=True)
class TrainedRun:
    """What a run measured, what made it, and its selected weights by name (a control has none).

    A weight has a leading axis of models: seed by seed, and for a method with a model per task
    task by task, unless such models differ in shape (`Models.weights`).
    """

    metrics: pd.DataFrame
    record: RunRecord
    predictions: pd.DataFrame
    weights: Mapping[str, Tensor]
    journal: Journal

    def write(
        self,
        *,
        metrics: str | Path,
        record: str | Path,
        predictions: str | Path,
        weights: str | Path,
    ) -> None:
        """Write the parts of the run, each atomically, the record last; forget the journal."""
        with atomic_path(predictions) as path:
            self.predictions.to_parquet(path, index=False)
        with atomic_path(metrics) as path:
            write_metrics(self.metrics, path)
        told = {"seeds": self.record.spec.seeds, "options": self.record.options}
        with atomic_path(weights) as path:
            save_file(dict(self.weights), path, {"mtnas": json.dumps(told)})
        self.record.write(record, [metrics, predictions, weights])
        self.journal.remove()


def train(
    spec: RunSpec,
    job: Job,
    *,
    routes: str | Path | None = None,
    supernet: str | Path | None = None,
    tuned: str | Path | None = None,
    used: str | Path | None = None,
) -> TrainedRun:
    """Train (or derive from a search), select on validation, evaluate on test: all seeds.

    `tuned` is the file of a grid search (`experiments.tune`); what won replaces the spec's options.
    `used` is the file of the routes whose size the models are to have (`size_of: routes`).
    """
    started = time.perf_counter()
    spec = spec if tuned is None else with_winner(spec, tuned)
    assembly = job.assemble(spec, routes_to_match(spec, used))
    derived = read_derived(assembly, spec, routes, supernet)
    counts = None if assembly.method.sharing is None else assembly.parameters(derived.routes)
    log.info("dense parameters of one model: %s", counts.dense if counts else "none (a control)")
    together = job.group_size(assembly) if counts else job.at_once or len(spec.seeds)
    kept = job.open_journal(assembly, routes=routes, supernet=supernet, **_given(used=used))
    work = partial(_trained, assembly, spec, derived)
    results = run_groups(spec.seeds, together, work, kept)
    by_seed, tasks = dict(zip(spec.seeds, results, strict=True)), assembly.examples.tasks
    timings = Timings(
        train_seconds=sum(result["seconds"] for result in results),
        total_seconds=kept.seconds + time.perf_counter() - started,
        seeds_at_once=together,
        device=job.device,
        threads=torch.get_num_threads(),
    )
    return TrainedRun(
        tidy(tasks, {seed: result["scores"] for seed, result in by_seed.items()}),
        _record(spec, assembly, counts, by_seed, timings, job.code),
        joined(tasks, [result["predictions"] for result in results]),
        {n: torch.cat([r["weights"][n] for r in results]) for n in results[0]["weights"]},
        kept,
    )


def _record(
    spec: RunSpec,
    assembly: Assembly,
    counts: Parameters | None,
    results: Mapping[int, Tree],
    timings: Timings,
    code: str | None,
) -> RunRecord:
    facts = assembly.table.manifest
    return RunRecord(
        spec=spec,
        simulated=facts.simulated,
        synthetic=facts.spec.synthetic,
        parameters=counts,
        options=assembly.options.model_dump(mode="json"),
        data=assembly.data,
        splits={seed: split_digest(assembly.split(seed)) for seed in spec.seeds},
        left_out=assembly.left_out("left_out"),
        valid_left_out=assembly.left_out("valid_left_out"),
        fits=tuple(chain.from_iterable(result["fits"] for result in results.values())),
        gates=_known(results, "gates"),
        changed_labels=_known(results, "changed_labels"),
        weights=_known(results, "task_weights"),
        timings=timings,
        usage=Usage.now(),
        environment=provenance.environment(),
        git=Git(**provenance.git_state()),
        code=code,
    )


def _given(**files: str | Path | None) -> dict[str, str | Path]:
    """Return the files that there are: an older journal knows nothing of the others."""
    return {name: file for name, file in files.items() if file is not None}


def _known(results: Mapping[int, Tree], name: str) -> dict[int, Any]:
    """Return what the results of seeds say under a name, where they say something."""
    return {seed: result[name] for seed, result in results.items() if result[name] is not None}


def _trained(
    assembly: Assembly,
    spec: RunSpec,
    derived: Derived,
    group: Sequence[int],
    checkpoint: Checkpoint,
) -> list[Tree]:
    """Train the models of some seeds side by side; return the results of every seed."""
    if assembly.method.predict is not None:
        return _control(assembly, group)
    models = Models(assembly, assembly.members(group, derived.routes))
    if spec.derive in ("inherit", "finetune"):
        derived.inherit(models.whole, spec.seeds)
    if spec.derive != "inherit":
        models.fit(checkpoint)
    outputs = {part: by_unit(models.outputs(part), len(group)) for part in PARTS}
    gates, each = models.gates("test"), len(models.members) // len(group)
    return [
        {
            **result,
            "fits": models.fits[s * each : (s + 1) * each],
            "gates": None if gates is None else gates[s].tolist(),
            "changed_labels": models.changed_labels(group[s]),
            "task_weights": None if models.task_weights is None else models.task_weights[s * each],
            "weights": models.weights(range(s * each, (s + 1) * each)),
            "seconds": models.seconds / len(group),
        }
        for s, result in enumerate(_measured(assembly, group, outputs))
    ]


def _control(assembly: Assembly, group: Sequence[int]) -> list[Tree]:
    """Let a control method predict from the labels: the floor and ceiling of every metric."""
    predict, tasks = assembly.method.predict, assembly.examples.tasks
    assert predict is not None
    if any(task.kind == "drawn" for task in tasks):
        raise ConfigError(
            f"method {assembly.method.name!r} predicts probabilities, and the labels of "
            f"{assembly.spec.dataset} are numbers; leave it out of the experiment"
        )
    outputs: dict[str, Tensor] = {}
    for part in PARTS:
        drawn = []
        for seed in group:
            labels_NT = labels_on(assembly, seed, part)
            known_NO = perfect(tasks, labels_NT, assembly.scales(seed))
            drawn.append(predict(known_NO, seeds.generator(seed, "control")))
        outputs[part] = outputs_from(tasks, torch.from_numpy(np.stack(drawn)).double())
    nothing: Tree = {"fits": [], "gates": None, "weights": {}, "seconds": 0.0}
    nothing |= {"changed_labels": None, "task_weights": None}
    return [{**result, **nothing} for result in _measured(assembly, group, outputs)]


def _measured(
    assembly: Assembly, group: Sequence[int], outputs: Mapping[str, Tensor]
) -> list[Tree]:
    """Return the scores of every seed on validation and test, and its predictions on test.

    Raises:
        TrainingError: an output is not a finite number.
    """
    for part in PARTS:
        check_outputs(assembly.spec, part, group, outputs[part])
    tasks, scales = assembly.examples.tasks, [assembly.scales(seed) for seed in group]
    warn_of_constant(tasks, "test", group, outputs["test"])
    labels = {part: [labels_on(assembly, seed, part) for seed in group] for part in PARTS}
    scores: dict[str, list[Scores]] = {
        part: scores_of(tasks, outputs[part], torch.from_numpy(np.stack(labels[part])), scales)
        for part in PARTS
    }
    predicted_SNO = predicted(tasks, outputs["test"], scales).numpy()
    return [
        {
            "scores": {part: scores[part][s] for part in PARTS},
            "predictions": predictions_of(
                seed, assembly.split(seed).test, labels["test"][s], predicted_SNO[s]
            ),
        }
        for s, seed in enumerate(group)
    ]
