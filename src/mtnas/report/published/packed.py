"""A table as it is published: compressed, and mostly with the record of it beside it.

`{name}.csv.gz` holds the bytes of a table, `{name}.json` its record.
"""

import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path

from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import atomic_path, existing, write_json
from mtnas.runtime.record import Record

ENDS = (".json", ".csv.gz")


def pack(path: Path, table: bytes) -> None:
    """Write a table; the same bytes give the same file, for it has no time stamp."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(table, mtime=0))


def unpack(path: Path) -> bytes:
    """Return a table; `RecordError` if there is none, or it is not compressed."""
    try:
        return gzip.decompress(existing(path).read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise RecordError(f"{path}: not a compressed table ({error})") from None


def publish(path: Path, table: bytes, record: Record) -> None:
    """Write a table and its record, whose file is `path`."""
    write_json(path, record.sealed())
    pack(path.with_suffix(".csv.gz"), table)


def restore(path: Path, record: Record, place: Path, names: tuple[str, str]) -> None:
    """Write a table and its record into a folder, under the names of the two there."""
    place.mkdir(parents=True)
    table, told = names
    (place / table).write_bytes(unpack(path.with_suffix(".csv.gz")))
    write_json(place / told, record.sealed())


def prune(folder: Path, part: str, names: Iterable[str]) -> None:
    """Remove from a part of `folder` all tables and records but those of some names."""
    kept = {folder / f"{name}{end}" for name in names for end in ENDS}
    for path in sorted((folder / part).rglob("*")):
        if path.is_file() and path not in kept:
            path.unlink()
