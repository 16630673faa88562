"""Composition root: a run spec in, a run record out.

`search` finds a route per seed, `run` trains, selects on validation and touches the test set once.
Seeds are worked on in groups of `seeds_at_once`, for speed alone: numbers are equal in float64 and
equal up to rounding in float32.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mtnas.config.options import SearchOptions
from mtnas.evidence.records import RunRecord
from mtnas.experiments.assembly import Assembly, activity, assemble, split_digest
from mtnas.experiments.derive import inherit, read_routes
from mtnas.experiments.scoring import by_seed, metrics_of, predictions_of
from mtnas.routes.space import Route, SearchSpace
from mtnas.runtime import provenance, seeds
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import sha256_of
from mtnas.search.record import SearchRecord
from mtnas.search.result import SearchResult
from mtnas.search.strategies import CONTROLS, searcher
from mtnas.study.grids import with_winner
from mtnas.tasks.metrics import BINARY
from mtnas.training.checkpoint import Checkpoint, Checkpoints
from mtnas.training.fit import FitResult, fit, mean_gate_scores, predict_selected
from mtnas.training.stack import Stack

log = logging.getLogger(__name__)


def search(
    spec: Mapping[str, Any],
    *,
    table: str | Path,
    manifest: str | Path,
    seeds_at_once: int = 0,
    device: str = "cpu",
    checkpoints: Path | None = None,
    code: str | None = None,
) -> SearchRecord:
    """Search a sharing route for every seed of the spec (Algorithm 1, or a control strategy).

    Checkpoints are kept in the folder `checkpoints`, and taken up if spec, data and `code` are the
    same.
    """
    started = time.perf_counter()
    assembly = assemble(spec, table=table, manifest=manifest, device=device)
    space = assembly.space
    options = SearchOptions.of(spec["search"], f"methods.{spec['method']}.search")
    together = seeds_at_once or assembly.seeds_at_once()
    kept = _checkpoints(checkpoints, assembly, code)
    results = kept.each(_groups(spec, together), partial(_search, assembly, space, options))
    timings = {
        "search_seconds": sum(result.seconds for result in results),
        "total_seconds": kept.seconds + time.perf_counter() - started,
        "seeds_at_once": together,
        "device": device,
    }
    record = _search_record(spec, assembly, options.strategy, results, timings)
    names = results[0].state
    weights = {name: torch.cat([result.state[name] for result in results]).cpu() for name in names}
    return SearchRecord(record, weights, checkpoints)


def _search_record(
    spec: Mapping[str, Any],
    assembly: Assembly,
    strategy: str,
    results: Sequence[SearchResult],
    timings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what routes.json says."""
    found = [f for result in results for f in result.found]
    return {
        **{key: spec[key] for key in ("dataset", "method", "variant")},
        "strategy": strategy,
        "simulated": assembly.table.manifest.simulated,
        "space": assembly.space.to_json(),
        "num_routes": assembly.space.num_routes,
        "seeds": {str(s): f.to_json() for s, f in zip(spec["seeds"], found, strict=True)},
        "spec": dict(spec),
        "timings": timings,
        "environment": provenance.environment(),
    }


def _search(
    assembly: Assembly,
    space: SearchSpace,
    options: SearchOptions,
    group: Sequence[int],
    checkpoint: Checkpoint,
) -> SearchResult:
    if options.strategy in CONTROLS:
        return CONTROLS[options.strategy](space, group)
    stack = assembly.stack(assembly.members(group, {}))
    splits = [assembly.split(seed) for seed in group]
    find = searcher(options)
    found = find(stack, assembly.examples, splits, space, options, assembly.training)
    return found.run(checkpoint)


def run(
    spec: Mapping[str, Any],
    *,
    table: str | Path,
    manifest: str | Path,
    routes: str | Path | None = None,
    supernet: str | Path | None = None,
    tuned: str | Path | None = None,
    seeds_at_once: int = 0,
    device: str = "cpu",
    checkpoints: Path | None = None,
    code: str | None = None,
) -> RunRecord:
    """Train (or derive), select on validation, evaluate on test: all seeds of one spec.

    `tuned` is the file of a grid search (`experiments.tune`); what won replaces the spec's options.
    Checkpoints are kept in the folder `checkpoints`, and taken up if spec, data, routes, weights
    and `code` are the same.
    """
    started = time.perf_counter()
    spec = spec if tuned is None else with_winner(spec, tuned)
    assembly = assemble(spec, table=table, manifest=manifest, device=device)
    routes_of = read_routes(assembly, routes)
    counts = assembly.parameters(routes_of) if assembly.method.sharing is not None else {}
    log.info("dense parameters of one model: %s", counts.get("dense", "none (a control)"))
    together = seeds_at_once or (assembly.seeds_at_once() if counts else len(spec["seeds"]))
    kept = _checkpoints(checkpoints, assembly, code, routes=routes, supernet=supernet)
    outcomes = kept.each(
        _groups(spec, together), partial(_run_group, assembly, routes_of, supernet)
    )
    timings = {
        "train_seconds": sum(outcome.seconds for outcome in outcomes),
        "total_seconds": kept.seconds + time.perf_counter() - started,
        "seeds_at_once": together,
        "device": device,
        "threads": torch.get_num_threads(),
    }
    record = _run_record(spec, assembly, counts, outcomes, timings)
    metrics = pd.concat([outcome.metrics for outcome in outcomes])
    # The order must not tell how seeds were grouped.
    metrics = metrics.sort_values(["seed", "split"], kind="stable", ignore_index=True)
    predictions = pd.concat([outcome.predictions for outcome in outcomes], ignore_index=True)
    return RunRecord(metrics, record, predictions=predictions, kept=checkpoints)


