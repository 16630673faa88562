"""`results/published/`: the outcome of all studies that were published, to rebuild everything from.

metrics.csv.gz   every metric of every run (columns `dataset,method,variant,` + those of a run)
runs.json        the run.json of every run, one in a line, with the command that published it; of
                 curves six digits
inventory.json   datasets, experiments, searches, small spaces, variants (`mtnas.study.plan`)
data/            the manifest of every dataset
routes/          the learned routes; curves of the searches that are drawn
tuning/          the trials of every grid search, and what won
exhaustive/      one table per dataset with all of its small spaces
subsets/         scores of subsets of tasks as .csv.gz, and their records
simulated_studies/  results of studies of planted tasks as .csv.gz, and their records
diagnosis/       which tasks of each dataset should share, and what told so
audit/           what the audit of each dataset found
sums.json        the SHA-256 of all of these files (`published.whole`)
answer.json      made from the above: what was found, in sentences; answer.md: for a terminal
setup.json       how long the default study takes, and how large .venv is (`make first-use`)
figures/         made from the above, as are tables/: drawings, and what they show if it is small
claims/subgraphs.json   how far methods are from their routes (needs torch to measure)
"""

import gzip
import io
import json
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd

from mtnas.config.options import RunKey
from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.exhaustive_table import ExhaustiveRecord, GroundTruth, read_ground_truth
from mtnas.evidence.records import RUN_COLUMNS, RunRecord
from mtnas.evidence.resampling import share_drawn_anew
from mtnas.evidence.subsets_record import SubsetsRecord
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import (
    advising,
    atomic_path,
    check_digest,
    existing,
    read_json,
    write_json,
    write_text,
)
from mtnas.study.paths import AUDIT, DATA, ROUTES, RUN, SUBGRAPHS, TRUTH, TRUTHS, of_runs
from mtnas.study.plan import Plan, named

RESTORE = "restore it with `git checkout results/published`"
KEY = list(RUN_COLUMNS[:3])
Told = TypeVar("Told", RunRecord, ExhaustiveRecord, SubsetsRecord)


@dataclass(frozen=True)
class PublishedRun:
    """One run: its metrics as text, so that nothing is rounded twice, and its record."""

    metrics: pd.DataFrame
    record: RunRecord


