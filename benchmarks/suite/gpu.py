"""The same work on a GPU, unattended, in at most eight minutes; beside it what was predicted.

Every section is a process of its own with its own time limit. Its rows are printed, and kept, as
soon as they are there; one that fails or takes too long is named with its error, and the rest go
on. `--dry` walks through all of it on a CPU, so that no mistake waits until a GPU is there.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from benchmarks.gpu import predicted
from benchmarks.gpu.sections import SECTIONS
from benchmarks.outcome import Outcome, Settings, UnavailableError

DRY_LIMIT = 600.0  # seconds of a section on a CPU that may be busy
Rows = list[tuple[Any, ...]]


def run(settings: Settings) -> Outcome:
    """Return the outcome of all sections (`parts` yields it section by section)."""
    *_, last = parts(settings)
    return last


def parts(settings: Settings, names: Sequence[str] = tuple(SECTIONS)) -> Iterator[Outcome]:
    """Run one section after the other; yield after each the outcome of all until then."""
    if not (settings.dry or torch.cuda.is_available()):
        raise UnavailableError(
            "torch sees no GPU (CUDA build and a device are needed; --dry tries it on the CPU)"
        )
    rows: Rows = []
    failures: list[str] = []
    for name in names:
        found, error = section(name, dry=settings.dry)
        rows += [(name, *row) for row in found]
        failures += [error] if error else []
        yield _outcome(rows, failures, dry=settings.dry)


def section(name: str, *, dry: bool, limit: float | None = None) -> tuple[Rows, str | None]:
    """Run a section in a process of its own; return its rows, and in one line why it ended early.

    `limit` is in seconds, that of the section if it is not given.
    """
    limit = limit or (DRY_LIMIT if dry else SECTIONS[name][1])
    command = [sys.executable, "-m", "benchmarks.gpu", name, "cpu" if dry else "cuda"]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as told:
        try:
            status = subprocess.run(
                command, stdout=out, stderr=told, timeout=limit, check=False
            ).returncode
            problem = f"ended with {status}"
        except subprocess.TimeoutExpired:
            status, problem = -1, f"took longer than {limit:.0f} s"
        out.seek(0)
        told.seek(0)
        whole = [line for line in out.readlines() if line.endswith("\n")]
        lines = told.read().strip().splitlines()
    rows = [tuple(json.loads(line)) for line in whole]
    for row in rows:
        print(f"{name}: {row}", flush=True)
    if status == 0:
        return rows, None
    error = f"section {name}: {problem}" + (f" ({lines[-1]})" if lines and status > 0 else "")
    print("\n".join([*lines[-20:], error]), flush=True)
    return rows, error


def _outcome(rows: Rows, failures: Sequence[str], *, dry: bool) -> Outcome:
    device = "a CPU, dry" if dry else torch.cuda.get_device_name()
    failed = f" Not measured: {'; '.join(failures)}." if failures else ""
    return Outcome(
        title=f"MMoE on {device}, against what was predicted",
        columns=("Section", "What", "measured", "unit", "predicted"),
        rows=[["" if cell is None else cell for cell in row] for row in rows],
        note=f"{predicted.assumptions()}{failed}",
        failures=tuple(failures),
    )
