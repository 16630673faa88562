"""Work that is told to end again and again, and goes on from its checkpoint each time."""

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from mtnas import stopping
from mtnas.errors import StoppedError
from mtnas.training.checkpoint import Checkpoint, Work

Result = TypeVar("Result")


class Interrupted(Checkpoint):
    """A checkpoint in whose `after`-th call of `keep` the signal comes."""

    def __init__(self, path: Path, after: int | None = None) -> None:
        """Let the signal come never, if `after` is left out."""
        super().__init__(path)
        self._after = after
        self.calls = 0

    def keep(self, work: Work, *, finished: bool = False) -> None:
        """Tell this process to end, if it is time to; then do what a checkpoint does."""
        self.calls += 1
        if self.calls == self._after:
            os.kill(os.getpid(), signal.SIGTERM)
        super().keep(work, finished=finished)


def to_the_end(path: Path, stops: Sequence[int], work: Callable[[Checkpoint], Result]) -> Result:
    """Start work once more after each stop; `stops` are steps, counted from where it goes on.

    Raises:
        AssertionError: work did not stop when it was told to.
    """
    for after in stops:
        try:
            with stopping.heard():
                work(Interrupted(path, after))
        except StoppedError:
            continue
        raise AssertionError(f"no stop at step {after}")
    return work(Interrupted(path))
