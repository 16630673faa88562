"""What a result was computed with: a fingerprint of the code, versions, the git commit."""

import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypedDict

from mtnas.runtime.code import facts_of
from mtnas.runtime.errors import ConfigError

PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parents[1]
# Code that shapes messages and records, never a number.
_NEUTRAL = (
    *("code", "documents", "errors", "files", "options", "plugins", "provenance", "signals"),
    "usage",
)
NEUTRAL = {"__init__.py", *(f"runtime/{name}.py" for name in _NEUTRAL)}


@cache
def code_fingerprint(*parts: str) -> str:
    """Return 12 hex digits that change with the code of files and folders below `src/mtnas`.

    As a parameter of a rule it makes a job run again when the library code that it uses changes,
    but not for what cannot change its result: comments, docstrings, other modules.
    """
    digest = hashlib.sha256()
    for part in sorted(set(parts)):
        path = PACKAGE / part
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for file in files:
            if not file.is_file():
                raise ConfigError(f"code_fingerprint: no file or folder {part!r} in {PACKAGE}")
            name = file.relative_to(PACKAGE).as_posix()
            digest.update(f"{name} {facts_of(file).fingerprint}\n".encode())
    return digest.hexdigest()[:12]


@cache
def code_behind(*modules: str) -> tuple[str, ...]:
    """Name the files that modules of this package import, directly or through others.

    Plug-ins are loaded by name, so they are not found and have to be named too. `NEUTRAL` files are
    left out, and imports that only type checkers see.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += filter(None, map(_file_of, facts_of(PACKAGE / module).imports))
    return tuple(sorted(found - NEUTRAL))


@cache
def _file_of(module: str) -> str | None:
    """Return the file of a module, relative to `src/mtnas`; None if it is of another package."""
    first, *rest = module.split(".")
    if first != PACKAGE.name:
        return None
    path = PACKAGE.joinpath(*rest)
    for candidate in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate.relative_to(PACKAGE).as_posix()
    return None


def study_command(target: str, files: Iterable[Path], settings: Mapping[str, object]) -> str:
    """Return the shell command that makes a target of a study, for a reader on another machine.

    `files` are its overlays in order, `settings` what `--config` sets. The word FOLDER stands for
    folders of raw files, which differ between machines.
    """
    names = [_nearby(path) for path in files]
    values = {key: "FOLDER" if key.endswith("_raw") else value for key, value in settings.items()}
    given = [shlex.quote(f"{key}={_as_yaml(value)}") for key, value in values.items()]
    parts = [f".venv/bin/snakemake {shlex.quote(target)} --cores 2"]
    parts += [f"--configfile {shlex.join(names)}"] * bool(names)
    parts += [f"--config {' '.join(given)}"] * bool(given)
    return " ".join(parts)


def _as_yaml(value: object) -> str:
    """Return a value as `--config` reads it; JSON is YAML."""
    return value if isinstance(value, str) else json.dumps(value)


def _nearby(path: Path) -> str:
    """Return a path relative to the current folder, or its name if it is not below it."""
    whole = Path(path).absolute()
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else whole.name


def digest_of(facts: object) -> str:
    """Return 16 hex digits that identify JSON data, such as all that a result depends on."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def environment() -> dict[str, str | int | None]:
    """Return the versions of software and the hardware that a result may depend on."""
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in ("numpy", "pandas", "torch", "scikit-learn", "mtnas")},
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "cpu": _cpu(),
        "memory_mb": _memory_mb(),
        "gpu": _gpu(),
    }


@cache
def _cpu() -> str | None:
    """Return the name of the processor."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return platform.processor() or None
    names = [line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line]
    return names[0] if names else platform.machine() or None


def _memory_mb() -> int | None:
    """Return the memory of the machine in 10^6 bytes; None on Windows."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 10**6
    except (AttributeError, OSError, ValueError):
        return None


def _gpu() -> str | None:
    """Return the name of the GPU that a job with torch may use."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return str(torch.cuda.get_device_name())


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


class GitState(TypedDict):
    """The commit of the checkout, and whether files differ from it."""

    commit: str | None
    dirty: bool | None


def git_state() -> GitState:
    """Return the commit of the checkout and whether files differ from it; None without git."""
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain", "--untracked-files=no") if commit else None
    return {"commit": commit, "dirty": None if status is None else bool(status)}


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(PACKAGE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
