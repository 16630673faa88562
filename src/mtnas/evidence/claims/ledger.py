"""The claims ledger: every claim judged on the evidence of a study."""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NotRequired, TypedDict, cast

from mtnas.evidence.claims import paper, transfer
from mtnas.evidence.claims.evidence import Evidence
from mtnas.evidence.claims.paired import Outcome
from mtnas.evidence.claims.paper import Claim
from mtnas.evidence.claims.verdicts import (
    NOT_JUDGED,
    NOT_MEASURED,
    Comparison,
    Question,
    adjusted,
    decide,
    decisive,
    said,
)

STUDY = ".venv/bin/snakemake claims --cores 2"
CLAIMS = (*paper.CLAIMS, *transfer.CLAIMS)


class DatasetVerdict(TypedDict):
    """What a claim is on one dataset, and whether its rows are simulated."""

    verdict: str
    simulated: bool


class Told(Question):
    """A `Comparison` as the ledger tells it, without what it does not have."""

    estimate: float
    low: float
    high: float
    verdict: str
    seeds: int
    over: str
    p_value: NotRequired[float]
    holm_p: NotRequired[float]
    tost_p: NotRequired[float]
    bootstrap: NotRequired[tuple[float, float]]
    seeds_needed: NotRequired[int]
    corrected: NotRequired[tuple[float, float]]
    deciding: tuple[float, float]
    said: str
    simulated: bool


class Entry(TypedDict):
    """A claim in the ledger; what no comparison decides has no estimate, interval and seeds.

    `interval` is the one that decided, after correction where that applies; `said` says in words
    what it means for the claim.
    """

    id: str
    source: str
    verdict: str
    estimate: float | None
    interval: tuple[float, float] | None
    said: str | None
    seeds: int | None
    evidence: list[str]
    claim: str
    section: str
    test: str
    decided_by: str | None
    datasets: dict[str, DatasetVerdict]
    missing: dict[str, list[str]]
    command: str | None
    comparisons: list[Told]


def ledger(
    evidence: Evidence, claims: Sequence[Claim] = CLAIMS, *, study: str = STUDY
) -> list[Entry]:
    """Return an entry per claim: `id, source, verdict, estimate, interval, seeds, evidence`, more.

    The estimate and interval are those of the comparison that speaks least for the claim; all
    comparisons are listed below it, and the verdict of every dataset. Simulated data that stand in
    for real ones decide nothing: their comparisons are controls. What is missing is told with the
    command that measures it: that of `study`, with more overlays.
    """
    return [_entry(claim, claim.test(evidence), evidence, study) for claim in claims]


def _entry(claim: Claim, outcome: Outcome, evidence: Evidence, study: str) -> Entry:
    comparisons = adjusted(
        [
            replace(c, role="control") if c.dataset in evidence.stand_ins else c
            for c in outcome.comparisons
        ]
    )
    head = decisive(comparisons)
    family = sum(c.holm_p is not None for c in comparisons)
    return {
        "id": claim.id,
        "source": claim.source,
        "verdict": _verdict(comparisons, outcome),
        "estimate": None if head is None else head.estimate,
        "interval": None if head is None else head.deciding,
        "said": None if head is None else said(head, family),
        "seeds": None if head is None else head.seeds,
        "evidence": list(dict.fromkeys(path for c in comparisons for path in c.evidence)),
        "claim": claim.words,
        "section": claim.section,
        "test": _told(claim),
        "decided_by": None if head is None else shown(head.dataset, head.what),
        "datasets": _by_dataset(comparisons, outcome, evidence, begun=_is_begun(claim, evidence)),
        "missing": outcome.missing,
        "command": _command(claim, outcome, head, study),
        "comparisons": [_written(c, evidence, family) for c in comparisons],
    }


def _command(claim: Claim, outcome: Outcome, head: Comparison | None, study: str) -> str | None:
    """Return what makes the runs that a claim lacks, if it lacks any."""
    lacks = outcome.missing or (head is None and not outcome.inapplicable)
    return claim.command(study) if lacks else None


def _verdict(comparisons: Sequence[Comparison], outcome: Outcome) -> str:
    """Judge the claim; it is not judged if it applies to none of the datasets."""
    found = decide(comparisons)
    applies = found != NOT_MEASURED or outcome.missing or not outcome.inapplicable
    return found if applies else NOT_JUDGED


def _by_dataset(
    comparisons: Sequence[Comparison], outcome: Outcome, evidence: Evidence, *, begun: bool
) -> dict[str, DatasetVerdict]:
    """Return the verdict of every dataset; Holm's family stays that of the whole claim.

    A dataset with controls alone is left out; one that stands in for a real one was not measured.
    What is missing counts where a study has `begun` with what the claim is about.
    """
    judged = (
        c.dataset for c in comparisons if c.role != "control" or c.dataset in evidence.stand_ins
    )
    names = dict.fromkeys([*judged, *(outcome.missing if begun else ())])
    found: dict[str, DatasetVerdict] = {}
    for name in filter(None, names):
        mine = [c for c in comparisons if c.dataset == name]
        found[name] = {
            "verdict": decide(mine) if name not in outcome.missing else NOT_MEASURED,
            "simulated": name in evidence.simulated,
        }
    for name, why in outcome.inapplicable.items():
        found[name] = {
            "verdict": f"{NOT_JUDGED}: {why}",
            "simulated": name in evidence.simulated,
        }
    return found


def _is_begun(claim: Claim, evidence: Evidence) -> bool:
    """Whether a study has anything of the kind that the claims of a source are about."""
    if claim.source == paper.MTNAS_PAPER:
        return bool(evidence.runs or evidence.searches)
    return bool(evidence.subset_runs or evidence.simulated_studies)


def _told(claim: Claim) -> str:
    """Return the first line of the docstring of the test."""
    test = claim.test.func if isinstance(claim.test, partial) else claim.test
    return (inspect.getdoc(test) or "").splitlines()[0]


def shown(dataset: str, what: str) -> str:
    """Return what is compared after the dataset it is of; nothing where it is of several."""
    return ": ".join(filter(None, (dataset, what)))


def _written(comparison: Comparison, evidence: Evidence, family: int) -> Told:
    """Return a comparison as the ledger tells it, of `family` that correction is for."""
    values = {
        **comparison.__dict__,
        "deciding": comparison.deciding,
        "said": said(comparison, family),
        "simulated": comparison.dataset in evidence.simulated,
        "evidence": list(comparison.evidence),
    }
    told = {key: value for key, value in values.items() if value is not None and key != "at"}
    return cast(Told, told)
