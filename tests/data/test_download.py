"""Servers that truncate, stall, drop, lie: the right bytes, or one clean error and no file."""

import gzip
import io
import logging
import random
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtnas.data.fetch.acquire import fetch
from mtnas.data.fetch.checksums import Checksums, Pin, measure
from mtnas.data.fetch.download import Patience
from mtnas.data.fetch.progress import Meter
from mtnas.data.sources.base import Download
from mtnas.runtime.errors import DataError, MtnasError
from tests.helpers.server import Answer, Mirror, mirror, raw_answers

FAST = Patience(
    connect_s=2, read_s=0.15, slowest=2000, tries=3, backoff_s=0.001, longest_s=0.01, tell_s=60
)
TEXT = random.Random(0).randbytes(150_000)
FILE = gzip.compress(TEXT, mtime=0)  # of about the same size: TEXT cannot be compressed
OLD = gzip.compress(TEXT[::-1], mtime=0)
NAME = "toys.json.gz"
CUT = Answer(send=50_000)
SHORT = len(FILE) - 50_000


def rest(content: bytes, headers: dict[str, str]) -> Answer:
    """Answer with what follows the first 50,000 bytes, whatever was asked for."""
    total = len(content)
    span = {"Content-Range": f"bytes 50000-{total - 1}/{total}"}
    return Answer(status=206, body=content[50_000:], headers={**span, **headers})


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "raw" / NAME


def get(target: Path, *servers: Mirror | str, patience: Patience = FAST) -> None:
    bases = [server.base if isinstance(server, Mirror) else server for server in servers]
    urls = tuple(f"{base}/{target.name}" for base in bases)
    source = Download(target.name, urls, by_hand="Ask the toymaker.")
    fetch(target, source, dataset="toys", patience=patience)


def lock_of(target: Path) -> Path:
    return target.parent.with_name("raw.lock.json")


def pinned(target: Path) -> Pin | None:
    found = Checksums(target.parent, []).of(target.name)
    assert found is None or isinstance(found, Pin)
    return found


def pin(target: Path, content: bytes) -> None:
    """Pin a content, as an earlier download did."""
    file = target.parent.with_name("pinned")
    file.write_bytes(content)
    Checksums(target.parent, []).admit(target.name, measure(file, "https://earlier"))
    file.unlink()


def check_only(target: Path, content: bytes) -> None:
    """Check that the file is there, whole, and nothing of the download is left."""
    assert target.read_bytes() == content
    assert {path.name for path in target.parent.iterdir()} <= {target.name, f".{target.name}.lock"}


# What the first answers of a server are; after them it is honest.
GOOD: dict[str, tuple[Answer, ...]] = {
    "honest": (),
    "cut": (CUT,),
    "cut twice": (CUT, Answer(send=20_000)),
    "dropped": (Answer(send=50_000, reset=True),),
    "dropped before the first byte": (Answer(send=0, reset=True),),
    "stalls": (Answer(send=50_000, stall_s=0.6),),
    "drips": (Answer(piece=1, pause_s=0.01),),
    "cut, then ignores ranges": (CUT, Answer(ignores_range=True)),
    "500": (Answer(status=500),),
    "503 and asks to wait": (Answer(status=503, headers={"Retry-After": "3600"}),),
    "429": (Answer(status=429),),
    "416 for the rest": (CUT, Answer(status=416)),
    "206 unasked": (Answer(status=206),),
    "206 from elsewhere": (CUT, Answer(headers={"Content-Range": "bytes 9-19/20"})),
    "206 of another size": (
        CUT,
        Answer(headers={"Content-Range": f"bytes 50000-{len(FILE)}/{len(FILE) + 1}"}),
    ),
    "206 without Content-Range": (CUT, Answer(headers={"Content-Range": ""})),
    "206 of another version": (CUT, rest(OLD, {"ETag": '"other"'})),
    "206 of another version that hides it": (CUT, rest(OLD, {"ETag": ""})),
    "206 longer than it says": (CUT, Answer(status=206, body=FILE + FILE, length=len(FILE))),
    "changed between two tries": (Answer(body=OLD, send=50_000),),
    "a weak ETag": (Answer(send=50_000, headers={"ETag": 'W/"1"'}),),
    "no version": (Answer(send=50_000, headers={"ETag": ""}),),
    "says too long": (Answer(length=len(FILE) + 9),),
    "chunks": (Answer(chunked=True),),
    "chunks, cut": (Answer(chunked=True, send=50_000, ends_chunks=False),),
    "no length": (Answer(length="none"),),
    "nonsense for a length": (Answer(length="many"),),
    "called compressed by mistake": (Answer(headers={"Content-Encoding": "gzip"}),) * 3,
    "moved": (Answer(status=302, headers={"Location": f"/there/{NAME}"}),),
}


