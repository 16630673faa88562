"""Every route of a small space (V16): train it for every seed, and keep the outcome.

A route is data, so routes train side by side like seeds do. Seeds are paired: all routes of a seed
share its split, its batches and its initial weights. Each model is selected on validation and
touches the test set once.
Shapes: M members, N examples, T tasks, O outputs.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from mtnas.evidence.exhaustive_table import (
    COLUMNS,
    KEY,
    ExhaustiveRecord,
    ExhaustiveTimings,
    GroundTruth,
)
from mtnas.evidence.records import Git
from mtnas.experiments.assembly import Assembly
from mtnas.experiments.job import Job
from mtnas.experiments.journal import Journal, run_groups
from mtnas.experiments.noisy_labels import examples_of, labels_on
from mtnas.experiments.scoring import Scores, Tasks, check_outputs, reported, scores_of
from mtnas.experiments.splits import split_digest
from mtnas.experiments.task_weights import with_task_weights
from mtnas.routes.patterns import patterns
from mtnas.routes.route import Route
from mtnas.routes.space import MOST_ROUTES, SearchSpace
from mtnas.runtime import provenance
from mtnas.runtime.errors import ConfigError, TrainingError
from mtnas.runtime.usage import Usage
from mtnas.study.specs import ExhaustiveSpec
from mtnas.tasks.kinds import TASK_KINDS
from mtnas.tasks.metrics import ALL_TASKS, MTL_LOSS
from mtnas.training.checkpoint import Checkpoint, Tree
from mtnas.training.fit import fit, predict_selected

log = logging.getLogger(__name__)

SeedRoute = tuple[int, int]  # a seed and the number of a route


@dataclass(frozen=True)
class TrainedRoutes:
    """The outcome of every route, and the journal of the job."""

    truth: GroundTruth
    journal: Journal

    def write(self, path: str | Path) -> None:
        """Write the table atomically; forget the journal."""
        self.truth.write(path)
        self.journal.remove()


def train_every_route(
    spec: ExhaustiveSpec,
    job: Job,
) -> TrainedRoutes:
    """Train every route of the space of a spec, for every seed."""
    started = time.perf_counter()
    assembly = job.assemble(spec)
    routes = [int(route) for route in np.unique(representatives(assembly.space))]
    pairs = [(seed, route) for seed in spec.seeds for route in routes]
    together = job.group_size(assembly)
    kept = job.open_journal(assembly)
    log.info("%d models", len(pairs))
    report = partial(_report, len(pairs), started)
    lines = run_groups(pairs, together, partial(_trained, assembly), kept, report)
    outcomes = pd.DataFrame(lines)
    record = ExhaustiveRecord(
        spec=spec,
        space=assembly.space.to_json(),
        seeds=spec.seeds,
        simulated=assembly.table.manifest.simulated,
        data=assembly.data,
        splits={seed: split_digest(assembly.split(seed)) for seed in spec.seeds},
        parameters=assembly.parameters({}),
        timings=ExhaustiveTimings(
            train_seconds=float(outcomes["seconds"].sum()),
            total_seconds=kept.seconds + time.perf_counter() - started,
            models_at_once=together,
            device=job.device,
        ),
        usage=Usage.now(),
        environment=provenance.environment(),
        git=Git(**provenance.git_state()),
        code=job.code,
    )
    frame = _every_route(assembly, outcomes.drop(columns="seconds"), spec.space)
    return TrainedRoutes(GroundTruth(frame, {spec.space: record}), kept)


def _report(total: int, started: float, results: Mapping[Any, Tree]) -> None:
    log.info("%d of %d models, %.0f s", len(results), total, time.perf_counter() - started)


def representatives(space: SearchSpace) -> NDArray[np.int64]:
    """Return, for every route of the space, the route that computes the same (`canonical`).

    Raises:
        ConfigError: the space is too large for this.
    """
    if space.num_routes > MOST_ROUTES:
        raise ConfigError(
            f"exhaustive: {space} has {space.num_routes:,} routes, more than the {MOST_ROUTES:,} "
            "that can be trained one and all; take fewer layers or sub-networks, or "
            "query_scope: root"
        )
    return np.array([Route.at(space, i).canonical().index for i in range(space.num_routes)])


def _trained(assembly: Assembly, group: Sequence[SeedRoute], checkpoint: Checkpoint) -> list[Tree]:
    """Train one model per seed and route; return a line for each."""
    seeds = list({seed for seed, _ in group})
    examples = examples_of(assembly, seeds)
    members_of_seeds = with_task_weights(assembly, examples, assembly.members(seeds, {}))
    plain = {member.seed: member for member in members_of_seeds}
    members = [replace(plain[s], route=Route.at(assembly.space, route)) for s, route in group]
    splits, scales = assembly.splits(members), [member.scales for member in members]
    ensemble = assembly.ensemble(members)
    fitted = fit(ensemble, examples, splits, assembly.training, checkpoint)
    lines: list[Tree] = [
        {"seed": seed, "route": route, "best_epoch": max(epochs)}
        for (seed, route), epochs in zip(group, fitted.best_epochs, strict=True)
    ]
    tasks = examples.tasks
    for part in ("valid", "test"):
        rows = [getattr(split, part) for split in splits]
        out_MNO = predict_selected(ensemble, fitted.states, examples, rows).cpu()
        check_outputs(assembly.spec, part, [seed for seed, _ in group], out_MNO)
        labels = {seed: labels_on(assembly, seed, part) for seed in seeds}
        y_MNT = torch.from_numpy(np.stack([labels[seed] for seed, _ in group]))
        for line, scores in zip(lines, scores_of(tasks, out_MNO, y_MNT, scales), strict=True):
            line |= _columns(part, tasks, scores)
    if not np.isfinite(pd.DataFrame(lines).to_numpy(float)).all():
        raise TrainingError(
            "exhaustive: a loss or AUC is not a finite number; lower training.learning_rate, or "
            "take a larger part of the data for validation and test, and run again"
        )
    return [{**line, "seconds": fitted.seconds / len(group)} for line in lines]


def _columns(part: str, tasks: Tasks, scores: Scores) -> dict[str, float]:
    """Return the scores of a model by column: the summed loss, then loss and others by task."""
    columns = {f"{part}_loss": scores[ALL_TASKS][MTL_LOSS]}
    for task in tasks:
        own, loss = scores[task.name], TASK_KINDS[task.kind].loss_name
        columns[f"{part}_loss_{task.name}"] = own[loss]
        others = (name for name in reported(task) if name != loss)
        columns |= {f"{part}_{name}_{task.name}": own[name] for name in others}
    return columns


def _every_route(assembly: Assembly, outcomes: pd.DataFrame, name: str) -> pd.DataFrame:
    """Give every route of the space the outcome of its representative."""
    space, same_as = assembly.space, representatives(assembly.space)
    routes = [Route.at(space, i) for i in range(space.num_routes)]
    used = assembly.parameters(dict(enumerate(routes))).dense_used
    about = pd.DataFrame(
        {
            "space": name,
            "route": np.arange(len(routes)),
            "same_as": same_as,
            "pattern": patterns(space),
            "describe": [route.describe() for route in routes],
            "edges": [len(route.edges) for route in routes],
            "dense_used": [used[i] for i in range(len(routes))],
        }
    )
    frame = about.merge(outcomes.rename(columns={"route": "same_as"}), on="same_as")
    first = [*COLUMNS, *(c for c in frame.columns if c not in COLUMNS)]
    return frame[first].sort_values(list(KEY), ignore_index=True)
