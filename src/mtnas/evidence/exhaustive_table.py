"""The exhaustive ground truth: how good every route of a small space is, seed by seed.

One Parquet file with a line per space, route and seed (`KEY`), the losses and AUCs of that route
trained alone, and what made them as JSON in the metadata of the file, one entry per space.
Losses are mean cross-entropies in nats, or mean squared errors of labels that are numbers (which
have no AUC); those without a task are sums over tasks.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mtnas.evidence.records import DataFacts, Git, Parameters
from mtnas.evidence.resampling import Resampling
from mtnas.routes.space import SearchSpace, SpaceArguments
from mtnas.routes.tables import space_from
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import (
    CHANGED,
    advising,
    atomic_path,
    broken,
    check_digest,
    existing,
    remake,
    sealed,
)
from mtnas.runtime.record import Part, Record
from mtnas.runtime.usage import Traced
from mtnas.study.specs import ExhaustiveSpec

KEY = ("space", "route", "seed")
# `route` numbers the space (`Route.at`); `same_as` is the route whose training is reported here,
# `pattern` the first route that shares in the same way (`routes.patterns`).
COLUMNS = (*KEY, "same_as", "pattern", "describe", "edges", "dense_used", "best_epoch")
LOSSES = ("valid_loss", "test_loss")
_METADATA = b"mtnas"


class ExhaustiveTimings(Part):
    """How long it took to train all routes, in seconds, and on what."""

    train_seconds: float
    total_seconds: float
    models_at_once: int
    device: str


class ExhaustiveRecord(Traced):
    """What made the ground truth of one space."""

    spec: ExhaustiveSpec
    space: SpaceArguments
    seeds: tuple[int, ...]
    simulated: bool
    data: DataFacts
    splits: dict[int, str]  # by seed: a short digest of its split
    parameters: Parameters
    timings: ExhaustiveTimings
    environment: dict[str, str | int | None]
    git: Git
    code: str | None = None  # fingerprint of the library code
    study: str | None = None  # the command that published it

    @property
    def resampling(self) -> Resampling:
        """Return how its seeds came to their rows."""
        drawn = self.spec.synthetic is not None
        return self.data.resampling(drawn=drawn, fixed=self.spec.fixed_split)


class ExhaustiveRecords(Record):
    """An exhaustive table: by space what made it, and the digest of its lines."""

    spaces: dict[str, ExhaustiveRecord]
    lines: str


@dataclass(frozen=True)
class GroundTruth:
    """Every route of one or more spaces; `records` says, by space, what made it."""

    frame: pd.DataFrame
    records: dict[str, ExhaustiveRecord]

    def space(self, name: str) -> SearchSpace:
        """Return one of the spaces."""
        return space_from(**self.records[name].space)

    def table(self, name: str, column: str) -> pd.DataFrame:
        """Return one column of one space, a row per route (in order) and a column per seed."""
        lines = self.frame[self.frame["space"] == name]
        return lines.pivot(index="route", columns="seed", values=column)

    def write(self, path: str | Path) -> None:
        """Write the file atomically; refuse a table that is not complete and finite."""
        check(self, where=str(path))
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        records = ExhaustiveRecords(spaces=self.records, lines=_digest(self.frame))
        told = {_METADATA: json.dumps(sealed(records.to_json()), allow_nan=False).encode()}
        with atomic_path(path) as temporary:
            pq.write_table(table.replace_schema_metadata(told), temporary, compression="zstd")


def check(truth: GroundTruth, where: str) -> None:
    """Raise `RecordError` unless every route of every space has one finite line per seed."""
    frame = truth.frame
    missing = [name for name in (*COLUMNS, *LOSSES) if name not in frame]
    if missing:
        raise RecordError(f"{where}: no column {', '.join(missing)}")
    if set(frame["space"]) != set(truth.records):
        raise RecordError(
            f"{where}: lines of the spaces {sorted(set(frame['space']))}, records of "
            f"{sorted(truth.records)}"
        )
    for name, record in truth.records.items():
        lines = frame[frame["space"] == name]
        wanted = pd.MultiIndex.from_product([range(truth.space(name).num_routes), record.seeds])
        found = pd.MultiIndex.from_frame(lines[["route", "seed"]])
        if found.has_duplicates or len(found) != len(wanted) or len(wanted.difference(found)):
            raise RecordError(
                f"{where}: space {name!r} has {len(found)} lines, {len(set(found))} of them "
                f"different, expected {len(wanted)}: every route once for every seed"
            )
    numbers = frame.select_dtypes("number").to_numpy(float)
    if not np.isfinite(numbers).all():
        raise RecordError(f"{where}: a value is missing or not a finite number")


def _digest(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of the lines of a table."""
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()


def read_ground_truth(path: str | Path) -> GroundTruth:
    """Read one file; `RecordError` if it is missing, incomplete or something else."""
    path = existing(path)
    try:
        table = pq.read_table(path)
        content = check_digest(json.loads((table.schema.metadata or {})[_METADATA]), path)
        records = ExhaustiveRecords.of(content, path)
    except RecordError:
        raise
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise broken(path, f"not an exhaustive table ({error})") from None
    truth = GroundTruth(table.to_pandas(), records.spaces)
    if _digest(truth.frame) != records.lines:
        raise broken(path, CHANGED)
    with advising(f"delete it and run `{remake(path)}`"):
        check(truth, str(path))
    return truth


def concatenate(paths: Sequence[str | Path]) -> GroundTruth:
    """Return several files as one; their spaces must have different names."""
    truths = [read_ground_truth(path) for path in paths]
    records: dict[str, ExhaustiveRecord] = {}
    for path, truth in zip(paths, truths, strict=True):
        twice = sorted(set(records) & set(truth.records))
        if twice:
            raise RecordError(f"{path}: space {twice[0]!r} is in another file, too")
        records |= truth.records
    return GroundTruth(pd.concat([truth.frame for truth in truths], ignore_index=True), records)
