"""Every route of a small space (V16): train it for every seed, and keep the outcome.

A route is data, so routes train side by side like seeds do. The models are worked on in groups;
each finished group is a shard on disk, so that a job that was killed goes on where it stopped.
Seeds are paired: all routes of a seed share its split, its batches and its initial weights.
Shapes: M members, N examples, T tasks.
"""

import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtnas.evidence.exhaustive_table import COLUMNS, KEY, GroundTruth
from mtnas.experiments.assembly import Assembly, activity, assemble, split_digest
from mtnas.routes.space import MOST_ROUTES, Route, SearchSpace, patterns
from mtnas.runtime import provenance
from mtnas.runtime.errors import ConfigError, TrainingError
from mtnas.runtime.files import atomic_path
from mtnas.training.data import Split
from mtnas.training.fit import fit, predict_selected
from mtnas.training.stack import Member

log = logging.getLogger(__name__)


def train_every_route(
    spec: Mapping[str, Any],
    *,
    table: str | Path,
    manifest: str | Path,
    output: str | Path,
    models_at_once: int = 0,
    device: str = "cpu",
    code: str | None = None,
) -> None:
    """Train the space of a spec and write its ground truth to `output`.

    Shards of an unfinished job with the same spec, data and code lie beside it and are taken over.
    Each model is selected on validation and touches the test set once.
    """
    started = time.perf_counter()
    assembly = assemble(spec, table=table, manifest=manifest, device=device)
    data = assembly.table.manifest.identity()
    shards = Shards.of(output, {"spec": dict(spec), "data": data, "code": code, "device": device})
    together = models_at_once or assembly.seeds_at_once()
    outcomes = _train(assembly, shards, together)
    record = {
        "spec": dict(spec),
        "space": assembly.space.to_json(),
        "seeds": list(spec["seeds"]),
        "simulated": assembly.table.manifest.simulated,
        "data": data,
        "splits": {str(s): split_digest(assembly.split(s)) for s in spec["seeds"]},
        "parameters": assembly.parameters({}),
        "timings": {
            "train_seconds": float(outcomes.drop_duplicates("shard")["seconds"].sum()),
            "total_seconds": time.perf_counter() - started,
            "models_at_once": together,
            "device": device,
        },
        "environment": provenance.environment(),
        "git": provenance.git_state(),
        "code": code,
    }
    frame = _every_route(assembly, outcomes.drop(columns=["shard", "seconds"]), spec["space"])
    GroundTruth(frame, {spec["space"]: record}).write(output)
    shards.remove()


@dataclass(frozen=True)
class Shards:
    """The finished groups of a job; the folder's name says which job, so none is mistaken."""

    root: Path
    identity: str

    @classmethod
    def of(cls, output: str | Path, identity: Mapping[str, Any]) -> "Shards":
        """Name the shards of what is to be written to `output`."""
        path = Path(output)
        root = path.with_name(f".{path.stem}.shards")
        return cls(root, provenance.digest_of(identity))

    def read(self) -> pd.DataFrame:
        """Return what is finished, an empty frame at the start."""
        files = sorted((self.root / self.identity).glob("[0-9]*.parquet"))
        frames = [pd.read_parquet(file) for file in files]
        empty = pd.DataFrame({"seed": [], "route": []}, dtype=np.int64)
        return pd.concat(frames, ignore_index=True) if frames else empty

    def write(self, frame: pd.DataFrame) -> None:
        """Add one group; its name is that of its first model, which no other group has."""
        first = frame.iloc[0]
        with atomic_path(self.root / self.identity / f"{first.seed}-{first.route}.parquet") as path:
            frame.to_parquet(path, index=False)

    def remove(self) -> None:
        """Remove these shards, and those of earlier jobs that were never finished."""
        shutil.rmtree(self.root, ignore_errors=True)


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


