"""What servers say, read without trust: in bounded time, with bounded numbers and words."""

import re
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

import requests

from mtnas.data.fetch.progress import StalledError
from mtnas.runtime.errors import printable

Returned = TypeVar("Returned")


def without_body(response: requests.Response, **_: object) -> None:
    """Close a redirect before its body, which may be a bomb, is read for nothing."""
    if response.is_redirect:
        response.close()


def in_time(call: Callable[[], Returned], seconds: float) -> Returned:
    """Return what a call returns; raise `StalledError` after so many seconds.

    A server that drips headers, or sizes of chunks, stays within every timeout of a socket.
    """
    outcome: Future[Returned] = Future()

    def work() -> None:
        try:
            outcome.set_result(call())
        except BaseException as problem:
            outcome.set_exception(problem)

    Thread(target=work, daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        raise StalledError(f"stalled: no whole answer in {seconds:.3g} s") from None


def innermost(problem: BaseException) -> BaseException:
    """Return the cause that layers of libraries have wrapped."""
    while True:
        cause = getattr(problem, "reason", None) or (problem.args[0] if problem.args else None)
        if not isinstance(cause, BaseException):
            return problem
        problem = cause


def words(problem: BaseException) -> str:
    """Say what went wrong, without the names of connection objects."""
    text = re.sub(r"^<?\S*Connection(Pool)?\([^)]*\)>?: ", "", str(problem))
    return printable(text) or type(problem).__name__


def whole_number(text: str | None) -> int | None:
    """Read a number of at most 18 digits; anything else counts as none."""
    return int(text) if text and re.fullmatch("[0-9]{1,18}", text) else None


def seconds(text: str | None) -> float:
    """Read Retry-After; a date instead of seconds counts as no wish."""
    return float(whole_number(text) or 0)
