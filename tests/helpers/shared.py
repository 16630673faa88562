"""Real files that may not be part of this repository."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def _folder() -> Path:
    """Return `$MTNAS_SHARED_DATA`, or the nearest `shared/data` around the repository."""
    around = [folder / "shared" / "data" for folder in REPOSITORY.parents]
    found = next((folder for folder in around if folder.is_dir()), around[0])
    return Path(os.environ.get("MTNAS_SHARED_DATA", found))


SHARED = _folder()


def real(path: str) -> Path:
    """Return one of them; skip the test where it is absent."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"{found} is missing; set MTNAS_SHARED_DATA to the folder that has {path}")
    return found
