"""Claims of Wu, Zhang, Ré (ICLR 2020) on the alignment of pairs of tasks."""

import pandas as pd
from scipy import stats

from mtnas.evidence.claims.evidence import Evidence
from mtnas.evidence.claims.paired import Outcome
from mtnas.evidence.claims.verdicts import Comparison, Interval, Role, by_interval
from mtnas.evidence.statistics import LEVEL
from mtnas.evidence.transfer_studies import alignment
from mtnas.evidence.transfer_studies.alignment import Group
from mtnas.evidence.transfer_studies.runs import LEAKS


def aligned_pairs(evidence: Evidence) -> Outcome:
    """Count pairs that improve: more than half by some alignment, and by joint over the control.

    In how many pairs the inputs become more similar is told beside it.
    """
    outcome = Outcome()
    gains = alignment.pair_gains(evidence.subset_runs)
    keys = [*alignment.GROUP, "alignment"]
    for (*_, aligned, over), rows in gains.groupby([*keys, "over"], sort=False, dropna=False):
        if aligned in alignment.ALIGNED:
            found = _pairs(rows, str(aligned), str(over))
            outcome.add(Group.of(rows).dataset, found, "a pair of tasks that differs")
    similar = alignment.similarities(evidence.subset_runs)
    for (*_, aligned), rows in similar.groupby(keys, sort=False, dropna=False):
        outcome.comparisons += _more_similar(rows, str(aligned))
    for dataset in dict.fromkeys(gains["dataset"]):
        own = gains[gains["dataset"] == dataset]
        if not ((own["alignment"] == "joint") & (own["over"] == alignment.CONTROL)).any():
            outcome.missing[dataset] = ["alignment: joint and alignment: control"]
    if not outcome.comparisons and not outcome.missing:
        outcome.missing[""] = ["runs of pairs with training.alignment none, joint and control"]
    return outcome


def _pairs(rows: pd.DataFrame, aligned: str, over: str) -> Comparison | None:
    """Return the share of pairs whose mean over seeds improves."""
    than = "no alignment" if over == alignment.NONE else "its control"
    return _share(rows, "gain", f"pairs better by {aligned} than {than}", _role_of(aligned, over))


def _more_similar(rows: pd.DataFrame, aligned: str) -> list[Comparison]:
    """Return the shares of pairs whose similarity alignment raises, as it is and normalised."""
    found = []
    for name, words in (("score", "score"), ("normalised", "normalised score")):
        rise = rows.assign(rise=rows[name] - rows[f"{name}_before"])
        what = f"pairs with a higher similarity ({words}) by {aligned} than before"
        found.append(_share(rise, "rise", what, "control"))
    return [comparison for comparison in found if comparison is not None]


def _share(rows: pd.DataFrame, column: str, what: str, role: Role) -> Comparison | None:
    """Return the share of pairs whose mean over seeds is above 0, with its exact interval."""
    means = rows.groupby("pair", sort=False)[column].mean()
    differing = means[means != 0]  # ties say nothing: the sign test leaves them out
    if differing.empty:
        return None
    better, pairs = int((differing > 0).sum()), len(differing)
    test = stats.binomtest(better, pairs)

    def at(risk: float) -> Interval:
        low, high = test.proportion_ci(1 - risk)
        return float(low), float(high)

    low, high = at(1 - LEVEL)
    group = Group.of(rows)
    width = "" if group.capacity is None else f", capacity {group.capacity:g}"
    return Comparison(
        dataset=group.dataset,
        what=f"{group.method}{width}{LEAKS[group.leaks]}: {what}",
        unit="share",
        claim="higher",
        estimate=better / pairs,
        low=low,
        high=high,
        null=0.5,
        verdict=by_interval(better / pairs, low, high, 0.5, "higher"),
        role=role,
        seeds=rows["seed"].nunique(),
        over=f"{better} of {pairs} pairs, sign test",
        p_value=float(test.pvalue),
        at=at,
        evidence=group.paths,
    )


def _role_of(aligned: str, over: str) -> Role:
    """Return how a count of pairs decides: the control is trained as joint alignment is."""
    if over == alignment.NONE:
        return "some"
    return "all" if aligned == "joint" else "control"
