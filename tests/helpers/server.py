"""A mirror on this machine that misbehaves as it is told, and keeps a log of what it was asked."""

import hashlib
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response
from werkzeug.exceptions import RequestedRangeNotSatisfiable


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
    piece: int = 4096
    stall_s: float = 0  # after the last byte that is sent
    reset: bool = False  # end with a reset instead of a close


@dataclass(frozen=True)
class Asked:
    """What was asked, and what was promised for it."""

    first: int | None  # byte that the range begins with
    if_range: str | None
    status: int


class Mirror(HTTPServer):
    """Serves `files`; `answers` are used up one by one, then it is honest."""

    def __init__(self, files: Mapping[str, bytes], answers: tuple[Answer, ...] = ()) -> None:
        super().__init__(host="127.0.0.1", threaded=True)
        self.files, self.answers = dict(files), list(answers)
        self.expect_request(re.compile(".*")).respond_with_handler(self._respond)

    @property
    def base(self) -> str:
        """Return the address of the folder that holds all files."""
        return self.url_for("").rstrip("/")

    @property
    def asked(self) -> list[Asked]:
        """Return what was asked so far."""
        return [
            Asked(
                request.range.ranges[0][0] if request.range else None,
                request.headers.get("If-Range"),
                response.status_code,
            )
            for request, response in self.log
        ]

    def thread_target(self) -> None:
        """Serve, and notice at once when it is to end."""
        # With HTTP/1.1, werkzeug would send in chunks what has no length.
        self.server.RequestHandlerClass.protocol_version = "HTTP/1.0"
        self.server.serve_forever(poll_interval=0.01)

    def _respond(self, request: Request) -> Response:
        answer = self.answers.pop(0) if self.answers else Answer()
        honest = self._honest(request, answer)
        status = answer.status or honest.status_code
        body = b"".join(honest.iter_encoded()) if status < 300 else b"not the file"
        headers = dict(honest.headers)
        headers["Content-Length"] = str(len(body) if answer.length is None else answer.length)
        if answer.chunked or answer.length == "none":
            del headers["Content-Length"]
        if answer.chunked:
            headers["Transfer-Encoding"] = "chunked"
        told = {name: value for name, value in {**headers, **answer.headers}.items() if value}
        connection = request.environ["werkzeug.socket"]
        return Response(_pieces(body, answer, connection), status, told)

    def _honest(self, request: Request, answer: Answer) -> Response:
        """Return the file or the rest of it, of the version that the answer claims."""
        body = answer.body
        if body is None:
            body = self.files.get(request.path.rsplit("/", 1)[-1])
        if body is None:
            return Response(status=404)
        etag = answer.headers.get("ETag", f'"{hashlib.sha256(body).hexdigest()[:16]}"')
        response = Response(body, headers={"ETag": etag} if etag else {})
        if answer.ignores_range:
            return response
        try:
            return response.make_conditional(request, True, len(body))
        except RequestedRangeNotSatisfiable:
            return Response(status=416, headers={"Content-Range": f"bytes */{len(body)}"})


def _pieces(body: bytes, answer: Answer, connection: socket.socket) -> Iterator[bytes]:
    """Yield what is sent of a body, as slowly as the answer says."""
    sent = body[: answer.send]
    for start in range(0, len(sent), answer.piece):
        time.sleep(answer.pause_s)
        piece = sent[start : start + answer.piece]
        yield b"%x\r\n%s\r\n" % (len(piece), piece) if answer.chunked else piece
    if answer.chunked and answer.ends_chunks:
        yield b"0\r\n\r\n"
    time.sleep(answer.stall_s)
    if answer.reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def mirror(files: Mapping[str, bytes], *answers: Answer) -> Iterator[Mirror]:
    """Run a mirror for the time of a block."""
    with Mirror(files, answers) as server:
        yield server


@contextmanager
def raw_answers(sent: bytes, dripped: bytes = b"") -> Iterator[str]:
    """Send the same bytes to whoever connects, the last of them one by one; yield the address."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.recv(65_536)
                connection.sendall(sent)
                for byte in dripped:
                    connection.sendall(bytes([byte]))
                    if ended.wait(0.02):
                        return

        def serve() -> None:
            with suppress(OSError):
                while not ended.is_set():
                    connection, _ = server.accept()
                    threading.Thread(target=answer, args=[connection]).start()

        server.settimeout(20)
        threading.Thread(target=serve).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            ended.set()
            server.shutdown(socket.SHUT_RDWR)
