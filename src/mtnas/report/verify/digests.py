"""Whether records, and the files that they describe, are as they were written."""

import json
from pathlib import Path

from mtnas.data.prepare.inputs import inputs_folder
from mtnas.evidence.exhaustive_table import read_ground_truth
from mtnas.report.verify.outcome import Outcome
from mtnas.runtime.files import Json, broken, check_artefact, check_digest, remake, sha256_of

RECORDS = {"run.json", "routes.json", "best.json", "manifest.json", "record.json"}
PASSED_OVER = {"aside", "published", "raw", "logs", "benchmarks"}


def files_of(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a study, without raw data, logs, what is published and what is hidden."""
    return [
        path
        for path in sorted(folder.rglob(pattern))
        if path.relative_to(folder).parts[0] not in PASSED_OVER
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def check_digests(folder: Path, outcome: Outcome, *, whole: bool = True) -> list[str]:
    """Check the digest of every record, and the digests in it of the files beside it.

    `whole` says that all of these files must be there. Returns the JSON files that have no digest.
    """
    before, records, described, without = len(outcome.wrong), 0, 0, list[str]()
    for path in files_of(folder, "*.json"):
        with outcome.noting():
            content = _read(path)
            if path.name not in RECORDS and "digest" not in content:
                without.append(str(path.relative_to(folder)))
                continue
            artefacts = check_digest(content, path).get("artefacts", {})
            records += 1
            for file in (_described(path, name) for name in artefacts):
                if whole or file.is_file():
                    with outcome.noting():
                        check_artefact(file, artefacts)
                        described += 1
    for path in files_of(folder, "exhaustive/*.parquet"):
        with outcome.noting():
            read_ground_truth(path)
            records += 1
    _check_orphans(folder, outcome)
    if len(outcome.wrong) == before:
        outcome.right.append(
            f"{records} records, and {described} files that they describe, are as they were written"
        )
    return without


def check_raw(folder: Path, outcome: Outcome) -> None:
    """Compare raw files with what tables were prepared from; those elsewhere are not looked for."""
    before, checked = len(outcome.wrong), 0
    for manifest in files_of(folder, "data/*/manifest.json"):
        with outcome.noting():
            told = _read(manifest)
            place = (
                folder / ("simulated" if told.get("simulated") else "raw") / manifest.parent.name
            )
            for name, digest in told.get("source_sha256", {}).items():
                path = place / name
                if not path.is_file():
                    continue
                checked += 1
                if sha256_of(path) != digest:
                    outcome.note(
                        f"{path}: is not the file that {manifest} was made from; "
                        f"delete it and run `{remake(path)}`"
                    )
    if checked and len(outcome.wrong) == before:
        outcome.right.append(f"{checked} raw files are those that tables were made from")


def _described(record: Path, name: str) -> Path:
    """Return the file that a record describes: beside it, or among the inputs of a table."""
    beside, inside = record.with_name(name), inputs_folder(record.with_name("table.parquet")) / name
    return inside if inside.is_file() and not beside.is_file() else beside


def _check_orphans(folder: Path, outcome: Outcome) -> None:
    """Scores without a record beside them are nobody's."""
    for name, record in (("metrics.csv", "run.json"), ("scores.csv", "record.json")):
        for path in files_of(folder, name):
            if not path.with_name(record).is_file():
                made = path.with_name(record)
                outcome.note(f"{made}: missing beside {name}; run `{remake(made)}`")


def check_manifests(folder: Path, outcome: Outcome) -> bool:
    """Note tables without a manifest on which something was trained; whether there are all."""
    records = [*files_of(folder, "run.json"), *files_of(folder, "routes.json")]
    datasets = dict.fromkeys(path.parents[2].name for path in records)
    manifests = [folder / "data" / name / "manifest.json" for name in datasets]
    lacking = [path for path in manifests if not path.is_file()]
    for path in lacking:
        outcome.note(f"{path}: missing, and runs were trained on its table; run `{remake(path)}`")
    return not lacking


def _read(path: Path) -> Json:
    """Return a JSON object, an empty one of what is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise broken(path, f"not JSON ({problem})") from None
    return content if isinstance(content, dict) else {}
