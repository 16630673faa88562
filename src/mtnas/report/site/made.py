"""With what a report was made: the foot of the page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mtnas.evidence.records import Run
from mtnas.runtime.provenance import GitState, environment, git_state

HARDWARE = ("platform", "cpu", "cpu_count", "memory_mb", "gpu")


@dataclass(frozen=True)
class Made:
    """When, where and by which command a report was made; `date` is empty where it is not told."""

    command: str = ""
    date: str = ""
    git: GitState | None = None
    versions: Mapping[str, str | int | None] = field(default_factory=dict)

    @classmethod
    def now(cls, command: str) -> "Made":
        """Return what made the report that is written now."""
        date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return cls(command, date, git_state(), environment())

    def lines(self, runs: Sequence[Run]) -> list[tuple[str, str]]:
        """Return what the foot tells, line by line; `runs` tell what they were made with."""
        told = dict(self.versions)
        machine = _machine({name: told.pop(name, None) for name in HARDWARE})
        versions = ", ".join(f"{name} {value}" for name, value in told.items() if value)
        commit = "" if self.git is None else _commit(self.git["commit"], self.git["dirty"])
        lines = [
            ("Date", self.date),
            ("Command", self.command),
            ("Commit", commit),
            ("Machine", machine),
            ("Versions", versions),
            ("Runs", _of_runs(runs)),
        ]
        return [(name, text) for name, text in lines if text]


def _machine(told: Mapping[str, str | int | None]) -> str:
    """Name the hardware, as far as it is known."""
    memory, cores = told["memory_mb"], told["cpu_count"]
    return ", ".join(
        str(part)
        for part in (
            told["platform"],
            told["cpu"],
            cores and f"{cores} cores",
            memory and f"{int(memory) / 1000:.0f} GB",
            told["gpu"],
        )
        if part
    )


def _commit(commit: str | None, dirty: bool | None) -> str:
    if not commit:
        return ""
    return f"{commit[:12]} with changes" if dirty else commit[:12]


def _of_runs(runs: Sequence[Run]) -> str:
    """Say how many runs were made at which commit, and on what."""
    counts = Counter(
        (_commit(run.record.git.commit, run.record.git.dirty) or "an unknown commit",
         run.record.timings.device, str(run.record.environment.get("torch") or "?"))
        for run in runs
    )  # fmt: skip
    return "; ".join(
        f"{count} at {commit}, on {device}, torch {torch}"
        for (commit, device, torch), count in counts.items()
    )
