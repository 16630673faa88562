"""Grid search on validation before a run (paper, Sec. 4.2; V8).

A trial is what `experiment.run` would train with other options, for a few seeds and without the
test set. Trials that differ in learning rate and weight decay alone are members of one stack;
others take turns. Every finished trial is kept on disk, so that a killed job goes on.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.records import ALL_TASKS
from mtnas.experiments.assembly import Assembly, activity, assemble
from mtnas.experiments.derive import read_routes
from mtnas.experiments.scoring import by_seed, metrics_of
from mtnas.experiments.select_trial import CRITERION, choose
from mtnas.routes.space import Route
from mtnas.runtime import provenance
from mtnas.runtime.errors import RecordError, TrainingError
from mtnas.runtime.files import atomic_path, read_json, sha256_of, write_json
from mtnas.study.grids import STACKED, Values, expand, value_at, with_values
from mtnas.training.data import Split
from mtnas.training.fit import FitResult, fit, predict_selected
from mtnas.training.stack import Rates, Stack

log = logging.getLogger(__name__)

KEPT = "unfinished.json"


@dataclass(frozen=True)
class Trial:
    """One point of the grid, numbered from 1."""

    number: int
    values: Values

    @property
    def shape(self) -> Values:
        """Return what sets it apart from the members of a stack."""
        return {name: value for name, value in self.values.items() if name not in STACKED}


Pair = tuple[Trial, int]  # a trial and one of its seeds
Line = dict[str, Any]


@dataclass(frozen=True)
class TuningRecord:
    """All trials, one line per trial and seed, and what won."""

    trials: pd.DataFrame
    best: dict[str, Any]
    kept: Path | None = None

    def write(self, *, trials: str | Path, best: str | Path, code: str | None = None) -> None:
        """Write both files, each atomically; what was kept on the way is not needed any more."""
        with atomic_path(trials) as path:
            self.trials.to_csv(path, index=False, float_format="%.10g")
        write_json(best, {**self.best, "code": code})
        if self.kept is not None:
            self.kept.unlink(missing_ok=True)


def tune(
    spec: Mapping[str, Any],
    *,
    table: str | Path,
    manifest: str | Path,
    routes: str | Path | None = None,
    folder: str | Path | None = None,
    code: str | None = None,
    seeds_at_once: int = 0,
    device: str = "cpu",
) -> TuningRecord:
    """Train every point of the grid of a spec and choose the one with the least validation loss.

    Finished trials are kept in `folder` and taken from there if spec, data and `code` are the same.
    """
    started = time.perf_counter()
    trials = [Trial(number, values) for number, values in enumerate(expand(spec["grid"]), 1)]
    path = None if folder is None else Path(folder) / KEPT
    kept = _Kept(path, _identity(spec, code, manifest, routes))
    progress = _Progress(trials, spec["seeds"], kept)
    for shape, alike in groupby(trials, lambda trial: trial.shape):
        pairs = [(t, s) for t in alike for s in spec["seeds"] if (t.number, s) not in kept.lines]
        if not pairs:
            continue
        own = with_values(spec, shape)
        assembly = assemble(own, table=table, manifest=manifest, device=device)
        routes_of = read_routes(assembly, routes)
        together = seeds_at_once or assembly.seeds_at_once()
        for start in range(0, len(pairs), together):
            group = pairs[start : start + together]
            kept.add(_trained(assembly, group, routes_of))
            progress.report(group)
    lines = pd.DataFrame([kept.lines[t.number, s] for t in trials for s in spec["seeds"]])
    record = {
        **{key: spec[key] for key in ("dataset", "method", "variant")},
        **choose(lines, [trial.values for trial in trials], spec),
        "spec": dict(spec),
        "timings": {
            "train_seconds": float(lines["seconds"].sum()),
            "total_seconds": time.perf_counter() - started,
            "device": device,
        },
        "environment": provenance.environment(),
    }
    return TuningRecord(lines, record, path)


def _trained(assembly: Assembly, pairs: Sequence[Pair], routes: Mapping[int, Route]) -> list[Line]:
    """Train some trials side by side; one that diverges is found by halving and stands alone."""
    try:
        return _lines(assembly, pairs, routes)
    except TrainingError as error:
        if len(pairs) == 1:
            log.warning("trial %d diverged: %s", pairs[0][0].number, error)
            return [{**_head(pairs[0]), "status": "diverged", "seconds": 0.0}]
    half = len(pairs) // 2
    return [
        *_trained(assembly, pairs[:half], routes),
        *_trained(assembly, pairs[half:], routes),
    ]


def _lines(assembly: Assembly, pairs: Sequence[Pair], routes: Mapping[int, Route]) -> list[Line]:
    members = [
        replace(member, rates=_rates(assembly, trial))
        for trial, seed in pairs
        for member in assembly.members([seed], routes)
    ]
    stack = assembly.stack(members)
    split_of = {seed: assembly.split(seed) for _, seed in pairs}
    splits = [split_of[member.seed] for member in members]
    fitted = fit(stack, assembly.examples, splits, assembly.training, activity(members))
    scores = _scores(assembly, stack, fitted, splits, pairs)
    epochs = _best_epochs(stack, fitted, pairs)
    return [
        {**_head(pair), "status": "trained", **scores[p], **epochs[p],
         "seconds": fitted.seconds / len(pairs)}
        for p, pair in enumerate(pairs)
    ]  # fmt: skip


def _head(pair: Pair) -> Line:
    trial, seed = pair
    return {"trial": trial.number, "seed": seed, **trial.values}


def _rates(assembly: Assembly, trial: Trial) -> Rates:
    spec = with_values(assembly.spec, trial.values)
    return Rates(*(value_at(spec, name) for name in STACKED))


def _scores(
    assembly: Assembly,
    stack: Stack,
    fitted: FitResult,
    splits: Sequence[Split],
    pairs: Sequence[Pair],
) -> list[dict[str, float]]:
    """Return the validation metrics of every pair, named such as `valid_auc_t0`."""
    valid = [split.valid for split in splits]
    logit_MNT = predict_selected(stack, fitted.states, assembly.examples, valid)
    logit_PNT = by_seed(logit_MNT.cpu(), range(len(pairs)))
    rows = np.stack(valid[:: len(splits) // len(pairs)])
    y_PNT: Tensor = torch.from_numpy(assembly.table.labels[rows])
    kind = assembly.examples.kind
    tidy = metrics_of(range(len(pairs)), "valid", kind, logit_PNT, y_PNT)
    names = tidy["metric"] + ("_" + tidy["task"]).where(tidy["task"] != ALL_TASKS, "")
    scores: list[dict[str, float]] = [{} for _ in pairs]
    for p, name, value in zip(tidy["seed"], names, tidy["value"], strict=True):
        scores[p][f"valid_{name}"] = float(value)
    return scores


def _best_epochs(stack: Stack, fitted: FitResult, pairs: Sequence[Pair]) -> list[dict[str, int]]:
    """Return the best epoch of every pair, per task: single-task models have their own."""
    found: list[dict[str, int]] = [{} for _ in pairs]
    for m, member in enumerate(stack.members):
        epochs = fitted.best_epochs[m]
        for t, task in enumerate(member.tasks):
            own = epochs[t % len(epochs)]  # one for all tasks, or one each
            found[m * len(pairs) // len(stack)][f"best_epoch_t{task}"] = own
    return found


def _identity(
    spec: Mapping[str, Any], code: str | None, manifest: str | Path, routes: str | Path | None
) -> str:
    """Return a checksum of all that the outcome of a trial depends on."""
    data = Manifest.read(manifest).content_sha256
    parts = [spec, code, data, None if routes is None else sha256_of(routes)]
    return provenance.digest_of(parts)


class _Kept:
    """The lines of finished trials, by trial and seed, and a file that has them too."""

    def __init__(self, path: Path | None, identity: str) -> None:
        """Take over what the file has, if it belongs to the same grid search."""
        self._path, self._identity = path, identity
        self.lines: dict[tuple[int, int], Line] = {}
        if path is None or not path.is_file():
            return
        try:
            content = read_json(path, ("identity", "lines"))
        except RecordError as error:
            log.warning("finished trials are not taken over: %s", error)
            return
        if content["identity"] == identity:
            self._take(content["lines"])
            log.info("%s: %d finished pairs of trial and seed", path, len(self.lines))

    def add(self, lines: Sequence[Line]) -> None:
        """Add lines and write the file anew."""
        self._take(lines)
        if self._path is not None:
            content = {"identity": self._identity, "lines": list(self.lines.values())}
            write_json(self._path, content)

    def _take(self, lines: Sequence[Line]) -> None:
        self.lines |= {(line["trial"], line["seed"]): line for line in lines}


class _Progress:
    """A line in the log for every finished trial, with the time to go."""

    def __init__(self, trials: Sequence[Trial], seeds: Sequence[int], kept: _Kept) -> None:
        self._trials, self._seeds, self._kept = trials, seeds, kept
        self._started, self._before = time.perf_counter(), len(kept.lines)

    def report(self, pairs: Sequence[Pair]) -> None:
        """Report the trials that these pairs have completed."""
        seconds = time.perf_counter() - self._started
        done, total = len(self._kept.lines), len(self._trials) * len(self._seeds)
        to_go = seconds / (done - self._before) * (total - done)
        for trial, lines in self._completed(pairs):
            losses = [line.get(CRITERION, np.inf) for line in lines]
            log.info(
                "trial %d/%d  %s  valid loss %.5f over %d seeds  %.0f s, about %.0f s to go",
                trial.number, len(self._trials),
                " ".join(f"{name}={value}" for name, value in trial.values.items()),
                np.mean(losses), len(losses), seconds, to_go,
            )  # fmt: skip

    def _completed(self, pairs: Sequence[Pair]) -> Iterator[tuple[Trial, list[Line]]]:
        for number in dict.fromkeys(trial.number for trial, _ in pairs):
            lines = [self._kept.lines.get((number, seed)) for seed in self._seeds]
            if None not in lines:
                yield self._trials[number - 1], [line for line in lines if line is not None]
