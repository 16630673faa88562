"""Write files so that they are complete or absent, and notice when one was changed later."""

import errno
import hashlib
import json
import os
import re
import secrets
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os.path import commonpath
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mtnas.runtime.errors import WRITING, ConfigError, RecordError

_REMAKE = ".venv/bin/snakemake --cores 1"
CHANGED = "was changed after it was written (its digest differs)"

Json = dict[str, Any]  # an object of JSON or YAML, where a file is read or written and only there


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there only if the block succeeds.

    Two jobs that write the same output (a killed workflow whose cluster job lives on) each write
    their own temporary file, also on two nodes with one file system; the one that ends last wins.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: libraries choose the format by it.
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    except Exception as problem:
        problem.add_note(f"{WRITING}{target}")  # not every library names the file
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: object) -> None:
    """Write `value` as indented JSON, atomically; NaN is refused."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path: str | Path, keys: Sequence[str] = ()) -> Json:
    """Read a JSON object that has at least `keys`.

    Raises:
        RecordError: the file is missing, not JSON or incomplete; the message ends with the command
            that makes the file (`advising`: with other advice).
    """
    path = existing(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:  # not JSON, or not even text
        raise broken(path, f"not JSON ({problem})") from None
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing or not isinstance(content, dict):
        raise broken(path, f"lacks {', '.join(missing) or 'an object'}")
    return content


def existing(path: str | Path) -> Path:
    """Return the path of a file of the workflow; `RecordError` if it is missing."""
    if not Path(path).is_file():
        raise RecordError(f"{path}: missing; run `{remake(path)}`")
    return Path(path)


def broken(path: str | Path, why: str) -> RecordError:
    """Return the error of a file of the workflow that is to be made again."""
    return RecordError(f"{path}: {why}; delete it and run `{remake(path)}`")


@contextmanager
def advising(remedy: str) -> Iterator[None]:
    """Let errors of this block about a file advise `remedy`, not to make the file again."""
    try:
        yield
    except RecordError as error:
        raise RecordError(f"{without_remake(str(error))}; {remedy}") from None


def write_record(
    path: str | Path, content: Mapping[str, object], artefacts: Iterable[str | Path] = ()
) -> None:
    """Write a record as JSON, atomically, with the digests that `read_record` checks.

    Args:
        path: where to write.
        content: what the record says; NaN is refused.
        artefacts: files that it describes, written before it. Their SHA-256 stand under
            `artefacts`, by name.
    """
    described = {Path(file).name: sha256_of(file) for file in artefacts}
    write_json(path, sealed({**content, "artefacts": described}))


def sealed(content: Mapping[str, object]) -> Json:
    """Return a record with one more key, `digest`: the SHA-256 of everything else in it."""
    told = {key: value for key, value in content.items() if key != "digest"}
    return {**told, "digest": _digest(told)}


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `out` if the block succeeds.

    Raises:
        ConfigError: there is something already, or has come to be meanwhile.
    """
    if out.exists():
        raise ConfigError(f"{out}: is there already; name another folder, or delete it")
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
        folder = Path(scratch) / out.name
        folder.mkdir()
        yield folder
        try:
            folder.rename(out)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            raise ConfigError(
                f"{out}: another process has made it meanwhile; name another folder, or delete it"
            ) from None


def _digest(content: Mapping[str, object]) -> str:
    """Return the SHA-256 of JSON data; the order of keys and the layout of a file do not matter."""
    plain = json.loads(json.dumps(content, allow_nan=False))  # keys are strings, tuples lists
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_record(path: str | Path, keys: Sequence[str] = ()) -> Json:
    """Read what `write_record` wrote.

    Raises:
        RecordError: as `read_json`; or the content is not what was written.
    """
    return check_digest(read_json(path, keys), path)


def read_sealed(path: str | Path, keys: Sequence[str] = ()) -> Json:
    """Read JSON that was written `sealed`; an older file has no digest, and is read as it is.

    Raises:
        RecordError: as `read_json`; or the content is not what was written.
    """
    content = read_json(path, keys)
    return check_digest(content, path) if "digest" in content else content


def check_digest(content: Json, path: str | Path) -> Json:
    """Return the content of a record; raise `RecordError` unless it is what was `sealed`."""
    if "digest" not in content:
        raise broken(path, "lacks its digest, so it may have been changed")
    try:
        same = content["digest"] == sealed(content)["digest"]
    except ValueError:  # NaN or infinity, which is never written
        same = False
    if not same:
        raise broken(path, CHANGED)
    return content


def check_artefact(path: str | Path, artefacts: Mapping[str, str]) -> None:
    """Raise `RecordError` unless a file is the one whose SHA-256 a record has under its name."""
    path = existing(path)
    if artefacts.get(path.name) != sha256_of(path):
        raise broken(path, CHANGED)


def remake(path: str | Path) -> str:
    """Return the command that makes a file of the workflow."""
    return f"{_REMAKE} {shlex.quote(str(path))}"


def without_remake(message: str) -> str:
    """Return a message without the advice, which `remake` gave, to make a file again."""
    return re.sub(f"; (delete it and )?run `{re.escape(_REMAKE)} [^`]*`", "", message)


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 hex digest of a file, read in pieces."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder: Path, patterns: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of the files of a folder that patterns find, by their paths in it."""
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in sorted(found)}


def short_names(files: Sequence[Path]) -> list[str]:
    """Return the name of every file, with as many folders as tell it from all others."""
    names = [file.name for file in files]
    if len(set(names)) == len(names):
        return names
    top = Path(commonpath([file.absolute().parent for file in files]))
    return [file.absolute().relative_to(top).as_posix() for file in files]
