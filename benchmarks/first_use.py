"""Measure what README tells of a first use: `python -m benchmarks.first_use`.

A clone of the last commit is set up and runs the default study, with nothing there before. How long
the study takes, on what, and how large its `.venv` is, go to `results/published/setup.json`.
"""

import subprocess
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks.outcome import PUBLISHED
from mtnas.report.published.whole import changing
from mtnas.runtime.files import Json, write_json
from mtnas.runtime.provenance import REPOSITORY, environment


def measure(cores: int = 2) -> Json:
    """Return what `setup.json` holds: GB, minutes, and where they were measured."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "mtnas")
        _run("git", "clone", "-q", str(REPOSITORY), str(clone))
        _run("make", "-C", str(clone), "setup")
        start = perf_counter()
        _run("make", "-C", str(clone), "study", f"CORES={cores}")
        minutes = (perf_counter() - start) / 60
        kilobytes = int(_told("du", "-sk", str(clone / ".venv")).split()[0])
        commit = _told("git", "-C", str(clone), "rev-parse", "HEAD").strip()
    return {
        "gigabytes": round(kilobytes / 2**20, 1),
        "study_minutes": round(minutes, 1),
        "cores": cores,
        "environment": environment(),
        "git": {"commit": commit, "dirty": False},
    }


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _told(*command: str) -> str:
    return subprocess.run(command, text=True, check=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    found = measure()
    with changing(PUBLISHED.parent) as copy:
        write_json(copy / "setup.json", found)
