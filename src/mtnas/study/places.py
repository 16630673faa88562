"""Find a folder of results by its path or by the name of what lies in it."""

import os
from pathlib import Path

from mtnas.runtime.errors import RecordError, unknown


def is_file(given: str | Path) -> bool:
    """Whether this is a file; what can be no path, such as a name of 300 letters, is none."""
    return os.path.isfile(given)  # noqa: PTH113 (that of `Path` raises)


def folder_of(given: str, kind: str, file: str, root: str = "results") -> Path:
    """Return the folder that a user means.

    Args:
        given: a folder, a file in it, or a name such as `movielens/mmoe/paper`.
        kind: the folder of `root` that holds such folders, such as `runs`.
        file: what each of them has, such as `run.json`.
        root: where results are.

    Raises:
        RecordError: there is no such folder, or it lacks the file.
    """
    path = Path(given)
    if is_file(path):
        path = path.parent
    places = [path, Path(root, kind, given)]
    for place in places:
        if is_file(place / file):
            return place
    base = Path(root, kind)
    known = [str(found.parent.relative_to(base)) for found in base.glob(f"*/*/*/{file}")]
    if os.path.isdir(path):  # noqa: PTH112
        raise RecordError(f"{path}: no {file} in this folder; give one that has it")
    raise RecordError(unknown(f"folder of {base}", given, known))
