"""Claims about routes, gates, and the search space itself; D14 says how words become numbers."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from mtnas.config.entries import PAPER
from mtnas.config.options import RunKey
from mtnas.evidence.claims.evidence import LEARNED, Evidence, Search
from mtnas.evidence.claims.paired import Outcome
from mtnas.evidence.claims.verdicts import Comparison, by_interval, compare
from mtnas.evidence.pairing import MTNAS
from mtnas.evidence.records import Run
from mtnas.evidence.resampling import Resampling
from mtnas.evidence.restarts import counted
from mtnas.evidence.statistics import LEVEL
from mtnas.routes.named import full_sharing, mean_edges, share_disjoint
from mtnas.routes.route import Route
from mtnas.runtime.errors import RecordError
from mtnas.runtime.files import remake

EXACT = 1e-12  # in float64, two orders of the same sums


def searched(evidence: Evidence, datasets: Sequence[str], outcome: Outcome) -> list[Search]:
    """Return the paper's search of each dataset; note those that are missing."""
    found = []
    for dataset in datasets:
        search = evidence.searches.get((dataset, *MTNAS))
        if search is None or search.record.strategy != LEARNED:
            outcome.missing[dataset] = [f"{dataset}/mtnas/{PAPER} (its routes.json)"]
        else:
            found.append(search)
    return found


def sparsity(evidence: Evidence) -> Outcome:
    """Count edges in use: in every route fewer than all; as a control, fewer than blind routes."""
    outcome = Outcome()
    for search in searched(evidence, evidence.datasets, outcome):
        edges = np.array([len(route.edges) for route in search.routes.values()], float)
        outcome.comparisons.append(_none_is_full(search, edges))
        blind = mean_edges(search.space)
        found = compare(
            edges - blind,
            evidence.resampling(search.key),
            dataset=search.record.dataset,
            what=f"edges in use: searched - random routes ({blind:.4g})",
            unit="edges",
            claim="lower",
            role="control",
            evidence=[search.path],
        )
        outcome.add(search.record.dataset, found)
    return outcome


def _none_is_full(search: Search, edges: NDArray[np.float64]) -> Comparison:
    """Compare the route with most edges with full sharing: "all" has no exception."""
    full = len(full_sharing(search.space).edges)
    most = float(edges.max()) - full
    return Comparison(
        dataset=search.record.dataset,
        what=f"edges in use: densest searched route - full sharing ({full})",
        unit="edges",
        claim="lower",
        estimate=most,
        low=float(edges.min()) - full,
        high=most,
        verdict="replicated" if most < 0 else "contradicted",
        seeds=len(edges),
        over=f"{len(edges)} seeds, range",
        evidence=(search.path,),
    )


def overlap(route: Route, first: str, second: str) -> float:
    """Return the share of the sub-networks of two tasks that both use (Jaccard)."""
    a, b = (
        {name for name in route.used([task]) if name.startswith("s")} for task in (first, second)
    )
    return len(a & b) / len(a | b)


def relatedness(evidence: Evidence) -> Outcome:
    """Regress the overlap of task pairs on their label correlation, seed by seed, in one dataset.

    That takes three tasks. Pairs of several datasets together are a control: datasets differ in
    more than the correlation of two labels, and an interval over seeds knows nothing of that.
    """
    outcome = Outcome()
    points: dict[str, tuple[list[float], pd.DataFrame]] = {}
    paths = []
    for search in searched(evidence, evidence.datasets, outcome):
        dataset = search.record.dataset
        if dataset not in evidence.tables:
            outcome.missing[dataset] = [f"{dataset}: manifest.json with label correlations"]
            continue
        points[dataset] = _points(search, evidence, dataset)
        if not points[dataset][0]:
            outcome.inapplicable[dataset] = "no two labels have a correlation"
        paths += [search.path, evidence.manifests[dataset]]
    inside = [dataset for dataset, (pcc, _) in points.items() if len(set(pcc)) > 2]
    for dataset in inside:
        rows = evidence.resampling((dataset, *MTNAS))
        outcome.add(dataset, _slope(*points[dataset], rows, dataset, paths))
    if not inside:
        outcome.missing[""] = ["a dataset with three tasks or more, such as goodreads"]
    real = [found for dataset, found in points.items() if dataset not in evidence.stand_ins]
    pcc = [value for values, _ in real for value in values]
    if len(real) > 1 and len(set(pcc)) > 2:
        shared = pd.concat([of for _, of in real], axis=1, ignore_index=True).dropna()
        kinds = (evidence.resampling((d, *MTNAS)) for d in points if d not in evidence.stand_ins)
        rows = max(kinds, key=lambda rows: rows.test_share)
        pooled = _slope(pcc, shared, rows, "", paths)
        outcome.comparisons += [replace(pooled, role="control")] if pooled else []
    return outcome


