"""Is sparse sharing helpful, and does a search find more than a blind draw (D14)?

Both are judged in small spaces, every route of which was trained, and at the paper's size by
controls that search nothing: random routes and full sharing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mtnas.config.options import RunKey
from mtnas.evidence.claims.evidence import Evidence, Search
from mtnas.evidence.claims.paired import Outcome, compare_runs
from mtnas.evidence.claims.verdicts import LOSS_MARGIN, Comparison, Role, by_interval, compare
from mtnas.evidence.exhaustive_table import ExhaustiveRecord
from mtnas.evidence.pairing import MTNAS, Row, on_common_seeds
from mtnas.evidence.statistics import difference_of, paired_values
from mtnas.routes.named import full_sharing
from mtnas.routes.space import SearchSpace

RANDOM: Row = ("mtnas", "random_routes")
FULL: Row = ("mtnas", "full_sharing")
LOSS = "mtl_loss"


@dataclass(frozen=True)
class _Table:
    """All routes of one small space on one dataset; losses have a row per route."""

    name: str
    path: str
    record: ExhaustiveRecord
    space: SearchSpace
    test_RS: pd.DataFrame
    valid_RS: pd.DataFrame
    edges_R: "pd.Series[float]"

    @property
    def dataset(self) -> str:
        return self.record.spec.dataset

    @property
    def words(self) -> str:
        """Name the space, and how wide and deep its networks are, and on how many rows trained."""
        width, share = self.record.parameters.hidden_dim, self.record.spec.trained.train_share
        of_rows = "" if share == 1 else f", {share:.0%} of the training rows"
        return f"space {self.name} (L = {self.space.num_layers}, {width} wide{of_rows})"

    @property
    def full(self) -> int:
        """Return the number of full sharing."""
        return full_sharing(self.space).canonical().index

    @property
    def sparse(self) -> list[int]:
        """Return the numbers of the routes with fewer edges than full sharing."""
        fewer_R = (self.edges_R < self.edges_R[self.full]).to_numpy(bool)
        return [int(route) for route in fewer_R.nonzero()[0]]

    def losses(self, picks: Mapping[int, int]) -> "pd.Series[float]":
        """Return the test losses of one route per seed."""
        found = [self.test_RS.to_numpy(float)[r, self.seeds.index(s)] for s, r in picks.items()]
        return pd.Series(found, index=list(picks), dtype=float)

    def mean(self, routes: Sequence[int]) -> "pd.Series[float]":
        """Return the mean test losses of some routes by seed."""
        mean_S = self.test_RS.to_numpy(float)[list(routes)].mean(0)
        return pd.Series(mean_S, index=self.seeds, dtype=float)

    def best(self, routes: Sequence[int]) -> "pd.Series[float]":
        """Return the test losses of the route with the lowest validation loss of some, by seed."""
        at_S = self.valid_RS.to_numpy(float)[list(routes)].argmin(0)
        picked = {s: routes[at] for s, at in zip(self.seeds, at_S.tolist(), strict=True)}
        return self.losses(picked)

    @property
    def seeds(self) -> list[int]:
        """Return the seeds in the order of the columns."""
        return [int(seed) for seed in self.test_RS.columns]

    def compare(
        self, ours: "pd.Series[float]", other: "pd.Series[float]", what: str, role: Role = "all"
    ) -> Comparison | None:
        """Compare test losses by seed: ours is to be lower."""
        a, b = on_common_seeds(ours, other)
        return compare(
            paired_values(a, b),
            self.record.resampling,
            dataset=self.dataset,
            what=f"test loss, {self.words}, {what}",
            unit="loss",
            claim="lower",
            role=role,
            margin=LOSS_MARGIN * abs(float(b.mean())),
            evidence=[self.path],
        )


def _tables(evidence: Evidence) -> Iterator[_Table]:
    for path, truth in evidence.exhaustive.items():
        for name, record in truth.records.items():
            test, valid = truth.table(name, "test_loss"), truth.table(name, "valid_loss")
            edges = truth.table(name, "edges").iloc[:, 0]
            yield _Table(name, path, record, truth.space(name), test, valid, edges)


def helpful(evidence: Evidence) -> Outcome:
    """Compare losses of sparse routes with full sharing: blind ones, and those that MTNAS found.

    Blind ones are all sparse routes of a small space (their mean), and random routes at the paper's
    size. Controls count the routes that are better, and take the one with the lowest validation
    loss. A control of the size of searched routes tells sparsity from fewer parameters.
    """
    outcome = Outcome()
    for table in _tables(evidence):
        full, sparse = table.mean([table.full]), table.sparse
        what = f"mean of {len(sparse)} sparse routes - full sharing"
        outcome.add(table.dataset, table.compare(table.mean(sparse), full, what))
        what = "best sparse route on validation - full sharing"
        outcome.add(table.dataset, table.compare(table.best(sparse), full, what, "control"))
        outcome.comparisons += _counted(table)
    for dataset in _datasets(evidence):
        for row in (RANDOM, MTNAS):
            _compare_runs(evidence, outcome, dataset, row, FULL)
        for small in _as_small(evidence, dataset):
            _compare_runs(evidence, outcome, dataset, MTNAS, small, "control")
    _note_nothing(evidence, outcome, FULL)
    outcome.missing[""] = _not_measured(evidence)
    return outcome


def _counted(table: _Table) -> list[Comparison]:
    """Count the sparse routes below full sharing: for sure, on average, and not surely above."""
    test_RS = table.test_RS.to_numpy(float)
    gaps_RS = test_RS[table.sparse] - test_RS[table.full]
    found = [difference_of(gap_S, table.record.resampling) for gap_S in gaps_RS]
    if any(gap.low is None for gap in found):
        return []
    better = np.mean([gap.excludes_zero and gap.mean < 0 for gap in found])
    worse = np.mean([gap.excludes_zero and gap.mean > 0 for gap in found])
    low, share, high = float(better), float(np.mean([g.mean < 0 for g in found])), float(1 - worse)
    return [
        Comparison(
            dataset=table.dataset,
            what=f"{table.words}, share of sparse routes with a lower loss than full sharing",
            unit="share",
            claim="higher",
            estimate=share,
            low=low,
            high=high,
            null=0.5,
            verdict=by_interval(share, low, high, 0.5, "higher"),
            role="control",
            seeds=len(table.record.seeds),
            over=f"{len(found)} routes: from those measurably better to all not measurably worse",
            evidence=(table.path,),
        )
    ]


def _datasets(evidence: Evidence) -> list[str]:
    return list(dict.fromkeys(dataset for dataset, _, _ in evidence.runs))


def _compare_runs(
    evidence: Evidence, outcome: Outcome, dataset: str, ours: Row, other: Row, role: Role = "all"
) -> None:
    """Compare the losses of two runs, if both were made."""
    if not evidence.lacking([(dataset, *ours), (dataset, *other)]):
        outcome.add(dataset, compare_runs(evidence, dataset, ours, other, LOSS, role=role))


def _as_small(evidence: Evidence, dataset: str) -> list[Row]:
    """Return the controls that have as many parameters as searched routes use."""
    return [run[1:] for run in _sized(evidence) if run[0] == dataset]


def _sized(evidence: Evidence) -> list[RunKey]:
    specs = {run: of.record.spec for run, of in evidence.runs.items()}
    return [run for run, spec in specs.items() if spec.size_of == "routes"]


def _note_nothing(evidence: Evidence, outcome: Outcome, control: Row) -> None:
    """Note the datasets of which nothing was compared."""
    found = {c.dataset for c in outcome.comparisons}
    for dataset in evidence.datasets:
        if dataset not in found:
            rows = evidence.lacking([(dataset, *MTNAS), (dataset, *control)])
            outcome.missing.setdefault(dataset, [*rows, "all routes of a small space"])


def _not_measured(evidence: Evidence) -> list[str]:
    """Say what would tell where sparse sharing helps, and was not varied."""
    tables = list(_tables(evidence))
    varied = {
        "widths": ((t.dataset, t.record.parameters.hidden_dim) for t in tables),
        "depths": ((t.dataset, t.space.num_layers) for t in tables),
        "data sizes": ((t.dataset, t.record.spec.trained.train_share) for t in tables),
    }
    told = [f"small spaces of several {what}" for what, of in varied.items() if not _varies(of)]
    sized = "full sharing with as few parameters as searched routes (size_of: routes)"
    return [*told, *[sized] * (not _sized(evidence))]


def _varies(values: Iterable[tuple[str, object]]) -> bool:
    """Whether one of the names has several values."""
    known = set(values)
    return len(known) > len({name for name, _ in known})


def found_more(evidence: Evidence) -> Outcome:
    """Compare losses of what MTNAS found with blind draws: the mean of all routes, or random ones.

    In a small space the search with the options of the dataset's `mtnas/paper` decides; others are
    controls, and so is how far the routes are from those with the lowest validation loss.
    """
    outcome = Outcome()
    for table in _tables(evidence):
        for search in _searches(evidence, table):
            _judge(evidence, outcome, table, search)
    for dataset in _datasets(evidence):
        _compare_runs(evidence, outcome, dataset, MTNAS, RANDOM)
    _note_nothing(evidence, outcome, RANDOM)
    return outcome


def _searches(evidence: Evidence, table: _Table) -> list[Search]:
    """Return the searches of the space of a table, in the same network on the same rows."""
    return [
        search
        for key, search in evidence.searches.items()
        if key[0] == table.dataset
        and search.space == table.space
        and search.record.spec.options == table.record.spec.options
        and search.record.spec.trained.rows == table.record.spec.trained.rows
    ]


def _judge(evidence: Evidence, outcome: Outcome, table: _Table, search: Search) -> None:
    name, every = "/".join(search.key[1:]), range(len(table.test_RS))
    picks = {seed: route.index for seed, route in search.routes.items() if seed in table.seeds}
    losses, own = table.losses(picks), _as_paper(evidence, search)
    role: Role = "all" if own else "control"
    blind = table.compare(losses, table.mean(every), f"{name} - mean of all routes", role)
    outcome.add(table.dataset, _from(search, blind))
    if own:
        what = f"{name} - best route on validation"
        regret = table.compare(losses, table.best(every), what, "control")
        outcome.add(table.dataset, _from(search, regret))


def _as_paper(evidence: Evidence, search: Search) -> bool:
    """Whether a search has the options of that of `mtnas/paper` of its dataset."""
    paper = evidence.searches.get((search.key[0], *MTNAS))
    return paper is not None and paper.record.spec.search == search.record.spec.search


def _from(search: Search, found: Comparison | None) -> Comparison | None:
    """Name the file of a search beside that of the table."""
    if found is None:
        return None
    return replace(found, evidence=(*found.evidence, search.path))
