"""Files that are either whole or absent."""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mtnas.runtime.errors import MtnasError, RecordError

_REMAKE = ".venv/bin/snakemake --cores 1"


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there only if the block succeeds.

    Two jobs that write the same output (a killed workflow whose cluster job lives on) each write
    their own temporary file, also on two nodes with one file system; the last whole one wins.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: libraries choose the format by it.
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically; NaN is refused."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(
    path: str | Path,
    keys: Sequence[str] = (),
    *,
    error: type[MtnasError] = RecordError,
    remedy: str | None = None,
) -> dict[str, Any]:
    """Read a JSON object that has at least `keys`.

    Raises:
        error: the file is missing, not JSON or incomplete; it says `remedy`, by default the
            command that makes the file.
    """
    path = Path(path)
    if not path.is_file():
        raise error(f"{path}: missing; {remedy or f'run `{remake(path)}`'}")
    remedy = remedy or f"delete it and run `{remake(path)}`"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:  # not JSON, or not even text
        raise error(f"{path}: not JSON ({problem}); {remedy}") from None
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing or not isinstance(content, dict):
        raise error(f"{path}: lacks {', '.join(missing) or 'an object'}; {remedy}")
    return content


def remake(path: str | Path) -> str:
    """Return the command that makes a file of the workflow."""
    return f"{_REMAKE} {path}"


def without_remake(message: str) -> str:
    """Return a message without the advice to make a file again by `remake`."""
    return re.sub(f"; (delete it and )?run `{re.escape(_REMAKE)} [^`]*`", "", message)


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 hex digest of a file, read in pieces."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
