"""A mirror on this machine that misbehaves as it is told, and keeps a log of what it was asked."""

import hashlib
import re
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

_PIECE = 4096


@dataclass(frozen=True)
class Answer:
    """What one request gets; the defaults are those of an honest server."""

    status: int | None = None
    body: bytes | None = None  # in place of the file
    send: int | None = None  # bytes of the body before the connection ends
    length: int | str | None = None  # what Content-Length says; "none": nothing
    headers: Mapping[str, str] = field(default_factory=dict)  # "": leave it out
    ignores_range: bool = False
    chunked: bool = False
    ends_chunks: bool = True
    pause_s: float = 0  # before every piece
    piece: int = _PIECE
    stall_s: float = 0  # after the last byte that is sent
    reset: bool = False  # end with a reset instead of a close


@dataclass(frozen=True)
class Request:
    """What was asked, and what was promised for it."""

    path: str
    first: int | None  # byte that the range begins with
    if_range: str | None
    status: int


class Mirror(ThreadingHTTPServer):
    """Serves `files`; `answers` are used up one by one, then it is honest."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, files: Mapping[str, bytes], answers: tuple[Answer, ...] = ()) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.answers = dict(files), list(answers)
        self.log: list[Request] = []

    @property
    def base(self) -> str:
        """Return the address of the folder that holds all files."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet about clients that went away."""


@contextmanager
def mirror(files: Mapping[str, bytes], *answers: Answer) -> Iterator[Mirror]:
    """Run a mirror for the time of a block."""
    with Mirror(files, answers) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Mirror
    _RANGE: ClassVar[re.Pattern[str]] = re.compile(r"bytes=(\d+)-")

    def do_GET(self) -> None:  # noqa: N802
        mirror = self.server
        answer = mirror.answers.pop(0) if mirror.answers else Answer()
        name = self.path.rsplit("/", 1)[-1]
        content = mirror.files.get(name)
        body = answer.body if answer.body is not None else content or b""
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {"ETag": etag}
        status, first = self._first(answer, content, body, etag)
        if status == 206:
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
        elif status == 416:
            headers["Content-Range"] = f"bytes */{len(body)}"
        status = answer.status or status
        rest = body[first:] if status < 300 else b"not the file"
        asked = self._RANGE.fullmatch(self.headers.get("Range", ""))
        if_range = self.headers.get("If-Range")
        mirror.log.append(Request(name, int(asked[1]) if asked else None, if_range, status))
        self._head(status, headers, rest, answer)
        self._body(rest, answer)

    def _first(
        self, answer: Answer, content: bytes | None, body: bytes, etag: str
    ) -> tuple[int, int]:
        """Return the status, and the first byte to send."""
        asked = self._RANGE.fullmatch(self.headers.get("Range", ""))
        if content is None and answer.body is None:
            return 404, 0
        stale = self.headers.get("If-Range", etag) != answer.headers.get("ETag", etag)
        if asked is None or answer.ignores_range or stale:
            return 200, 0
        return (206, int(asked[1])) if int(asked[1]) < len(body) else (416, 0)

    def _head(self, status: int, headers: dict[str, str], rest: bytes, answer: Answer) -> None:
        if answer.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif answer.length != "none":
            headers["Content-Length"] = str(len(rest) if answer.length is None else answer.length)
        self.send_response(status)
        for name, value in {**headers, **answer.headers, "Connection": "close"}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()

    def _body(self, rest: bytes, answer: Answer) -> None:
        sent = rest if answer.send is None else rest[: answer.send]
        for start in range(0, len(sent), answer.piece):
            time.sleep(answer.pause_s)
            piece = sent[start : start + answer.piece]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if answer.chunked else piece)
        if answer.chunked and answer.ends_chunks:
            self.wfile.write(b"0\r\n\r\n")
        time.sleep(answer.stall_s)
        if answer.reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing to the terminal."""