def read_plan(folder: Path) -> Plan:
    """Read what is published, by name."""
    keys = ("datasets", "experiments", "homes", "judged", "variants")
    path = folder / "inventory.json"
    with advising(RESTORE):
        content = read_json(path, keys)
    try:
        return Plan.from_json(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{path}: not an inventory ({error!r}); {RESTORE}") from None


def read_runs(folder: Path) -> dict[RunKey, PublishedRun]:
    """Read all published runs, in their order."""
    path = folder / "runs.json"
    with advising(RESTORE):
        contents = read_json(path)
        records = {
            key: RunRecord.of(check_digest(content, path), path)
            for key, content in contents.items()
        }
    metrics = read_metrics(folder / "metrics.csv.gz")
    frames = {f"{d}/{m}/{v}": rows for (d, m, v), rows in metrics.groupby(KEY, sort=False)}
    if odd := sorted(frames.keys() ^ records.keys()):
        raise RecordError(
            f"{folder}: {', '.join(odd)} in only one of metrics.csv.gz and runs.json; {RESTORE}"
        )
    return {
        named(key): PublishedRun(frames[key].drop(columns=KEY), record)
        for key, record in records.items()
    }


def read_metrics(path: Path) -> pd.DataFrame:
    """Read all metrics as text."""
    with advising(RESTORE):
        table = unpack(path)
    try:
        metrics = pd.read_csv(io.BytesIO(table), dtype=str, keep_default_na=False)
    except ValueError as error:
        raise RecordError(f"{path}: not a table ({error}); {RESTORE}") from None
    if tuple(metrics.columns) != RUN_COLUMNS:
        raise RecordError(
            f"{path}: columns {list(metrics.columns)}, expected {list(RUN_COLUMNS)}; {RESTORE}"
        )
    return metrics


def write_runs(folder: Path, runs: Mapping[RunKey, PublishedRun]) -> None:
    """Write metrics.csv.gz and runs.json; the same runs give the same bytes."""
    frames = [pd.DataFrame(columns=list(RUN_COLUMNS), dtype=str)]  # there may be no run
    frames += [
        run.metrics.assign(dataset=d, method=m, variant=v) for (d, m, v), run in runs.items()
    ]
    text = pd.concat(frames)[list(RUN_COLUMNS)].to_csv(index=False, lineterminator="\n")
    pack(folder / "metrics.csv.gz", text.encode())
    lines = ",\n".join(
        f"{json.dumps('/'.join(key))}: {json.dumps(run.record.sealed(), allow_nan=False)}"
        for key, run in runs.items()
    )
    write_text(folder / "runs.json", f"{{\n{lines}\n}}\n")


def pack(path: Path, table: bytes) -> None:
    """Write a table, compressed; the same bytes give the same file, for it has no time stamp."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(table, mtime=0))


def unpack(path: Path) -> bytes:
    """Return a table; `RecordError` if there is none, or it is not compressed."""
    try:
        return gzip.decompress(existing(path).read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise RecordError(f"{path}: not a compressed table ({error})") from None


def write_plan(folder: Path, plan: Plan) -> None:
    """Write what is published, by name."""
    write_json(folder / "inventory.json", plan.to_json())


def shares_of(folder: Path) -> dict[str, float]:
    """Return the test share of every published table, by the digest of its content."""
    manifests = map(Manifest.read, sorted((folder / "data").glob("*.json")))
    return {facts.content_sha256: share_drawn_anew(facts) for facts in manifests}


def with_share(record: Told, shares: Mapping[str, float]) -> Told:
    """Return a record with the test share of its table, which older ones do not tell."""
    facts = record.data
    if facts.test_share is not None or facts.content_sha256 not in shares:
        return record
    facts = facts.model_copy(update={"test_share": shares[facts.content_sha256]})
    return record.model_copy(update={"data": facts})


def restore(folder: Path) -> None:
    """Write what is published below the current folder, as the workflow had left it."""
    shares = shares_of(folder)
    for key, run in read_runs(folder).items():
        (place,) = map(Path, of_runs(RUN, [key]))
        place.mkdir(parents=True)
        run.metrics.to_csv(place / "metrics.csv", index=False, lineterminator="\n")
        write_json(place / "run.json", with_share(run.record, shares).sealed())
    for path in sorted((folder / "routes").glob("*/*/*.json")):
        key = (path.parts[-3], path.parts[-2], path.stem)
        _copy(path, *of_runs(f"{ROUTES}/routes.json", [key]))
    for path in sorted((folder / "data").glob("*.json")):
        _copy(path, f"{DATA}/manifest.json".format(dataset=path.stem))
    for path in sorted((folder / "audit").glob("*.json")):
        _copy(path, AUDIT.format(dataset=path.stem))
    for path in sorted((folder / "exhaustive").glob("*.parquet")):
        read = read_ground_truth(path)
        records = {name: with_share(of, shares) for name, of in read.records.items()}
        truths = GroundTruth(read.frame, records)
        truths.write(TRUTHS.format(dataset=path.stem))
        for space, truth in by_space(truths).items():
            truth.write(TRUTH.format(dataset=path.stem, space=space))
    if (folder / "claims" / Path(SUBGRAPHS).name).is_file():
        _copy(folder / "claims" / Path(SUBGRAPHS).name, SUBGRAPHS)


def by_space(truth: GroundTruth) -> dict[str, GroundTruth]:
    """Return the spaces of an exhaustive table one by one."""
    return {
        name: GroundTruth(truth.frame[truth.frame["space"] == name], {name: record})
        for name, record in truth.records.items()
    }


def write_spaces(path: Path, spaces: Mapping[str, GroundTruth]) -> None:
    """Write one exhaustive table with some spaces."""
    frame = pd.concat([truth.frame for truth in spaces.values()], ignore_index=True)
    records = {name: record for truth in spaces.values() for name, record in truth.records.items()}
    GroundTruth(frame, records).write(path)


def _copy(source: Path, target: str) -> None:
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
