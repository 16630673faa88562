"""The files of a study that claims are computed from; nothing else enters a verdict."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import pandas as pd

from mtnas.config.options import RunKey
from mtnas.data.prepare.manifest import Manifest, TaskSummary
from mtnas.data.synthetic import SyntheticOptions
from mtnas.evidence import simulated_record
from mtnas.evidence.exhaustive_table import GroundTruth, read_ground_truth
from mtnas.evidence.records import DataFacts, Run, read_run, scores_by_seed
from mtnas.evidence.resampling import Resampling
from mtnas.evidence.search_record import SearchRecord
from mtnas.evidence.simulated_record import SimulatedStudyRecord
from mtnas.evidence.transfer_studies.runs import SubsetRun
from mtnas.routes.route import Route
from mtnas.routes.space import SearchSpace
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import read_sealed
from mtnas.tasks.metrics import ALL_TASKS, column_of, is_of, split_column

LEARNED = "reinforce"  # the paper's strategy


class SubgraphCheck(TypedDict):
    """How far the outputs of a method and of its route are apart, over some draws of weights."""

    method: str
    route: str
    draws: int
    min_difference: float
    max_difference: float
    test: str


@dataclass(frozen=True)
class Search:
    """The searched routes of all seeds, and their record."""

    routes: dict[int, Route]
    record: SearchRecord
    path: str

    @property
    def key(self) -> RunKey:
        """Return (dataset, method, variant)."""
        return self.record.key

    @property
    def space(self) -> SearchSpace:
        """Return the space that was searched."""
        return next(iter(self.routes.values())).space

    @property
    def seconds(self) -> float:
        """Return the seconds that the search took, per seed."""
        return self.record.seconds


@dataclass(frozen=True)
class SimulatedStudy:
    """A study of planted tasks: its record, its results, and the path of these."""

    record: SimulatedStudyRecord
    results: pd.DataFrame
    path: str


@dataclass(frozen=True)
class Evidence:
    """All runs, searches and datasets of a study, and what other rules measured.

    `manifests` are the paths of those of `tables`.
    `rho`: of the datasets of the synthetic study (Sec. 5.1) how related their tasks are.
    """

    runs: dict[RunKey, Run]
    searches: dict[RunKey, Search] = field(default_factory=dict)
    tables: dict[str, Manifest] = field(default_factory=dict)
    manifests: dict[str, str] = field(default_factory=dict)
    simulated: frozenset[str] = frozenset()
    rho: dict[str, float] = field(default_factory=dict)
    exhaustive: dict[str, GroundTruth] = field(default_factory=dict)
    subgraphs: list[SubgraphCheck] = field(default_factory=list)
    subgraphs_path: str = ""
    subset_runs: tuple[SubsetRun, ...] = ()
    simulated_studies: dict[str, SimulatedStudy] = field(default_factory=dict)
    _scores: dict[RunKey, pd.DataFrame] = field(default_factory=dict, repr=False)  # asked for often

    @property
    def datasets(self) -> list[str]:
        """Name the datasets that are not of the synthetic study, in the order of the runs."""
        names = [*(d for d, _, _ in self.runs), *(d for d, _, _ in self.searches)]
        return [d for d in dict.fromkeys(names) if d not in self.rho]

    @property
    def unrelated(self) -> list[str]:
        """Name the datasets of the synthetic study whose tasks are unrelated, if they have runs."""
        return [d for d in dict.fromkeys(d for d, _, _ in self.runs) if self.rho.get(d) == 0]

    @property
    def stand_ins(self) -> frozenset[str]:
        """Name the simulated datasets that stand in for real ones: they decide no claim."""
        return self.simulated - self.rho.keys() - self.simulated_studies.keys()

    def scores(self, run: RunKey) -> pd.DataFrame:
        """Return test scores: a row per seed, columns such as `auc_t0`, `mtl_loss`."""
        if run not in self._scores:
            self._scores[run] = scores_by_seed(self.runs[run])
        return self._scores[run]

    def columns(self, run: RunKey, metric: str) -> list[str]:
        """Name the scores of a metric (such as `auc` or `mtl_loss`) that a run has."""
        return [column for column in self.scores(run).columns if is_of(column, metric)]

    def without_auc(self, dataset: str) -> list[str]:
        """Name the tasks of a dataset that no run has an AUC of: those that are not binary."""
        runs = [run for run in self.runs if run[0] == dataset]
        columns = dict.fromkeys(column for run in runs for column in self.scores(run).columns)
        tasks = dict.fromkeys(split_column(column)[1] for column in columns)
        return [t for t in tasks if t != ALL_TASKS and column_of("auc", t) not in columns]

    def task_names(self, dataset: str) -> tuple[str, ...]:
        """Name the tasks of a dataset in the order of its manifest; none if there is none."""
        return tuple(task.name for task in self._tasks(dataset))

    def unit(self, dataset: str, column: str) -> str:
        """Return the unit of the task of a score, such as `minutes`; mostly it has none."""
        units = {task.name: task.unit for task in self._tasks(dataset)}
        return units.get(split_column(column)[1], "")

    def _tasks(self, dataset: str) -> tuple[TaskSummary, ...]:
        return self.tables[dataset].tasks if dataset in self.tables else ()

    def resampling(self, run: RunKey) -> Resampling:
        """Return how the seeds of a run, or of a search, came to their rows.

        Raises:
            RecordError: nothing tells how the rows of a search were split.
        """
        if run in self.runs:
            return self.runs[run].record.resampling
        search = self.searches[run]
        if run[0] not in self.tables:
            raise RecordError(f"{search.path}: needs the manifest of {run[0]}, or the run")
        facts, fixed = DataFacts.of(self.tables[run[0]]), search.record.spec.fixed_split
        return facts.resampling(drawn=run[0] in self.rho, fixed=fixed)

    def metrics(self, run: RunKey) -> str:
        """Return the path of the metrics of a run."""
        return f"{_folder(self.runs[run])}/metrics.csv"

    def record(self, run: RunKey) -> str:
        """Return the path of the record of a run."""
        return f"{_folder(self.runs[run])}/run.json"

    def results(self, study: str) -> str:
        """Return the path of the results of a simulated study."""
        return self.simulated_studies[study].path

    def train_seconds(self, run: RunKey) -> float:
        """Return the seconds that training a run took, per seed: runs may differ in seeds."""
        record = self.runs[run]
        return record.record.timings.train_seconds / record.metrics["seed"].nunique()

    def lacking(self, runs: Sequence[RunKey]) -> list[str]:
        """Name those of some runs that were not made."""
        return ["/".join(run) for run in runs if run not in self.runs]


def _folder(run: Run) -> str:
    return run.folder.as_posix()


def read_evidence(
    run_folders: Sequence[str | Path],
    *,
    routes: Sequence[str | Path] = (),
    manifests: Sequence[str | Path] = (),
    exhaustive: Sequence[str | Path] = (),
    subgraphs: str | Path | None = None,
    subsets: Sequence[str | Path] = (),
    simulated_studies: Sequence[str | Path] = (),
) -> Evidence:
    """Read everything a ledger is computed from; `subsets`, `simulated_studies` name folders.

    Raises:
        RecordError: a file is missing or broken, or two runs have one name.
    """
    runs = _read_runs(run_folders)
    searches = list(map(_read_search, routes))
    data = {Path(p).as_posix(): Manifest.read(p) for p in manifests}
    divided = tuple(map(SubsetRun.read, subsets))
    planted = {study.record.study: study for study in map(_read_study, simulated_studies)}
    truths = {Path(p).as_posix(): read_ground_truth(p) for p in exhaustive}
    made = [*_made(data.values(), runs.values(), truths.values())]
    made += [(search.key[0], search.record.simulated, None) for search in searches]
    made += [(r.key[1], r.simulated, r.scores.record.synthetic) for r in divided]
    return Evidence(
        runs=runs,
        searches={search.key: search for search in searches},
        tables={m.dataset: m for m in data.values()},
        manifests={m.dataset: path for path, m in data.items()},
        simulated=frozenset([*planted, *(name for name, simulated, _ in made if simulated)]),
        rho={name: float(drawn.rho) for name, _, drawn in made if drawn},
        exhaustive=truths,
        subgraphs=read_sealed(subgraphs, ("checks",))["checks"] if subgraphs else [],
        subgraphs_path=Path(subgraphs).as_posix() if subgraphs else "",
        subset_runs=divided,
        simulated_studies=planted,
    )


def _made(
    data: Iterable[Manifest], runs: Iterable[Run], truths: Iterable[GroundTruth]
) -> Iterator[tuple[str, bool, SyntheticOptions | None]]:
    """Yield what tables, runs and tables of routes say of their dataset: simulated, drawn how."""
    yield from ((m.dataset, m.simulated, m.spec.synthetic) for m in data)
    yield from ((run.key[0], run.record.simulated, run.record.synthetic) for run in runs)
    for truth in truths:
        trained = truth.records.values()
        yield from ((r.spec.dataset, r.simulated, r.spec.synthetic) for r in trained)


def _read_runs(folders: Sequence[str | Path]) -> dict[RunKey, Run]:
    runs: dict[RunKey, Run] = {}
    for folder in folders:
        run = read_run(folder)
        if run.key in runs:
            raise RecordError(
                f"{folder}: same dataset, method, variant as {_folder(runs[run.key])}"
            )
        runs[run.key] = run
    return runs


def _read_study(folder: str | Path) -> SimulatedStudy:
    record, results = simulated_record.read(folder)
    return SimulatedStudy(record, results, f"{Path(folder).as_posix()}/results.csv")


def _read_search(path: str | Path) -> Search:
    record = SearchRecord.read(path)
    return Search(record.first_routes, record, Path(path).as_posix())