def _train(assembly: Assembly, shards: Shards, together: int) -> pd.DataFrame:
    """Train what no shard holds yet; return all of it, a line per model."""
    wanted = [
        (seed, int(route))
        for seed in assembly.spec["seeds"]
        for route in np.unique(representatives(assembly.space))
    ]
    finished = shards.read()
    done = set(zip(finished["seed"].tolist(), finished["route"].tolist(), strict=True))
    missing = [pair for pair in wanted if pair not in done]
    log.info("%d models: %d trained before, %d to go", len(wanted), len(done), len(missing))
    started = time.perf_counter()
    for first in range(0, len(missing), together):
        group = missing[first : first + together]
        shards.write(_train_group(assembly, group))
        trained, seconds = first + len(group), time.perf_counter() - started
        log.info(
            "%d of %d models, %.0f s, %.0f s to go",
            len(done) + trained, len(wanted), seconds,
            seconds / trained * (len(missing) - trained),
        )  # fmt: skip
    return shards.read()


def _train_group(assembly: Assembly, group: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """Train one model per (seed, route); return a line for each."""
    tasks = tuple(range(assembly.num_tasks))
    members = [Member(seed, tasks, Route.at(assembly.space, route)) for seed, route in group]
    known = {seed: assembly.split(seed) for seed in dict.fromkeys(seed for seed, _ in group)}
    splits = [known[seed] for seed, _ in group]
    stack = assembly.stack(members)
    fitted = fit(stack, assembly.examples, splits, assembly.training, activity(members))
    columns: dict[str, Any] = {
        "seed": np.array([seed for seed, _ in group]),
        "route": np.array([route for _, route in group]),
        "best_epoch": np.array([max(epochs) for epochs in fitted.best_epochs]),
    }
    for part in ("valid", "test"):
        rows = [getattr(split, part) for split in splits]
        logit_MNT = predict_selected(stack, fitted.states, assembly.examples, rows)
        columns |= _scores(part, logit_MNT, assembly, splits)
    frame = pd.DataFrame(columns)
    if not np.isfinite(frame.to_numpy(float)).all():
        raise TrainingError(
            "exhaustive: a loss or AUC is not a finite number; lower training.learning_rate, or "
            "take a larger part of the data for validation and test, and run again"
        )
    seed, route = group[0]
    return frame.assign(shard=f"{seed}-{route}", seconds=fitted.seconds)


def _scores(
    part: str, logit_MNT: Tensor, assembly: Assembly, splits: Sequence[Split]
) -> dict[str, NDArray[np.float64]]:
    """Return the columns of one part of the data, [M] each: losses, and AUCs of binary labels."""
    rows = torch.from_numpy(np.stack([getattr(split, part) for split in splits]))
    y_MTN = torch.from_numpy(assembly.table.labels)[rows].transpose(1, 2)
    logit_MTN = logit_MNT.cpu().transpose(1, 2)
    kind = assembly.examples.kind
    loss_MT = kind.loss(logit_MTN, y_MTN).numpy()
    scores = {name: score(logit_MTN, y_MTN).numpy() for name, score in kind.scores.items()}
    columns = {f"{part}_loss": loss_MT.sum(-1)}
    for t in range(loss_MT.shape[1]):
        for name, score_MT in {"loss": loss_MT, **scores}.items():
            columns[f"{part}_{name}_t{t}"] = score_MT[:, t]
    return columns


def _every_route(assembly: Assembly, outcomes: pd.DataFrame, name: str) -> pd.DataFrame:
    """Give every route of the space the outcome of its representative."""
    space, same_as = assembly.space, representatives(assembly.space)
    routes = [Route.at(space, i) for i in range(space.num_routes)]
    used = assembly.parameters(dict(enumerate(routes)))["dense_used"]
    about = pd.DataFrame(
        {
            "space": name,
            "route": np.arange(len(routes)),
            "same_as": same_as,
            "pattern": patterns(space),
            "describe": [route.describe() for route in routes],
            "edges": [len(route.edges) for route in routes],
            "dense_used": [used[str(i)] for i in range(len(routes))],
        }
    )
    frame = about.merge(outcomes.rename(columns={"route": "same_as"}), on="same_as")
    first = [*COLUMNS, *(c for c in frame.columns if c not in COLUMNS)]
    return frame[first].sort_values(list(KEY), ignore_index=True)
