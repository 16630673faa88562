"""One line that changes, and lines that stay."""

import os
import shutil
import threading
from typing import TextIO

_CLEAR = "\r\033[K"


class Screen:
    """A stream; on a terminal its last line can be replaced. Threads may share it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"

    def status(self, text: str, *, lasting: bool = False) -> None:
        """Replace the last line; where that cannot be, print what is `lasting` as a line."""
        if self.is_terminal:
            width = shutil.get_terminal_size().columns - 1
            # The cursor goes back, so that what somebody else prints begins a line.
            self._write(f"{_CLEAR}{text[:width]}\r")
        elif lasting:
            self._write(f"{text}\n")

    def line(self, text: str) -> None:
        """Print lines that stay."""
        self._write(f"{_CLEAR if self.is_terminal else ''}{text}\n")

    def clear(self) -> None:
        """Remove the line that changes."""
        if self.is_terminal:
            self._write(_CLEAR)

    def _write(self, text: str) -> None:
        with self._lock:
            self._stream.write(text)
            self._stream.flush()
