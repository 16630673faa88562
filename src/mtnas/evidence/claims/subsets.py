"""Claims of Wu, Zhang, Ré (ICLR 2020) on runs of subsets of tasks."""

import pandas as pd

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
from mtnas.evidence.pairing import on_common_seeds
from mtnas.evidence.resampling import INDEPENDENT
from mtnas.evidence.statistics import ratio_of
from mtnas.evidence.transfer_studies import capacity, reweighting
from mtnas.evidence.transfer_studies.capacity import Sweep
from mtnas.evidence.transfer_studies.reweighting import NoisyWeight, WeightGain
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
                INDEPENDENT,
                dataset=CAPACITY,
                what=f"{rows:g} rows: best shared rank - number of tasks",
                unit="columns",
                claim="lower",
                evidence=[evidence.results(CAPACITY)],
            )
            outcome.add(CAPACITY, found)
    return _or_missing(outcome, "runs of share_bottom of several hidden_dim")


def noisy_weights(evidence: Evidence) -> Outcome:
    """Compare weights (svd) with equal ones, at 40 % noise or more: a higher mean score of all.

    And noisy tasks weigh less than clean ones there, as they do in the linear study. Less noise,
    other weights, what noise changes in a weight, and the model without the noisy task are told
    beside it.
    """
    outcome = Outcome()
    gains = reweighting.weight_gains(evidence.subset_runs)
    keys = ["name", "dataset", "method", "noisy", "share", "weighting", "judged", "metric"]
    for _, rows in gains[gains["share"] > 0].groupby(keys, sort=False):
        first = WeightGain._make(next(rows.itertuples(index=False, name=None)))
        outcome.add(first.dataset, _weight_gain(rows, first))
    gained = any(found.role == "all" for found in outcome.comparisons)
    weights = reweighting.noisy_weights(evidence.subset_runs)
    for _, rows in weights.groupby(keys[:-2], sort=False):
        outcome.comparisons += _weights(rows, decide=gained)
    if not gained:
        outcome.missing[""] = [f"runs with training.label_noise of {MUCH_NOISE:g} or more, with "
                               "training.weighting equal and svd"]  # fmt: skip
    if WEIGHTS in evidence.simulated_studies:  # which has weights, but nothing that gains by them
        outcome.comparisons += weights_of_noisy(evidence, decide=gained)
    return outcome


def leakage(evidence: Evidence) -> Outcome:
    """Subtract what tasks gain from each other without leaked test rows from that with them.

    Where it was measured, that with as many other rows left out decides, which learns from as many
    rows. What is left without leaks, and which share of the gain leaks bring, is told beside it.
    """
    outcome = Outcome()
    pairs = capacity.with_and_without_leaks(evidence.subset_runs)
    for by_leaks in pairs:
        dropped = by_leaks["drop"]
        for leaks, said in (("keep", "all rows"), ("control", "as many other rows left out")):
            if leaks in by_leaks:
                decides = dropped.are_all and (leaks == "control" or "control" not in by_leaks)
                role: Role = "all" if decides else "control"
                outcome.add(_dataset(dropped), _brought(by_leaks[leaks], dropped, said, role))
                outcome.comparisons += _share_brought(by_leaks[leaks], dropped, said)
        gains = dropped.gains().mean(axis=1)
        outcome.add(_dataset(dropped), _gain(dropped, gains, "control"))
    return _or_missing(outcome, "capacities with training.leaks keep and drop")


def _mean_gains(kept: Sweep, dropped: Sweep) -> tuple["pd.Series[float]", "pd.Series[float]"]:
    """Return the mean gains with leaks and without, of the same seeds."""
    with_leaks, without = (sweep.gains().mean(axis=1) for sweep in (kept, dropped))
    first, second = on_common_seeds(with_leaks, without)
    return first, second


