"""A download that is not whole yet: its bytes, and the remote file that they belong to."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import read_json, write_json


@dataclass(frozen=True)
class Remote:
    """One version of a remote file: all of it must be the same for a download to go on."""

    url: str
    total: int  # bytes
    validator: str

    def is_other(self, headers: Mapping[str, str]) -> bool:
        """Whether an answer says that it is of another version."""
        name = "ETag" if self.validator.startswith('"') else "Last-Modified"
        return headers.get(name, self.validator) != self.validator


def validator(headers: Mapping[str, str]) -> str | None:
    """Return what names the version of a file: a strong ETag, else the time of its last change."""
    etag = headers.get("ETag", "")
    told = etag if etag.startswith('"') else headers.get("Last-Modified")  # W/"..." is a weak one
    return told if told and told.isascii() and told.isprintable() else None


def write_whole(file: BinaryIO, piece: bytes) -> None:
    """Write all of a piece: an unbuffered file takes what still fits on a disk that fills up."""
    rest = memoryview(piece)
    while rest:
        rest = rest[file.write(rest) :]


class Partial:
    """FILE.part and, in FILE.part.json, the remote file whose first bytes it holds.

    At any moment, also after a kill, the bytes belong to that remote file: `begin` removes old
    bytes before it writes down a new one.
    """

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._info = target.with_name(f"{target.name}.part.json")

    @property
    def size(self) -> int:
        """Return how many bytes are there."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def remote(self, url: str) -> Remote | None:
        """Return the remote file if the rest of it can be asked for at this address."""
        try:
            remote = Remote(**read_json(self._info, ("url", "total", "validator")))
        except (RecordError, TypeError):  # none, or broken: start over
            return None
        return remote if remote.url == url and 0 < self.size <= remote.total else None

    def begin(self, url: str, total: int | None, version: str | None) -> None:
        """Start over; without size and version nobody can tell later what the rest is."""
        self.discard()
        if total is not None and version is not None:
            write_json(self._info, asdict(Remote(url, total, version)))

    def append(self) -> BinaryIO:
        """Open it for more bytes, unbuffered: a kill loses nothing that was received."""
        return self.path.open("ab", buffering=0)

    def discard(self) -> None:
        """Remove the bytes and what is known about them."""
        self.path.unlink(missing_ok=True)
        self._info.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Give the whole file its name."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(self.path, target)
        self._info.unlink(missing_ok=True)
