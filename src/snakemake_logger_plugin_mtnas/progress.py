"""How far a workflow is: what runs, how long the rest takes, what failed and why.

Nothing here knows Snakemake.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

_LOGGED = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ (?P<level>[A-Z]+) (?P<message>.*)")


@dataclass(frozen=True)
class Job:
    """A job that runs: its rule, what it does in words, its logs, when it began (seconds)."""

    rule: str
    title: str
    logs: tuple[str, ...]
    since: float


@dataclass
class Progress:
    """The state of a workflow. Times are seconds since any fixed moment."""

    planned: Counter[str] = field(default_factory=Counter)  # jobs by rule
    durations: dict[str, list[float]] = field(default_factory=dict)  # of finished jobs, by rule
    running: dict[int, Job] = field(default_factory=dict)
    failed: list[Job] = field(default_factory=list)

    def plan(self, jobs: Mapping[str, int]) -> None:
        """Take over how many jobs there are, by rule; a `total` among them is none."""
        self.planned = Counter({rule: n for rule, n in jobs.items() if rule != "total"})

    def finish(self, number: int, now: float) -> None:
        """Note that a job has finished."""
        job = self.running.pop(number, None)
        if job is not None:
            self.durations.setdefault(job.rule, []).append(now - job.since)

    def fail(self, number: int, logs: Sequence[str]) -> None:
        """Note that a job has failed; it may be tried again, which is a new start of it."""
        job = self.running.pop(number, None)
        if job is not None:
            self.failed.append(Job(job.rule, job.title, tuple(logs) or job.logs, job.since))

    def start(self, number: int, job: Job) -> None:
        """Note that a job has started; an earlier failure of it does not count any more."""
        self.failed = [old for old in self.failed if old.title != job.title]
        self.running[number] = job

    def text(self, now: float) -> str:
        """Return one line: jobs done of all, time left, what runs."""
        done, total = sum(map(len, self.durations.values())), self.planned.total()
        parts = [f"{done} of {total} jobs done"]
        left = self.seconds_left(now)
        if left is not None:
            parts.append(f"about {in_words(left)} left")
        oldest = sorted(self.running.values(), key=lambda job: job.since)
        parts.append("; ".join(f"{job.title} ({in_words(now - job.since)})" for job in oldest))
        return ", ".join(parts[:-1]) + (f": {parts[-1]}" if parts[-1] else "")

    def seconds_left(self, now: float) -> float | None:
        """Estimate how long the rest takes, from finished jobs of the same rules.

        None while that is known of less than half of the jobs that are left, or none is left.
        """
        left = self.planned - Counter({rule: len(took) for rule, took in self.durations.items()})
        means = {rule: fmean(took) for rule, took in self.durations.items()}
        known = {rule: n for rule, n in left.items() if rule in means}
        if not known or 2 * sum(known.values()) < left.total():
            return None
        work = sum(n * means[rule] for rule, n in known.items())
        for job in self.running.values():
            work -= min(now - job.since, means.get(job.rule, 0.0))
        return work / max(1, min(len(self.running), left.total()))


def in_words(seconds: float) -> str:
    """Return a duration such as `40 s`, `3 min`, `2 h 5 min`."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{max(seconds, 0):.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def failure(job: Job) -> str:
    """Return one line about a job that failed: its error, as its log has it, and the log."""
    for log in job.logs:
        said = last_error(Path(log))
        if said is not None:
            return f"{job.title} failed: {said} (its log: {log})"
    where = f"; its log is {job.logs[0]}" if job.logs else ""
    return f"{job.title} failed without a message: it was killed, or ended by its machine{where}"


def last_error(log: Path) -> str | None:
    """Return the last error that a log tells, in one line; None if there is none.

    Behind an error that has a traceback comes its last line.
    """
    try:
        lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError):
        return None
    told = [(i, match) for i, line in enumerate(lines) if (match := _LOGGED.match(line))]
    errors = [(i, match["message"]) for i, match in told if match["level"] == "ERROR"]
    if not errors:
        return None
    place, message = errors[-1]
    return message if place == len(lines) - 1 else f"{message}: {lines[-1].strip()}"