@pytest.mark.parametrize("case", GOOD)
def test_in_the_end_the_right_bytes(case: str, target: Path) -> None:
    with mirror({NAME: FILE}, *GOOD[case]) as server:
        get(target, server)

    check_only(target, FILE)
    assert pinned(target) == measure(target, f"{server.base}/{NAME}")


BAD: dict[str, tuple[tuple[Answer, ...], str]] = {
    "403": ((Answer(status=403),), "HTTP 403 FORBIDDEN"),
    "404": ((Answer(status=404),), "HTTP 404 NOT FOUND"),
    "416 for the whole": ((Answer(status=416),), "HTTP 416"),
    "204": ((Answer(status=204),), "HTTP 204"),
    "always 500": ((Answer(status=500),) * 3, r"HTTP 500 .*\(try 3 of 3\)"),
    "always cut": ((Answer(send=0),) * 3, r"\(try 3 of 3\)"),
    "always silent": ((Answer(send=0, stall_s=0.4),) * 3, r"timed out.*\(try 3 of 3\)"),
    "always dripping": ((Answer(piece=1, pause_s=0.01),) * 3, r"stalled: \d+ bytes in .*3 of 3"),
    "moved in circles": (
        (Answer(status=302, headers={"Location": f"/{NAME}"}),) * 11,
        "Exceeded 10 redirects",
    ),
    "moved to a file": ((Answer(status=302, headers={"Location": "file:///etc/x"}),), "file:"),
    "a page of HTML": ((Answer(body=b"\n<!DOCTYPE html><html>Sign in"),), "page of HTML"),
    "nothing": ((Answer(body=b""),), "is empty"),
    "no gzip": ((Answer(body=b"{}"),), "cut off or broken"),
    "says too short": ((Answer(length=len(FILE) - 9),), "cut off or broken"),
    "no length, cut": ((Answer(length="none", send=SHORT),), "cut off or broken"),
    "chunks that end early": ((Answer(chunked=True, send=SHORT),), "cut off or broken"),
    "a flipped bit": ((Answer(body=FILE[:-9] + b"?" + FILE[-8:]),), "cut off or broken"),
    "more behind the end": ((Answer(body=FILE + b"garbage"),), "cut off or broken"),
    "compressed twice": ((Answer(body=gzip.compress(FILE)),), "compressed twice"),
    "an encoding": ((Answer(headers={"Content-Encoding": "br"}),), "the encoding 'br'"),
    "too large": ((Answer(length=1 << 40),), "more than"),
}


@pytest.mark.parametrize("case", BAD)
def test_nothing_wrong_is_accepted(case: str, target: Path) -> None:
    answers, reason = BAD[case]

    with (
        mirror({NAME: FILE}, *answers) as server,
        pytest.raises(DataError, match=reason) as error,
    ):
        get(target, server)

    assert not target.exists()
    assert pinned(target) is None
    for told in (server.base, str(target.absolute().parent), "Ask the toymaker.", "raw: FOLDER"):
        assert told in str(error.value)


@pytest.mark.parametrize("case", BAD)
def test_the_next_mirror_helps(case: str, target: Path) -> None:
    with mirror({NAME: FILE}, *BAD[case][0]) as bad, mirror({NAME: FILE}) as good:
        get(target, bad, good)

    assert len(good.asked) == 1
    check_only(target, FILE)


PINNED: dict[str, tuple[Answer, str]] = {
    "another content": (Answer(body=FILE[:-9] + b"?" + FILE[-8:]), "cut off or broken"),
    "another version": (Answer(body=OLD), "sha256 [0-9a-f]{64}, but .* pins .*earlier"),
    "another size": (Answer(body=gzip.compress(b"{}")), f"offers 22 bytes, expected {len(FILE)}"),
    "another size, hidden": (
        Answer(body=FILE + b"garbage", length="none"),
        f"sends more than {len(FILE)} bytes",
    ),
}


@pytest.mark.parametrize("case", PINNED)
def test_a_pinned_file_can_only_be_had_as_it_is(case: str, tmp_path: Path, target: Path) -> None:
    pin(target, FILE)
    before = lock_of(target).read_text()
    answer, reason = PINNED[case]

    with (
        mirror({NAME: FILE}, *[answer] * 3) as bad,
        pytest.raises(DataError, match=reason),
    ):
        get(target, bad)
    assert not target.exists()
    with mirror({NAME: FILE}, *[answer] * 3) as bad, mirror({NAME: FILE}) as good:
        get(target, bad, good)

    check_only(target, FILE)
    assert lock_of(target).read_text() == before


