"""Claims of Wu, Zhang, Ré (ICLR 2020) on runs of subsets of tasks."""

from collections.abc import Sequence

import pandas as pd
from scipy import stats

from mtnas.evidence.claims.evidence import Evidence
from mtnas.evidence.claims.paired import Outcome
from mtnas.evidence.claims.planted import (
    CAPACITY,
    MUCH_NOISE,
    WEIGHTS,
    best_ranks,
    weights_of_noisy,
)
from mtnas.evidence.claims.verdicts import Comparison, Role, by_interval, compare
from mtnas.evidence.statistics import LEVEL
from mtnas.evidence.transfer_studies import alignment, capacity, reweighting
from mtnas.evidence.transfer_studies.alignment import Compared
from mtnas.evidence.transfer_studies.capacity import Sweep
from mtnas.evidence.transfer_studies.reweighting import Weighed
from mtnas.evidence.transfer_studies.runs import LEAKS
from mtnas.tasks.metrics import metric_of


def smaller_capacity(evidence: Evidence) -> Outcome:
    """Choose capacities on validation, seed by seed: together less than the sum of those alone.

    In the linear study, where capacity 1 suffices each of k tasks, the best one is below k. What
    the tasks gain at their best capacities is told beside it.
    """
    outcome = Outcome()
    for sweep in capacity.sweeps(evidence.subset_runs):
        outcome.add(_dataset(sweep), _excess(sweep))
        gain = sweep.gains().mean(axis=1)
        outcome.add(_dataset(sweep), _gain(sweep, gain, "control"))
    if CAPACITY in evidence.simulated_studies:
        for rows, excess in best_ranks(evidence):
            found = compare(
                excess,
                dataset=CAPACITY,
                what=f"{rows:g} rows: best shared rank - number of tasks",
                unit="columns",
                claim="lower",
                evidence=[evidence.results(CAPACITY)],
            )
            outcome.add(CAPACITY, found)
    return _or_missing(outcome, "runs of share_bottom of several hidden_dim")


def aligned_pairs(evidence: Evidence) -> Outcome:
    """Count pairs that improve: more than half by some alignment, and by joint over the control."""
    outcome = Outcome()
    gains = alignment.pair_gains(evidence.subset_runs)
    keys = list(Compared._fields)
    for _, rows in gains.groupby(keys, sort=False, dropna=False):
        compared = Compared(*rows[keys].iloc[0])
        if rows["seed"].nunique() and compared.alignment in alignment.ALIGNED:
            paths = alignment.paths(evidence.subset_runs, compared)
            found = _pairs(rows, compared, paths)
            outcome.add(compared.dataset, found, "a pair of tasks that differs")
    for dataset in dict.fromkeys(gains["dataset"]):
        own = gains[gains["dataset"] == dataset]
        if not ((own["alignment"] == "joint") & (own["over"] == alignment.CONTROL)).any():
            outcome.missing[dataset] = ["alignment: joint and alignment: control"]
    return _or_missing(outcome, "runs of pairs with training.alignment none, joint and control")


def noisy_weights(evidence: Evidence) -> Outcome:
    """Compare weights (svd) with equal ones, at 40 % noise or more: a higher mean score of all.

    In the linear study noisy tasks weigh less than clean ones there. Less noise, other weights and
    the model without the noisy task are told beside it.
    """
    outcome = Outcome()
    gains = reweighting.weight_gains(evidence.subset_runs)
    keys = ["name", "dataset", "method", "noisy", "share", "weighting", "judged", "metric"]
    for _, rows in gains[gains["share"] > 0].groupby(keys, sort=False):
        what = Weighed(*rows[list(Weighed._fields)].iloc[0])
        outcome.add(what.dataset, _weight_gain(rows, what))
    gained = [found for found in outcome.comparisons if found.role == "all"]
    if not gained:
        outcome.missing[""] = [f"runs with training.label_noise of {MUCH_NOISE:g} or more, with "
                               "training.weighting equal and svd"]  # fmt: skip
    if WEIGHTS in evidence.simulated_studies:  # which has weights, but nothing that gains by them
        outcome.comparisons += weights_of_noisy(evidence, decide=bool(gained))
    return outcome


