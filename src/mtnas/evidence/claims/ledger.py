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
    """What a claim is on one dataset, whether its rows are simulated, and whether the source of the
    claim does not speak of it: then it decides nothing.
    """

    verdict: str
    simulated: bool
    beyond: bool


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
    seeds_needed: NotRequired[int | str]
    corrected: NotRequired[tuple[float, float]]
    deciding: tuple[float, float]
    said: str
    simulated: bool
    beyond: bool


class Entry(TypedDict):
    """A claim in the ledger; what no comparison decides has no estimate, interval and seeds.

    `interval` is the one that decided, after correction where that applies; `said` says in words
    what it means for the claim. `beyond` is the verdict on data that the source does not speak of.
    """

    id: str
    source: str
    verdict: str
    beyond: str
    estimate: float | None
    interval: tuple[float, float] | None
    said: str | None
    seeds: int | None
    evidence: list[str]
    claim: str
    section: str
    data: list[str]
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
    comparisons are listed below it, and the verdict of every dataset. Datasets that the source of a
    claim does not speak of decide nothing, and are corrected for their number apart; neither do
    simulated data that stand in for real ones: their comparisons are controls. What is missing is
    told with the command that measures it: that of `study`, with more overlays.
    """
    return [_entry(claim, claim.test(evidence), evidence, study) for claim in claims]


def _entry(claim: Claim, outcome: Outcome, evidence: Evidence, study: str) -> Entry:
    given = [
        replace(c, role="control") if c.dataset in evidence.stand_ins else c
        for c in outcome.comparisons
    ]
    counted, beyond = _apart(claim, given, evidence)
    comparisons, further = adjusted(counted), adjusted(beyond)
    head = decisive(comparisons)
    missing = _missing(claim, outcome, head, evidence)
    told = [(own, c) for own in (comparisons, further) for c in own]
    return {
        "id": claim.id,
        "source": claim.source,
        "verdict": _verdict(comparisons, missing, outcome),
        "beyond": decide(further),
        "estimate": None if head is None else head.estimate,
        "interval": None if head is None else head.deciding,
        "said": None if head is None else said(head, _family(comparisons)),
        "seeds": None if head is None else head.seeds,
        "evidence": list(dict.fromkeys(path for c in comparisons for path in c.evidence)),
        "claim": claim.words,
        "section": claim.section,
        "data": list(claim.data),
        "test": _told(claim),
        "decided_by": None if head is None else shown(head.dataset, head.what),
        "datasets": _by_dataset(claim, [*comparisons, *further], outcome, evidence),
        "missing": missing,
        "command": _command(claim, missing, head, outcome, study),
        "comparisons": [
            _written(c, evidence, _family(own), beyond=own is further) for own, c in told
        ],
    }


def _apart(
    claim: Claim, comparisons: Sequence[Comparison], evidence: Evidence
) -> tuple[list[Comparison], list[Comparison]]:
    """Return the comparisons on data that the source speaks of, and those on others."""
    known = evidence.unrelated
    counted = [c for c in comparisons if claim.speaks_of(c.dataset, known)]
    return counted, [c for c in comparisons if not claim.speaks_of(c.dataset, known)]


def _family(comparisons: Sequence[Comparison]) -> int:
    """Return how many comparisons Holm's correction is for."""
    return sum(c.holm_p is not None for c in comparisons)


def _missing(
    claim: Claim, outcome: Outcome, head: Comparison | None, evidence: Evidence
) -> dict[str, list[str]]:
    """Return what a claim lacks on the data that count; where it has nothing, all of those."""
    known, stood_in = evidence.unrelated, {c.dataset for c in outcome.comparisons}
    lacks = {d: why for d, why in outcome.missing.items() if claim.speaks_of(d, known)}
    found = head is not None or bool(stood_in & evidence.stand_ins)
    if not found and not lacks and not outcome.inapplicable:
        lacks = {dataset: ["runs on it"] for dataset in claim.data}
    return lacks


def _command(
    claim: Claim,
    missing: dict[str, list[str]],
    head: Comparison | None,
    outcome: Outcome,
    study: str,
) -> str | None:
    """Return what makes the runs that a claim lacks, if it lacks any."""
    lacks = missing or (head is None and not outcome.inapplicable)
    return claim.command(study) if lacks else None


def _verdict(
    comparisons: Sequence[Comparison], missing: dict[str, list[str]], outcome: Outcome
) -> str:
    """Judge the claim; it is not judged if it applies to none of the datasets."""
    found = decide(comparisons)
    applies = found != NOT_MEASURED or missing or not outcome.inapplicable
    return found if applies else NOT_JUDGED


def _by_dataset(
    claim: Claim, comparisons: Sequence[Comparison], outcome: Outcome, evidence: Evidence
) -> dict[str, DatasetVerdict]:
    """Return the verdict of every dataset; Holm's family stays that of the whole claim.

    A dataset with controls alone is left out; one that stands in for a real one was not measured.
    What is missing counts where a study has begun with what the claim is about.
    """
    begun, known = _is_begun(claim, evidence), evidence.unrelated
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
            "beyond": not claim.speaks_of(name, known),
        }
    for name, why in outcome.inapplicable.items():
        found[name] = {
            "verdict": f"{NOT_JUDGED}: {why}",
            "simulated": name in evidence.simulated,
            "beyond": not claim.speaks_of(name, known),
        }
    return found


def _is_begun(claim: Claim, evidence: Evidence) -> bool:
    """Whether a study has anything of the kind that the claims of a source are about."""
    if claim.source != transfer.SOURCE:
        return bool(evidence.runs or evidence.searches)
    return bool(evidence.subset_runs or evidence.simulated_studies)


def _told(claim: Claim) -> str:
    """Return the first line of the docstring of the test."""
    test = claim.test.func if isinstance(claim.test, partial) else claim.test
    return (inspect.getdoc(test) or "").splitlines()[0]


def shown(dataset: str, what: str) -> str:
    """Return what is compared after the dataset it is of; nothing where it is of several."""
    return ": ".join(filter(None, (dataset, what)))


def _written(comparison: Comparison, evidence: Evidence, family: int, *, beyond: bool) -> Told:
    """Return a comparison as the ledger tells it, of `family` that correction is for."""
    values = {
        **comparison.__dict__,
        "deciding": comparison.deciding,
        "said": said(comparison, family),
        "simulated": comparison.dataset in evidence.simulated,
        "beyond": beyond,
        "evidence": list(comparison.evidence),
    }
    told = {key: value for key, value in values.items() if value is not None and key != "at"}
    return cast(Told, told)
