"""Run folders as the tables need them: test scores by seed, in the order given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from mtnas.data.prepare.manifest import Manifest
from mtnas.evidence.constant import constant
from mtnas.evidence.pairing import MTNAS, Row, difference
from mtnas.evidence.records import Run, read_run, scores_by_seed
from mtnas.evidence.resampling import Resampling
from mtnas.evidence.statistics import Difference
from mtnas.report.names import Names, column_name, numbered
from mtnas.runtime.errors import RecordError
from mtnas.study.specs import Chosen
from mtnas.tasks.metrics import MTL_LOSS, column_of, in_tables, split_column


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
        """Name the printed scores: those of each task, then the MTL loss."""
        return in_tables(self.scores.columns)

    def over(self, other: "ScoredRun", column: str) -> Difference:
        """Return how far a score is above that of another run, paired by their common seeds."""
        return difference(self.scores[column], other.scores[column], self.run.record.resampling)


@dataclass(frozen=True)
class Results:
    """All runs of one table, by dataset and by (method, variant), in the order given.

    The others are compared with `reference`. `units` are those of tasks, by dataset and task.
    """

    runs: dict[tuple[str, Row], ScoredRun]
    reference: Row = MTNAS
    names: Names = field(default_factory=Names)
    units: Mapping[tuple[str, str], str] = field(default_factory=dict)

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
        """Name the scores that any run of a dataset has, those of the tasks first."""
        runs = (run for (name, _), run in self.runs.items() if name == dataset)
        return in_tables(dict.fromkeys(column for run in runs for column in run.columns))

    def heading(self, dataset: str, column: str) -> str:
        """Return what stands above a score of a dataset."""
        return column_name(column, self.units.get((dataset, split_column(column)[1]), ""))

    def alike(self) -> list["Results"]:
        """Return the runs of datasets whose tasks have the same names and kinds, group by group.

        Tasks that have numbers for names (t0, t1, ...) are alike however many there are.
        """
        groups: dict[frozenset[str], list[str]] = {}
        for dataset in self.datasets:
            scores = [split_column(c) for c in self.columns(dataset) if c != MTL_LOSS]
            plain = all(numbered(task) for _, task in scores)
            kinds = frozenset(m if plain else column_of(m, task) for m, task in scores)
            groups.setdefault(kinds, []).append(dataset)
        return [
            replace(self, runs={key: run for key, run in self.runs.items() if key[0] in names})
            for names in groups.values()
        ]

    def get(self, dataset: str, row: Row) -> ScoredRun | None:
        """Return one run, or None if it was not made."""
        return self.runs.get((dataset, row))

    def seeds(self, dataset: str, row: Row) -> set[int]:
        """Return the seeds of one run."""
        return set(self.runs[dataset, row].scores.index)

    def constant(self, dataset: str, row: Row) -> dict[str, int]:
        """Return by column in how many seeds a model predicts one value for all rows, if in any."""
        run = self.get(dataset, row)
        columns = {} if run is None else {c: run.scores[c] for c in run.columns}
        counts = {c: constant(own, split_column(c)[0]) for c, own in columns.items()}
        return {column: count for column, count in counts.items() if count}

    def tuned(self, row: Row) -> dict[str, dict[str, Chosen]]:
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

    def resampling(self, dataset: str) -> Resampling:
        """Return how the seeds of the runs of a dataset came to their rows: all in one way.

        Raises:
            RecordError: some have one split for all seeds, some not.
        """
        ways = {r.run.record.resampling for (d, _), r in self.runs.items() if d == dataset}
        if len(ways) > 1:
            raise RecordError(
                f"{dataset}: the seeds of some runs have one split (`fixed_split`), those of "
                "others not; make all with one configuration"
            )
        return ways.pop()


def read_results(
    run_folders: Sequence[str | Path],
    reference: Row = Results.reference,
    names: Names | None = None,
    manifests: Sequence[str | Path] = (),
) -> Results:
    """Read run folders; refuse none, and two for one dataset, method and variant.

    `manifests` tell the units of tasks.
    """
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
    units = {
        (manifest.dataset, task.name): task.unit
        for manifest in map(Manifest.read, manifests)
        for task in manifest.tasks
    }
    return Results(runs, reference, names or Names(), units)
