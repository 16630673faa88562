"""A wish to stop: what a signal asks of a job, and when the job obeys.

Work that keeps a checkpoint puts the end off until it has written it (`postponed`, `asked`);
whatever else a job does ends at once. So does everything at a second signal.
"""

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

STATUS = 143  # of a job that was told to end; what a shell makes of SIGTERM
ONE_WISH_S = 10.0  # SLURM signals a job's processes more than once: all of that is one wish
BY = {
    signal.SIGTERM: "by scancel, or because the job took longer than its `runtime`",
    signal.SIGUSR1: "by whoever sent it, such as SLURM ahead of a time limit",
    signal.SIGINT: "by Ctrl-C",
}


class _Wish:
    """What this process was told, and when; and whether its work is to hear of it first."""

    number: signal.Signals | None = None
    since = 0.0
    postponed = False


@contextmanager
def heard() -> Iterator[None]:
    """Hear the signals that tell this process to end, instead of dying of them."""
    # A shell lets what it starts in the background ignore Ctrl-C: so it stays.
    wanted = [s for s in BY if (s, signal.getsignal(s)) != (signal.SIGINT, signal.SIG_IGN)]
    before = {number: signal.signal(number, _hear) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _Wish.number = None


def leave_to_jobs() -> None:
    """Let this process, which only starts jobs, outlive the SIGUSR1 that SLURM sends to all alike.

    What it starts ignores that signal too, until it listens (`heard`).
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)


@contextmanager
def postponed() -> Iterator[None]:
    """Let work finish its step when a signal comes: it looks at `asked` and ends by itself."""
    _Wish.postponed = True
    try:
        yield
    finally:
        _Wish.postponed = False
    if asked():
        _end()


def asked() -> bool:
    """Whether this process was told to end."""
    return _Wish.number is not None


def told() -> str:
    """Say what told this process to end."""
    assert _Wish.number is not None
    return f"told to end ({_Wish.number.name}): {BY[_Wish.number]}"


def _hear(number: int, _: Any) -> None:
    now, first = time.monotonic(), not asked()
    if not first and now - _Wish.since < ONE_WISH_S:
        return
    if first:
        _Wish.number, _Wish.since = signal.Signals(number), now
    if not (first and _Wish.postponed):
        _end()


def _end() -> None:
    """Log why the job ends now, and let it remove what it has half written."""
    logging.getLogger("mtnas.job").error("%s", told(), extra={"report": True})
    raise SystemExit(STATUS)
