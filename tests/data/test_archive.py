"""Archives that lie, break out or explode; and a disk that is full or may not be written."""

import gzip
import io
import random
import stat
import struct
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mtnas.data.fetch import acquire
from mtnas.data.fetch.archive import Limits, check_whole, unpack
from mtnas.data.fetch.checksums import Checksums
from mtnas.data.fetch.download import Patience
from mtnas.data.fetch.partial import write_whole
from mtnas.data.sources.base import Download
from mtnas.runtime.errors import DataError, UnfitFileError
from mtnas.runtime.files import read_json
from tests.helpers.server import mirror

RATINGS = b'"User-ID";"ISBN"\r\n' + b'"7";"0345"\r\n' * 500
NOISE = random.Random(0).randbytes(100_000)
BOOKS = Download("a.zip", members=("BX-Users.csv", "a.csv"))
Entries = list[tuple[str | zipfile.ZipInfo, bytes]]


def zipped(entries: Entries, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def with_flag(content: bytes, flag: int) -> bytes:
    """Set a flag of the first entry, in its local header and in the directory."""
    changed = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[changed.index(mark) + offset] |= flag
    return bytes(changed)


def with_size(content: bytes, size: int) -> bytes:
    """Let the headers of the first entry claim a size of the unpacked file."""
    changed = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = changed.index(mark) + offset
        changed[start : start + 4] = struct.pack("<I", size)
    return bytes(changed)


SOUND = zipped([("BX-Users.csv", RATINGS), ("BX-Books.csv", NOISE)])


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def written(name: str, content: bytes) -> Path:
        path = tmp_path / "raw" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    return written


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("folder", ["", "BX-CSV-Dump/", "./"])
def test_a_member_is_found_in_any_folder(
    write: Callable[[str, bytes], Path], compression: int, folder: str
) -> None:
    entries: Entries = [(f"{folder}BX-Users.csv", RATINGS), ("__MACOSX/._BX-Users.csv", b"x")]
    archive = write("a.zip", zipped(entries, compression))

    check_whole(archive, archive.name)
    unpack(archive, "BX-Users.csv", archive.with_name("BX-Users.csv"))

    assert archive.with_name("BX-Users.csv").read_bytes() == RATINGS


def test_a_gzip_file_is_unpacked(write: Callable[[str, bytes], Path]) -> None:
    archive = write("log.txt.gz", gzip.compress(RATINGS))

    unpack(archive, "log.txt", archive.with_name("log.txt"))

    assert archive.with_name("log.txt").read_bytes() == RATINGS


USERS = ("BX-Users.csv", RATINGS)
REFUSED: dict[str, tuple[bytes, str]] = {
    "a path upwards": (zipped([USERS, ("../evil.csv", b"x")]), r"unsafe path '\.\./evil\.csv'"),
    "a path up and down": (zipped([USERS, ("a/../../evil", b"x")]), "unsafe path"),
    "an absolute path": (zipped([USERS, ("/etc/evil", b"x")]), "unsafe path '/etc/evil'"),
    "a path of Windows": (zipped([USERS, ("..\\evil", b"x")]), "unsafe path"),
    "a drive of Windows": (zipped([USERS, ("C:\\evil", b"x")]), "unsafe path"),
    "a link": (zipped([(link("BX-Users.csv"), b"/etc/passwd")]), "is a link or no regular file"),
    "a link beside it": (zipped([USERS, (link("a"), b"/etc")]), "'a', which is a link"),
    "encrypted": (with_flag(zipped([USERS]), 1), "'BX-Users.csv', which is encrypted"),
    "no such member": (zipped([("other.csv", b"x")]), "'BX-Users.csv' 0 times.*holds: other.csv"),
    "an empty archive": (zipped([]), "0 times.*it holds: nothing"),
    "two such members": (zipped([USERS, ("old/BX-Users.csv", b"x")]), "2 times, not once"),
    "a folder of that name": (zipped([("BX-Users.csv/", b"")]), "0 times"),
    "cut": (SOUND[:-200], "cut off or broken"),
    "cut to nothing": (b"", "cut off or broken"),
    "no archive": (b"User-ID;ISBN", "cut off or broken"),
    "a wrong byte": (SOUND[:60] + b"?" + SOUND[61:], "cut off or broken"),
    "says too short": (with_size(zipped([USERS]), 100), "cut off or broken"),
    "says too long": (with_size(zipped([USERS]), 99_999), "its header says 99999"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_archive_is_refused(
    case: str, tmp_path: Path, write: Callable[[str, bytes], Path]
) -> None:
    content, reason = REFUSED[case]
    archive = write("a.zip", content)
    target = archive.with_name("BX-Users.csv")

    with pytest.raises(UnfitFileError, match=reason):
        unpack(archive, target.name, tmp_path / "out")
    with pytest.raises(DataError, match=f"({reason})|is empty"):
        acquire.unpack(archive, target, BOOKS, dataset="books")

    assert [path.name for path in archive.parent.iterdir()] == ["a.zip"]
    assert not (tmp_path / "evil.csv").exists()
    assert Checksums(archive.parent, []).of(target.name) is None


BROKEN: dict[str, tuple[str, bytes]] = {
    "a gzip, cut": ("a.gz", gzip.compress(NOISE)[:-20]),
    "a gzip, cut in its end": ("a.gz", gzip.compress(NOISE)[:-2]),
    "a gzip, wrong checksum": ("a.gz", gzip.compress(NOISE)[:-5] + b"?" + b"\0\0\0\0"),
    "no gzip": ("a.gz", NOISE),
    "a zip, cut": ("a.zip", SOUND[:-200]),
    "a zip, wrong byte in its last member": ("a.zip", SOUND[:5000] + b"???" + SOUND[5003:]),
    "no zip": ("a.zip", NOISE),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_not_whole(case: str, write: Callable[[str, bytes], Path]) -> None:
    name, content = BROKEN[case]

    with pytest.raises(UnfitFileError, match="cut off or broken"):
        check_whole(write("x.part", content), name)


def test_a_changed_archive_is_unfit_and_no_more(write: Callable[[str, bytes], Path]) -> None:
    """Whatever bytes of the headers of a zip file change, zipfile's errors become ours."""
    drawn, refused = random.Random(7), 0
    small = zipped([("BX-Users.csv", b"1;2"), ("b", b"")], zipfile.ZIP_STORED)
    for _ in range(200):
        changed = bytearray(small)
        for _ in range(drawn.randint(1, 8)):
            changed[drawn.randrange(len(small))] = drawn.choice(
                [0, 1, 12, 255, drawn.randrange(256)]
            )
        path = write("a.zip", bytes(changed))
        try:
            check_whole(path, path.name, members=["BX-Users.csv"])
        except UnfitFileError:
            refused += 1
    assert refused > 100


SMALL = Limits(max_bytes=1_000_000, max_ratio=20, free_bytes=1000)
ZEROS = bytes(900_000)
BOMBS: dict[str, tuple[str, bytes, Limits]] = {
    "by ratio, zip": ("a.zip", zipped([("a", ZEROS)]), SMALL),
    "by ratio, gzip": ("a.gz", gzip.compress(ZEROS), SMALL),
    "by ratio, whatever the header says": ("a.zip", with_size(zipped([("a", ZEROS)]), 10), SMALL),
    "by many members": ("b.zip", zipped([(f"{i}", ZEROS[:9000]) for i in range(99)]), SMALL),
    "by size": ("a.zip", zipped([("a", NOISE)]), Limits(max_bytes=90_000)),
    "by size, gzip": ("a.gz", gzip.compress(NOISE), Limits(max_bytes=90_000)),
    "by the limits there are": ("a.gz", gzip.compress(bytes(30 << 20)), Limits()),
}


@pytest.mark.parametrize("case", BOMBS)
def test_a_bomb_is_refused_before_it_is_large(
    case: str, tmp_path: Path, write: Callable[[str, bytes], Path]
) -> None:
    name, content, limits = BOMBS[case]
    archive = write(name, content)

    with pytest.raises(UnfitFileError, match="a bomb|cut off or broken"):
        check_whole(archive, name, limits)
    if name.startswith("a"):
        with pytest.raises(UnfitFileError, match="a bomb|cut off or broken"):
            unpack(archive, "a", tmp_path / "out", limits)
        assert (tmp_path / "out").stat().st_size <= max(limits.free_bytes, 30 * len(content))


def test_an_archive_in_an_archive_stays_packed(write: Callable[[str, bytes], Path]) -> None:
    bomb = zipped([("zeros", bytes(30 << 20))])
    archive = write("a.zip", zipped([("bomb.zip", bomb)]))

    check_whole(archive, archive.name)
    unpack(archive, "bomb.zip", archive.with_name("bomb.zip"))

    assert archive.with_name("bomb.zip").read_bytes() == bomb


def test_archive_and_members_are_pinned(
    tmp_path: Path, write: Callable[[str, bytes], Path]
) -> None:
    archive = write("a.zip", SOUND)
    target = archive.with_name("BX-Users.csv")

    acquire.unpack(archive, target, BOOKS, dataset="books")
    acquire.unpack(archive, target, BOOKS, dataset="books")

    assert target.read_bytes() == RATINGS
    pinned = read_json(archive.parent.with_name("raw.lock.json"))["files"]
    assert {name: (pin["size"], pin["url"]) for name, pin in pinned.items()} == {
        "a.zip": (len(SOUND), None),
        "BX-Users.csv": (len(RATINGS), "a.zip"),
    }


def test_a_file_placed_by_hand_is_not_overwritten(
    tmp_path: Path, write: Callable[[str, bytes], Path]
) -> None:
    archive, target = write("a.zip", SOUND), write("BX-Users.csv", b"a part")

    with pytest.raises(DataError, match=r"BX-Users\.csv: is another file than the one in a\.zip"):
        acquire.unpack(archive, target, BOOKS, dataset="books")

    assert target.read_bytes() == b"a part"


def test_a_member_that_is_not_the_pinned_one(
    tmp_path: Path, write: Callable[[str, bytes], Path]
) -> None:
    other = write("BX-Users.csv", b"other")
    acquire.admit([other], [], dataset="books")
    other.unlink()

    with pytest.raises(DataError, match=r"pins 5 bytes .* a file placed by hand"):
        acquire.unpack(write("a.zip", SOUND), other, BOOKS, dataset="books")

    assert not other.exists()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder on a disk of 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=200k", "tmpfs"]
    done = subprocess.run(["mount", *options, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_stops_a_download_that_goes_on_later(tmp_path: Path, disk: Path) -> None:
    content, target = gzip.compress(NOISE), disk / "a.gz"
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(130_000))
    with mirror({"a.gz": content}) as server:
        source = Download("a.gz", (f"{server.base}/a.gz",))
        with pytest.raises(DataError, match=r"No space left on device; make room and run again"):
            acquire.fetch(target, source, dataset="toys", patience=Patience(tries=1))
        size = target.with_name("a.gz.part").stat().st_size
        assert not target.exists()
        ballast.unlink()
        acquire.fetch(target, source, dataset="toys")

        assert [request.first for request in server.asked] == [None, size]
    assert target.read_bytes() == content


def test_what_a_disk_takes_in_part_is_written_on() -> None:
    class Filling(io.BytesIO):
        """A file that takes three bytes at a time, as an unbuffered one may."""

        def write(self, piece: Any) -> int:
            return super().write(bytes(piece)[:3])

    file = Filling()
    write_whole(file, b"eight bytes and more")
    assert file.getvalue() == b"eight bytes and more"


def test_a_full_disk_leaves_no_half_of_a_member(tmp_path: Path, disk: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped([("a.csv", NOISE * 3)]))

    with pytest.raises(DataError, match=r"No space left on device; make room"):
        acquire.unpack(archive, disk / "a.csv", BOOKS, dataset="toys")

    assert list(disk.iterdir()) == []


def test_a_folder_that_may_not_be_written(tmp_path: Path, disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)  # also root may not
    archive = tmp_path / "a.zip"
    archive.write_bytes(SOUND)
    source = Download("a.gz")

    for folder in (disk, disk / "new"):
        with pytest.raises(DataError, match=r"disk.*Read-only file system; allow writing there"):
            acquire.fetch(folder / "a.gz", source, dataset="toys")
        with pytest.raises(DataError, match=r"disk.*Read-only file system; allow writing there"):
            acquire.unpack(archive, folder / "BX-Users.csv", BOOKS, dataset="toys")


def test_a_lock_file_that_may_not_be_written(disk: Path) -> None:
    file = disk / "raw" / "a.txt"
    file.parent.mkdir()
    file.write_text("toys")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)

    with pytest.raises(DataError, match=r"disk.*Read-only file system; allow writing there"):
        acquire.admit([file], [], dataset="toys")
