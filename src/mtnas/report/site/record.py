"""`report.json` beside the report: the digests of what a study wrote for readers."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from mtnas.runtime.files import digests, read_record, remake, sealed, sha256_of, write_json

NAME = "report.json"
SHOWN = (
    *(f"{folder}/*" for folder in ("tables", "figures", "claims", "audit", "diagnosis/*")),
    *("answer.json", "answer.md", "contents.json", "report.html"),
)


def write_shown(path: str | Path) -> None:
    """Write the digests of tables, figures, claims, audits, diagnoses, the answer and the report.

    It is written after all of them; a glob leaves out what is hidden.
    """
    write_json(path, sealed({"files": digests(Path(path).parent, SHOWN)}))


def changed(folder: Path) -> Iterator[str]:
    """Say of every file that differs from what the report was written with what is to be done.

    Raises:
        RecordError: the record is missing, or was changed itself.
    """
    report = folder / "report.html"
    for name, known in read_record(folder / NAME, ["files"])["files"].items():
        path = folder / name
        made = f"{remake(path)} {shlex.quote(str(report))}" if path != report else remake(path)
        if not path.is_file():
            yield f"{path}: missing; run `{made}`"
        elif sha256_of(path) != known:
            yield (
                f"{path}: is not what the report was written with (its digest differs); delete it "
                f"and run `{made}`"
            )
