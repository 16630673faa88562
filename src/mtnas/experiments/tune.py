"""Grid search on validation before a run (paper, Sec. 4.2; V8).

A trial is what `experiments.train` would train with other options, for a few seeds and without the
test set. Trials that differ in nothing but learning rate and weight decay are trained side by
side, others one after the other.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from mtnas.evidence.records import Git
from mtnas.evidence.tuning_record import TuningRecord, TuningTimings
from mtnas.experiments.assembly import Assembly
from mtnas.experiments.derive import Derived, read_derived
from mtnas.experiments.job import Job
from mtnas.experiments.journal import Journal, run_groups
from mtnas.experiments.models import Models
from mtnas.experiments.noisy_labels import labels_on
from mtnas.experiments.scoring import by_unit, check_outputs, in_columns, scores_of
from mtnas.experiments.select_trial import CRITERION, choose
from mtnas.runtime import provenance
from mtnas.runtime.errors import TrainingError
from mtnas.runtime.files import atomic_path
from mtnas.runtime.usage import Usage
from mtnas.study.grids import STACKED, Values, expand
from mtnas.study.specs import TuneSpec
from mtnas.training.checkpoint import Checkpoint, Tree
from mtnas.training.ensemble import Rates

log = logging.getLogger(__name__)

TrialSeed = tuple[int, int]  # the number of a trial, from 1, and one of its seeds


@dataclass(frozen=True)
class TunedGrid:
    """All trials, one line per trial and seed, and what won."""

    trials: pd.DataFrame
    record: TuningRecord
    journal: Journal

    def write(self, *, trials: str | Path, best: str | Path) -> None:
        """Write both files, each atomically, the record last; forget the journal."""
        with atomic_path(trials) as path:
            self.trials.to_csv(path, index=False, float_format="%.10g")
        self.record.write(best, [trials])
        self.journal.remove()


def tune(
    spec: TuneSpec,
    job: Job,
    *,
    routes: str | Path | None = None,
) -> TunedGrid:
    """Train every point of the grid of a spec and choose the one with the least validation loss."""
    started = time.perf_counter()
    trials = expand(spec.grid)
    kept = job.open_journal(job.assemble(spec), routes=routes)
    lines: list[Tree] = []
    for shape, alike in groupby(enumerate(trials, 1), lambda trial: _shape(trial[1])):
        assembly = job.assemble(spec.with_values(shape))
        derived = read_derived(assembly, spec, routes)
        together = job.group_size(assembly)
        pairs = [(number, seed) for number, _ in alike for seed in spec.seeds]
        work, report = partial(_trained, assembly, trials, derived), _Report(trials, spec.seeds)
        lines += run_groups(pairs, together, work, kept, report)
    frame = pd.DataFrame(lines)
    timings = TuningTimings(
        train_seconds=float(frame["seconds"].sum()),
        total_seconds=kept.seconds + time.perf_counter() - started,
        device=job.device,
    )
    record = TuningRecord(
        dataset=spec.dataset,
        method=spec.method,
        variant=spec.variant,
        **choose(frame, trials, spec, assembly.resampling("valid")),
        spec=spec,
        timings=timings,
        usage=Usage.now(),
        environment=provenance.environment(),
        data=assembly.data,
        git=Git(**provenance.git_state()),
        code=job.code,
    )
    return TunedGrid(frame, record, kept)


def _shape(values: Values) -> Values:
    """Return the values of a trial in which members of one ensemble cannot differ."""
    return {name: value for name, value in values.items() if name not in STACKED}


def _trained(
    assembly: Assembly,
    trials: Sequence[Values],
    derived: Derived,
    pairs: Sequence[TrialSeed],
    checkpoint: Checkpoint,
) -> list[Tree]:
    """Train some trials side by side; one that diverges is found by halving and stands alone."""
    try:
        return _lines(assembly, trials, derived, pairs, checkpoint)
    except TrainingError as error:
        if len(pairs) == 1:
            log.warning("trial %d diverged: %s", pairs[0][0], error)
            return [{**_head(pairs[0], trials), "status": "diverged", "seconds": 0.0}]
    half = len(pairs) // 2
    return [
        line
        for part in (pairs[:half], pairs[half:])
        for line in _trained(assembly, trials, derived, part, Checkpoint())
    ]


def _lines(
    assembly: Assembly,
    trials: Sequence[Values],
    derived: Derived,
    pairs: Sequence[TrialSeed],
    checkpoint: Checkpoint,
) -> list[Tree]:
    members = [
        replace(member, rates=_rates(assembly, trials[number - 1]))
        for number, seed in pairs
        for member in assembly.members([seed], derived.routes)
    ]
    models = Models(assembly, members)
    models.fit(checkpoint)
    scores = _scores(assembly, models, [seed for _, seed in pairs])
    epochs = _best_epochs(assembly, models, len(pairs))
    return [
        {**_head(pair, trials), "status": "trained", **scores[p], **epochs[p],
         "seconds": models.seconds / len(pairs)}
        for p, pair in enumerate(pairs)
    ]  # fmt: skip


def _head(pair: TrialSeed, trials: Sequence[Values]) -> Tree:
    number, seed = pair
    return {"trial": number, "seed": seed, **trials[number - 1]}


def _rates(assembly: Assembly, values: Values) -> Rates:
    """Return the learning rate and the weight decay of a trial."""
    named = {name.rpartition(".")[2]: values.get(name) for name in STACKED}
    training = assembly.training
    return Rates(**{n: getattr(training, n) if v is None else v for n, v in named.items()})


def _scores(assembly: Assembly, models: Models, seeds: Sequence[int]) -> list[dict[str, float]]:
    """Return the validation metrics of every pair, named such as `valid_auc_t0`."""
    known = {
        seed: (labels_on(assembly, seed, "valid"), assembly.scales(seed)) for seed in set(seeds)
    }
    labels, scales = zip(*(known[seed] for seed in seeds), strict=True)
    y_PNT = torch.from_numpy(np.stack(labels))
    tasks, out_PNO = assembly.examples.tasks, by_unit(models.outputs("valid"), len(seeds))
    check_outputs(assembly.spec, "valid", seeds, out_PNO)
    scores = scores_of(tasks, out_PNO, y_PNT, scales)
    return [in_columns(tasks, "valid", values) for values in scores]


def _best_epochs(assembly: Assembly, models: Models, num_pairs: int) -> list[dict[str, int]]:
    """Return the best epoch of every pair, per task: single-task models have their own."""
    found: list[dict[str, int]] = [{} for _ in range(num_pairs)]
    for m, (member, epochs) in enumerate(zip(models.members, models.best_epochs, strict=True)):
        for t, task in enumerate(member.tasks):
            own = epochs[t % len(epochs)]  # one for all tasks, or one each
            found[m * num_pairs // len(models.members)][
                f"best_epoch_{assembly.task_names[task]}"
            ] = own
    return found


class _Report:
    """A line in the log for every trial that is finished."""

    def __init__(self, trials: Sequence[Values], seeds: Sequence[int]) -> None:
        self._trials, self._seeds, self._told = trials, seeds, set[int]()

    def __call__(self, results: Mapping[Any, Tree]) -> None:
        """Report the trials that have become complete."""
        for number, values in enumerate(self._trials, 1):
            lines = [results.get((number, seed)) for seed in self._seeds]
            if number in self._told or None in lines:
                continue
            self._told.add(number)
            log.info(
                "trial %d/%d  %s  valid loss %.5f over %d seeds",
                number, len(self._trials),
                " ".join(f"{name}={value}" for name, value in values.items()),
                np.mean([line.get(CRITERION, np.inf) for line in lines if line is not None]),
                len(lines),
            )  # fmt: skip
