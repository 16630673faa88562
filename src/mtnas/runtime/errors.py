"""What the library refuses, in words a reader can act on.

Every message names the file or key, the value found, what is allowed and what to do next.
"""

import errno
from collections.abc import Iterable
from difflib import get_close_matches

_DISK = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EACCES: "allow this user to use it",
    errno.EPERM: "allow this user to use it",
    errno.EROFS: "allow writing there",
}


class MtnasError(Exception):
    """Base of everything this library raises on purpose."""


class ConfigError(MtnasError, ValueError):
    """A configuration key, name or value that cannot be used."""


class DataError(MtnasError, ValueError):
    """A raw file or a prepared table that is missing or not what it should be."""


class UnfitFileError(DataError):
    """A file that is not whole, not what it is called, or not the one that is trusted."""


class RecordError(MtnasError, ValueError):
    """A result file that is missing, incomplete or contradicts another."""


class TrainingError(MtnasError, RuntimeError):
    """Training that cannot go on, such as a loss that is not finite."""


class StoppedError(MtnasError):
    """Work that was told to end, and says where it will go on."""


def unknown(kind: str, name: str, allowed: Iterable[str], where: str = "") -> str:
    """Return the message for a name that does not exist, with the nearest one that does."""
    names = sorted(allowed)
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    message = f"unknown {kind} {name!r}{hint}; allowed: {', '.join(names) or 'none'}"
    return f"{where}: {message}" if where else message


def of_disk(problem: OSError, where: object = None) -> str | None:
    """Return the message for what a disk or its permissions refuse; None for anything else."""
    advice = _DISK.get(problem.errno or 0)
    if advice is None:
        return None
    file = problem.filename or where
    place = "" if file is None else f"{file}: "
    return f"{place}{problem.strerror or problem}; {advice} and run again"
