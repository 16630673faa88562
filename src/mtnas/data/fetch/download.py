"""Fetch one file from mirrors in order, whatever servers and networks do.

Bytes go to FILE.part beside the target and stay there when a try, a job or the machine dies; the
next try asks for the rest, if it is the same remote file. The target appears at once and whole,
after the caller has accepted the content. Each failure is either worth another try at the same
mirror (`_AgainError`) or not (`_NextMirrorError`).
"""

import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import requests
from requests import exceptions as problems
from urllib3.exceptions import HTTPError, NameResolutionError

from mtnas.data.fetch.answers import in_time, innermost, seconds, whole_number, without_body, words
from mtnas.data.fetch.archive import checks_itself
from mtnas.data.fetch.partial import Partial, Remote, validator, write_whole
from mtnas.data.fetch.progress import Meter, StalledError, megabytes
from mtnas.runtime.errors import MirrorError, UnfitFileError, printable

_LOG = logging.getLogger(__name__)
_PIECE = 1 << 18
_BUSY = (408, 425, 429)  # of the client errors, those that pass
# Also what parsers of addresses, headers and numbers raise: all of it is the mirror's.
_HOPELESS = (ValueError, OverflowError, HTTPError, problems.TooManyRedirects)
# Identity: a file must arrive as it is, not compressed on the way.
_HEADERS = {"User-Agent": "mtnas (research reproduction)", "Accept-Encoding": "identity"}

