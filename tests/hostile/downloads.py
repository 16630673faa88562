"""Hostile answers of a mirror: another mirror is asked, or all end in one message."""

# ruff: noqa: E501

import gzip
import os
import random
from collections.abc import Iterator
from pathlib import Path

from mtnas.data.fetch.acquire import fetch
from mtnas.data.fetch.download import Patience
from mtnas.data.sources.base import Download
from tests.helpers.server import raw_answers
from tests.hostile.cage import Case

KIND = "download answers"
NAME = "toys.json.gz"
FILE = gzip.compress(random.Random(0).randbytes(20_000), mtime=0)
HASTY = Patience(
    connect_s=1,
    read_s=0.3,
    slowest=2000,
    answer_s=0.6,
    tries=2,
    backoff_s=0.001,
    longest_s=0.01,
    tell_s=60,
)
OK, MOVED = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
LENGTH = b"Content-Length: %d\r\n" % len(FILE)
HONEST = OK + LENGTH + b"\r\n" + FILE
STATUSES = [
    0,
    99,
    100,
    101,
    103,
    201,
    204,
    206,
    300,
    304,
    305,
    400,
    401,
    402,
    403,
    404,
    405,
    407,
    408,
    410,
    416,
    418,
    429,
    451,
    500,
    501,
    502,
    503,
    599,
    999,
]
LENGTHS = [
    b"9" * 5000,
    b"-1",
    b"0",
    b"1",
    b"+9",
    b"1e3",
    b"0x10",
    b"1,2",
    b" ",
    b"\xd9\xa3",
    b"9" * 18,
    b"%d" % (1 << 62),
]
PLACES = [
    b"", b"//", b"/\xff\xfe", b"http://[::1", b"http://[zz]/", b"http://" + b"a" * 64 + b".com/", b"http://a..b/",
    b"http://localhost:99999/", b"http://localhost:-1/", b"http://localhost:x/", b"file:///etc/passwd", b"ftp://localhost/x",
    b"data:text/plain,x", b"javascript:alert(1)", b"http://user:pw@127.0.0.1:1/", b"\x1b[2J", b"x" * 60_000, b"?" * 999, b"http://",
    b"http:///x", b"gopher://localhost/", b"../" * 99, b"%00%0d%0aX: y", b"http://127.0.0.1:1/", b"unix:/run/x", b"HTTP://0x7f.1:1/",
]  # fmt: skip
HEADERS = [
    b"Content-Encoding: gzip", b"Content-Encoding: br", b"Content-Range: bytes 9-1/5", b"Content-Range: bytes " + b"9" * 5000,
    b"Content-Type: text/html", b"Content-Disposition: attachment; filename=../../evil", b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked, chunked", b"Retry-After: " + b"9" * 400, b"Retry-After: -1",
    b"Set-Cookie: " + b"x" * 60_000, b"Connection: upgrade", b"ETag: " + b"\"" * 9999, b"ETag: \x1b[2J", b"Last-Modified: 0000", b"Refresh: 0",
    b"a: b\r\n" * 200 + b"x: y", b"no colon", b": no name", b" folded: x", b"x\0y: z", b"\xff: \xfe", b"x: " + b"y" * 70_000,
]  # fmt: skip
BODIES = {
    "nothing": b"", "a newline": b"\n", "no HTTP": b"SSH-2.0-x\r\n", "TLS": b"\x15\x03\x01\x00\x02\x02\x28", "half a status": b"HTTP/1.1",
    "no number": b"HTTP/1.1 abc OK\r\n\r\n", "another version": b"HTTP/9.9 200 OK\r\n\r\n", "HTTP/0.9": FILE, "a long status": b"HTTP/1.1 200 " + b"x" * 70_000,
    "words that steer": b"HTTP/1.1 404 \x1b[2J\x9b\r\n\r\n", "no end of headers": OK + b"a: b", "chunks of nonsense": OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nxx",
    "endless chunk size": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 99_999, "a huge chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\nx",
    "a page": OK + b"Content-Length: 15\r\n\r\n<!doctype html>", "one byte less": HONEST[:-1], "one byte more": HONEST + b"x",
    "another file": OK + LENGTH + b"\r\n" + bytes(len(FILE)), "a bomb": OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(gzip.compress(bytes(30 << 20))), gzip.compress(bytes(30 << 20))),
    "packed twice": OK + b"Content-Length: %d\r\n\r\n" % len(gzip.compress(FILE)) + gzip.compress(FILE),
}  # fmt: skip
DRIPPED = {
    "headers": OK + b"X: ",
    "a chunk size": OK + b"Transfer-Encoding: chunked\r\n\r\n",
    "a body": OK + LENGTH + b"\r\n",
    "a status": b"HTTP/1.1 2",
}


def answers() -> Iterator[tuple[str, bytes, bytes]]:
    """Yield the name of every answer, what is sent at once, and what byte by byte."""
    for status in STATUSES:
        yield f"status {status}", b"HTTP/1.1 %d X\r\n\r\nnot the file" % status, b""
    for length in LENGTHS:
        yield f"length {length[:20]!r}", OK + b"Content-Length: " + length + b"\r\n\r\n" + FILE, b""
    for place in PLACES:
        yield f"moved to {place[:40]!r}", MOVED + place + b"\r\n\r\n", b""
    for header in HEADERS:
        yield f"header {header[:40]!r}", OK + LENGTH + header + b"\r\n\r\n" + FILE, b""
    for name, sent in BODIES.items():
        yield name, sent, b""
    for name, sent in DRIPPED.items():
        yield f"dripped: {name}", sent, b"0" * 999


def cases() -> Iterator[Case]:
    """Yield every answer twice: of the only mirror, and of one before an honest one."""
    for name, sent, dripped in answers():
        yield Case(
            KIND,
            f"{name}, alone",
            lambda folder, s=sent, d=dripped: read(folder, [(s, d)]),
            lines=6,
        )
        yield Case(
            KIND,
            f"{name}, first",
            lambda folder, s=sent, d=dripped: beside_honest(folder, s, d),
            lines=6,
        )


def read(folder: Path, answers: list[tuple[bytes, bytes]]) -> Path:
    """Fetch a file from mirrors that answer so; nothing but the file may be left."""
    os.environ["NO_PROXY"] = "127.0.0.1"
    target = folder / "raw" / NAME
    if not answers:
        return target
    (sent, dripped), *others = answers
    with raw_answers(sent, dripped) as first:
        urls = [f"{first}/{NAME}"]
        if others:
            with raw_answers(*others[0]) as second:
                return _fetched(target, (*urls, f"{second}/{NAME}"))
        return _fetched(target, tuple(urls))


def _fetched(target: Path, urls: tuple[str, ...]) -> Path:
    source = Download(target.name, urls, by_hand="Ask the toymaker.")
    fetch(target, source, dataset="toys", patience=HASTY)
    gzip.decompress(target.read_bytes())
    return target


def beside_honest(folder: Path, sent: bytes, dripped: bytes) -> None:
    """Fetch a file that the second mirror has: there must be one that is whole."""
    target = read(folder, [(sent, dripped), (HONEST, b"")])
    assert target.read_bytes() == FILE, "the download is not the file"
    there = {path.name for path in target.parent.iterdir()}
    assert there <= {NAME, f".{NAME}.lock"}, f"the download left {there}"
