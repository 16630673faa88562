"""What the library refuses, in words a reader can act on.

Every message names the file or key, the value found, what is allowed and what to do next.
"""

import errno
import os
import re
from collections.abc import Iterable
from difflib import get_close_matches

_DISK = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EACCES: "allow this user to use it",
    errno.EPERM: "allow this user to use it",
    errno.EROFS: "allow writing there",
    errno.EFBIG: "raise the limit of the size of files (`ulimit -f`), or use another disk",
    errno.EIO: "see to the disk",
    errno.ESTALE: "see to the network disk",
    errno.ENAMETOOLONG: "use shorter names",
    errno.ELOOP: "see to the links in this path",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`)",
    errno.ENFILE: "end other programs, which hold too many files open",
    errno.ENOMEM: "give the job more memory (`mem_mb`) or fewer seeds at once (`seeds_at_once`)",
}
WRITING = "while writing "  # begins a note of an error
# What libraries say in words of their own: numpy of a file, torch and pyarrow of memory.
_UNWRITTEN = re.compile(r"\d+ requested and \d+ written")
_MEMORY = re.compile("can't allocate memory|not enough memory|out of memory|malloc of size", re.I)


class MtnasError(Exception):
    """Base of everything this library raises on purpose.

    Its message is one line: a line break can only be of a value that it shows, and is escaped.
    """

    def __str__(self) -> str:
        return super().__str__().replace("\n", "\\n")


class ConfigError(MtnasError, ValueError):
    """A configuration key, name or value that cannot be used."""


class DataError(MtnasError, ValueError):
    """A raw file or a prepared table that is missing or not what it should be."""


class MirrorError(DataError):
    """A file that no mirror gave; the message has a line for each."""

    def __str__(self) -> str:
        return Exception.__str__(self)


class UnfitFileError(DataError):
    """A file that is damaged, is of another kind than its name says, or has another checksum."""


class RecordError(MtnasError, ValueError):
    """A result file that is missing, incomplete or contradicts another."""


class TrainingError(MtnasError, RuntimeError):
    """Training that cannot go on, for example because a loss is no longer a finite number."""


class StoppedError(MtnasError):
    """Work that a signal ended early; the message says from which step it will go on."""


def printable(text: str, longest: int = 2000) -> str:
    """Return a text for a terminal or a log: nothing that steers it, and no more than a screen.

    Control characters are escaped. Of a long text the middle is left out: a message begins with the
    file and ends with what to do.
    """
    if len(text) > longest:
        text = f"{text[: longest // 2]} ... {text[-(longest // 2) :]}"
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def unknown(kind: str, name: str, allowed: Iterable[str], where: str = "") -> str:
    """Return the message for a name that does not exist: it suggests the most similar one."""
    names = sorted(allowed)
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    message = f"unknown {kind} {name!r}{hint}; allowed: {', '.join(names) or 'none'}"
    return f"{where}: {message}" if where else message


def of_machine(problem: BaseException, where: object = None) -> str | None:
    """Return the message for what a disk or the memory refuses; None for other problems.

    Libraries wrap what the system says: torch in a RuntimeError, safetensors and pyarrow in their
    own errors, without the file; then `where` is named, or what a note of the error says.
    """
    said = str(problem)
    number = getattr(problem, "errno", None)
    if number is None:
        number = next((code for code in _DISK if os.strerror(code) in said), None)
    if number is None and _UNWRITTEN.search(said):
        number = errno.ENOSPC
    if number is None and (isinstance(problem, MemoryError) or _MEMORY.search(said)):
        number = errno.ENOMEM
    if number not in _DISK:
        return None
    notes = [note for note in getattr(problem, "__notes__", ()) if note.startswith(WRITING)]
    named = notes[0].removeprefix(WRITING) if notes else None
    file = getattr(problem, "filename", None) or where or named
    place = "" if file is None else f"{file}: "
    return f"{place}{os.strerror(number)}; {_DISK[number]} and run again"