def test_a_text_needs_an_end_that_can_be_told_from_a_cut(tmp_path: Path) -> None:
    target = tmp_path / "raw" / "log.txt"
    cut = Answer(length="none", send=1000)

    with mirror({"log.txt": TEXT}, cut) as bad, pytest.raises(DataError, match="does not say how"):
        get(target, bad)
    pin(target, TEXT)
    with (
        mirror({"log.txt": TEXT}, *[cut] * 3) as bad,
        pytest.raises(DataError, match="but .* pins"),
    ):
        get(target, bad)
    with mirror({"log.txt": TEXT}, Answer(length="none")) as server:
        get(target, server)

    check_only(target, TEXT)


# A text has no checksum of its own: only what the server says can tell that a piece is wrong.
OTHER = TEXT[::-1]
TEXTS: dict[str, tuple[Answer, ...]] = {
    **{
        case: GOOD[case] for case in ("cut", "cut twice", "drips", "500", "says too long", "chunks")
    },
    **{case: GOOD[case] for case in ("206 from elsewhere", "206 without Content-Range")},
    "chunks, cut": GOOD["chunks, cut"],
    "206 of another version": (CUT, rest(OTHER, {"ETag": '"other"'})),
    "206 of another size": (CUT, rest(OTHER + b"more", {"ETag": ""})),
    "206 with less than it says": (CUT, Answer(send=20_000, length=20_000)),
    "another version": (Answer(body=OTHER, send=50_000),),
    "another version of the same ETag, weak": (
        Answer(body=OTHER, send=50_000, headers={"ETag": 'W/"1"'}),
        Answer(headers={"ETag": 'W/"1"'}),
    ),
    "another version, none named": (
        Answer(body=OTHER, send=50_000, headers={"ETag": ""}),
        Answer(headers={"ETag": ""}),
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_text_is_never_put_together_from_two(case: str, tmp_path: Path) -> None:
    target = tmp_path / "raw" / "log.txt"

    with mirror({"log.txt": TEXT}, *TEXTS[case]) as server:
        get(target, server)

    check_only(target, TEXT)


def test_only_the_rest_is_asked_for(target: Path) -> None:
    with mirror({NAME: FILE}, CUT, Answer(send=20_000)) as server:
        get(target, server)

    assert [request.first for request in server.asked] == [None, 50_000, 70_000]
    assert [request.status for request in server.asked] == [200, 206, 206]
    assert server.asked[1].if_range is not None


@pytest.mark.parametrize("status", [403, 404])
def test_a_mirror_without_the_file_is_asked_once(status: int, target: Path) -> None:
    with mirror({NAME: FILE}, Answer(status=status)) as bad, mirror({NAME: FILE}) as good:
        get(target, bad, good)

    assert len(bad.asked) == 1


def test_a_new_mirror_does_not_go_on_with_the_bytes_of_another(target: Path) -> None:
    with mirror({NAME: OLD}, *[CUT] * 3) as bad, mirror({NAME: FILE}) as good:
        get(target, bad, good)

    assert [request.first for request in good.asked] == [None]
    check_only(target, FILE)


BASES = (
    "http://127.0.0.1:9",
    "http://nowhere.invalid",
    "http://",
    "ftp://a",
    "c:/x",
    "http://[",
    "http://a..b",
)


@pytest.mark.parametrize("base", BASES)
def test_an_address_that_leads_nowhere(base: str, target: Path) -> None:
    with pytest.raises(DataError, match=re.escape(f"{base}/{NAME}: ")):
        get(target, base)
    with mirror({NAME: FILE}) as server:
        get(target, base, server)

    check_only(target, FILE)


OK = b"HTTP/1.1 200 OK\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
# What a hostile server sends, and why the next mirror is asked.
HOSTILE: dict[str, tuple[bytes, str]] = {
    "a length of 5,000 digits": (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{", "cut off"),
    "a length of other digits": (OK + "Content-Length: ٣\r\n\r\n{".encode(), "cut off or broken"),
    "a wish of 400 digits": (
        b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: " + b"9" * 400 + b"\r\n\r\n",
        "HTTP 503 No",
    ),
    "moved to what is no text": (MOVED + b"/\xff\xfe\r\n\r\n", "can't decode"),
    "moved to half an address": (MOVED + b"http://[::1\r\n\r\n", "Invalid IPv6"),
    "moved to no address": (MOVED + b"http://[zz]/\r\n\r\n", "IPv4 or IPv6"),
    "moved to a long label": (MOVED + b"http://" + b"a" * 64 + b".com/\r\n\r\n", "too long"),
    "moved to an empty label": (MOVED + b"http://a..b/\r\n\r\n", "label empty"),
    "moved to a large port": (MOVED + b"http://localhost:99999/\r\n\r\n", "[Pp]ort"),
    "chunks of nonsense": (OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nxx", "try 3 of 3"),
    "too many headers": (OK + b"a: b\r\n" * 200 + b"\r\n", "more than 100 headers"),
    "words that steer a terminal": (b"HTTP/1.1 404 \x1b[2J\r\n\r\n", r"HTTP 404 \\x1b\[2J"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_a_server_says_is_not_trusted(case: str, target: Path) -> None:
    sent, reason = HOSTILE[case]
    with raw_answers(sent) as bad, mirror({NAME: FILE}) as good:
        with pytest.raises(DataError, match=f"{bad}/{NAME}: .*{reason}") as error:
            get(target, bad)
        get(target, bad, good)

    assert "\x1b" not in str(error.value)
    check_only(target, FILE)


@pytest.mark.parametrize("sent", [OK + b"X: ", OK + b"Transfer-Encoding: chunked\r\n\r\n"])
def test_dripped_headers_end(sent: bytes, target: Path) -> None:
    hasty = replace(FAST, answer_s=0.3, tries=1)
    with raw_answers(sent, b"0" * 9999) as bad, mirror({NAME: FILE}) as good:
        get(target, bad, good, patience=hasty)

    check_only(target, FILE)


def test_the_body_of_a_redirect_is_not_read(target: Path) -> None:
    with mirror({NAME: FILE}) as good:
        moved = (
            f"HTTP/1.1 302 Found\r\nContent-Length: 9999\r\nLocation: {good.base}/{NAME}\r\n\r\n"
        )
        with raw_answers(moved.encode(), b"0" * 9999) as bad:
            get(target, bad, patience=replace(FAST, answer_s=5, read_s=9))

    check_only(target, FILE)


def test_a_mirror_with_another_archive_is_not_the_last(tmp_path: Path) -> None:
    def zipped(name: str) -> bytes:
        with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
            archive.writestr(name, "1;2")
        return buffer.getvalue()

    target = tmp_path / "raw" / "a.zip"
    with mirror({"a.zip": zipped("b.csv")}) as bad, mirror({"a.zip": zipped("a.csv")}) as good:
        urls = (f"{bad.base}/a.zip", f"{good.base}/a.zip")
        fetch(target, Download("a.zip", urls, ("a.csv",)), dataset="toys", patience=FAST)

    check_only(target, zipped("a.csv"))


def test_no_answer_at_all(target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=8) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(DataError, match=r"timed out.*try 3 of 3"):
            get(target, base)


def test_without_an_address_a_person_must_help(target: Path) -> None:
    with pytest.raises(DataError, match="nobody offers it for download; place it by hand in"):
        get(target)


@pytest.mark.parametrize("content", ["{", "[]", '{"url": 1}', '{"url":1,"total":2,"validator":""}'])
def test_a_part_of_unknown_origin_is_not_used(content: str, target: Path) -> None:
    target.parent.mkdir()
    target.with_name(f"{NAME}.part").write_bytes(b"leftover")
    target.with_name(f"{NAME}.part.json").write_text(content)

    with mirror({NAME: FILE}) as server:
        get(target, server)

    assert [request.first for request in server.asked] == [None]
    check_only(target, FILE)


SCRIPT = """
import sys
from pathlib import Path
from mtnas.data.fetch.acquire import fetch
from mtnas.data.sources.base import Download
target, url = sys.argv[1:]
fetch(target, Download(Path(target).name, (url,)), dataset="toys")
"""


def started(target: Path, server: Mirror) -> "subprocess.Popen[bytes]":
    """Fetch in another process."""
    arguments = map(str, (target, f"{server.base}/{NAME}"))
    return subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments])


def wait_for(part: Path, size: int) -> None:
    end = time.monotonic() + 20
    while not part.exists() or part.stat().st_size < size:
        assert time.monotonic() < end, f"{part}: no {size} bytes after 20 s"
        time.sleep(0.005)


def test_a_killed_download_goes_on(target: Path) -> None:
    part = target.with_name(f"{NAME}.part")
    with mirror({NAME: FILE}, Answer(pause_s=0.05)) as server:
        process = started(target, server)
        wait_for(part, 40_000)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        size = part.stat().st_size
        assert 40_000 <= size < len(FILE)
        assert not target.exists()

        get(target, server)

        assert [request.first for request in server.asked] == [None, size]
        assert server.asked[1].status == 206
    check_only(target, FILE)


def test_two_processes_do_not_fetch_one_file(target: Path) -> None:
    with mirror({NAME: FILE}, Answer(pause_s=0.03)) as server:
        process = started(target, server)
        wait_for(target.with_name(f"{NAME}.part"), 1)
        with pytest.raises(DataError, match="another process is fetching it"):
            get(target, server)
        assert process.wait() == 0

    check_only(target, FILE)


def test_a_part_that_is_whole_needs_no_server(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with mirror({NAME: FILE}) as server:
        with monkeypatch.context() as patch:
            patch.setattr(Checksums, "admit", killed)
            with pytest.raises(KeyboardInterrupt):
                get(target, server)
        get(target, server)

    assert len(server.asked) == 1
    check_only(target, FILE)


def test_a_broken_lock_file_costs_no_download(target: Path) -> None:
    lock_of(target).write_text("{")

    with mirror({NAME: FILE}) as server:
        with pytest.raises(MtnasError, match="not JSON"):
            get(target, server)
        lock_of(target).unlink()
        get(target, server)

    check_only(target, FILE)


def test_a_file_that_is_there_is_pinned_and_left_alone(target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(FILE)
    before = target.stat().st_mtime_ns

    with mirror({NAME: OLD}) as server:
        get(target, server)
        get(target, server)

    assert server.asked == []
    assert target.stat().st_mtime_ns == before
    assert pinned(target) == measure(target, None)


def test_a_file_that_is_there_and_is_not_the_pinned_one(tmp_path: Path, target: Path) -> None:
    pin(target, FILE)
    target.parent.mkdir()
    target.write_bytes(OLD)

    with mirror({NAME: FILE}) as server, pytest.raises(DataError) as error:
        get(target, server)

    assert target.read_bytes() == OLD
    for content in (FILE, OLD):
        (tmp_path / "other").write_bytes(content)
        assert measure(tmp_path / "other", None).sha256 in str(error.value)
    assert "delete the file to have it fetched again" in str(error.value)
    assert f"delete the entry {NAME} of {lock_of(target)}" in str(error.value)
    assert "dataset_options.toys.raw: FOLDER" in str(error.value)


def test_a_cut_file_placed_by_hand_is_not_pinned(target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(FILE[:-20])

    with pytest.raises(DataError, match="cut off or broken"):
        get(target)

    assert target.exists()
    assert pinned(target) is None


def test_progress_is_told(target: Path, caplog: pytest.LogCaptureFixture) -> None:
    often = Patience(tell_s=0)

    with caplog.at_level(logging.INFO, "mtnas"), mirror({NAME: FILE}) as server:
        get(target, server, patience=often)

    assert f"{NAME}: from {server.base}/{NAME}" in caplog.text
    assert re.search(r"0\.\d MB of 0\.2 MB \(\d+ %\), \d+\.\d MB/s, 0:\d\d to go", caplog.text)
    assert f"{NAME}: whole, 0.2 MB" in caplog.text


@pytest.mark.parametrize(
    ("done", "total", "rate", "line"),
    [
        (0, 1_000_000, 0, "0.0 MB of 1.0 MB (0 %), 0.0 MB/s"),
        (25_000_000, 100_000_000, 1e6, "25.0 MB of 100.0 MB (25 %), 1.0 MB/s, 1:15 to go"),
        (5, None, 2e6, "0.0 MB, 2.0 MB/s"),
        (0, 0, 0, "0.0 MB of 0.0 MB (100 %), 0.0 MB/s"),
    ],
)
def test_lines_of_progress(done: int, total: int | None, rate: float, line: str) -> None:
    meter = Meter("toys", done, total, tell_s=1, window_s=1, slowest=1)

    assert meter.line(rate) == line


def test_tries_wait_longer_and_longer() -> None:
    patience = Patience(backoff_s=1, longest_s=10)
    delays = [[patience.delay(failed, 0) for _ in range(50)] for failed in (1, 2, 3, 9)]

    assert [
        (min(d) >= low, max(d) <= high)
        for d, low, high in zip(delays, (0.5, 1, 2, 10), (1, 2, 4, 10), strict=True)
    ] == [(True, True)] * 4
    assert len(set(delays[0])) > 1
    assert patience.delay(1, 7) == 7
    assert patience.delay(1, 3600) == 10
