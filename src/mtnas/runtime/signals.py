"""How a job ends when a signal (Ctrl-C, scancel, a time limit) tells it to.

Work with a checkpoint first writes it, then ends (`postponed`, `asked`). All other work ends at
once, and a second signal ends everything at once.
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
    signal.SIGHUP: "by its terminal, which was closed",
}
_BACKGROUND = (signal.SIGINT, signal.SIGHUP)


class _Wish:
    """The first signal that came, when it came, and whether work then ends by itself."""

    number: signal.Signals | None = None
    since = 0.0
    postponed = False


@contextmanager
def heard() -> Iterator[None]:
    """Catch the signals that tell this process to end, instead of being killed by them."""
    # A shell lets what it starts in the background ignore Ctrl-C, nohup a closed terminal: so it
    # stays.
    wanted = [s for s in BY if s not in _BACKGROUND or signal.getsignal(s) != signal.SIG_IGN]
    before = {number: signal.signal(number, _hear) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _Wish.number = None


def leave_to_jobs() -> None:
    """Let this process, which only starts jobs, ignore SIGUSR1, which SLURM sends to all processes.

    Processes that it starts ignore the signal too, until they call `heard`.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)


@contextmanager
def postponed() -> Iterator[None]:
    """Let work finish its step after a signal: it has to check `asked` and return by itself."""
    _Wish.postponed = True
    try:
        yield
    finally:
        _Wish.postponed = False
    if asked():
        _end()


def asked() -> bool:
    """Whether a signal told this process to end."""
    return _Wish.number is not None


def told() -> str:
    """Return a sentence that names the signal that told this process to end."""
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
