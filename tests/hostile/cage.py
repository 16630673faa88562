"""Where hostile cases run: a forked child with little memory and time, whose every deed is noted.

What Python opens for writing, starts or connects to is heard by an audit hook; what libraries write
by themselves is seen in the folder around the case's own.
"""

import os
import resource
import select
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from json import dumps, loads
from pathlib import Path

from mtnas.runtime.errors import MtnasError, of_machine, printable

DEADLINE_S = 60.0
MEMORY = 4 << 30  # bytes of addresses, of which threads keep many that they do not use
MOST_MEGABYTES = 1000  # that a child holds, beyond what it was forked with in a large process
USUAL_MEGABYTES = 400  # what it is forked with when the campaign runs by itself
LARGEST_FILE = 64 << 20
PER_CHILD = 60
STACK = 1 << 20  # bytes of a thread's
LINES, LONGEST = 8, 2200  # of a message; more than one line only where mirrors have one each
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork")
HARMLESS = ("/dev/null", "/dev/tty", "/proc/")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Case:
    """One hostile thing: `act` meets it in a folder of its own, which is the current one."""

    kind: str
    name: str
    act: Callable[[Path], object]
    lines: int = 1  # that its message may have


@dataclass(frozen=True)
class Outcome:
    """How a case ended: `accepted`, `refused` by a clear line, or `failed`."""

    kind: str
    name: str
    ended: str
    said: str
    seconds: float
    megabytes: float  # that its process holds


class _Deeds:
    """What the current case did that it may not do."""

    folder, found = "/", list[str]()
    inherited = 0.0  # megabytes beyond the usual ones

    @classmethod
    def hear(cls, event: str, arguments: tuple[object, ...]) -> None:
        """Note commands, and files that are written outside the folder."""
        if event in STARTS:
            cls.found.append(f"{event} {arguments!r:.200}")
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            path = arguments[0]
            if isinstance(path, str | bytes | os.PathLike):
                cls.check(_whole(path))
        elif event in (
            "os.rename",
            "os.link",
            "os.symlink",
            "os.mkdir",
            "os.remove",
            "os.truncate",
        ):
            for path in arguments[:2]:
                if isinstance(path, str | bytes | os.PathLike):
                    cls.check(_whole(path), event)

    @classmethod
    def check(cls, path: str, event: str = "writes") -> None:
        """Note a path that is not in the folder."""
        if not path.startswith((cls.folder, *HARMLESS)):
            cls.found.append(f"{event} {path}")


def _whole(path: str | bytes | os.PathLike[str]) -> str:
    return os.path.abspath(os.fsdecode(path))  # noqa: PTH100 (a link is not followed)


def judged(cases: Sequence[Case], scratch: Path) -> Iterator[Outcome]:
    """Meet all cases, many in one child; yield how each ended."""
    scratch.mkdir(parents=True, exist_ok=True)
    at = 0
    while at < len(cases):
        shutil.rmtree(scratch / "case", ignore_errors=True)
        reading, writing = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _work(cases[at : at + PER_CHILD], scratch, writing)
        os.close(writing)
        for outcome in _heard(cases[at : at + PER_CHILD], reading, child):
            at += 1
            yield outcome
        os.close(reading)


def _heard(cases: Sequence[Case], reading: int, child: int) -> Iterator[Outcome]:
    """Yield what a child tells; end it, and blame its case, if it says nothing for too long."""
    waiting, at = b"", 0
    while at < len(cases):
        began = time.monotonic()
        while b"\n" not in waiting:
            ready, _, _ = select.select([reading], [], [], DEADLINE_S)
            piece = os.read(reading, 1 << 16) if ready else b""
            if piece:
                waiting += piece
                continue
            if not ready:
                os.kill(child, 9)
            _, status = os.waitpid(child, 0)
            why = f"its process ended with {status}" if ready else f"no end in {DEADLINE_S:g} s"
            case = cases[at]
            yield Outcome(case.kind, case.name, "failed", why, time.monotonic() - began, 0)
            return
        line, _, waiting = waiting.partition(b"\n")
        outcome = Outcome(**loads(line))
        yield outcome
        at += 1
        if outcome.ended == "failed":
            break
    os.waitpid(child, 0)


def _work(cases: Sequence[Case], scratch: Path, writing: int) -> None:
    """Meet cases one by one in this process, and end it."""
    try:
        held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY,) * 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE,) * 2)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        _Deeds.inherited = max(0.0, most - USUAL_MEGABYTES)
        threading.stack_size(STACK)
        sys.dont_write_bytecode = True
        _Deeds.folder = str(scratch)
        sys.addaudithook(_Deeds.hear)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        for case in cases:
            outcome = _met(case, scratch)
            os.write(writing, (dumps(asdict(outcome)) + "\n").encode())
            if outcome.ended == "failed":  # the next case begins afresh
                break
    finally:
        os._exit(0)


def _met(case: Case, scratch: Path) -> Outcome:
    """Meet one case; nothing is left of it."""
    outside = scratch / "case"
    inside = outside / "inside"
    inside.mkdir(parents=True)
    os.chdir(inside)
    tempfile.tempdir = str(inside)
    _Deeds.found, began = [], time.perf_counter()
    try:
        case.act(inside)
        ended, said = "accepted", ""
    except MtnasError as error:
        ended, said = _refused(printable(str(error)), case.lines)
    except Exception as error:
        told = of_machine(error)
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
        ended, said = _refused(told, case.lines) if told else ("failed", printable(said, 400))
    seconds = time.perf_counter() - began
    os.chdir(scratch)
    deeds = [*_Deeds.found]
    deeds += [f"leaves {path.name}" for path in outside.iterdir() if path != inside]
    deeds += [f"leaves {path.name}" for path in scratch.iterdir() if path != outside]
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if most > MOST_MEGABYTES + _Deeds.inherited:
        deeds.append(f"holds {most:.0f} MB")
    if deeds:
        ended, said = "failed", printable("; ".join(deeds), 400)
    shutil.rmtree(outside)
    return Outcome(case.kind, case.name, ended, said, round(seconds, 3), round(most, 1))


def _refused(text: str, lines: int) -> tuple[str, str]:
    """Say whether a message is clear: bounded, in one line, without what steers a terminal."""
    clear = 10 < len(text) <= LONGEST * lines and text.count("\n") < lines
    clear &= all(sign.isprintable() or sign == "\n" for sign in text)
    return ("refused" if clear else "failed"), text if clear else f"not one clear line: {text}"[
        :400
    ]