def _points(search: Search, evidence: Evidence, dataset: str) -> tuple[list[float], pd.DataFrame]:
    """Return per task pair its label correlation, and its overlap with a row per seed.

    Routes count the tasks (t0, t1, ...), manifests name them.
    """
    tasks, known = evidence.task_names(dataset), evidence.tables[dataset].label_pcc
    if len(tasks) != search.space.num_tasks:
        raise RecordError(
            f"{search.path}: routes to {search.space.num_tasks} tasks, but "
            f"{evidence.manifests[dataset]} has {len(tasks)}; run `{remake(search.path)}`"
        )
    names = dict(zip(search.space.tasks, tasks, strict=True))
    pcc = {
        pair: known["_".join(names[task] for task in pair)]
        for pair in combinations(search.space.tasks, 2)
        if "_".join(names[task] for task in pair) in known
    }
    rows = [[overlap(route, *pair) for pair in pcc] for route in search.routes.values()]
    return list(pcc.values()), pd.DataFrame(rows, index=list(search.routes))


def _slope(
    pcc: Sequence[float],
    shared: pd.DataFrame,
    resampling: Resampling,
    dataset: str,
    paths: Sequence[str],
) -> Comparison | None:
    """Compare the least-squares slopes of all seeds with zero."""
    centred = np.asarray(pcc) - np.mean(pcc)
    # Sums, not products of matrices: those differ between machines in the last digit.
    slopes = (shared.to_numpy(float) * centred).sum(axis=1) / (centred**2).sum()
    return compare(
        slopes,
        resampling,
        dataset=dataset,
        what=f"overlap (Jaccard) per unit of label PCC, slope over {len(pcc)} task pairs",
        unit="overlap / PCC",
        claim="higher",
        evidence=paths,
    )


def disjoint(evidence: Evidence) -> Outcome:
    """Count searches whose tasks share nothing, in all settings together, against blind routes.

    A seed draws the same routes in every setting, so settings add to what a seed tells of itself:
    the interval is over seeds, as if all settings of a seed were one.
    """
    outcome = Outcome()
    found = searched(evidence, evidence.unrelated or ["synthetic"], outcome)
    for space in dict.fromkeys(search.space for search in found):
        alike = [search for search in found if search.space == space]
        outcome.comparisons.append(_share_apart("", alike))
        if len(alike) > 1:
            outcome.comparisons += [
                replace(_share_apart(search.record.dataset, [search]), role="control")
                for search in alike
            ]
    return outcome


def _share_apart(dataset: str, searches: Sequence[Search]) -> Comparison:
    """Compare the share of routes without a common sub-network with that of blind routes."""
    chance = share_disjoint(searches[0].space)
    apart = [route.is_disjoint for search in searches for route in search.routes.values()]
    share, seeds = float(np.mean(apart)), max(len(search.routes) for search in searches)
    counted = share * seeds, seeds
    low, high = _clopper_pearson(*counted, 1 - LEVEL)
    return Comparison(
        dataset=dataset,
        what=f"share of searches without a common sub-network (chance {chance:.3f})",
        unit="share",
        claim="higher",
        estimate=share,
        low=low,
        high=high,
        null=chance,
        verdict=by_interval(share, low, high, chance, "higher"),
        seeds=seeds,
        over=f"{seeds} seeds in {len(searches)} settings, Clopper-Pearson",
        p_value=_p_value(*counted, chance),
        at=partial(_clopper_pearson, *counted),
        evidence=tuple(search.path for search in searches),
    )


