"""Claims about routes, gates, cost, and the search space itself."""

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from mtnas.claims.evidence import LEARNED, PAPER, Evidence, Run, Search
from mtnas.claims.paired import MTNAS, Outcome, Row, paired, synthetic
from mtnas.claims.verdicts import Comparison, by_interval, compare
from mtnas.errors import RecordError
from mtnas.routes import Route, SearchSpace, full_sharing, random_route
from mtnas.statistics import LEVEL

DRAWS = 2000  # random routes that stand for chance
EXACT = 1e-12  # in float64, two orders of the same sums
SAME_COST = 2.0  # "the same level": less than twice the time


def searched(evidence: Evidence, datasets: Sequence[str], outcome: Outcome) -> list[Search]:
    """Return the paper's search of each dataset; note those that are missing."""
    found = []
    for dataset in datasets:
        search = evidence.searches.get((dataset, *MTNAS))
        if search is None or search.record["strategy"] != LEARNED:
            outcome.missing[dataset] = [f"{dataset}/mtnas/{PAPER} (its routes.json)"]
        else:
            found.append(search)
    return found


def sparsity(evidence: Evidence) -> Outcome:
    """Count used edges: fewer than full sharing; as a control, against routes drawn blindly."""
    outcome = Outcome()
    for search in searched(evidence, evidence.datasets, outcome):
        edges = np.array([len(route.edges) for route in search.routes.values()], float)
        blind = _blind_edges(search.space)
        ends = {"full sharing": len(full_sharing(search.space).edges), "random routes": blind}
        for name, reference in ends.items():
            found = compare(
                edges - reference,
                dataset=search.record["dataset"],
                what=f"edges in use: searched - {name} ({reference:.4g})",
                unit="edges",
                claim="lower",
                role="all" if name == "full sharing" else "control",
                evidence=[search.path],
            )
            outcome.add(search.record["dataset"], found)
    return outcome


@cache
def random_routes(space: SearchSpace, draws: int = DRAWS) -> tuple[Route, ...]:
    """Draw routes blindly, the same ones every time."""
    rng = np.random.default_rng(0)
    return tuple(random_route(space, rng) for _ in range(draws))


@cache
def _blind_edges(space: SearchSpace) -> float:
    """Return how many edges a route drawn blindly uses on average."""
    return float(np.mean([len(route.edges) for route in random_routes(space)]))


@cache
def _blind_apart(space: SearchSpace) -> float:
    """Return how often the tasks of a route drawn blindly share nothing."""
    return float(np.mean([_apart(route) for route in random_routes(space)]))


def overlap(route: Route, first: str, second: str) -> float:
    """Return the share of the sub-networks of two tasks that both use (Jaccard)."""
    a, b = (
        {name for name in route.used([task]) if name.startswith("s")} for task in (first, second)
    )
    return len(a & b) / len(a | b)


def relatedness(evidence: Evidence) -> Outcome:
    """Regress the overlap of task pairs on their label correlation, seed by seed."""
    outcome = Outcome()
    points: dict[str, tuple[list[float], pd.DataFrame]] = {}
    paths = []
    for search in searched(evidence, evidence.datasets, outcome):
        dataset = search.record["dataset"]
        if dataset not in evidence.correlations:
            outcome.missing[dataset] = [f"{dataset}: manifest.json with label correlations"]
            continue
        points[dataset] = _points(search, evidence.correlations[dataset])
        paths += [search.path, evidence.manifests[dataset]]
    for dataset, (pcc, shared) in points.items():
        if len(set(pcc)) > 2:
            outcome.add(dataset, _slope(pcc, shared, dataset, paths))
    pcc = [value for values, _ in points.values() for value in values]
    if len(set(pcc)) < 3:
        outcome.missing[""] = ["task pairs with three or more different label correlations"]
        return outcome
    shared = pd.concat([frame for _, frame in points.values()], axis=1, ignore_index=True).dropna()
    outcome.add("", _slope(pcc, shared, "", paths))
    return outcome


def _points(search: Search, correlations: dict[str, float]) -> tuple[list[float], pd.DataFrame]:
    """Return per task pair its label correlation, and its overlap with a row per seed."""
    pairs = [
        pair
        for pair in combinations(search.space.tasks, 2)
        if correlations.get("_".join(pair)) is not None
    ]
    rows = [[overlap(route, *pair) for pair in pairs] for route in search.routes.values()]
    frame = pd.DataFrame(rows, index=list(search.routes))
    return [correlations["_".join(pair)] for pair in pairs], frame


def _slope(
    pcc: Sequence[float], shared: pd.DataFrame, dataset: str, paths: Sequence[str]
) -> Comparison | None:
    """Compare the least-squares slopes of all seeds with zero."""
    centred = np.asarray(pcc) - np.mean(pcc)
    # Sums, not products of matrices: those differ between machines in the last digit.
    slopes = (shared.to_numpy(float) * centred).sum(axis=1) / (centred**2).sum()
    return compare(
        slopes,
        dataset=dataset,
        what=f"overlap (Jaccard) per unit of label PCC, slope over {len(pcc)} task pairs",
        unit="overlap / PCC",
        claim="higher",
        evidence=paths,
    )


