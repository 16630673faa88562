"""What every experiment is given beside its spec, and the first steps that all of them take."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mtnas.experiments.assembly import Assembly, assemble
from mtnas.experiments.journal import Journal
from mtnas.routes.route import Route
from mtnas.study.specs import ModelSpec
from mtnas.training.devices import device_of


@dataclass(frozen=True)
class Job:
    """The prepared data of a job, and how it works on them.

    It works on units (`experiments.journal`), such as seeds, in groups of `at_once` that are
    trained side by side; 0 means as many as suit the machine. That is for speed alone: numbers are
    equal in float64 and equal up to rounding in float32.

    Unfinished work is kept in the folder `journal`, if there is one. A later job takes it up if all
    that its result depends on is the same: spec, data, `code` (a checksum of the program), device,
    versions of libraries, and the files that it reads besides.
    """

    table: str | Path
    manifest: str | Path
    at_once: int = 0
    device: str = "cpu"
    journal: Path | None = None
    code: str | None = None

    @classmethod
    def of(cls, smk: Any, *, at_once: int, journal: Path) -> Self:
        """Return the job of a rule; `smk` is the object that Snakemake hands to its script."""
        return cls(
            table=smk.input.table,
            manifest=smk.input.manifest,
            at_once=at_once,
            device=device_of(smk.resources),
            journal=journal,
            code=smk.params.code,
        )

    def assemble(self, spec: ModelSpec, match: Sequence[Route] = ()) -> Assembly:
        """Load the data and set up what a spec names (`experiments.assembly.assemble`)."""
        data = {"table": self.table, "manifest": self.manifest}
        return assemble(spec, **data, device=self.device, match=match)

    def group_size(self, assembly: Assembly) -> int:
        """Return how many units are worked on side by side."""
        return self.at_once or assembly.seeds_at_once()

    def open_journal(self, assembly: Assembly, **inputs: str | Path | None) -> Journal:
        """Return the journal of the job; `inputs` are the files that it reads beside its data."""
        return Journal(self.journal, assembly.identity(self.code, **inputs))
