"""Questions to SLURM: which jobs a killed Snakemake left behind, and why a job failed."""

import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from mtnas.runtime.errors import MtnasError

SECONDS = 300  # that SLURM may take to end a cancelled job; its KillWait is usually 30
NAP = 1.0

# What SLURM writes into the log of a job that it ends, most telling first.
REASONS = {
    r"exceeded .*memory limit|oom.kill": "it needed more memory than mem_mb",
    r"DUE TO TIME LIMIT": "it took longer than runtime",
    r"DUE TO NODE FAILURE": "its node failed",
    r"DUE TO PREEMPTION": "another job took its place",
    r"\*\*\* JOB \S+ ON \S+ CANCELLED": "it was cancelled",
}


class SlurmError(MtnasError, RuntimeError):
    """A SLURM command that failed, or a job that cannot be cancelled."""


def comment(rule: str, wildcards: Iterable[str]) -> str:
    """Return the comment that Snakemake's SLURM executor gives to the job of a rule."""
    values = "_".join(wildcards).replace("/", "_")
    return f"rule_{rule}_wildcards_{values}" if values else f"rule_{rule}"


def cancel_forgotten(comments: Iterable[str], folder: str | Path) -> list[str]:
    """Cancel older jobs of `folder` that would write the same files as jobs about to be submitted.

    After `kill -9` of Snakemake its SLURM jobs go on, and no later Snakemake can watch them. Call
    this while holding Snakemake's lock on the outputs: then nobody waits for these jobs.

    Args:
        comments: those of the jobs about to be submitted (`comment`).
        folder: in which the workflow runs.

    Returns:
        The ids of the cancelled jobs, when the last of them has ended.

    Raises:
        SlurmError: SLURM does not answer, or a job does not end.
    """
    wanted = set(comments)
    found = [job for job, text in _jobs_of(folder).items() if text in wanted]
    if not found:
        return []
    _run("scancel", *found)
    end = time.monotonic() + SECONDS
    while alive := sorted(set(found) & set(_jobs_of(folder))):
        if time.monotonic() > end:
            raise SlurmError(
                f"SLURM jobs {' '.join(alive)} of an earlier run write the same files and are "
                f"still there {SECONDS} s after `scancel`; end them, then start again"
            )
        time.sleep(NAP)
    return found


def reasons(logs: str | Path, since: float) -> dict[Path, str]:
    """Say why SLURM ended jobs, for each log in a folder that was written after `since`."""
    found = {}
    for log in sorted(Path(logs).rglob("*.log")):
        if log.stat().st_mtime < since:
            continue
        said = [line for line in log.read_text(errors="replace").splitlines() if "slurm" in line]
        for pattern, reason in REASONS.items():
            if any(re.search(pattern, line) for line in said):
                found[log] = reason
                break
    return found


def _jobs_of(folder: str | Path) -> Mapping[str, str]:
    """Return the comment of each unfinished job that this user started in a folder."""
    rows = _run("squeue", "--me", "--noheader", "--format=%i|%k|%Z").splitlines()
    parts = [row.split("|", 2) for row in rows if row.count("|") >= 2]
    here = os.path.realpath(folder)
    return {job: text for job, text, path in parts if os.path.realpath(path) == here}


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise SlurmError(
            f"`{' '.join(command[:2])}` failed, so jobs of an earlier run may still be writing: "
            f"{said.strip()}"
        ) from None
    return done.stdout
