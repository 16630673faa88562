"""What is kept of a job that is ended before it is done, so that it can go on from there.

A job works on units, the smallest pieces with a result of their own: a seed, a seed under a route,
a seed of a trial. Units are worked on side by side, in groups. The journal keeps the results of
finished groups and the checkpoint of the group under way, in a folder that is named by all that
the results depend on; so nothing of another job is ever taken over.
"""

import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from mtnas.runtime.files import Json
from mtnas.runtime.provenance import digest_of
from mtnas.training.checkpoint import BROKEN, Checkpoint, MisfitError, Tree, read_tree, write_tree

log = logging.getLogger(__name__)

Unit = TypeVar("Unit", int, tuple[int, int])
Worker = Callable[[Sequence[Unit], Checkpoint], Sequence[Tree]]  # a result for each unit
Report = Callable[[Mapping[Any, Tree]], None]

DONE = ".done.safetensors"  # ends the name of a file with results


class Journal:
    """The files of one job; without a folder nothing is kept and nothing taken over."""

    def __init__(self, root: Path | None = None, identity: Json | None = None) -> None:
        """Keep files below `root`, in a folder for `identity`."""
        self.root = root
        self.folder = None if root is None else root / digest_of(identity)
        self.seconds = 0.0  # that earlier attempts took for what is not done anew

    @cached_property
    def finished(self) -> dict[Any, Tree]:
        """The results of all finished units, also those of earlier attempts."""
        results: dict[Any, Tree] = {}
        for path in sorted(self.folder.glob(f"*{DONE}")) if self.folder else ():
            try:
                content = read_tree(path)
                units = [tuple(u) if isinstance(u, list) else u for u in content["units"]]
                results |= dict(zip(units, content["results"], strict=True))
                self.seconds += content["seconds"]
            except BROKEN as error:
                log.warning("%s: not taken over (%s)", path, error)
        return results

    def work_on(self, group: Sequence[Unit], work: Worker[Unit]) -> None:
        """Finish a group, from its checkpoint if there is one, and keep its results."""
        name = "-".join(str(unit).strip("()").replace(", ", "_") for unit in (group[0], group[-1]))
        path = None if self.folder is None else self.folder / f"{name}.safetensors"
        checkpoint, started = Checkpoint(path), time.perf_counter()
        try:
            results = work(group, checkpoint)
        except MisfitError as error:
            log.warning("%s; starting anew", error)
            checkpoint.remove()
            return self.work_on(group, work)
        self.seconds += checkpoint.seconds
        self.finished.update(zip(group, results, strict=True))
        if path is not None:
            seconds = checkpoint.seconds + time.perf_counter() - started
            content = {"units": list(group), "results": list(results), "seconds": seconds}
            write_tree(path.with_suffix(DONE), content)
            checkpoint.remove()
        return None

    def remove(self) -> None:
        """Remove all of it, and what earlier jobs of the same output left."""
        if self.root is not None:
            shutil.rmtree(self.root, ignore_errors=True)


def run_groups(
    units: Sequence[Unit],
    size: int,
    work: Worker[Unit],
    journal: Journal,
    report: Report = lambda results: None,
) -> list[Tree]:
    """Return the result of every unit, worked on in groups of `size`.

    What the journal has is taken over; `report` is given all results after every group.
    """
    left = [unit for unit in units if unit not in journal.finished]
    if len(left) < len(units):
        log.info("%d of %d were finished before", len(units) - len(left), len(units))
    for start in range(0, len(left), size):
        journal.work_on(left[start : start + size], work)
        report(journal.finished)
    return [journal.finished[unit] for unit in units]
