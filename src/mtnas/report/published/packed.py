"""Tables of a study with their records: scores of subsets of tasks, results of planted tasks.

A folder of `results/subsets` or `results/simulated_studies` is published under its own path as
`.csv.gz`, its table byte by byte, and `.json`, its record with the command that published it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from mtnas.evidence import simulated_record
from mtnas.evidence.simulated_record import SimulatedStudyRecord
from mtnas.evidence.subsets_record import RECORD, SCORES, SubsetScores, SubsetsRecord
from mtnas.report.published.store import RESTORE, pack, shares_of, unpack, with_share
from mtnas.runtime.files import advising, write_json
from mtnas.study.paths import simulated_study_folders, subset_folders
from mtnas.study.plan import Plan

SUBSETS, PLANTED = "subsets", "simulated_studies"
TABLES = {SUBSETS: SCORES, PLANTED: "results.csv"}
OfTable = TypeVar("OfTable", SubsetsRecord, SimulatedStudyRecord)
RECORDS: dict[str, type[SubsetsRecord] | type[SimulatedStudyRecord]] = {
    SUBSETS: SubsetsRecord,
    PLANTED: SimulatedStudyRecord,
}
CHECKS: dict[str, Callable[[Path], object]] = {
    SUBSETS: SubsetScores.read,
    PLANTED: simulated_record.read,
}


@dataclass(frozen=True)
class Packed(Generic[OfTable]):
    """What is published of a folder: its path below `results`, its table and its record."""

    name: str
    table: bytes
    record: OfTable


def read_scores(path: str | Path, command: str) -> Packed[SubsetsRecord]:
    """Check one folder of a study; return what is published of it."""
    record = SubsetScores.read(path).record.model_copy(update={"study": command})
    return Packed(_name_of(record), Path(path, SCORES).read_bytes(), record)


def read_planted(path: str | Path, command: str) -> Packed[SimulatedStudyRecord]:
    """Check one folder of a simulated study; return what is published of it."""
    record = simulated_record.read(path)[0].model_copy(update={"command": command})
    return Packed(_name_of(record), Path(path, TABLES[PLANTED]).read_bytes(), record)


def read_records(folder: Path) -> dict[str, SubsetsRecord]:
    """Read the records of all published scores of subsets, by name."""
    with advising(RESTORE):
        records = list(map(SubsetsRecord.read, _files(folder, SUBSETS)))
    return {_name_of(record): record for record in records}


def _name_of(record: SubsetsRecord | SimulatedStudyRecord) -> str:
    if isinstance(record, SimulatedStudyRecord):
        return f"{PLANTED}/{record.study}"
    name, run = record.key
    return "/".join((SUBSETS, name, *run))


def names_in(plan: Plan) -> list[str]:
    """Name all that a plan has of these folders."""
    folders = subset_folders(plan.subsets) + simulated_study_folders(plan.simulated_studies)
    return [folder.removeprefix("results/") for folder in folders]


def write(folder: Path, new: Packed[OfTable]) -> None:
    """Publish one folder of a study; the same table gives the same bytes."""
    path = folder / f"{new.name}.json"
    write_json(path, new.record.sealed())
    pack(path.with_suffix(".csv.gz"), new.table)


def restore(folder: Path) -> None:
    """Write what is published below the current folder, as the workflow had left it.

    Raises:
        RecordError: a file is missing, or not what was published.
    """
    shares = shares_of(folder)
    for path in _files(folder):
        kind = path.relative_to(folder).parts[0]
        with advising(RESTORE):
            record = RECORDS[kind].read(path)
        if isinstance(record, SubsetsRecord):
            record = with_share(record, shares)
        place = Path("results", _name_of(record))
        place.mkdir(parents=True)
        (place / TABLES[kind]).write_bytes(unpack(path.with_suffix(".csv.gz")))
        write_json(place / RECORD, record.sealed())
        CHECKS[kind](place)


def prune(folder: Path, plan: Plan) -> None:
    """Remove what a plan does not have."""
    kept = {folder / f"{name}{end}" for name in names_in(plan) for end in (".json", ".csv.gz")}
    for path in (path for kind in TABLES for path in (folder / kind).rglob("*")):
        if path.is_file() and path not in kept:
            path.unlink()


def _files(folder: Path, *kinds: str) -> Iterator[Path]:
    """Yield all published records, of some kinds or of all."""
    for kind in kinds or TABLES:
        yield from sorted((folder / kind).rglob("*.json"))
