"""Which files a pattern names."""

import fnmatch
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mtnas.runtime.errors import DataError

_MAGIC = frozenset("*?[")


def find(patterns: Sequence[str], raw: Path | None, dataset: str) -> list[Path]:
    """Return the files that patterns name, each once, those of a pattern in order.

    With a folder `raw`, what a pattern says below its fixed folders is looked up there.

    Raises:
        DataError: none is there, one is no regular file or may not be read.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern).expanduser() if raw is None else raw.joinpath(*_variable(pattern))
        matches = sorted(_matches(Path(path.anchor or "."), path.parts[bool(path.anchor) :]))
        if not matches:
            raise DataError(
                f"{path}: missing file of dataset {dataset!r}; place it there, correct `path` in "
                "its file, or name the folder in which it is, in the config as "
                f"`dataset_options.{dataset}.raw: FOLDER`"
            )
        found.update(dict.fromkeys(matches))
    for path in found:
        if path.is_dir():
            raise DataError(f"{path}: a folder; `path` names files, such as `{path}/*.csv`")
        if not path.is_file():
            raise DataError(f"{path}: a device or a pipe, which has no end; give a file")
        if not os.access(path, os.R_OK):
            raise DataError(f"{path}: you may not read this file; change its permissions")
    return list(found)


def _variable(pattern: str) -> tuple[str, ...]:
    """Return a pattern from its first folder on that is one, or the name of a file."""
    parts = Path(pattern).parts
    first = next((i for i, part in enumerate(parts) if _MAGIC & set(part)), len(parts) - 1)
    return parts[first:]


def _matches(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """Yield what is there; a name that exists is no pattern, whatever signs are in it."""
    if not parts:
        if folder.exists():
            yield folder
        return
    part, rest = parts[0], parts[1:]
    if part in ("..", ".") or (folder / part).exists():
        yield from _matches(folder / part, rest)
    elif part == "**":
        yield from _matches(folder, rest)
        for inner in _inside(folder):
            if inner.is_dir() and not inner.is_symlink():
                yield from _matches(inner, parts)
    elif _MAGIC & set(part):
        names = [inner for inner in _inside(folder) if fnmatch.fnmatchcase(inner.name, part)]
        for inner in names:
            if inner.exists() and not (inner.is_dir() and not rest):
                yield from _matches(inner, rest)


def _inside(folder: Path) -> list[Path]:
    """List what is in a folder but what is hidden."""
    try:
        return sorted(inner for inner in folder.iterdir() if not inner.name.startswith("."))
    except OSError:
        return []
