"""Find a folder of results by its path or by the name of what lies in it."""

from pathlib import Path

from mtnas.runtime.errors import RecordError, unknown


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
    if path.is_file():
        path = path.parent
    places = [path, Path(root, kind, given)]
    for place in places:
        if (place / file).is_file():
            return place
    base = Path(root, kind)
    known = [str(found.parent.relative_to(base)) for found in base.glob(f"*/*/*/{file}")]
    if path.is_dir():
        raise RecordError(f"{path}: no {file} in this folder; give one that has it")
    raise RecordError(unknown(f"folder of {base}", given, known))
