"""What the workflow does with raw files: fetch, unpack, convert, admit.

A file that is in its folder already, placed by hand or by an earlier job, is never replaced or
removed: it is compared with its checksum and left alone, or refused.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mtnas.data import packaged
from mtnas.data.fetch import archive
from mtnas.data.fetch.advice import named, place_by_hand
from mtnas.data.fetch.checksums import Checksums, measure
from mtnas.data.fetch.download import PATIENCE, Patience, download
from mtnas.data.sources.base import Download, Packaged
from mtnas.runtime.errors import DataError, MirrorError, UnfitFileError, of_machine
from mtnas.runtime.files import atomic_path


def fetch(
    target: str | Path, source: Download, *, dataset: str, patience: Patience = PATIENCE
) -> None:
    """Put one raw file in its place: the one that is there, else from the first good address.

    Args:
        target: the file; a .part file beside it survives and goes on.
        source: where it is to be had.
        dataset: whose file it is.
        patience: how long and how often to try.

    Raises:
        DataError: no address has it (with all reasons, and where to place it by hand), another
            process is fetching it, or the disk is full or not writable.
    """
    target = Path(target)
    checksums = Checksums(target.parent, [source])

    def accept(part: Path, url: str) -> None:
        archive.check_whole(part, target.name, members=source.members)
        checksums.admit(target.name, measure(part, url))

    with _explaining(target), _alone(target):
        if target.is_file():
            _admit(target, dataset, checksums)
            return
        wanted = checksums.of(target.name)
        try:
            size = None if wanted is None else wanted.size
            download(target, source.urls, accept, size=size, patience=patience)
        except MirrorError as problem:
            told = place_by_hand(target, dataset, source.by_hand, str(problem))
            raise MirrorError(told) from None


def unpack(source: str | Path, target: str | Path, item: Download, *, dataset: str) -> None:
    """Unpack the member of an archive, offered as `item`, that is called like `target`.

    Raises:
        DataError: the archive or the member is not what it must be, the archive is unsafe or
            broken, or another file of this name is there.
    """
    source, target = Path(source), Path(target)
    checksums = Checksums(target.parent, [item])
    with _explaining(target):
        _admit(source, dataset, checksums)
        with atomic_path(target) as temporary:
            try:
                archive.unpack(source, target.name, temporary)
            except UnfitFileError as problem:
                raise DataError(
                    f"{source.absolute()}: {problem}; delete it and run again"
                ) from None
            found = measure(temporary, source.name)
            if target.is_file() and measure(target, None).sha256 != found.sha256:
                raise DataError(
                    f"{target.absolute()}: is another file than the one in {source.name}; "
                    f"move one of them away, say to a folder {named(dataset)}"
                )
            try:
                checksums.admit(target.name, found)
            except UnfitFileError as problem:
                raise _refusal(target, dataset, checksums, problem) from None


def convert(target: str | Path, item: Packaged, *, dataset: str) -> None:
    """Put a table of an installed package in its place, as Parquet: the one there, else a new one.

    Raises:
        DataError: the package has no such table or another one, or the file there is another one.
    """
    target = Path(target)
    with _explaining(target):
        if not target.is_file():
            packaged.write(item, target)
    admit([target], [item], dataset=dataset)


def admit(paths: Sequence[str | Path], downloads: Sequence[Download], *, dataset: str) -> None:
    """Compare raw files with their checksums; pin those that have none, if they are whole.

    Raises:
        DataError: a file is not what it must be, or is broken.
    """
    tables = {i.file: i for i in downloads if isinstance(i, Packaged) and i.content_sha256}
    for path in map(Path, paths):
        with _explaining(path):
            if path.name in tables:
                _admit_table(path, tables[path.name])
            else:
                _admit(path, dataset, Checksums(path.parent, downloads))


def _admit_table(path: Path, item: Packaged) -> None:
    """Compare the content of a converted table with the known one; its bytes may be others."""
    try:
        packaged.check(item, path)
    except UnfitFileError as problem:
        raise DataError(f"{path.absolute()}: {problem}; delete it and run again") from None


def _admit(path: Path, dataset: str, checksums: Checksums) -> None:
    try:
        if checksums.of(path.name) is None:
            archive.check_whole(path, path.name)
        checksums.admit(path.name, measure(path, None))
    except UnfitFileError as problem:
        raise _refusal(path, dataset, checksums, problem) from None


def _refusal(path: Path, dataset: str, checksums: Checksums, problem: UnfitFileError) -> DataError:
    """Return the error for a file that is not trusted, with what can be done about it."""
    return DataError(
        f"{path.absolute()}: {problem}; delete the file to have it fetched again. If it is right, "
        f"and what it was compared with is not, {checksums.correction(path.name)}. If it is a part "
        f"of the data or another version, move it to a folder of its own {named(dataset)}"
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
        told = of_machine(problem, path.absolute()) or f"{path.absolute()}: {problem}; see to it"
        raise DataError(f"{told} (what was fetched is kept)") from None
