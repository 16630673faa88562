"""`results/published/subsets/`: the scores of subsets of tasks, and their records.

{name}/{dataset}/{method}/{variant}.csv.gz, the scores.csv of a study byte by byte, and .json beside
it, its record with the command that published it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mtnas.config.options import RunKey
from mtnas.evidence.subsets_record import RECORD, SCORES, SubsetScores, SubsetsRecord
from mtnas.report.published import packed
from mtnas.report.published.store import RESTORE, shares_of, with_share
from mtnas.runtime.files import advising
from mtnas.study.paths import subset_folders
from mtnas.study.plan import Plan

FOLDER = "subsets"


def name_of(record: SubsetsRecord) -> str:
    """Return what a published entry is called: `subsets/NAME/DATASET/METHOD/VARIANT`."""
    name, run = record.key
    return "/".join((FOLDER, name, *run))


def names_in(plan: Plan) -> list[str]:
    """Name all entries of a plan, as `name_of` does."""
    return [folder.removeprefix("results/") for folder in subset_folders(plan.subsets)]


def read_records(folder: Path) -> dict[str, SubsetsRecord]:
    """Read the records of everything that is published, by name."""
    with advising(RESTORE):
        records = [SubsetsRecord.read(path) for path in _files(folder)]
    return {name_of(record): record for record in records}


def read_new(path: str | Path, command: str) -> tuple[bytes, SubsetsRecord]:
    """Check one folder of a study; return its scores and the record to publish."""
    record = SubsetScores.read(path).record.model_copy(update={"study": command})
    return Path(path, SCORES).read_bytes(), record


def write(folder: Path, scores: bytes, record: SubsetsRecord) -> None:
    """Publish one folder of a study; the same scores give the same bytes."""
    packed.publish(folder / f"{name_of(record)}.json", scores, record)


def restore(folder: Path) -> None:
    """Write what is published below the current folder, as the workflow had left it.

    Raises:
        RecordError: a file is missing, or not what was published.
    """
    shares = shares_of(folder)
    for path in _files(folder):
        record = with_share(SubsetsRecord.read(path), shares)
        place = Path("results", name_of(record))
        packed.restore(path, record, place, (SCORES, RECORD))
        SubsetScores.read(place)


def prune(folder: Path, plan: Plan) -> None:
    """Remove what a plan does not have."""
    packed.prune(folder, FOLDER, names_in(plan))


def without(subsets: Mapping[str, list[RunKey]], name: str) -> dict[str, list[RunKey]]:
    """Leave out all of a dataset, or what has a name (`name_of`)."""
    left = {
        entry: [run for run in runs if name not in (run[0], "/".join((FOLDER, entry, *run)))]
        for entry, runs in subsets.items()
    }
    return {entry: runs for entry, runs in left.items() if runs}


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted((folder / FOLDER).glob("*/*/*/*.json"))
