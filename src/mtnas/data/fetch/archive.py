"""Zip and gzip files: checked whole before they are believed, unpacked without trust.

What a header says is never believed: bytes are counted as they come out. Archives that hold a path
out of the folder, a link or an encrypted file are refused whole.
"""

import errno
import gzip
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol

from mtnas.runtime.errors import UnfitFileError

_PIECE = 1 << 20
_GZIP, _HTML = b"\x1f\x8b", (b"<!doctype html", b"<html")
_BROKEN = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    EOFError,
    zlib.error,
    LZMAError,
    RuntimeError,  # also NotImplementedError: a compression that Python does not know
    ValueError,  # also UnicodeError: a name in no encoding
    IndexError,
    OverflowError,
    MemoryError,  # a dictionary of gigabytes
    struct.error,
)


@dataclass(frozen=True)
class Limits:
    """Where a small file that becomes a large one counts as a bomb.

    The ratio does not count for the first `free_bytes`: a short file of blanks is harmless.
    """

    max_bytes: int = 32 << 30
    max_ratio: float = 200
    free_bytes: int = 8 << 20


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def checks_itself(name: str) -> bool:
    """Whether a file of this name carries a checksum of its content."""
    return name.endswith((".gz", ".zip"))


def check_whole(
    path: Path, name: str, limits: Limits = Limits(), members: Sequence[str] = ()
) -> None:
    """Read a file, called `name`, to its end.

    Raises:
        UnfitFileError: it is empty, or a page of HTML in place of the file; or it is called .gz
            or .zip and is none, is cut off, does not match its own checksum, or lacks one of the
            members that it must have.
    """
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise UnfitFileError("is empty")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_HTML) and not name.endswith((".html", ".htm")):
        raise UnfitFileError("is a page of HTML, perhaps an error or a sign-up, not the file")
    if name.endswith(".gz"):
        with _opened_gzip(path, limits) as pieces:
            if next(pieces, b"").startswith(_GZIP):
                raise UnfitFileError("is compressed twice")
            for _ in pieces:
                pass
    elif name.endswith(".zip"):
        budget = _Budget(path.stat().st_size, limits)
        with _opened_zip(path) as archive:
            for member in members:
                _only(archive.infolist(), member)
            for entry in archive.infolist():
                with archive.open(entry) as stream:
                    _whole_entry(entry, sum(map(len, _pieces(stream, budget))))


def unpack(archive: Path, member: str, target: Path, limits: Limits = Limits()) -> None:
    """Write one member of a zip file, or the content of a gzip file, to `target`.

    A member is found by its name, in whatever folder of the archive it is.

    Raises:
        UnfitFileError: the archive is broken, unsafe or a bomb, or has no or two such members.
    """
    if archive.name.endswith(".gz"):
        with _opened_gzip(archive, limits) as pieces, target.open("wb") as out:
            out.writelines(pieces)
        return
    budget = _Budget(archive.stat().st_size, limits)
    with _opened_zip(archive) as source:
        entry = _only(source.infolist(), member)
        with source.open(entry) as stream, target.open("wb") as out:
            out.writelines(_pieces(stream, budget))
            _whole_entry(entry, out.tell())


class _Budget:
    """How many bytes may still come out of an archive."""

    def __init__(self, compressed: int, limits: Limits) -> None:
        self.limits, self.spent = limits, 0
        by_ratio = max(limits.free_bytes, limits.max_ratio * compressed)
        self.allowed = min(limits.max_bytes, by_ratio)

    def spend(self, count: int) -> None:
        self.spent += count
        if self.spent > self.allowed:
            raise UnfitFileError(
                f"unpacks to more than {self.allowed:.0f} bytes: a bomb (at most "
                f"{self.limits.max_bytes} bytes, {self.limits.max_ratio:g} times its size)"
            )


def _pieces(stream: _Readable, budget: _Budget) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        budget.spend(len(piece))
        yield piece


@contextmanager
def _opened_gzip(path: Path, limits: Limits) -> Iterator[Iterator[bytes]]:
    """Yield the content of a gzip file in pieces."""
    with _refusing(), gzip.open(path) as stream:
        yield _pieces(stream, _Budget(path.stat().st_size, limits))


@contextmanager
def _opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Yield a zip file in which no entry is unsafe."""
    with _refusing(), zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            _check_safe(entry)
        yield archive


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what the standard library says of a broken archive into `UnfitFileError`."""
    try:
        yield
    except UnfitFileError:
        raise
    except _BROKEN as problem:
        raise UnfitFileError(
            f"is cut off or broken ({problem or type(problem).__name__})"
        ) from None
    except OSError as problem:
        if problem.errno not in (None, errno.EINVAL):  # a place before the file's beginning
            raise  # of the disk
        raise UnfitFileError(f"is cut off or broken ({problem})") from None


def _check_safe(entry: zipfile.ZipInfo) -> None:
    """Refuse a path that leads out of the folder, a link, an encrypted file."""
    name = entry.orig_filename.replace("\\", "/")
    path = PurePosixPath(name)
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or "\0" in name:
        raise UnfitFileError(f"holds the unsafe path {entry.orig_filename!r}")
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnfitFileError(f"holds {entry.filename!r}, which is a link or no regular file")
    if entry.flag_bits & 0x1:
        raise UnfitFileError(f"holds {entry.filename!r}, which is encrypted")


def _only(entries: Sequence[zipfile.ZipInfo], member: str) -> zipfile.ZipInfo:
    """Return the one entry with this name."""
    files = [entry for entry in entries if not entry.is_dir()]
    found = [entry for entry in files if PurePosixPath(entry.filename).name == member]
    if len(found) != 1:
        held = ", ".join(entry.filename for entry in files[:9]) or "nothing"
        raise UnfitFileError(f"holds {member!r} {len(found)} times, not once; it holds: {held}")
    return found[0]


def _whole_entry(entry: zipfile.ZipInfo, count: int) -> None:
    """Refuse an entry that is not as long as its header says."""
    if count != entry.file_size:
        raise UnfitFileError(f"{entry.filename}: {count} bytes, its header says {entry.file_size}")
