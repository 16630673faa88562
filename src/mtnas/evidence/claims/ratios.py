"""Claims about ratios: of losses on unrelated tasks (Sec. 5.1), and of seconds (Sec. 1)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from mtnas.config.options import RunKey
from mtnas.evidence.claims.evidence import Evidence
from mtnas.evidence.claims.paired import Outcome, lacking, paired_scores
from mtnas.evidence.claims.sharing import searched
from mtnas.evidence.claims.verdicts import (
    LOSS_MARGIN,
    AtRisk,
    Comparison,
    Interval,
    by_interval,
    compare,
)
from mtnas.evidence.pairing import MTNAS, Row

SAME_COST = 2.0  # "about as much": less than twice the time (D14)
LOSS = "mtl_loss"


def unrelated_tasks(evidence: Evidence, *, others: Sequence[Row]) -> Outcome:
    """Compare losses on unrelated tasks as ratios; as a control, those of exhaustive tables.

    Every seed draws other functions, whose losses differ more than methods do, and a single run
    that is stuck outweighs all others in a mean of losses; not so in a mean of logarithms.
    """
    outcome = Outcome()
    for dataset in evidence.unrelated:
        for other in others:
            if not lacking(evidence, outcome, dataset, [MTNAS, *others]):
                outcome.add(dataset, _loss_ratio(evidence, dataset, MTNAS, other))
    if not evidence.unrelated:
        rows = [MTNAS, *others]
        outcome.missing["synthetic"] = ["/".join(("synthetic", *row)) for row in rows]
    for path, frame in evidence.exhaustive.items():
        if evidence.rho.get(Path(path).stem) == 0:
            for space, lines in frame.groupby("space"):
                outcome.comparisons += _best_route(path, str(space), lines)
    return outcome


def _loss_ratio(evidence: Evidence, dataset: str, ours: Row, other: Row) -> Comparison | None:
    first, second = (dataset, *ours), (dataset, *other)
    (a, b), over = paired_scores(evidence, (first, second), LOSS)
    return _ratio(
        a,
        b,
        over=over,
        dataset=dataset,
        what=f"{LOSS}: {'/'.join(ours)} / {'/'.join(other)}",
        evidence=[evidence.metrics(first), evidence.metrics(second)],
    )


def _best_route(path: str, space: str, lines: pd.DataFrame) -> list[Comparison]:
    """Compare the route that is best on validation with the densest one, on test."""
    best = lines.groupby("route")["valid_loss"].mean().idxmin()
    dense = lines.groupby("route")["edges"].first().idxmax()
    loss = lines.pivot(index="seed", columns="route", values="test_loss")
    found = _ratio(
        loss[best],
        loss[dense],
        dataset=Path(path).stem,
        what=f"exhaustive table, space {space}: best route on validation / full sharing",
        role="control",
        evidence=[path],
    )
    return [] if found is None else [found]


def _ratio(ours: Any, other: Any, **how: Any) -> Comparison | None:
    """Compare the geometric mean of paired ratios of losses with 1."""
    logs = compare(
        np.log(ours) - np.log(other), unit="ratio", claim="lower", margin=LOSS_MARGIN, **how
    )
    if logs is None:
        return None
    low, mean, high, null = (
        float(np.exp(x)) for x in (logs.low, logs.estimate, logs.high, logs.null)
    )
    drawn = logs.bootstrap and (float(np.exp(logs.bootstrap[0])), float(np.exp(logs.bootstrap[1])))
    at = logs.at and partial(_exp, logs.at)
    return replace(logs, low=low, estimate=mean, high=high, null=null, bootstrap=drawn, at=at)


def _exp(at: AtRisk, risk: float) -> Interval:
    """Return the interval of a ratio from that of its logarithm."""
    low, high = at(risk)
    return float(np.exp(low)), float(np.exp(high))


def cost(evidence: Evidence, *, regular: Sequence[Row]) -> Outcome:
    """Divide the search's seconds by those of training each regular model once: below twice.

    Each is timed once, so the interval is the range over the regular models, not one of chance:
    the claim holds where the search is below twice the time of all, and fails where of none.
    """
    outcome = Outcome()
    for search in searched(evidence, evidence.datasets, outcome):
        dataset = search.record.dataset
        runs: list[RunKey] = [(dataset, *row) for row in regular]
        if lacking(evidence, outcome, dataset, regular):
            continue
        ratios = [search.seconds / evidence.train_seconds(run) for run in runs]
        low, mean, high = min(ratios), float(stats.gmean(ratios)), max(ratios)
        outcome.comparisons.append(
            Comparison(
                dataset=dataset,
                what=f"seconds of the search / of training {', '.join(row[0] for row in regular)}",
                unit="ratio",
                claim="lower",
                estimate=mean,
                low=low,
                high=high,
                null=SAME_COST,
                verdict=by_interval(mean, low, high, SAME_COST, "lower"),
                seeds=len(search.routes),
                over=f"{len(runs)} regular models, range",
                evidence=(search.path, *(evidence.record(run) for run in runs)),
            )
        )
    return outcome