def _run_record(
    spec: Mapping[str, Any],
    assembly: Assembly,
    parameters: Mapping[str, Any],
    outcomes: Sequence["_Outcome"],
    timings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what run.json says."""
    manifest = assembly.table.manifest
    return {
        "spec": dict(spec),
        "simulated": manifest.simulated,
        "synthetic": manifest.synthetic,
        "parameters": parameters,
        "options": assembly.options.model_dump(mode="json"),
        "data": manifest.identity(),
        "splits": {str(s): split_digest(assembly.split(s)) for s in spec["seeds"]},
        "fits": [fit for outcome in outcomes for fit in outcome.fits],
        "gates": {seed: scores for outcome in outcomes for seed, scores in outcome.gates.items()},
        "timings": timings,
        "environment": provenance.environment(),
        "git": provenance.git_state(),
    }


def _checkpoints(
    folder: Path | None, assembly: Assembly, code: str | None, **inputs: str | Path | None
) -> Checkpoints:
    """Return the checkpoints of a job, known by all that its result depends on."""
    if folder is None:
        return Checkpoints()
    versions = provenance.environment()
    identity = {
        "spec": dict(assembly.spec),
        "data": assembly.table.manifest.content_sha256,
        "inputs": {name: path and sha256_of(path) for name, path in inputs.items()},
        "code": code,
        "device": assembly.device,
        "versions": {name: versions[name] for name in ("numpy", "torch")},
    }
    return Checkpoints(folder, identity)


@dataclass(frozen=True)
class _Outcome:
    """What one group of seeds gave."""

    metrics: pd.DataFrame
    predictions: pd.DataFrame
    fits: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    gates: dict[str, Any] = field(default_factory=dict)  # seed -> mean score [T][experts] on test


def _run_group(
    assembly: Assembly,
    routes: Mapping[int, Route],
    supernet: str | Path | None,
    group: Sequence[int],
    checkpoint: Checkpoint,
) -> _Outcome:
    if assembly.method.predict is not None:
        return _control(assembly, group)
    members = assembly.members(group, routes)
    stack, splits = assembly.stack(members), [assembly.split(m.seed) for m in members]
    derive, fitted = assembly.spec.get("derive"), None
    if derive in ("inherit", "finetune"):
        inherit(stack, assembly.spec["seeds"], supernet)
    if derive != "inherit":
        fitted = fit(
            stack, assembly.examples, splits, assembly.training, activity(members), checkpoint
        )
    states = (stack.state(),) if fitted is None else fitted.states
    rows = {part: [getattr(s, part) for s in splits] for part in ("valid", "test")}
    logits = {
        part: by_seed(predict_selected(stack, states, assembly.examples, own).cpu(), group)
        for part, own in rows.items()
    }
    fits = [] if fitted is None else _fit_records(stack, fitted)
    seconds = 0.0 if fitted is None else fitted.seconds
    scores = mean_gate_scores(stack, states, assembly.examples, rows["test"])
    gates = {} if scores is None else dict(zip(map(str, group), scores.tolist(), strict=True))
    return replace(_outcome(assembly, group, logits), fits=fits, seconds=seconds, gates=gates)


def _control(assembly: Assembly, group: Sequence[int]) -> _Outcome:
    """Let a control method predict from the labels: the floor and ceiling of every metric."""
    assert assembly.method.predict is not None
    if assembly.examples.kind is not BINARY:
        raise ConfigError(
            f"method {assembly.method.name!r} predicts probabilities, and the labels of "
            f"{assembly.spec['dataset']} are numbers; leave it out of the experiment"
        )
    logits: dict[str, Tensor] = {}
    for part in ("valid", "test"):
        drawn = [
            assembly.method.predict(
                assembly.table.labels[getattr(assembly.split(seed), part)],
                seeds.generator(seed, "control"),
            )
            for seed in group
        ]
        p_SNT = torch.from_numpy(np.stack(drawn)).double().clamp(1e-7, 1 - 1e-7)
        logits[part] = p_SNT.logit()
    return _outcome(assembly, group, logits)


def _outcome(assembly: Assembly, group: Sequence[int], logits: Mapping[str, Tensor]) -> _Outcome:
    frames, kind = [], assembly.examples.kind
    for part, logit_SNT in logits.items():
        rows = np.stack([getattr(assembly.split(seed), part) for seed in group])
        y_SNT = torch.from_numpy(assembly.table.labels[rows])
        frames.append(metrics_of(group, part, kind, logit_SNT, y_SNT))
        if part == "test":
            predictions = predictions_of(group, rows, kind, logit_SNT, y_SNT)
    return _Outcome(pd.concat(frames, ignore_index=True), predictions)


def _fit_records(stack: Stack, fitted: FitResult) -> list[dict[str, Any]]:
    return [
        {
            "seed": member.seed,
            "tasks": list(member.tasks),
            "best_epoch": _one_or_all(fitted.best_epochs[m]),
            "train_loss": [losses[m] for losses in fitted.train_loss],
            "valid_loss": [sum(losses[m]) for losses in fitted.valid_losses],
            "valid_losses": [list(losses[m]) for losses in fitted.valid_losses],
        }
        for m, member in enumerate(stack.members)
    ]


def _one_or_all(best_epochs: Sequence[int]) -> int | list[int]:
    """Return the epoch of a model, or those of its tasks where each has its own."""
    return best_epochs[0] if len(best_epochs) == 1 else list(best_epochs)


def _groups(spec: Mapping[str, Any], size: int) -> list[list[int]]:
    wanted = list(spec["seeds"])
    return [wanted[i : i + size] for i in range(0, len(wanted), size)]
