"""Hostile archives: made to break out, lie or explode, and sound ones with changed bytes."""

# ruff: noqa: E501

import bz2
import gzip
import io
import lzma
import random
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from mtnas.data.fetch import acquire
from mtnas.data.sources.base import Download
from tests.hostile.cage import Case

BY_HAND, FUZZED = "archives by hand", "archives fuzzed"
MEMBER, CONTENT = "a.csv", b"user,item\n" + b"7,0345\n" * 50
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
NAMES = [
    "../evil", "../../evil", "a/../../evil", "/evil", "//evil", "/etc/cron.d/evil", "./../evil", "..", ".",
    "..\\evil", "a\\..\\..\\evil", "C:\\evil", "C:evil", "\\\\host\\evil", "\\evil", "~/evil", "a.csv/../../evil",
    "evil\n", "evil\x1b[2J", "x" * 5000, "a/" * 2000 + "b", "\u202eevil", "é" * 300, " ", "\t", "nul", "aux.txt", "a.csv\0.png",
    "a.csv ", " a.csv", "A.CSV", "a.csv/", "__MACOSX/a.csv", ".a.csv", "a.csv.part", ".a.csv.lock", "../raw.lock.json",
    "raw.lock.json", "-rf", "$(touch evil)", "`touch evil`", "%s%n", "{x}", "a:b", "a|b", "a*b", "a?b",
]  # fmt: skip
MODES = [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR]


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def _of_mode(mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(MEMBER)
    entry.create_system, entry.external_attr = 3, (mode | 0o777) << 16
    return entry


def _patched(content: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """Return an archive with a field of its first header of a kind changed."""
    at = content.index(mark) + offset
    return content[:at] + value + content[at + len(value) :]


def by_hand() -> Iterator[tuple[str, str, bytes]]:
    """Yield the name, the file name and the content of every archive that was thought of."""
    sound = zipped((MEMBER, CONTENT))
    for name in NAMES:
        yield f"beside {name!r}", "a.zip", zipped((MEMBER, CONTENT), (name, b"x"))
    for mode in MODES:
        yield f"mode {mode:o}", "a.zip", zipped((_of_mode(mode), b"/etc/passwd"))
    fields = {"version": (4, 2), "flags": (6, 2), "method": (8, 2), "crc": (14, 4), "packed": (18, 4), "size": (22, 4),
              "length of the name": (26, 2), "length of more": (28, 2)}  # fmt: skip
    for what, (offset, size) in fields.items():
        for value in (0, 1, 2 ** (8 * size) - 1):
            told = value.to_bytes(size, "little")
            yield f"{what} {value}", "a.zip", _patched(sound, LOCAL, offset, told)
            yield f"{what} {value}, directory", "a.zip", _patched(sound, CENTRAL, offset + 2, told)
    for what, offset, size in (
        ("entries", 8, 2),
        ("all entries", 10, 2),
        ("size", 12, 4),
        ("start", 16, 4),
        ("comment", 20, 2),
    ):
        for value in (0, 1, 2 ** (8 * size) - 1):
            yield (
                f"end: {what} {value}",
                "a.zip",
                _patched(sound, END, offset, value.to_bytes(size, "little")),
            )
    zeros = bytes(30 << 20)
    yield "bomb", "a.zip", zipped((MEMBER, zeros))
    yield (
        "bomb that lies",
        "a.zip",
        _patched(zipped((MEMBER, zeros)), CENTRAL, 24, struct.pack("<I", 9)),
    )
    yield "bomb beside", "a.zip", zipped((MEMBER, CONTENT), ("b", zeros))
    yield "bomb of bzip2", "a.zip", zipped((MEMBER, zeros), how=zipfile.ZIP_BZIP2)
    yield "bomb of lzma", "a.zip", zipped((MEMBER, zeros), how=zipfile.ZIP_LZMA)
    yield "many members", "a.zip", zipped(*((f"{i}", b"") for i in range(20_000)))
    yield "twice", "a.zip", zipped((f"b/{MEMBER}", CONTENT), (f"c/{MEMBER}", CONTENT))
    yield "none", "a.zip", zipped()
    yield "in itself", "a.zip", zipped((MEMBER, sound))
    yield "overlapping", "a.zip", _overlapping(2000)
    yield "behind text", "a.zip", b"text" * 99 + sound
    yield "before text", "a.zip", sound + b"text" * 99
    yield "two in one", "a.zip", sound + zipped((MEMBER, b"other"))
    yield "a tar", "a.zip", _tar()
    packed = gzip.compress(CONTENT)
    yield "bomb", "a.csv.gz", gzip.compress(zeros)
    yield "bomb of many parts", "a.csv.gz", gzip.compress(bytes(1 << 20)) * 30
    yield "packed twice", "a.csv.gz", gzip.compress(packed)
    yield (
        "with a name upwards",
        "a.csv.gz",
        packed[:3] + b"\x08" + packed[4:10] + b"../../evil\0" + packed[10:],
    )
    yield "with an endless name", "a.csv.gz", packed[:3] + b"\x08" + packed[4:10] + b"x" * 99_999
    yield (
        "with a large extra",
        "a.csv.gz",
        packed[:3] + b"\x04" + packed[4:10] + b"\xff\xff" + packed[10:],
    )
    yield "of bzip2", "a.csv.gz", bz2.compress(CONTENT)
    yield "of lzma", "a.csv.gz", lzma.compress(CONTENT)
    yield "of zlib", "a.csv.gz", zlib.compress(CONTENT)
    for what, cut in {
        "nothing": 0,
        "the magic": 2,
        "the header": 10,
        "half": 40,
        "all but the end": -4,
    }.items():
        yield f"cut to {what}", "a.csv.gz", packed[:cut]
        yield f"cut to {what}", "a.zip", sound[:cut]


def _overlapping(count: int) -> bytes:
    """Return an archive all of whose entries are the same bytes, inflated again and again."""
    whole = zipped((MEMBER, bytes(1 << 16)))
    start = whole.index(CENTRAL)
    local, entry = whole[:start], whole[start : whole.index(END)]
    end = struct.pack("<4s4H2IH", END, 0, 0, count, count, len(entry) * count, len(local), 0)
    return local + entry * count + end


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("../evil")
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
    return buffer.getvalue()


def cases(seed: int, fuzzed: int) -> Iterator[Case]:
    """Yield the archives by hand, then sound ones with changed bytes."""
    for name, file, content in by_hand():
        yield Case(BY_HAND, f"{file}: {name}", lambda folder, f=file, c=content: read(folder, f, c))
    die = random.Random(f"archives {seed}")
    ways = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    sound = [("a.zip", zipped((MEMBER, CONTENT), ("b/c.csv", b"1;2"), how=how)) for how in ways]
    sound.append(("a.csv.gz", gzip.compress(CONTENT, mtime=0)))
    for number in range(fuzzed):
        file, content = die.choice(sound)
        other = fuzz(content, die)
        name = f"{number}: {file} {other.hex()}"
        yield Case(FUZZED, name, lambda folder, f=file, c=other: read(folder, f, c))


def fuzz(content: bytes, die: random.Random) -> bytes:
    """Return an archive with some bytes exchanged, left out, put in, or its end cut."""
    changed = bytearray(content)
    for _ in range(die.choice([1, 1, 2, 4, 16])):
        at = die.randrange(len(changed))
        match die.randrange(8):
            case 0:
                del changed[at : at + die.choice([1, 4, 30])]
            case 1:
                changed[at:at] = die.randbytes(die.choice([1, 4, 30]))
            case 2:
                mark = die.choice(
                    (LOCAL, CENTRAL, END, b"PK\x06\x06", b"PK\x06\x07", b"\x1f\x8b\x08\x08")
                )
                changed[at : at + 4] = mark
            case _:
                changed[at] = die.choice([0, 1, 12, 127, 255, die.randrange(256)])
        changed = changed or bytearray(b"P")
    return bytes(changed[: die.randrange(len(changed))] if die.random() < 0.05 else changed)


def read(folder: Path, file: str, content: bytes) -> None:
    """Let a job unpack an archive that was placed by hand."""
    raw = folder / "raw"
    raw.mkdir()
    (raw / file).write_bytes(content)
    try:
        acquire.unpack(raw / file, raw / MEMBER, Download(file, members=(MEMBER,)), dataset="toys")
    finally:
        there = {path.name for path in raw.iterdir()}
        assert there <= {file, MEMBER}, f"the archive left {there}"
