"""How far a download is, told now and then; and whether it moves at all."""

import logging
import time

_LOG = logging.getLogger(__name__)


class StalledError(Exception):
    """A server that sends next to nothing."""


class Meter:
    """Counts the bytes of one transfer: `add` logs every `tell_s` seconds.

    A server that sends a byte now and then never runs into a read timeout, so `add` raises
    `StalledError` if `window_s` seconds brought fewer than `slowest` bytes per second.
    """

    def __init__(
        self,
        name: str,
        done: int,
        total: int | None,
        *,
        tell_s: float,
        window_s: float,
        slowest: float,
    ) -> None:
        self.name, self.done, self.total = name, done, total
        self.tell_s, self.window_s, self.slowest = tell_s, window_s, slowest
        self._told = self._window = time.monotonic()
        self._since_told = self._since_window = 0

    def add(self, count: int) -> None:
        """Count bytes that arrived."""
        now = time.monotonic()
        self.done += count
        self._since_told += count
        self._since_window += count
        if now - self._told >= self.tell_s:
            _LOG.info("%s: %s", self.name, self.line(self._since_told / (now - self._told)))
            self._told, self._since_told = now, 0
        if (seconds := now - self._window) >= self.window_s:
            if self._since_window < self.slowest * seconds:
                raise StalledError(f"stalled: {self._since_window} bytes in {seconds:.3g} s")
            self._window, self._since_window = now, 0

    def line(self, rate: float) -> str:
        """Say how far it is: size, share, bytes per second, time to go."""
        speed = f"{megabytes(rate)}/s"
        if self.total is None:
            return f"{megabytes(self.done)}, {speed}"
        share = f"{100 * self.done / self.total:.0f} %" if self.total else "100 %"
        text = f"{megabytes(self.done)} of {megabytes(self.total)} ({share}), {speed}"
        if rate <= 0:
            return text
        minutes, seconds = divmod(round((self.total - self.done) / rate), 60)
        return f"{text}, {minutes}:{seconds:02d} to go"


def megabytes(count: float) -> str:
    """Write a number of bytes in millions."""
    return f"{count / 1e6:.1f} MB"
