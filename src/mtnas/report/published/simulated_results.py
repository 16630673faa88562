"""`results/published/simulated_studies/`: the results of studies of planted tasks.

{study}.csv.gz, the results.csv of a study byte by byte, and {study}.json beside it, its record with
the command that published it.
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from mtnas.evidence.simulated_record import SimulatedStudyRecord, read
from mtnas.report.published.store import RESTORE
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import Json, advising, atomic_path, existing, write_json
from mtnas.study.paths import SIMULATED_STUDY
from mtnas.study.plan import Plan

FOLDER = "simulated_studies"
RESULTS, RECORD = "results.csv", "record.json"


def name_of(study: str) -> str:
    """Return what a published entry is called: `simulated_studies/STUDY`."""
    return f"{FOLDER}/{study}"


def names_in(plan: Plan) -> list[str]:
    """Name all entries of a plan, as `name_of` does."""
    return [name_of(study) for study in plan.simulated_studies]


def read_new(
    path: str | Path, command: str, specs: Mapping[str, Json] | None
) -> tuple[bytes, SimulatedStudyRecord]:
    """Check one folder of a study; return its results and the record to publish.

    Raises:
        RecordError: a file is broken, or was made with other options than `specs` asks for.
    """
    record, _ = read(path)
    asked = json.loads(json.dumps((specs or {}).get(name_of(record.study), {})))
    made = {"seeds": list(record.seeds), "options": record.options}
    if others := [key for key, value in made.items() if asked.get(key, value) != value]:
        raise RecordError(
            f"{path}: made with other {', '.join(others)} than this study has; run the study again "
            "without `--rerun-triggers`, or delete that folder first"
        )
    results = Path(path, RESULTS).read_bytes()
    return results, record.model_copy(update={"command": command})


def write(folder: Path, results: bytes, record: SimulatedStudyRecord) -> None:
    """Publish one folder of a study; the same results give the same bytes."""
    path = folder / f"{name_of(record.study)}.json"
    write_json(path, record.sealed())
    with atomic_path(path.with_suffix(".csv.gz")) as temporary:
        temporary.write_bytes(gzip.compress(results, mtime=0))  # no time stamp


def restore(folder: Path) -> None:
    """Write what is published below the current folder, as the workflow had left it.

    Raises:
        RecordError: a file is missing, or not what was published.
    """
    for path in _files(folder):
        with advising(RESTORE):
            record = SimulatedStudyRecord.read(path)
        place = Path(SIMULATED_STUDY.format(study=record.study))
        place.mkdir(parents=True)
        packed = existing(path.with_suffix(".csv.gz"))
        try:
            results = gzip.decompress(packed.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise RecordError(f"{packed}: not a compressed table ({error})") from None
        (place / RESULTS).write_bytes(results)
        write_json(place / RECORD, record.sealed())
        read(place)


def prune(folder: Path, plan: Plan) -> None:
    """Remove what a plan does not have."""
    kept = {folder / f"{name}{end}" for name in names_in(plan) for end in (".json", ".csv.gz")}
    for path in sorted((folder / FOLDER).glob("*")):
        if path not in kept:
            path.unlink()


def without(studies: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Leave out what has a name (`name_of`)."""
    return tuple(study for study in studies if name_of(study) != name)


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted((folder / FOLDER).glob("*.json"))
