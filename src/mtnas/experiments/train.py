"""Train one method over all its seeds: select on validation, touch the test set once.

Seeds are worked on in groups of `seeds_at_once`, for speed alone: numbers are equal in float64 and
equal up to rounding in float32.
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
from mtnas.experiments.assembly import Assembly, assemble, split_digest
from mtnas.experiments.derive import Derived, read_derived, with_winner
from mtnas.experiments.journal import Journal, run_groups
from mtnas.experiments.scoring import Scores, by_unit, joined, predictions_of, scores_of, tidy
from mtnas.runtime import provenance, seeds
from mtnas.runtime.errors import ConfigError
from mtnas.runtime.files import atomic_path
from mtnas.study.specs import RunSpec
from mtnas.tasks.kinds import BINARY
from mtnas.training.checkpoint import Checkpoint, Tree
from mtnas.training.ensemble import Ensemble
from mtnas.training.fit import FitResult, fit, mean_gate_scores, predict_selected

log = logging.getLogger(__name__)

PARTS = ("valid", "test")


@dataclass(frozen=True)
class TrainedRun:
    """What a run measured, what made it, and its selected weights by name (a control has none).

    A weight has a leading axis of models: seed by seed, and for a method with a model per task
    task by task.
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
    *,
    table: str | Path,
    manifest: str | Path,
    routes: str | Path | None = None,
    supernet: str | Path | None = None,
    tuned: str | Path | None = None,
    seeds_at_once: int = 0,
    device: str = "cpu",
    journal: Path | None = None,
    code: str | None = None,
) -> TrainedRun:
    """Train (or derive from a search), select on validation, evaluate on test: all seeds.

    `tuned` is the file of a grid search (`experiments.tune`); what won replaces the spec's options.
    Unfinished work is kept in the folder `journal`, and taken up if spec, data, routes, weights and
    `code` are the same.
    """
    started = time.perf_counter()
    spec = spec if tuned is None else with_winner(spec, tuned)
    assembly = assemble(spec, table=table, manifest=manifest, device=device)
    derived = read_derived(assembly, spec, routes, supernet)
    counts = None if assembly.method.sharing is None else assembly.parameters(derived.routes)
    log.info("dense parameters of one model: %s", counts.dense if counts else "none (a control)")
    together = seeds_at_once or (assembly.seeds_at_once() if counts else len(spec.seeds))
    kept = Journal(journal, assembly.identity(code, routes=routes, supernet=supernet))
    work = partial(_trained, assembly, spec, derived)
    results = run_groups(spec.seeds, together, work, kept)
    by_seed = dict(zip(spec.seeds, results, strict=True))
    timings = Timings(
        train_seconds=sum(result["seconds"] for result in results),
        total_seconds=kept.seconds + time.perf_counter() - started,
        seeds_at_once=together,
        device=device,
        threads=torch.get_num_threads(),
    )
    return TrainedRun(
        tidy({seed: result["scores"] for seed, result in by_seed.items()}),
        _record(spec, assembly, counts, by_seed, timings, code),
        joined([result["predictions"] for result in results]),
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
        fits=tuple(chain.from_iterable(result["fits"] for result in results.values())),
        gates={seed: r["gates"] for seed, r in results.items() if r["gates"] is not None},
        timings=timings,
        environment=provenance.environment(),
        git=Git(**provenance.git_state()),
        code=code,
    )


