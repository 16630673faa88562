"""`results/published/simulated_studies/`: the results of studies of planted tasks.

{study}.csv.gz, the results.csv of a study byte by byte, and {study}.json beside it, its record with
the command that published it.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from mtnas.evidence.simulated_record import SimulatedStudyRecord, read
from mtnas.report.published import packed
from mtnas.report.published.store import RESTORE
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import Json, advising
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
    packed.publish(folder / f"{name_of(record.study)}.json", results, record)


def restore(folder: Path) -> None:
    """Write what is published below the current folder, as the workflow had left it.

    Raises:
        RecordError: a file is missing, or not what was published.
    """
    for path in sorted((folder / FOLDER).glob("*.json")):
        with advising(RESTORE):
            record = SimulatedStudyRecord.read(path)
        place = Path(SIMULATED_STUDY.format(study=record.study))
        packed.restore(path, record, place, (RESULTS, RECORD))
        read(place)


def prune(folder: Path, plan: Plan) -> None:
    """Remove what a plan does not have."""
    packed.prune(folder, FOLDER, names_in(plan))


def without(studies: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Leave out what has a name (`name_of`)."""
    return tuple(study for study in studies if name_of(study) != name)
