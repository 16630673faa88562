"""Claims about test scores: differences of runs, paired by seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from mtnas.config.options import RunKey
from mtnas.evidence.claims.evidence import Evidence
from mtnas.evidence.claims.verdicts import (
    Comparison,
    compare,
    margin_of,
)
from mtnas.evidence.pairing import MTNAS, SINGLE, Row, on_common_seeds
from mtnas.evidence.statistics import paired_values
from mtnas.runtime.errors import RecordError
from mtnas.tasks.metrics import direction, metric_of

ONE_SEED = "a second seed (one has no interval)"


@dataclass
class Outcome:
    """What a test found, by dataset what it lacked, and why a claim does not apply to one."""

    comparisons: list[Comparison] = field(default_factory=list)
    missing: dict[str, list[str]] = field(default_factory=dict)
    inapplicable: dict[str, str] = field(default_factory=dict)

    def add(self, dataset: str, comparison: Comparison | None, lacking: str = ONE_SEED) -> None:
        """Take a comparison, or note that it has no interval."""
        if comparison is not None:
            self.comparisons.append(comparison)
        elif lacking not in self.missing.setdefault(dataset, []):
            self.missing[dataset].append(lacking)


Test = Callable[[Evidence], Outcome]


def paired(
    evidence: Evidence,
    *,
    ours: Row,
    others: Sequence[Row],
    scores: Sequence[str],
    datasets: Sequence[str] | None = None,
    equal_suffices: bool = False,
) -> Outcome:
    """Compare one run with others, seed by seed: ours is to be better in every score.

    Or, if that suffices, equal.
    """
    outcome = Outcome()
    for dataset in binary(evidence, outcome, datasets):
        for other in others:
            if lacking(evidence, outcome, dataset, [ours, *others]):
                continue
            for kind in scores:
                for column in evidence.columns((dataset, *ours), kind):
                    found = compare_runs(
                        evidence, dataset, ours, other, column, equal_suffices=equal_suffices
                    )
                    outcome.add(dataset, found)
    return outcome


def binary(
    evidence: Evidence, outcome: Outcome, datasets: Sequence[str] | None = None
) -> list[str]:
    """Return the datasets (all real ones by default) whose tasks are binary, as the paper's are.

    What the paper says of AUCs, and of sums of their losses, says nothing of others: those are
    noted.
    """
    found = []
    for dataset in evidence.datasets if datasets is None else datasets:
        if others := evidence.without_auc(dataset):
            outcome.inapplicable[dataset] = f"no AUC of {', '.join(others)}"
        else:
            found.append(dataset)
    return found


def negative_transfer(evidence: Evidence, *, compared: Sequence[Row]) -> Outcome:
    """Compare every task with Single: some method falls below it, MTNAS is nowhere below."""
    outcome = Outcome()
    for dataset in binary(evidence, outcome):
        if lacking(evidence, outcome, dataset, [SINGLE, MTNAS, *compared]):
            continue
        for column in evidence.columns((dataset, *SINGLE), "auc"):
            for row in compared:
                found = compare_runs(
                    evidence, dataset, row, SINGLE, column, claim="lower", role="some"
                )
                outcome.add(dataset, found)
            found = compare_runs(evidence, dataset, MTNAS, SINGLE, column, equal_suffices=True)
            outcome.add(dataset, found)
    return outcome


def compare_runs(
    evidence: Evidence, dataset: str, ours: Row, other: Row, column: str, **how: Any
) -> Comparison | None:
    """Compare one score of two runs; by default ours is to be the better one."""
    first, second = (dataset, *ours), (dataset, *other)
    (a, b), over = paired_scores(evidence, (first, second), column)
    return compare(
        paired_values(a, b),
        evidence.resampling(first),
        over=over,
        dataset=dataset,
        what=f"{column}: {'/'.join(ours)} - {'/'.join(other)}",
        unit=metric_of(column).unit,
        margin=margin_of(column, float(b.mean())),
        evidence=[evidence.metrics(first), evidence.metrics(second)],
        **{"claim": direction(column), **how},
    )


def lacking(evidence: Evidence, outcome: Outcome, dataset: str, rows: Sequence[Row]) -> bool:
    """Note the runs of a dataset that are missing; tell whether there are any."""
    names = evidence.lacking([(dataset, *row) for row in rows])
    if names:
        outcome.missing[dataset] = names
    return bool(names)


def paired_scores(
    evidence: Evidence, runs: Sequence[RunKey], column: str
) -> tuple[tuple["pd.Series[float]", ...], str]:
    """Return one score of some runs over the seeds that all have, and what to call those seeds."""
    scores = [_column(evidence, run, column) for run in runs]
    alike = len({frozenset(values.index) for values in scores}) == 1
    return on_common_seeds(*scores), "seeds" if alike else "common seeds"


def _column(evidence: Evidence, run: RunKey, column: str) -> Any:
    scores = evidence.scores(run)
    if column not in scores:
        raise RecordError(f"{evidence.metrics(run)}: no test score {column!r}")
    return scores[column]
