"""The lock of raw data: size and SHA-256 of every file, pinned when it is first had.

Trust on first use: sources publish no checksums, so the first whole file is believed, and every
later one must be the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import yaml
from filelock import FileLock
from pydantic import Field

from mtnas.runtime.errors import ConfigError, UnfitFileError
from mtnas.runtime.files import sha256_of, write_text
from mtnas.runtime.options import Options

HEADER = """\
# Size and SHA-256 of the raw files, pinned when each was first had: trust on first use.
# The sources publish no checksums. The first whole file, downloaded or placed by hand in
# results/raw, is believed and pinned here; every later one, from any mirror, must be the same.
#   url: where it came from; an archive's name for what was unpacked from it; null: by hand
# To trust another version, delete its entry. More: docs/data.md
"""


class Pin(Options):
    """What is known about one raw file."""

    size: int = Field(ge=0, description="bytes")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    url: str | None = Field(description="where it came from; null: placed by hand")
    date: date

    def same(self, other: "Pin") -> bool:
        """Whether both are of the same content."""
        return (self.size, self.sha256) == (other.size, other.sha256)


Pins = dict[str, dict[str, Pin]]  # dataset -> file -> pin


def measure(path: Path, url: str | None) -> Pin:
    """Return the pin of a file as it is now."""
    size = path.stat().st_size
    return Pin(size=size, sha256=sha256_of(path), url=url, date=date.today())


class Lock:
    """The lock file; a missing one pins nothing yet."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def pinned(self, dataset: str, file: str) -> Pin | None:
        """Return what is pinned for a file."""
        return self._read().get(dataset, {}).get(file)

    def admit(self, dataset: str, file: str, found: Pin) -> None:
        """Compare a file with its pin, or pin it.

        Raises:
            UnfitFileError: another content is pinned.
        """
        with self._alone():
            pins = self._read()
            pinned = pins.setdefault(dataset, {}).setdefault(file, found)
            if pinned is found:
                self._write(pins)
            elif not pinned.same(found):
                raise UnfitFileError(
                    f"{found.size} bytes with sha256 {found.sha256}, but {self.path} pins "
                    f"{pinned.size} bytes with sha256 {pinned.sha256} (of {pinned.date}, from "
                    f"{pinned.url or 'a file placed by hand'})"
                )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from pinning between our reading and our writing."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_name(f".{self.path.name}.lock")):
            yield

    def _read(self) -> Pins:
        remedy = "correct it, delete it, or take it from git again"
        if not self.path.is_file():
            return {}
        try:
            content = yaml.safe_load(self.path.read_text(encoding="utf-8"))
            entries = [
                (dataset, file, dict(entry))
                for dataset, files in (content or {}).items()
                for file, entry in (files or {}).items()
            ]
        except (yaml.YAMLError, UnicodeError, AttributeError, TypeError, ValueError) as problem:
            line = " ".join(str(problem).split())
            raise ConfigError(f"{self.path}: not a lock file ({line}); {remedy}") from None
        pins: Pins = {}
        for dataset, file, entry in entries:
            pin = Pin.of(entry, f"{self.path}: {dataset}: {file}")
            pins.setdefault(dataset, {})[file] = pin
        return pins

    def _write(self, pins: Pins) -> None:
        content = {
            dataset: {file: pin.model_dump() for file, pin in files.items()}
            for dataset, files in pins.items()
        }
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        write_text(self.path, self._comment() + text)

    def _comment(self) -> str:
        """Return the comment that the file begins with."""
        lines = []
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                if not line.startswith("#"):
                    break
                lines.append(f"{line}\n")
        return "".join(lines) or HEADER
