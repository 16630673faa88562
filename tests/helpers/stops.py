"""Work that is told to end again and again, and goes on from its checkpoint each time."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TypeVar
from unittest.mock import patch

from mtnas.runtime import signals
from mtnas.runtime.errors import StoppedError
from mtnas.training.checkpoint import Checkpoint, Work

Result = TypeVar("Result")


@contextmanager
def told_to_end(after: int) -> Iterator[None]:
    """Send this process SIGTERM in the `after`-th step that a checkpoint hears of."""
    steps, keep = count(1), Checkpoint.keep

    def counted(self: Checkpoint, work: Work) -> None:
        if next(steps) == after:
            os.kill(os.getpid(), signal.SIGTERM)
        keep(self, work)

    with signals.heard(), patch.object(Checkpoint, "keep", counted):
        yield


def to_the_end(stops: Sequence[int], work: Callable[[], Result]) -> Result:
    """Start work once more after each stop; `stops` are steps, counted from where it goes on.

    Raises:
        AssertionError: work did not stop when it was told to.
    """
    for after in stops:
        try:
            with told_to_end(after):
                work()
        except StoppedError:
            continue
        raise AssertionError(f"no stop at step {after}")
    return work()
