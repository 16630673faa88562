"""Subsets of the tasks: a model for each subset and seed, to see which tasks gain from which.

All are of one method and, but for their heads, of one size: the width is solved for all tasks of
the dataset. A model learns from the rows that have a label of one of its tasks. Seeds are paired:
all subsets of a seed share its split and its streams. Each model is selected on validation and
touches the test set once.
Shapes: M members, N examples, T tasks, O outputs.
"""

import logging
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from mtnas.evidence.records import Git
from mtnas.evidence.subsets_record import (
    COLUMNS,
    PARTS,
    SubsetFit,
    SubsetScores,
    SubsetsRecord,
    SubsetsTimings,
    subset_name,
)
from mtnas.experiments.assembly import Assembly
from mtnas.experiments.derive import with_winner
from mtnas.experiments.input_similarity import input_similarities
from mtnas.experiments.job import Job
from mtnas.experiments.journal import Journal, run_groups
from mtnas.experiments.models import Models, kind_of
from mtnas.experiments.noisy_labels import labels_on
from mtnas.experiments.scoring import check_outputs, lines_of, scores_of, warn_of_constant
from mtnas.experiments.splits import split_digest
from mtnas.runtime import provenance
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.usage import Usage
from mtnas.study.specs import SubsetsSpec
from mtnas.training.checkpoint import Checkpoint, Tree

log = logging.getLogger(__name__)

Subset = tuple[int, ...]  # places of tasks
SeedSubset = tuple[int, int]  # a seed and the number of a subset


@dataclass(frozen=True)
class TrainedSubsets:
    """The scores of all subsets, and the journal of the job."""

    scores: SubsetScores
    journal: Journal

    def write(self, *, scores: str | Path, record: str | Path) -> None:
        """Write scores and record, each atomically; forget the journal."""
        self.scores.write(scores, record)
        self.journal.remove()


def train_subsets(
    spec: SubsetsSpec, job: Job, *, tuned: str | Path | None = None
) -> TrainedSubsets:
    """Train a model for every subset of a spec and every seed.

    `tuned` is the file of a grid search (`experiments.tune`); what won replaces the spec's options.
    It won by the loss of the model of all tasks, and every subset has it: see `tuned_for`.
    """
    started = time.perf_counter()
    spec = spec if tuned is None else with_winner(spec, tuned)
    assembly = job.assemble(spec)
    subsets = _places(assembly, spec)
    together = job.group_size(assembly)
    kept = job.open_journal(assembly, tuned=tuned)
    alike = _alike(assembly, subsets)
    log.info("%d models, %d groups of equal batches", sum(map(len, alike)), len(alike))
    work, report = partial(_trained, assembly, subsets), partial(_report, alike, started)
    results = {
        unit: result
        for units in alike
        for unit, result in zip(units, run_groups(units, together, work, kept, report), strict=True)
    }
    timings = SubsetsTimings(
        train_seconds=sum(result["seconds"] for result in results.values()),
        total_seconds=kept.seconds + time.perf_counter() - started,
        models_at_once=together,
        device=job.device,
        threads=torch.get_num_threads(),
    )
    record = _record(spec, assembly, subsets, results, timings, job.code)
    return TrainedSubsets(SubsetScores(_frame(spec, results), record), kept)


def _report(
    alike: Sequence[Sequence[SeedSubset]], started: float, results: Mapping[Any, Tree]
) -> None:
    total, seconds = sum(map(len, alike)), time.perf_counter() - started
    log.info("%d of %d models, %.0f s", len(results), total, seconds)


def _places(assembly: Assembly, spec: SubsetsSpec) -> list[Subset]:
    """Return the subsets as places of tasks.

    Raises:
        ConfigError: the method has no subsets of tasks, or a task is not in the table.
    """
    method = assembly.method
    if method.sharing is None or method.per_task or method.searches:
        raise ConfigError(
            f"method {method.name!r}: only a method with one model of all tasks, without a search, "
            "can learn subsets of them"
        )
    places = {task.name: place for place, task in enumerate(assembly.examples.tasks)}
    if strange := sorted({*chain.from_iterable(spec.subsets)} - places.keys()):
        raise ConfigError(
            f"subsets.{spec.name}: the table of {spec.dataset} has no task {strange[0]!r}; "
            f"allowed: {', '.join(places)}"
        )
    return [tuple(places[task] for task in subset) for subset in spec.subsets]


def _alike(assembly: Assembly, subsets: Sequence[Subset]) -> list[list[SeedSubset]]:
    """Divide all models into those that can be in one ensemble."""
    groups: dict[Hashable, list[SeedSubset]] = {}
    for seed in assembly.spec.seeds:
        split = assembly.split(seed)
        for number, tasks in enumerate(subsets):
            kind = kind_of(assembly, tasks, assembly.with_labels_of(tasks, split))
            groups.setdefault(kind, []).append((seed, number))
    return list(groups.values())


