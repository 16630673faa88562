"""Claims about the size of the network: runs of MTNAS that differ in L, or in H, alone."""

from collections.abc import Sequence

import numpy as np
import scipy  # its `stats` is loaded when it is first used

from mtnas.config.options import RunKey
from mtnas.evidence.claims.evidence import Evidence
from mtnas.evidence.claims.paired import Outcome, binary, paired_scores
from mtnas.evidence.claims.verdicts import Comparison, Interval, by_interval, compare, margin_of
from mtnas.evidence.pairing import MTNAS
from mtnas.evidence.statistics import LEVEL, paired_values
from mtnas.tasks.metrics import direction, metric_of

DEPTHS = (1, 2, 3, 4)  # L that are compared, each with the next
FEWEST = 4  # values of H by which a curve bends


def layers(evidence: Evidence) -> Outcome:
    """Compare each L with L + 1: 2 is no worse than 1 and more gain no more than the margin."""
    outcome = Outcome()
    for dataset in binary(evidence, outcome):
        runs = sweep(evidence, dataset, "num_layers")
        if wanted := sorted({*DEPTHS} - runs.keys()):
            outcome.missing[dataset] = [
                f"{dataset}/mtnas with num_layers {depth}" for depth in wanted
            ]
            continue
        for depth in DEPTHS[:-1]:
            for column in _all_columns(evidence, runs[depth]):
                outcome.add(dataset, _step(evidence, runs, depth, column))
    return outcome


def _step(
    evidence: Evidence, runs: dict[int, RunKey], depth: int, column: str
) -> Comparison | None:
    """Compare L + 1 with L: L = 2 is to lose, and more layers to gain, less than the margin."""
    first, second = runs[depth], runs[depth + 1]
    (a, b), over = paired_scores(evidence, (second, first), column)
    side = direction(column)
    if depth > 1:
        side = "lower" if side == "higher" else "higher"
    margin = margin_of(column, float(b.mean()))
    return compare(
        paired_values(a, b),
        evidence.resampling(first),
        over=over,
        dataset=first[0],
        what=f"{column}: L = {depth + 1} - L = {depth}",
        unit=metric_of(column).unit,
        claim=side,
        null=margin if side == "lower" else -margin,
        evidence=[evidence.metrics(second), evidence.metrics(first)],
    )


def subnets(evidence: Evidence) -> Outcome:
    """Take the gain per sub-network up to the middle H: there is one, it is larger than beyond it.

    And fit search time: it grows.
    """
    outcome = Outcome()
    for dataset in binary(evidence, outcome):
        runs = sweep(evidence, dataset, "num_subnets")
        if len(runs) < FEWEST:
            wanted = [h for h in range(1, 9) if h not in runs]
            outcome.missing[dataset] = [f"{dataset}/mtnas with num_subnets {h}" for h in wanted]
            continue
        seconds = search_seconds(evidence, runs)
        if len(seconds) < len(runs):
            unsearched = [runs[size] for size in runs if size not in seconds]
            outcome.missing[dataset] = [f"{'/'.join(run)} (its routes.json)" for run in unsearched]
            continue
        aucs = evidence.columns(next(iter(runs.values())), "auc")
        for columns in (aucs, ["mtl_loss"]):
            for returns in _diminishing(evidence, runs, columns):
                outcome.add(dataset, returns)
        outcome.comparisons.append(_growth(evidence, dataset, runs, seconds))
    return outcome


def _diminishing(
    evidence: Evidence, runs: dict[int, RunKey], columns: Sequence[str]
) -> list[Comparison | None]:
    """Take, seed by seed, the gain per sub-network up to the middle H, and that minus the later."""
    sizes = sorted(runs)
    first, middle, last = sizes[0], sizes[len(sizes) // 2], sizes[-1]
    three = [runs[size] for size in (first, middle, last)]
    early, late = [], []
    for column in columns:
        scores, over = paired_scores(evidence, three, column)
        low, mid, high = (values.to_numpy(float) for values in scores)
        early.append((mid - low) / (middle - first))
        late.append((high - mid) / (last - middle))
    gain_S, later_S = np.mean(early, axis=0), np.mean(late, axis=0)
    kind = columns[0] if metric_of(columns[0]).is_loss else "mean AUC"
    what = f"{kind}: gain per sub-network, H = {first}..{middle}"
    return [
        compare(
            values_S,
            evidence.resampling(three[0]),
            over=over,
            dataset=three[0][0],
            what=said,
            unit=metric_of(columns[0]).unit,
            claim=direction(columns[0]),
            evidence=[evidence.metrics(run) for run in three],
        )
        for said, values_S in (
            (what, gain_S),
            (f"{what} - H = {middle}..{last}", gain_S - later_S),
        )
    ]


def _growth(
    evidence: Evidence, dataset: str, runs: dict[int, RunKey], seconds: dict[int, float]
) -> Comparison:
    """Fit log2 of the search time to H: its slope is to be positive."""
    sizes = sorted(seconds)
    fit = scipy.stats.linregress(sizes, np.log2([seconds[size] for size in sizes]))

    def at(risk: float) -> Interval:
        half = float(scipy.stats.t.isf(risk / 2, len(sizes) - 2)) * float(fit.stderr)
        return float(fit.slope) - half, float(fit.slope) + half

    low, high = at(1 - LEVEL)
    first = evidence.runs[runs[sizes[0]]]
    return Comparison(
        dataset=dataset,
        what="search time: slope of log2(seconds) over H",
        unit="doublings per sub-network",
        claim="higher",
        estimate=float(fit.slope),
        low=low,
        high=high,
        verdict=by_interval(float(fit.slope), low, high, 0.0, "higher"),
        seeds=first.metrics["seed"].nunique(),
        over=f"{len(sizes)} values of H, regression",
        p_value=float(fit.pvalue),
        at=at,
        evidence=tuple(evidence.searches[runs[size]].path for size in sizes),
    )


def sweep(evidence: Evidence, dataset: str, option: str) -> dict[int, RunKey]:
    """Return by value the runs of MTNAS that differ from `paper` in one option of the network.

    All else that was recorded is the same: network, training, use of the route, and the search.
    """
    paper = (dataset, *MTNAS)
    if paper not in evidence.runs:
        return {}
    found = dict[int, RunKey]()
    for run in [paper, *(run for run in evidence.runs if run[:2] == paper[:2])]:
        value = evidence.runs[run].record.spec.options.get(option)
        if isinstance(value, int) and _differ_only_in(evidence, paper, run, option):
            found.setdefault(value, run)
    return found


def _differ_only_in(evidence: Evidence, paper: RunKey, run: RunKey, option: str) -> bool:
    """Whether two runs were asked for alike but for one option, and their searches alike."""
    specs = [evidence.runs[one].record.spec for one in (paper, run)]
    networks = [{k: v for k, v in spec.options.items() if k != option} for spec in specs]
    asked = [
        (network, spec.training, spec.derive) for network, spec in zip(networks, specs, strict=True)
    ]
    found = [evidence.searches[one].record for one in (paper, run) if one in evidence.searches]
    searches = [record.spec.search for record in found]
    return asked[0] == asked[1] and all(search == searches[0] for search in searches)


def search_seconds(evidence: Evidence, runs: dict[int, RunKey]) -> dict[int, float]:
    """Return the seconds that the search of each run took, per seed."""
    return {
        size: evidence.searches[run].seconds
        for size, run in runs.items()
        if run in evidence.searches
    }


def _all_columns(evidence: Evidence, run: RunKey) -> list[str]:
    return [*evidence.columns(run, "auc"), *evidence.columns(run, "mtl_loss")]
