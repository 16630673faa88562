"""Measure how the tasks of a dataset are related: rows, gradients, and a capacity curve.

Nothing here is the truth: what tasks gain from each other, models of subsets of them tell
(`experiments.subsets`). A unit of the journal is a seed of the measures, (0, seed), or of the n-th
width, (n, seed).
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from mtnas.evidence.diagnosis.measures import (
    CAPACITY_COLUMNS,
    MEASURE_COLUMNS,
    Measures,
    MeasuresRecord,
    MeasuresTimings,
)
from mtnas.evidence.records import Git
from mtnas.experiments.assembly import Assembly
from mtnas.experiments.derive import with_winner
from mtnas.experiments.diagnose.gradients import measures_of_gradients
from mtnas.experiments.diagnose.rows import measures_of_rows
from mtnas.experiments.job import Job
from mtnas.experiments.journal import Journal, run_groups
from mtnas.experiments.models import Models
from mtnas.experiments.noisy_labels import examples_of
from mtnas.experiments.splits import split_digest
from mtnas.experiments.subsets import scores_of_part
from mtnas.runtime import provenance
from mtnas.runtime.usage import Usage
from mtnas.study.specs import DiagnoseSpec
from mtnas.tasks.metrics import ALL_TASKS
from mtnas.training.checkpoint import Checkpoint, Tree

log = logging.getLogger(__name__)

PlacedSeed = tuple[int, int]


@dataclass(frozen=True)
class Measured:
    """All that was measured, and the journal of the job."""

    measures: Measures
    journal: Journal

    def write(self, *, measures: str | Path, capacity: str | Path, record: str | Path) -> None:
        """Write three files, each atomically; forget the journal."""
        self.measures.write(measures, capacity, record)
        self.journal.remove()


def diagnose(spec: DiagnoseSpec, job: Job, *, tuned: str | Path | None = None) -> Measured:
    """Measure how the tasks of a dataset are related.

    `tuned` is the file of a grid search (`experiments.tune`); what won replaces the spec's options.

    Raises:
        DataError: there is too little of a label, or the inputs tell nothing of the labels.
        TrainingError: a loss is no finite number.
    """
    started = time.perf_counter()
    spec = spec if tuned is None else with_winner(spec, tuned)
    assembly = job.assemble(spec)
    kept, together = job.open_journal(assembly, tuned=tuned), job.group_size(assembly)
    results: dict[PlacedSeed, Tree] = {}
    for place in range(1 + len(spec.widths)):
        units = [(place, seed) for seed in spec.seeds]
        log.info("%s", f"width {spec.widths[place - 1]}" if place else "rows and gradients")
        work = partial(_curve if place else _relations, assembly, spec)
        size = max(1, together // (assembly.num_tasks + 1)) if place else together
        results |= dict(zip(units, run_groups(units, size, work, kept), strict=True))
    timings = MeasuresTimings(
        total_seconds=kept.seconds + time.perf_counter() - started,
        models_at_once=together,
        device=job.device,
        threads=torch.get_num_threads(),
    )
    record = _record(spec, assembly, timings, job.code)
    return Measured(Measures(*_frames(spec, results), record), kept)


def _relations(
    assembly: Assembly, spec: DiagnoseSpec, group: Sequence[PlacedSeed], checkpoint: Checkpoint
) -> list[Tree]:
    """Return the measures of some seeds."""
    seeds = [seed for _, seed in group]
    examples = examples_of(assembly, seeds)
    gradients = measures_of_gradients(assembly, spec, seeds)
    rows = [measures_of_rows(assembly, examples, seed, spec.rank) for seed in seeds]
    return [
        {"lines": [list(line) for line in (*first, *then)]}
        for first, then in zip(rows, gradients, strict=True)
    ]


def _curve(
    assembly: Assembly, spec: DiagnoseSpec, group: Sequence[PlacedSeed], checkpoint: Checkpoint
) -> list[Tree]:
    """Return the test scores of each task alone and of all together, of one width, seed by seed."""
    width, seeds = spec.widths[group[0][0] - 1], [seed for _, seed in group]
    options = assembly.options.model_copy(update={"hidden_dim": width})
    narrow, tasks = replace(assembly, options=options), tuple(range(assembly.num_tasks))
    subsets = [*((task,) for task in tasks), tasks]
    models = Models(narrow, narrow.members(seeds, {}, subsets))
    models.fit(checkpoint)
    lines: dict[int, list[object]] = {seed: [] for seed in seeds}
    for member, found in zip(models.members, scores_of_part(narrow, models, "test"), strict=True):
        subset = "single" if len(member.tasks) == 1 else "all"
        lines[member.seed] += [
            [width, subset, task, metric, value]
            for _, task, metric, value in found
            if task != ALL_TASKS
        ]
    return [{"lines": lines[seed]} for seed in seeds]


def _frames(
    spec: DiagnoseSpec, results: dict[PlacedSeed, Tree]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return all measures, and the capacity curve."""
    measures, capacity = [], []
    for (place, seed), result in results.items():
        for *key, last, value in result["lines"]:
            if place:
                capacity.append((*key, seed, last, value))
            else:
                measures.append((*key, last, seed, value))
    columns = list(MEASURE_COLUMNS)
    found = pd.DataFrame(measures, columns=columns).astype({"value": float})
    return found, pd.DataFrame(capacity, columns=list(CAPACITY_COLUMNS))


def _record(
    spec: DiagnoseSpec, assembly: Assembly, timings: MeasuresTimings, code: str | None
) -> MeasuresRecord:
    facts = assembly.table.manifest
    return MeasuresRecord(
        spec=spec,
        simulated=facts.simulated,
        synthetic=facts.spec.synthetic,
        tasks={task.name: task.kind for task in assembly.examples.tasks},
        parameters=assembly.parameters({}),
        options=assembly.options.model_dump(mode="json"),
        data=assembly.data,
        splits={seed: split_digest(assembly.split(seed)) for seed in spec.seeds},
        timings=timings,
        usage=Usage.now(),
        environment=provenance.environment(),
        git=Git(**provenance.git_state()),
        code=code,
    )
