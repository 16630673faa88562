"""The campaigns of `tests/faults` and `tests/hostile`, rendered for docs/testing.md."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mtnas.report.published.store import RESTORE
from mtnas.report.render import pipes
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import Json, advising, broken, existing, read_json

FAULTS, HOSTILE = "faults.json", "hostile.json"
NOTHING = "Nothing is published yet."
FAULT = ("kind", "moment", "recovered", "equal", "message_ok", "seconds")
COUNTS = ("cases", "refused", "accepted", "failed", "slowest_seconds")


def faults(published: Path) -> str:
    """Render what became of a study that was disturbed, by kind; damages to files by their kind."""
    path = published / FAULTS
    if not path.is_file():
        return NOTHING
    told = read_faults(path)
    done = [one for one in told if _ran(one)]
    kinds: dict[str, list[Json]] = {}
    for one in done:
        what, colon, _ = one["kind"].partition(": ")
        kinds.setdefault(f"a file: {what}" if colon else what, []).append(one)
    rows = [_row(kind, kinds[kind]) for kind in sorted(kinds)]
    head = ("Disturbance", "runs", "recovered", "equal numbers", "clear message", "seconds")
    all_kinds = _row(f"all ({len({o['kind'] for o in done})} kinds)", done)
    return "\n\n".join([pipes.table(head, [*rows, all_kinds]), *_not_run(told)])


def ran(published: Path) -> set[str]:
    """Name the kinds of disturbances that were published as run."""
    path = published / FAULTS
    return {one["kind"] for one in read_faults(path) if _ran(one)} if path.is_file() else set()


def _ran(one: Json) -> bool:
    return one["recovered"] is not None


def _not_run(told: Sequence[Json]) -> list[str]:
    """Say what was not run, and why."""
    lacking = Counter(f"{one['kind']} ({one['moment']})" for one in told if not _ran(one))
    if not lacking:
        return []
    named = "; ".join(kind if n == 1 else f"{n} of {kind}" for kind, n in sorted(lacking.items()))
    return [f"Without a result are {lacking.total()} of {len(told)} disturbances: {named}."]


def read_faults(path: Path) -> list[Json]:
    """Read what became of every disturbance.

    Raises:
        RecordError: the file holds something else.
    """
    with advising(RESTORE):
        found = _list(path)
        if lacking := [key for key in FAULT if any(key not in one for one in found)]:
            raise RecordError(f"{path}: lacks {', '.join(lacking)}")
    return found


def _list(path: Path) -> list[Json]:
    try:
        found = json.loads(existing(path).read_text(encoding="utf-8"))
    except ValueError as problem:
        raise broken(path, f"not JSON ({problem})") from None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise broken(path, "no list of objects")
    return found


def _row(kind: str, done: Sequence[Json]) -> tuple[str, ...]:
    counts = (sum(bool(one[key]) for one in done) for key in ("recovered", "equal", "message_ok"))
    seconds = sorted(one["seconds"] for one in done)
    return (kind, str(len(done)), *map(str, counts), f"{seconds[0]:.0f} to {seconds[-1]:.0f}")


def hostile(published: Path) -> str:
    """Render how hostile files and answers ended, by kind, with the limits that they ran under."""
    path = published / HOSTILE
    if not path.is_file():
        return NOTHING
    with advising(RESTORE):
        keys = ("seed", "deadline_seconds", "memory_megabytes", "kinds", "seconds")
        found = read_json(path, keys)
        kinds = found["kinds"]
        if not all(isinstance(kinds[k], dict) and kinds[k].keys() >= {*COUNTS} for k in kinds):
            raise RecordError(f"{path}: a kind lacks one of {', '.join(COUNTS)}")
    head = ("Kind", "cases", "refused in one line", "accepted", "failed", "slowest, s")
    rows = [
        (kind, *(f"{own[key]:,}" for key in COUNTS[:-1]), f"{own['slowest_seconds']:.1f}")
        for kind, own in kinds.items()
    ]
    note = (
        f"Seed {found['seed']}, {found['seconds']} s on one core; a case may take "
        f"{found['deadline_seconds']:.0f} s and {found['memory_megabytes']:,} MB."
    )
    return f"{pipes.table(head, rows)}\n\n{note}"
