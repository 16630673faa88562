"""What the raw files of a dataset must be, by size and SHA-256.

A checksum that stands beside a source (`sources.base.Download`) decides. Where there is none, the
first whole file is trusted and pinned in the lock of this machine, and every later one must be the
same.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from filelock import FileLock
from pydantic import Field, ValidationError

from mtnas.data.sources.base import Checksum, Download
from mtnas.runtime.errors import RecordError, UnfitFileError
from mtnas.runtime.files import advising, read_json, sha256_of, write_json
from mtnas.runtime.options import first_problem
from mtnas.runtime.record import Part


class Pin(Part):
    """One raw file as it was when it was first had."""

    size: int = Field(ge=0, description="bytes")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    url: str | None = Field(description="where it came from, or of which archive; null: by hand")
    date: date


class Lock(Part):
    """The raw files of one dataset that were trusted on this machine."""

    files: dict[str, Pin] = {}


def measure(path: Path, url: str | None) -> Pin:
    """Return the pin of a file as it is now."""
    size = path.stat().st_size
    return Pin(size=size, sha256=sha256_of(path), url=url, date=date.today())


class Checksums:
    """The checksums of the raw files in one folder, and the lock that lies beside the folder."""

    def __init__(self, folder: Path, downloads: Iterable[Download]) -> None:
        """Take the folder of a dataset, and what its source offers for download."""
        self.path = folder.with_name(f"{folder.name}.lock.json")
        self._known = {name: sum_ for item in downloads for name, sum_ in item.checksums.items()}

    def of(self, file: str) -> Checksum | Pin | None:
        """Return what a file must be, None if nobody knows yet."""
        return self._known.get(file) or self._read().files.get(file)

    def admit(self, file: str, found: Pin) -> None:
        """Compare a file with what it must be; pin it if nobody knows.

        Raises:
            UnfitFileError: it is another one.
        """
        wanted = self._known.get(file) or self._pinned(file, found)
        if (wanted.size, wanted.sha256) != (found.size, found.sha256):
            raise UnfitFileError(
                f"{found.size} bytes with sha256 {found.sha256}, but {self._told(wanted)}"
            )

    def _pinned(self, file: str, found: Pin) -> Pin:
        """Return the pin of a file; `found` becomes it if there is none."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_name(f".{self.path.name}.lock")):  # others pin, too
            files = self._read().files
            if file not in files:
                write_json(self.path, Lock(files={**files, file: found}).model_dump(mode="json"))
            return files.get(file, found)

    def correction(self, file: str) -> str:
        """Say what to do where a file is right and what it was compared with is not."""
        if file in self._known:
            return f"correct the checksum of {file} in the file of its dataset"
        return f"delete the entry {file} of {self.path}"

    def _told(self, wanted: Checksum | Pin) -> str:
        """Say what is expected, and why."""
        what = f"{wanted.size} bytes with sha256 {wanted.sha256}"
        if isinstance(wanted, Pin):
            origin = f"of {wanted.date}, from {wanted.url or 'a file placed by hand'}"
            return f"{self.path} pins {what} ({origin})"
        return f"its source has {what}"

    def _read(self) -> Lock:
        """Return the lock; a missing one pins nothing yet."""
        if not self.path.is_file():
            return Lock()
        with advising("correct it or delete it"):
            try:
                return Lock.model_validate(read_json(self.path))
            except ValidationError as problem:
                said = ": ".join(filter(None, first_problem(Lock, problem)))
                raise RecordError(f"{self.path}: not a lock file: {said}") from None