def leakage(evidence: Evidence) -> Outcome:
    """Subtract what tasks gain from each other without leaked test rows from that with them.

    Where it was measured, that with as many other rows left out decides, which learns from as many
    rows. What is left without leaks is told beside it.
    """
    outcome = Outcome()
    pairs = capacity.with_and_without_leaks(capacity.sweeps(evidence.subset_runs))
    for by_leaks in pairs:
        dropped = by_leaks["drop"]
        for leaks, said in (("keep", "all rows"), ("control", "as many other rows left out")):
            if leaks in by_leaks:
                decides = leaks == "control" or "control" not in by_leaks
                role: Role = "all" if decides else "control"
                outcome.add(_dataset(dropped), _brought(by_leaks[leaks], dropped, said, role))
        gains = dropped.gains().mean(axis=1)
        outcome.add(_dataset(dropped), _gain(dropped, gains, "control"))
    return _or_missing(outcome, "capacities with training.leaks keep and drop")


def _brought(kept: Sweep, dropped: Sweep, said: str, role: Role) -> Comparison | None:
    with_leaks, without = (sweep.gains().mean(axis=1) for sweep in (kept, dropped))
    seeds = with_leaks.index.intersection(without.index)
    return compare(
        with_leaks[seeds] - without[seeds],
        dataset=_dataset(kept),
        what=f"{kept.first.key[2]}: mean gain with leaks ({said}) - without",
        unit=_unit(kept),
        claim="higher",
        role=role,
        evidence=[*kept.paths, *dropped.paths],
    )


def _or_missing(outcome: Outcome, what: str) -> Outcome:
    if not outcome.comparisons and not outcome.missing:
        outcome.missing[""] = [what]
    return outcome


def _excess(sweep: Sweep) -> Comparison | None:
    return compare(
        sweep.excess(),
        dataset=_dataset(sweep),
        what=f"{_method(sweep)}: best capacity together - sum of the best alone",
        unit="units",
        claim="lower",
        evidence=sweep.paths,
    )


def _gain(sweep: Sweep, gain: "pd.Series[float]", role: Role) -> Comparison | None:
    return compare(
        gain,
        dataset=_dataset(sweep),
        what=f"{_method(sweep)}: mean gain of all tasks together, best capacities",
        unit=_unit(sweep),
        claim="higher",
        role=role,
        evidence=sweep.paths,
    )


def _pairs(rows: pd.DataFrame, of: Compared, paths: Sequence[str]) -> Comparison | None:
    """Return the share of pairs whose mean over seeds improves, with its exact interval."""
    means = rows.groupby("pair", sort=False)["gain"].mean()
    differing = means[means != 0]  # ties say nothing: the sign test leaves them out
    if differing.empty:
        return None
    better, pairs = int((differing > 0).sum()), len(differing)
    test = stats.binomtest(better, pairs)
    low, high = test.proportion_ci(LEVEL)
    over = "no alignment" if of.over == alignment.NONE else "its control"
    width = "" if of.capacity is None else f", capacity {of.capacity}"
    return Comparison(
        dataset=of.dataset,
        what=f"{of.method}{width}{LEAKS[of.leaks]}: pairs better by {of.alignment} than {over}",
        unit="share",
        claim="higher",
        estimate=better / pairs,
        low=float(low),
        high=float(high),
        null=0.5,
        verdict=by_interval(better / pairs, float(low), float(high), 0.5, "higher"),
        role=_role_of(of),
        seeds=rows["seed"].nunique(),
        over=f"{better} of {pairs} pairs, sign test",
        p_value=float(test.pvalue),
        evidence=tuple(paths),
    )


def _role_of(compared: Compared) -> Role:
    """Return how a count of pairs decides: the control is trained as joint alignment is."""
    if compared.over == alignment.NONE:
        return "some"
    return "all" if compared.alignment == "joint" else "control"


def _weight_gain(rows: pd.DataFrame, of: Weighed) -> Comparison | None:
    decides = of.weighting.startswith("svd") and "literal" not in of.weighting
    decides = decides and of.judged == reweighting.ALL and of.share >= MUCH_NOISE
    ours = "without it" if of.weighting == reweighting.ORACLE else of.weighting
    return compare(
        rows.set_index("seed")["gain"],
        dataset=of.dataset,
        what=f"{of.method}, {of.share:.0%} noise in {of.noisy}, {of.judged}: {ours} - equal",
        unit=metric_of(of.metric).unit,
        claim="higher",
        role="all" if decides else "control",
        evidence=list(dict.fromkeys(rows["path"])),
    )


def _dataset(sweep: Sweep) -> str:
    return sweep.first.key[1]


def _method(sweep: Sweep) -> str:
    return f"{sweep.first.key[2]}{LEAKS[sweep.first.leaks]}"


def _unit(sweep: Sweep) -> str:
    return metric_of(sweep.first.metrics(capacity.METRIC)[sweep.first.tasks[0]]).title