def _trained(
    assembly: Assembly,
    subsets: Sequence[Subset],
    group: Sequence[SeedSubset],
    checkpoint: Checkpoint,
) -> list[Tree]:
    """Train the models of some seeds and subsets side by side; return the results of each."""
    seeds, numbers = (sorted(set(own)) for own in zip(*group, strict=True))
    drawn = assembly.members(seeds, {}, [subsets[number] for number in numbers])
    known = {(member.seed, member.tasks): member for member in drawn}
    models = Models(assembly, [known[seed, subsets[number]] for seed, number in group])
    models.fit(checkpoint)
    scores: list[list[Any]] = [[] for _ in group]
    for part in PARTS:
        for lines, found in zip(scores, scores_of_part(assembly, models, part), strict=True):
            lines += found
    similar = input_similarities(assembly, models)
    weights_of = models.task_weights or dict.fromkeys(range(len(group)))
    return [
        {
            "scores": lines,
            "best_epoch": fit["best_epoch"],
            "before": fit["before"],
            "weights": weights_of[place],
            "similarity": similar[place],
            "changed_labels": models.changed_labels(group[place][0]),
            "seconds": models.seconds / len(group),
        }
        for place, (lines, fit) in enumerate(zip(scores, models.fits, strict=True))
    ]


def scores_of_part(assembly: Assembly, models: Models, part: str) -> list[list[Any]]:
    """Return, for every model, lines of part, task, metric and value: all metrics of its tasks."""
    found = []
    for member, out_NO in zip(models.members, models.outputs(part), strict=True):
        labels_NT = labels_on(assembly, member.seed, part)
        y_NT = torch.from_numpy(labels_NT[:, list(member.tasks)])
        tasks = [
            assembly.examples.tasks[task].model_copy(update={"metrics": ()})
            for task in member.tasks
        ]
        check_outputs(assembly.spec, part, [member.seed], out_NO.unsqueeze(0))
        if part == "test":
            warn_of_constant(tasks, part, [member.seed], out_NO.unsqueeze(0))
        (scores,) = scores_of(tasks, out_NO.unsqueeze(0), y_NT.unsqueeze(0), [member.scales])
        found.append([[part, *line] for line in lines_of(tasks, scores)])
    return found


def _frame(spec: SubsetsSpec, results: Mapping[SeedSubset, Tree]) -> pd.DataFrame:
    lines = [
        (subset_name(subset), seed, *line)
        for number, subset in enumerate(spec.subsets)
        for seed in spec.seeds
        for line in results[seed, number]["scores"]
    ]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _dense(assembly: Assembly, tasks: Subset) -> int:
    """Count the parameters of a model of some tasks, without its embeddings."""
    widths = assembly.examples.output_layout.of(tasks).widths
    return assembly.outlined(widths).num_parameters()


def _rows(
    assembly: Assembly, spec: SubsetsSpec, subsets: Sequence[Subset], seed: int
) -> dict[str, int]:
    """Count the training rows of every subset."""
    split, names = assembly.split(seed), map(subset_name, spec.subsets)
    return {
        name: len(assembly.with_labels_of(tasks, split).train)
        for name, tasks in zip(names, subsets, strict=True)
    }


def _record(
    spec: SubsetsSpec,
    assembly: Assembly,
    subsets: Sequence[Subset],
    results: Mapping[SeedSubset, Tree],
    timings: SubsetsTimings,
    code: str | None,
) -> SubsetsRecord:
    facts = assembly.table.manifest
    names = list(map(subset_name, spec.subsets))
    return SubsetsRecord(
        spec=spec,
        simulated=facts.simulated,
        synthetic=facts.spec.synthetic,
        tasks={task.name: task.kind for task in assembly.examples.tasks},
        parameters=assembly.parameters({}),
        dense={n: _dense(assembly, tasks) for n, tasks in zip(names, subsets, strict=True)},
        options=assembly.options.model_dump(mode="json"),
        data=assembly.data,
        splits={seed: split_digest(assembly.split(seed)) for seed in spec.seeds},
        rows={seed: _rows(assembly, spec, subsets, seed) for seed in spec.seeds},
        left_out=assembly.left_out("left_out"),
        valid_left_out=assembly.left_out("valid_left_out"),
        fits=_fits(spec, results),
        changed_labels={
            seed: changed
            for seed in spec.seeds
            if (changed := results[seed, 0]["changed_labels"]) is not None
        },
        timings=timings,
        tuned_for=() if spec.tuned is None else assembly.task_names,
        usage=Usage.now(),
        environment=provenance.environment(),
        git=Git(**provenance.git_state()),
        code=code,
    )


def _fits(spec: SubsetsSpec, results: Mapping[SeedSubset, Tree]) -> tuple[SubsetFit, ...]:
    return tuple(
        SubsetFit(
            subset=subset_name(subset),
            seed=seed,
            best_epoch=results[seed, number]["best_epoch"],
            weights=results[seed, number]["weights"],
            before=results[seed, number]["before"],
            similarity=results[seed, number]["similarity"],
        )
        for number, subset in enumerate(spec.subsets)
        for seed in spec.seeds
    )
