"""`results/published` as a whole: it changes in one piece, and one record seals its sources.

sums.json   the SHA-256 of every file that nothing can make again, and of these together; an older
            folder has none, or none of what commands of their own measure (`MEASURED`)
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mtnas.report.published.store import RESTORE
from mtnas.runtime.errors import MtnasError, RecordError
from mtnas.runtime.files import Json, advising, digests, read_record, sealed, write_json

SUMS = "sums.json"
MEASURED = ("performance.json", "setup.json", "faults.json", "hostile.json")
SOURCES = (
    *MEASURED,
    "inventory.json",
    "metrics.csv.gz",
    "runs.json",
    "claims/subgraphs.json",
    "audit/*.json",
    *(
        f"{part}/**/*"
        for part in (
            "data",
            "routes",
            "tuning",
            "exhaustive",
            "subsets",
            "simulated_studies",
            "diagnosis",
        )
    ),
)


@contextmanager
def changing(folder: Path) -> Iterator[Path]:
    """Yield a copy of what is published; if the block succeeds, it is sealed and takes its place.

    Raises:
        RecordError: what is there is not what was sealed.
    """
    check_seal(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        copy = Path(scratch, folder.name)
        shutil.copytree(folder, copy) if folder.is_dir() else copy.mkdir()
        (copy / SUMS).unlink(missing_ok=True)
        try:
            yield copy
        except MtnasError as error:
            raise type(error)(str(error).replace(str(copy.resolve()), str(folder))) from None
        write_json(copy / SUMS, sealed(_sums(copy)))
        if folder.is_dir():
            os.replace(folder, Path(scratch, "old"))
        os.replace(copy, folder)


def check_seal(folder: Path) -> None:
    """Raise `RecordError` unless the files are those that were published together."""
    if not (folder / SUMS).is_file():
        return
    with advising(RESTORE):
        told, found = read_record(folder / SUMS, ["files"])["files"], _sums(folder)["files"]
    older = {name: found[name] for name in MEASURED if name in found}
    told = {**older, **told}
    if odd := sorted(name for name in told.keys() | found if told.get(name) != found.get(name)):
        raise RecordError(
            f"{folder}: {', '.join(odd[:9])}: not published together with the rest; {RESTORE}"
        )


def _sums(folder: Path) -> Json:
    return {"files": digests(folder, SOURCES)}
