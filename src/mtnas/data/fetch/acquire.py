"""The three things that the workflow does with raw files: fetch, unpack, admit.

A file that is in its folder already, placed by hand or by an earlier job, is never replaced or
removed: it is compared with the lock and left alone, or refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mtnas.data.fetch import archive
from mtnas.data.fetch.advice import named, place_by_hand
from mtnas.data.fetch.download import PATIENCE, MirrorError, Patience, download
from mtnas.data.fetch.lock import Lock, measure
from mtnas.runtime.errors import DataError, UnfitFileError, of_disk
from mtnas.runtime.files import atomic_path


def fetch(
    target: str | Path,
    source: Mapping[str, Any],
    *,
    dataset: str,
    lock: str | Path,
    patience: Patience = PATIENCE,
) -> None:
    """Put one raw file in its place: the one that is there, else from the first good mirror.

    Args:
        target: the file; a .part file beside it survives and goes on.
        source: `urls`, mirrors in order (none: the file can only be placed by hand), and
            `by_hand`, what a person can do.
        dataset: whose file it is.
        lock: the lock file that pins it.
        patience: how long and how often to try.

    Raises:
        DataError: no mirror has it (with all reasons, and where to place it by hand), another
            process is fetching it, or the disk is full or not writable.
    """
    target, pins = Path(target), Lock(lock)

    def accept(part: Path, url: str) -> None:
        archive.check_whole(part, target.name)
        pins.admit(dataset, target.name, measure(part, url))

    with _explaining(target), _alone(target):
        if target.is_file():
            _admit(dataset, target, pins)
            return
        pinned = pins.pinned(dataset, target.name)
        try:
            size = None if pinned is None else pinned.size
            download(target, source["urls"], accept, size=size, patience=patience)
        except MirrorError as problem:
            raise DataError(
                place_by_hand(target, dataset, source["by_hand"], str(problem))
            ) from None


def unpack(source: str | Path, target: str | Path, *, dataset: str, lock: str | Path) -> None:
    """Unpack the member of an archive that is called like `target`.

    Raises:
        DataError: the archive or the member is not the pinned one, the archive is unsafe or
            broken, or another file of this name is there.
    """
    source, target, pins = Path(source), Path(target), Lock(lock)
    with _explaining(target):
        _admit(dataset, source, pins)
        with atomic_path(target) as temporary:
            try:
                archive.unpack(source, target.name, temporary)
            except UnfitFileError as problem:
                raise DataError(
                    f"{source.absolute()}: {problem}; delete it and run again"
                ) from None
            found = measure(temporary, source.name)
            if target.is_file() and not measure(target, None).same(found):
                raise DataError(
                    f"{target.absolute()}: is another file than the one in {source.name}; "
                    f"move one of them away, say to a folder {named(dataset)}"
                )
            try:
                pins.admit(dataset, target.name, found)
            except UnfitFileError as problem:
                raise DataError(_refusal(target, dataset, pins, str(problem))) from None


def admit(paths: Sequence[str | Path], *, dataset: str, lock: str | Path) -> None:
    """Compare raw files with the lock; pin those that it does not know, if they are whole.

    Raises:
        DataError: a file is not the pinned one, or is broken.
    """
    for path in map(Path, paths):
        with _explaining(path):
            _admit(dataset, path, Lock(lock))


def _admit(dataset: str, path: Path, pins: Lock) -> None:
    try:
        if pins.pinned(dataset, path.name) is None:
            archive.check_whole(path, path.name)
        pins.admit(dataset, path.name, measure(path, None))
    except UnfitFileError as problem:
        raise DataError(_refusal(path, dataset, pins, str(problem))) from None


def _refusal(path: Path, dataset: str, pins: Lock, reason: str) -> str:
    """Say what can be done about a file that is not trusted."""
    return (
        f"{path.absolute()}: {reason}; delete the file to have it fetched again. If it is right, "
        f"and what was pinned is not, delete the entry {dataset}: {path.name} of {pins.path}. If "
        f"it is a part of the data or another version, move it to a folder of its own"
        f" {named(dataset)}"
    )


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Let one process at a time fetch a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
            yield
    except Timeout:
        raise DataError(
            f"{target.absolute()}: another process is fetching it; wait for it, or end it and run "
            f"again"
        ) from None


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error that says what to do."""
    try:
        yield
    except OSError as problem:
        told = of_disk(problem, path.absolute()) or f"{path.absolute()}: {problem}; see to it"
        raise DataError(f"{told} (what was fetched is kept)") from None