def disjoint(evidence: Evidence) -> Outcome:
    """Count seeds whose routes share nothing, against the share of blind routes that do not."""
    outcome = Outcome()
    for search in searched(evidence, evidence.synthetic or ["synthetic"], outcome):
        apart = [_apart(route) for route in search.routes.values()]
        chance = _blind_apart(search.space)
        test = stats.binomtest(sum(apart), len(apart), min(max(chance, 1e-9), 1 - 1e-9))
        interval = test.proportion_ci(LEVEL)
        low, high = float(interval.low), float(interval.high)
        share = sum(apart) / len(apart)
        outcome.comparisons.append(
            Comparison(
                dataset=search.record["dataset"],
                what=f"share of seeds without a common sub-network (chance {chance:.3f})",
                unit="share",
                claim="higher",
                estimate=share,
                low=low,
                high=high,
                null=chance,
                verdict=by_interval(share, low, high, chance, "higher"),
                seeds=len(apart),
                over=f"{len(apart)} seeds, Clopper-Pearson",
                p_value=float(test.pvalue),
                evidence=(search.path,),
            )
        )
    return outcome


def _apart(route: Route) -> bool:
    return not any(overlap(route, *pair) for pair in combinations(route.space.tasks, 2))


def gate_scores(evidence: Evidence) -> Outcome:
    """Take the smallest mean gate score of each seed: below half an equal share, above zero."""
    outcome = Outcome()
    for dataset in [*evidence.datasets, *evidence.synthetic]:
        run: Run = (dataset, "mmoe", PAPER)
        gates = evidence.runs[run].record.get("gates") if run in evidence.runs else None
        if not gates:
            outcome.missing[dataset] = [f"{dataset}/mmoe/{PAPER} (`gates` in its run.json)"]
            continue
        smallest, equal = _smallest(gates, evidence.record(run))
        for what, values, null, side in (
            ("smallest mean gate score (half of an equal share)", smallest, equal / 2, "lower"),
            ("smallest mean gate score (zero)", smallest, 0.0, "higher"),
        ):
            found = compare(
                values, dataset=dataset, what=what, unit="score", null=null,
                claim="lower" if side == "lower" else "higher", evidence=[evidence.record(run)],
            )  # fmt: skip
            outcome.add(dataset, found)
    return outcome


def _smallest(gates: Any, path: str) -> tuple[NDArray[np.float64], float]:
    """Return the smallest mean score of each seed, and an equal share of all experts.

    `gates` of run.json: by seed the mean scores on the test set as a [tasks, experts] matrix.
    """
    try:
        scores_STE = np.asarray(list(dict(gates).values()), dtype=np.float64)
    except (TypeError, ValueError):
        scores_STE = np.empty(0)
    if scores_STE.ndim != 3 or not np.allclose(scores_STE.sum(-1), 1, atol=1e-3):
        raise RecordError(f"{path}: `gates` must hold by seed a [tasks, experts] matrix of shares")
    return scores_STE.min(axis=(1, 2)), 1 / scores_STE.shape[2]


def unrelated_tasks(evidence: Evidence, *, others: Sequence[Row]) -> Outcome:
    """Compare losses on unrelated tasks; as a control, the best route of an exhaustive table."""
    outcome = paired(evidence, ours=MTNAS, others=others, scores=["mtl_loss"], datasets=synthetic)
    if not evidence.synthetic:
        rows = [MTNAS, *others]
        outcome.missing["synthetic"] = ["/".join(("synthetic", *row)) for row in rows]
    for path, frame in evidence.exhaustive.items():
        if Path(path).stem in evidence.synthetic:
            for space, lines in frame.groupby("space"):
                outcome.comparisons += _best_route(path, str(space), lines)
    return outcome


def _best_route(path: str, space: str, lines: pd.DataFrame) -> list[Comparison]:
    """Compare the route that is best on validation with the densest one, on test."""
    best = lines.groupby("route")["valid_loss"].mean().idxmin()
    dense = lines.groupby("route")["edges"].first().idxmax()
    loss = lines.pivot(index="seed", columns="route", values="test_loss")
    found = compare(
        loss[best] - loss[dense],
        dataset=Path(path).stem,
        what=f"exhaustive table, space {space}: best route on validation - full sharing",
        unit="loss",
        claim="lower",
        role="control",
        evidence=[path],
    )
    return [] if found is None else [found]


def cost(evidence: Evidence, *, regular: Sequence[Row]) -> Outcome:
    """Divide the search's seconds by those of training each regular model once (per seed)."""
    outcome = Outcome()
    for search in searched(evidence, evidence.datasets, outcome):
        dataset = search.record["dataset"]
        runs: list[Run] = [(dataset, *row) for row in regular]
        if evidence.lacking(runs):
            outcome.missing[dataset] = evidence.lacking(runs)
            continue
        ratios = search.seconds / np.array([evidence.train_seconds(run) for run in runs])
        found = compare(
            np.log(ratios / SAME_COST), dataset=dataset, unit="ratio", claim="lower",
            what=f"seconds of the search / of training {', '.join(row[0] for row in regular)}",
            over="regular models", seeds=len(search.routes),
            evidence=[search.path, *(evidence.record(run) for run in runs)],
        )  # fmt: skip
        outcome.add(dataset, None if found is None else _as_ratio(found))
    return outcome


def _as_ratio(logs: Comparison) -> Comparison:
    """Return a comparison of logarithms as one of ratios; the interval's ends move along."""
    low, mean, high = (SAME_COST * float(np.exp(x)) for x in (logs.low, logs.estimate, logs.high))
    changed = {"low": low, "estimate": mean, "high": high, "null": SAME_COST, "bootstrap": None}
    return Comparison(**{**logs.__dict__, **changed})


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
