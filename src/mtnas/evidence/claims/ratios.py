"""The claim about losses on unrelated tasks (Sec. 5.1), as ratios."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mtnas.evidence.claims.evidence import Evidence
from mtnas.evidence.claims.paired import Outcome, lacking, paired_scores
from mtnas.evidence.claims.verdicts import (
    LOSS_MARGIN,
    AtRisk,
    Comparison,
    Interval,
    compare,
)
from mtnas.evidence.pairing import MTNAS, Row
from mtnas.evidence.resampling import INDEPENDENT

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
    for path, truth in evidence.exhaustive.items():
        if evidence.rho.get(Path(path).stem) == 0:
            for space, lines in truth.frame.groupby("space"):
                outcome.comparisons += _best_route(path, str(space), lines)
    return outcome


def _loss_ratio(evidence: Evidence, dataset: str, ours: Row, other: Row) -> Comparison | None:
    first, second = (dataset, *ours), (dataset, *other)
    (a, b), over = paired_scores(evidence, (first, second), LOSS)
    return _ratio(
        a,
        b,
        resampling=evidence.resampling(first),
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
        resampling=INDEPENDENT,
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
    at = logs.at and partial(_exp, logs.at)
    return replace(logs, low=low, estimate=mean, high=high, null=null, at=at)


def _exp(at: AtRisk, risk: float) -> Interval:
    """Return the interval of a ratio from that of its logarithm."""
    low, high = at(risk)
    return float(np.exp(low)), float(np.exp(high))
