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
APART = "not published together with the rest"
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
    if odd := unsealed(folder):
        more = f" and {len(odd) - 9} more" if len(odd) > 9 else ""
        raise RecordError(f"{folder}: {', '.join(odd[:9])}{more}: {APART}; {RESTORE}")


def unsealed(folder: Path) -> list[str]:
    """Name the files that were not published together with the rest.

    Raises:
        RecordError: the record of all files was changed.
    """
    if not (folder / SUMS).is_file():
        return []
    with advising(RESTORE):
        told, found = read_record(folder / SUMS, ["files"])["files"], _sums(folder)["files"]
    older = {name: found[name] for name in MEASURED if name in found}
    told = {**older, **told}
    return sorted(name for name in told.keys() | found if told.get(name) != found.get(name))


def _sums(folder: Path) -> Json:
    return {"files": digests(folder, SOURCES)}