def _trained(
    assembly: Assembly,
    spec: RunSpec,
    derived: Derived,
    group: Sequence[int],
    checkpoint: Checkpoint,
) -> list[Tree]:
    """Return what some seeds gave, trained side by side."""
    if assembly.method.predict is not None:
        return _control(assembly, group)
    members = assembly.members(group, derived.routes)
    ensemble, splits = assembly.ensemble(members), [assembly.split(m.seed) for m in members]
    fitted = None
    if spec.derive in ("inherit", "finetune"):
        derived.inherit(ensemble, spec.seeds)
    if spec.derive != "inherit":
        fitted = fit(ensemble, assembly.examples, splits, assembly.training, checkpoint)
    states = (ensemble.state(),) if fitted is None else fitted.states
    rows = {part: [getattr(split, part) for split in splits] for part in PARTS}
    outputs = {
        part: by_unit(predict_selected(ensemble, states, assembly.examples, own).cpu(), len(group))
        for part, own in rows.items()
    }
    gates = mean_gate_scores(ensemble, states, assembly.examples, rows["test"])
    fits = [] if fitted is None else _fit_records(ensemble, fitted)
    each = len(members) // len(group)
    return [
        {
            **result,
            "fits": fits[s * each : (s + 1) * each],
            "gates": None if gates is None else gates[s].tolist(),
            "weights": _weights(states, slice(s * each, (s + 1) * each)),
            "seconds": 0.0 if fitted is None else fitted.seconds / len(group),
        }
        for s, result in enumerate(_measured(assembly, group, outputs))
    ]


def _control(assembly: Assembly, group: Sequence[int]) -> list[Tree]:
    """Let a control method predict from the labels: the floor and ceiling of every metric."""
    assert assembly.method.predict is not None
    if assembly.examples.kind is not BINARY:
        raise ConfigError(
            f"method {assembly.method.name!r} predicts probabilities, and the labels of "
            f"{assembly.spec.dataset} are numbers; leave it out of the experiment"
        )
    outputs: dict[str, Tensor] = {}
    for part in PARTS:
        drawn = [
            assembly.method.predict(
                assembly.table.labels[getattr(assembly.split(seed), part)],
                seeds.generator(seed, "control"),
            )
            for seed in group
        ]
        p_SNT = torch.from_numpy(np.stack(drawn)).double().clamp(1e-7, 1 - 1e-7)
        outputs[part] = p_SNT.logit()
    nothing: Tree = {"fits": [], "gates": None, "weights": {}, "seconds": 0.0}
    return [{**result, **nothing} for result in _measured(assembly, group, outputs)]


def _measured(
    assembly: Assembly, group: Sequence[int], outputs: Mapping[str, Tensor]
) -> list[Tree]:
    """Return the scores of every seed on validation and test, and its predictions on test."""
    kind, labels = assembly.examples.kind, assembly.table.labels
    rows: dict[str, list[Any]] = {
        part: [getattr(assembly.split(seed), part) for seed in group] for part in PARTS
    }
    scores: dict[str, list[Scores]] = {
        part: scores_of(kind, outputs[part], torch.from_numpy(labels[np.stack(rows[part])]))
        for part in PARTS
    }
    # In float64 different outputs stay different probabilities, so ranks (AUC) survive.
    p_SNT = kind.read(outputs["test"].double()).numpy()
    return [
        {
            "scores": {part: scores[part][s] for part in PARTS},
            "predictions": predictions_of(
                seed, rows["test"][s], kind, p_SNT[s], labels[rows["test"][s]]
            ),
        }
        for s, seed in enumerate(group)
    ]


def _fit_records(ensemble: Ensemble, fitted: FitResult) -> list[Tree]:
    return [
        {
            "seed": member.seed,
            "tasks": list(member.tasks),
            "best_epoch": _one_or_all(fitted.best_epochs[m]),
            "train_loss": [losses[m] for losses in fitted.train_loss],
            "valid_loss": [sum(losses[m]) for losses in fitted.valid_losses],
            "valid_losses": [list(losses[m]) for losses in fitted.valid_losses],
        }
        for m, member in enumerate(ensemble.members)
    ]


def _one_or_all(best_epochs: Sequence[int]) -> int | list[int]:
    """Return the epoch of a model, or those of its tasks where each has its own."""
    return best_epochs[0] if len(best_epochs) == 1 else list(best_epochs)


def _weights(states: Sequence[Mapping[str, Tensor]], members: slice) -> dict[str, Tensor]:
    """Return the selected weights of some members; where each task has its own, named `t0.` ..."""
    return {
        name if len(states) == 1 else f"t{task}.{name}": tensor[members].detach().cpu().clone()
        for task, state in enumerate(states)
        for name, tensor in state.items()
    }
