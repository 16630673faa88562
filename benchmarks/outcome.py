"""What a benchmark returns, and how it is kept: `results/performance/{name}.json`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mtnas.report.published.whole import changing
from mtnas.runtime.files import read_json, write_json

FOLDER = Path("results/performance")
PUBLISHED = Path("results/published/performance.json")


class UnavailableError(Exception):
    """This machine lacks what a benchmark needs; the message says what."""


@dataclass(frozen=True)
class Settings:
    """How thoroughly to measure; `quick` and `dry` only show that a benchmark runs."""

    rounds: int = 7
    seconds: float = 2.0
    quick: bool = False
    dry: bool = False  # on the CPU what is for a GPU; nothing is kept

    @property
    def turns(self) -> dict[str, Any]:
        """Return what `harness.alternate` takes."""
        return {"rounds": 2, "seconds": 0.1} if self.quick else {
            "rounds": self.rounds, "seconds": self.seconds,
        }  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """A table people read, and the ratios that are compared between versions.

    A ratio is `{median, min, max, runs}`; a cell is a text or a number.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    simulated: bool = True  # the table was made from simulated examples
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)  # every round, for whoever looks closer
    failures: tuple[str, ...] = ()  # what could not be measured, and why

    def save(self, name: str, machine: dict[str, Any]) -> None:
        """Write the outcome of one benchmark."""
        write_json(FOLDER / f"{name}.json", {**asdict(self), "machine": machine})


def publish() -> None:
    """Put the outcomes of this checkout into the committed file; it keeps those of others."""
    known = read_json(PUBLISHED) if PUBLISHED.exists() else {"tables": {}}
    found = {path.stem: read_json(path) for path in sorted(FOLDER.glob("*.json"))}
    ratios = {key: ratio for outcome in found.values() for key, ratio in outcome["ratios"].items()}
    kept = ("title", "columns", "rows", "note", "simulated", "machine")
    tables = {name: {key: outcome[key] for key in kept} for name, outcome in found.items()}
    with changing(PUBLISHED.parent) as copy:
        write_json(
            copy / PUBLISHED.name, {**known, **ratios, "tables": {**known["tables"], **tables}}
        )
