"""Run folders as the tables need them: test scores by seed, in the order given."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mtnas.config.entries import PAPER
from mtnas.evidence.records import Run, read_run, scores_by_seed
from mtnas.report.names import REFERENCE, Names
from mtnas.runtime.errors import RecordError
from mtnas.tasks.metrics import direction

Row = tuple[str, str]  # (method, variant)


@dataclass(frozen=True)
class ScoredRun:
    """One run with its test scores: a row per seed, columns `auc_t0` ..., `mtl_loss`."""

    run: Run
    scores: pd.DataFrame

    @property
    def folder(self) -> str:
        """Return the run folder as it was given."""
        return self.run.folder.as_posix()

    @property
    def code(self) -> str:
        """Return the code fingerprint of the run."""
        return self.run.record.code or ""

    @property
    def columns(self) -> list[str]:
        """Name the printed scores: the AUC of each task, then the MTL loss."""
        aucs = sorted(c for c in self.scores.columns if direction(c) == "higher")
        return [*aucs, *(["mtl_loss"] if "mtl_loss" in self.scores else [])]


@dataclass(frozen=True)
class Results:
    """All runs of one table, by dataset and by (method, variant), in the order given.

    The others are compared with `reference`.
    """

    runs: dict[tuple[str, Row], ScoredRun]
    reference: Row = (REFERENCE, PAPER)
    names: Names = field(default_factory=Names)

    def name(self, row: Row) -> str:
        """Return what readers call a (method, variant)."""
        return self.names.run(*row)

    @property
    def datasets(self) -> list[str]:
        """Name the datasets."""
        return list(dict.fromkeys(dataset for dataset, _ in self.runs))

    @property
    def rows(self) -> list[Row]:
        """Name the (method, variant) pairs."""
        return list(dict.fromkeys(row for _, row in self.runs))

    def columns(self, dataset: str) -> list[str]:
        """Name the scores that any run of a dataset has, AUCs first."""
        names = {c for (d, _), run in self.runs.items() if d == dataset for c in run.columns}
        return sorted(names, key=lambda name: (name == "mtl_loss", name))

    def get(self, dataset: str, row: Row) -> ScoredRun | None:
        """Return one run, or None if it was not made."""
        return self.runs.get((dataset, row))

    def seeds(self, dataset: str, row: Row) -> set[int]:
        """Return the seeds of one run."""
        return set(self.runs[dataset, row].scores.index)

    def tuned(self, row: Row) -> dict[str, dict[str, Any]]:
        """Return by dataset the options of a row that a grid search chose; `{}` if none were."""
        found = {
            dataset: run.run.record.spec.tuned
            for (dataset, key), run in self.runs.items()
            if key == row
        }
        return {dataset: chosen for dataset, chosen in found.items() if chosen}

    def simulated(self, dataset: str) -> bool:
        """Whether the rows of a dataset are simulated."""
        flags = {r.run.record.simulated for (d, _), r in self.runs.items() if d == dataset}
        if len(flags) > 1:
            raise RecordError(f"{dataset}: some runs say the data are simulated, some say not")
        return flags.pop()

    def split_is_fixed(self, dataset: str) -> bool:
        """Whether the rows of a dataset are split by time or by a column, the same for all seeds.

        Records from before there were such splits say nothing of it.
        """
        records = (run.run.record for (d, _), run in self.runs.items() if d == dataset)
        kinds = {record.data.split_kind for record in records}
        return kinds != {"random"}


def read_results(
    run_folders: Sequence[str | Path],
    reference: Row = Results.reference,
    names: Names | None = None,
) -> Results:
    """Read run folders; refuse none, and two for one dataset, method and variant."""
    runs: dict[tuple[str, Row], ScoredRun] = {}
    for folder in map(Path, run_folders):
        run = read_run(folder)
        dataset, method, variant = run.key
        key = (dataset, (method, variant))
        if key in runs:
            raise RecordError(f"{folder}: same dataset, method, variant as {runs[key].folder}")
        runs[key] = ScoredRun(run, scores_by_seed(run))
    if not runs:
        raise RecordError("no run folders were given; a table needs at least one")
    return Results(runs, reference, names or Names())