Accept = Callable[[Path, str], None]


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often to try a mirror."""

    connect_s: float = 15
    read_s: float = 60  # without a byte, or with fewer than `slowest` per second
    slowest: float = 1000  # bytes per second
    answer_s: float = 120  # for all headers, redirects included, or for one piece of the file
    tries: int = 4
    backoff_s: float = 1  # doubles from try to try
    longest_s: float = 60
    tell_s: float = 10
    max_bytes: int = 64 << 30  # of a file whose size nobody knows

    def delay(self, failed: int, asked_s: float) -> float:
        """Return the seconds to wait after so many failures, or as long as the server asks."""
        backoff = self.backoff_s * 2.0 ** (failed - 1) * random.uniform(0.5, 1)
        return min(self.longest_s, max(backoff, asked_s))


PATIENCE = Patience()


class _AgainError(Exception):
    """A failure that another try at the same mirror may not have."""

    def __init__(self, reason: object, wait_s: float = 0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class _NextMirrorError(Exception):
    """A failure that another try at the same mirror would have again."""


def download(
    target: Path,
    urls: Sequence[str],
    accept: Accept,
    *,
    size: int | None = None,
    patience: Patience = PATIENCE,
) -> None:
    """Write `target` from the first mirror that has it whole.

    Args:
        target: the file; FILE.part and FILE.part.json beside it keep what is not whole yet.
        urls: mirrors, in the order to try them.
        accept: called with the whole .part file and its address; `UnfitFileError` refuses it.
        size: bytes that it must have, if that is known.
        patience: how long and how often to try.

    Raises:
        MirrorError: one line for each address says why.
        OSError: the file cannot be written.
    """
    reasons = []
    with requests.Session() as session:
        session.headers.update(_HEADERS)
        session.max_redirects = 10
        session.hooks["response"].append(without_body)
        for url in urls:
            try:
                _Fetch(session, url, target, Partial(target), accept, size, patience).run()
                return
            except _NextMirrorError as reason:
                _LOG.warning("%s: %s: %s", target.name, url, reason)
                reasons.append(f"  {url}: {reason}")
    raise MirrorError("\n".join(reasons))


@dataclass(frozen=True)
class _Fetch:
    """One file at one mirror."""

    session: requests.Session
    url: str
    target: Path
    part: Partial
    accept: Accept
    size: int | None
    patience: Patience

    def run(self) -> None:
        """Try until the file is whole and accepted."""
        for failed in range(1, self.patience.tries + 1):
            try:
                resumed = self._transfer()
                self._judge(resumed)
                return
            except _AgainError as problem:
                if failed == self.patience.tries:
                    raise _NextMirrorError(f"{problem} (try {failed} of {failed})") from None
                delay = self.patience.delay(failed, problem.wait_s)
                _LOG.warning(
                    "%s: %s (try %d of %d); again in %.1f s",
                    *(self.target.name, problem, failed, self.patience.tries, delay),
                )
                time.sleep(delay)

    def _transfer(self) -> bool:
        """Receive the file, or what is missing of it; return whether it is from several tries."""
        held = self.part.remote(self.url)
        if held and held.total == self.part.size:
            return True  # killed after its last byte
        headers = {}
        if held:
            headers = {"Range": f"bytes={self.part.size}-", "If-Range": held.validator}
        waits = (self.patience.connect_s, self.patience.read_s)
        try:
            response = in_time(
                lambda: self.session.get(self.url, headers=headers, stream=True, timeout=waits),
                self.patience.answer_s,
            )
        except StalledError as problem:
            raise _AgainError(problem) from None
        except _HOPELESS as problem:
            raise _NextMirrorError(printable(str(problem))) from None
        except problems.RequestException as problem:
            cause = innermost(problem)
            if isinstance(cause, NameResolutionError) and held is None:  # offline, most likely
                raise _NextMirrorError(words(cause)) from None
            raise _AgainError(words(cause)) from None
        with response:
            self._check_answer(response, held)
            if resumed := held is not None and response.status_code == 206:
                total: int | None = held.total
                _LOG.info("%s: goes on at %s", self.target.name, megabytes(self.part.size))
            else:
                total = whole_number(response.headers.get("Content-Length"))
                self._check_total(total, response)
                self.part.begin(self.url, total, validator(response.headers))
                _LOG.info("%s: from %s", self.target.name, self.url)
            self._receive(response, total)
        return resumed

    def _check_answer(self, response: requests.Response, held: Remote | None) -> None:
        """Refuse an answer that is neither the file nor the rest of it."""
        status = response.status_code
        said = printable(f"HTTP {status} {response.reason or ''}".rstrip())
        if status == 416 and held:
            self.part.discard()
            raise _AgainError(f"{said}: the part that is here does not fit; starting over")
        if status in _BUSY or status >= 500:
            raise _AgainError(said, seconds(response.headers.get("Retry-After")))
        if status == 206:
            self._check_rest(response, held)
        elif status != 200:
            raise _NextMirrorError(said)
        # It must not be compressed on the way; of .gz some servers say so by mistake.
        encoding = response.headers.get("Content-Encoding", "identity").lower()
        mistake = self.target.suffix == ".gz" and encoding in ("gzip", "x-gzip")
        if encoding != "identity" and not mistake:
            raise _NextMirrorError(
                f"sends the file in the encoding {encoding!r}, which was not asked for"
            )

    def _check_rest(self, response: requests.Response, held: Remote | None) -> None:
        """Refuse a piece that does not begin where our part ends, or is of another version."""
        if held is None:
            raise _AgainError("HTTP 206 with a piece, but the whole file was asked for")
        found = response.headers.get("Content-Range", "")
        fits = found == f"bytes {self.part.size}-{held.total - 1}/{held.total}"
        if not fits or held.is_other(response.headers):
            self.part.discard()
            raise _AgainError(
                f"HTTP 206 with {found!r}, not the rest of the part here; starting over"
            )

    def _check_total(self, total: int | None, response: requests.Response) -> None:
        """Refuse a wrong size, and an unknown one where a cut could not be told from the end."""
        if total is not None and self.size not in (None, total):
            raise _NextMirrorError(f"offers {total} bytes, expected {self.size}")
        if total is not None and total > self.patience.max_bytes:
            raise _NextMirrorError(f"offers {total} bytes, more than {self.patience.max_bytes}")
        ends = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
        checked = self.size is not None or checks_itself(self.target.name)
        if total is None and not ends and not checked:
            raise _NextMirrorError(
                "does not say how long the file is, so a cut would not be noticed"
            )

    def _receive(self, response: requests.Response, total: int | None) -> None:
        """Append the body of an answer to the part."""
        done, most = self.part.size, total or self.size or self.patience.max_bytes
        wait = self.patience
        meter = Meter(
            *(self.target.name, done, total),
            tell_s=wait.tell_s,
            window_s=wait.read_s,
            slowest=wait.slowest,
        )
        with self.part.append() as file:
            while piece := _read(response, meter, wait.answer_s):
                done += len(piece)
                if done > most:
                    break
                write_whole(file, piece)
        if done > most:
            self.part.discard()
            raise _AgainError(f"sends more than {most} bytes")
        if total is not None and done != total:
            raise _AgainError(f"ends after {done} of {total} bytes")

    def _judge(self, resumed: bool) -> None:
        """Give the file its name if it is accepted."""
        try:
            self.accept(self.part.path, self.url)
        except UnfitFileError as problem:
            self.part.discard()
            # Pieces may be at fault; a file that came in one piece would come so again.
            raise (_AgainError if resumed else _NextMirrorError)(str(problem)) from None
        self.part.finish(self.target)
        _LOG.info("%s: whole, %s", self.target.name, megabytes(self.target.stat().st_size))


def _read(response: requests.Response, meter: Meter, longest_s: float) -> bytes:
    """Return the bytes that are there, none at the end."""
    try:
        # read1 returns what has arrived; the bytes as sent, whatever Content-Encoding says.
        piece: bytes = in_time(lambda: response.raw.read1(_PIECE, decode_content=False), longest_s)
        meter.add(len(piece))
    except StalledError as problem:
        with suppress(ValueError, RuntimeError, OSError):  # it has ended by itself
            response.raw.shutdown()  # else closing waits for what still reads
        raise _AgainError(problem) from None
    except (HTTPError, OSError, ValueError) as problem:
        raise _AgainError(words(innermost(problem))) from None
    return piece
