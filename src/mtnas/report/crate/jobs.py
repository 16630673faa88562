"""What records tell of the jobs that wrote them, and what Snakemake remembers of these."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mtnas.report.verify.digests import RECORDS, files_of
from mtnas.runtime.files import Json, read_record

MADE = {  # what a job of a folder of results does
    "data": "Preparing",
    "routes": "Searching routes for",
    "tuning": "Searching the grid of",
    "runs": "Training and testing",
    "subsets": "Training subsets of the tasks of",
    "diagnosis": "Measuring how tasks are related in",
    "simulated_studies": "Running the simulated study",
}


@dataclass(frozen=True)
class Job:
    """A job that left a record; paths are relative to the folder that holds `results`."""

    path: str  # of the record
    record: Json
    inputs: tuple[str, ...]  # none where Snakemake's memory is lost
    started: str | None  # ISO 8601, UTC
    ended: str | None

    @property
    def name(self) -> str:
        """Return such as `Training and testing movielens/mmoe/paper`."""
        _, kind, *rest = Path(self.path).parent.parts
        return f"{MADE.get(kind, kind)} {'/'.join(rest)}"

    @property
    def seconds(self) -> float | None:
        """Return the wall time that the record tells."""
        told = self.record.get("timings", self.record)
        seconds = told.get("total_seconds", told.get("seconds"))
        return None if seconds is None else float(seconds)

    def outputs(self) -> Iterator[tuple[str, str]]:
        """Yield the files that the record describes, with their SHA-256."""
        for name, digest in self.record.get("artefacts", {}).items():
            yield Path(self.path).with_name(name).as_posix(), str(digest)


def jobs_of(folder: Path) -> list[Job]:
    """Return the jobs of a folder of results, in the order of their records.

    Raises:
        RecordError: a record was changed.
    """
    paths = [path for path in files_of(folder, "*.json") if path.name in RECORDS]
    return [_job(folder, path) for path in paths]


def _job(folder: Path, path: Path) -> Job:
    name = f"results/{path.relative_to(folder).as_posix()}"
    record, memory = read_record(path), _remembered(folder, name)
    ended = (record.get("usage") or {}).get("ended") or _moment(memory.get("endtime"))
    inputs = tuple(sorted(memory.get("input") or ()))
    return Job(name, record, inputs, _moment(memory.get("starttime")), ended)


def _remembered(folder: Path, name: str) -> Json:
    """Return what Snakemake has kept of a file that it made; nothing if it has not."""
    kept = folder.parent / ".snakemake/metadata" / urlsafe_b64encode(name.encode()).decode()
    try:
        told = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