def _clopper_pearson(k: float, n: int, risk: float) -> tuple[float, float]:
    """Return the interval of k of n, which misses the share with a probability of `risk`.

    By beta quantiles, which are there for a k between whole numbers, too.
    """
    low = float(stats.beta(k, n - k + 1).ppf(risk / 2)) if k > 0 else 0.0
    high = float(stats.beta(k + 1, n - k).ppf(1 - risk / 2)) if k < n else 1.0
    return low, high


def _p_value(k: float, n: int, null: float) -> float:
    """Return the p-value with which the interval of k of n reaches `null`."""
    as_few = float(stats.beta(k + 1, n - k).sf(null)) if k < n else 1.0
    as_many = float(stats.beta(k, n - k + 1).cdf(null)) if k > 0 else 1.0
    return min(1.0, 2 * min(as_few, as_many))


def gate_scores(evidence: Evidence) -> Outcome:
    """Take the smallest mean gate score of each split: below half an equal share, above zero."""
    outcome = Outcome()
    for dataset in [*evidence.datasets, *evidence.unrelated]:
        run: RunKey = (dataset, "mmoe", PAPER)
        if run not in evidence.runs or not evidence.runs[run].record.gates:
            outcome.missing[dataset] = [f"{dataset}/mmoe/{PAPER} (`gates` in its run.json)"]
            continue
        smallest, equal = _smallest(evidence.runs[run], evidence.record(run))
        rows = evidence.resampling(run)
        for what, values, null, side in (
            ("smallest mean gate score (half of an equal share)", smallest, equal / 2, "lower"),
            ("smallest mean gate score (zero)", smallest, 0.0, "higher"),
        ):
            found = compare(
                values, rows, dataset=dataset, what=what, unit="score", null=null,
                claim="lower" if side == "lower" else "higher", evidence=[evidence.record(run)],
            )  # fmt: skip
            outcome.add(dataset, found)
    return outcome


def _smallest(run: Run, path: str) -> tuple[NDArray[np.float64], float]:
    """Return the smallest mean score of each split, and an equal share of all experts.

    `gates` of run.json: by seed the mean scores on the test set as a [tasks, experts] matrix. Of
    several restarts counts what counts of their scores.
    """
    gates = run.record.gates
    try:
        scores_STE = np.asarray(list(gates.values()), dtype=np.float64)
    except ValueError:  # rows of different lengths
        scores_STE = np.empty(0)
    if scores_STE.ndim != 3 or not np.allclose(scores_STE.sum(-1), 1, atol=1e-3):
        raise RecordError(f"{path}: `gates` must hold by seed a [tasks, experts] matrix of shares")
    smallest = pd.DataFrame({"smallest": scores_STE.min(axis=(1, 2))}, index=list(gates))
    found = counted(smallest, run.metrics, run.record.spec.trained, where=path)
    return found["smallest"].to_numpy(), 1 / scores_STE.shape[2]


def subgraphs(evidence: Evidence) -> Outcome:
    """Take the largest difference of outputs between a method and its route of the space."""
    outcome = Outcome()
    if not evidence.subgraphs:
        outcome.missing[""] = ["results/claims/subgraphs.json"]
    for check in evidence.subgraphs:
        largest = float(check["max_difference"])
        outcome.comparisons.append(
            Comparison(
                dataset="",
                what=f"{check['method']} - its route: largest difference of outputs",
                unit="output",
                claim="lower",
                estimate=largest,
                low=float(check["min_difference"]),
                high=largest,
                null=EXACT,
                verdict="replicated" if largest < EXACT else "contradicted",
                seeds=int(check["draws"]),
                over=f"{check['draws']} draws of weights and inputs, range",
                evidence=(evidence.subgraphs_path, str(check["test"])),
            )
        )
    return outcome