def _share_brought(kept: Sweep, dropped: Sweep, said: str) -> list[Comparison]:
    """Return the share of the mean gain with leaks that they bring; nothing if there is no gain."""
    with_leaks, without = _mean_gains(kept, dropped)
    share = ratio_of(with_leaks - without, with_leaks, kept.first.resampling)
    if with_leaks.mean() <= 0 or share is None or share.low is None or share.high is None:
        return []
    return [
        Comparison(
            dataset=_dataset(kept),
            what=f"{_told(kept)}: share of the mean gain with leaks ({said}) that they bring",
            unit="share",
            claim="higher",
            estimate=share.mean,
            low=share.low,
            high=share.high,
            verdict=by_interval(share.mean, share.low, share.high, 0.0, "higher"),
            role="control",
            seeds=share.n,
            over=f"{share.n} seeds, Fieller",
            evidence=(*kept.paths, *dropped.paths),
        )
    ]


def _brought(kept: Sweep, dropped: Sweep, said: str, role: Role) -> Comparison | None:
    with_leaks, without = _mean_gains(kept, dropped)
    return compare(
        with_leaks - without,
        kept.first.resampling,
        dataset=_dataset(kept),
        what=f"{_told(kept)}: mean gain with leaks ({said}) - without",
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
        sweep.first.resampling,
        dataset=_dataset(sweep),
        what=f"{_method(sweep)}: best capacity together - sum of the best alone",
        unit="units",
        claim="lower",
        evidence=sweep.paths,
    )


def _gain(sweep: Sweep, gain: "pd.Series[float]", role: Role) -> Comparison | None:
    return compare(
        gain,
        sweep.first.resampling,
        dataset=_dataset(sweep),
        what=f"{_method(sweep)}: mean gain of {sweep.together} together, best capacities",
        unit=_unit(sweep),
        claim="higher",
        role=role,
        evidence=sweep.paths,
    )


def _weight_gain(rows: pd.DataFrame, first: WeightGain) -> Comparison | None:
    decides = first.weighting.startswith("svd") and "literal" not in first.weighting
    decides = decides and first.judged == reweighting.ALL and first.share >= MUCH_NOISE
    ours = "without it" if first.weighting == reweighting.ORACLE else first.weighting
    return compare(
        rows.set_index("seed")["gain"],
        first.resampling,
        dataset=first.dataset,
        what=f"{first.method}, {first.share:.0%} noise in {first.noisy}, "
        f"{first.judged}: {ours} - equal",
        unit=metric_of(first.metric).unit,
        claim="higher",
        role="all" if decides else "control",
        evidence=list(dict.fromkeys(rows["path"])),
    )


def _weights(rows: pd.DataFrame, *, decide: bool) -> list[Comparison]:
    """Return what the noisy task weighs, over the others, and over that without noise."""
    first = NoisyWeight._make(next(rows.itertuples(index=False, name=None)))
    by_seed, head = rows.set_index("seed"), f"{first.method}, {first.share:.0%} noise"
    decides = decide and first.weighting == "svd" and first.share >= MUCH_NOISE
    judged: tuple[tuple[str, pd.Series[float], Role], ...] = (
        ("of the others", by_seed["ratio"], "all" if decides else "control"),
        ("without noise", (by_seed["ratio"] / by_seed["before"]).dropna(), "control"),
    )
    found = [
        compare(
            ratio,
            first.resampling,
            dataset=first.dataset,
            what=f"{head} in {first.noisy}, {first.weighting}: its weight / that {than}",
            unit="ratio",
            claim="lower",
            null=1.0,
            role=role,
            evidence=list(dict.fromkeys(rows["path"])),
        )
        for than, ratio, role in judged
        if len(ratio)
    ]
    return [comparison for comparison in found if comparison is not None]


def _dataset(sweep: Sweep) -> str:
    return sweep.first.key[1]


def _told(sweep: Sweep) -> str:
    return sweep.first.key[2] + (f", {sweep.together}" if not sweep.are_all else "")


def _method(sweep: Sweep) -> str:
    return f"{sweep.first.key[2]}{LEAKS[sweep.first.leaks]}"


def _unit(sweep: Sweep) -> str:
    return metric_of(sweep.first.metrics(capacity.METRIC)[sweep.first.tasks[0]]).title
