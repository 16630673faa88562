"""Claims of Wu, Zhang, Ré (ICLR 2020) on studies of planted tasks, of which the truth is known."""

from collections.abc import Iterator

import pandas as pd

from mtnas.evidence.claims.evidence import Evidence
from mtnas.evidence.claims.paired import Outcome
from mtnas.evidence.claims.verdicts import Comparison, Role, Side, compare
from mtnas.evidence.resampling import INDEPENDENT

NO_HARM = 0.01  # accuracy: a smaller loss than this is no harm
MUCH_NOISE = 0.4  # share of noisy labels from which on weights are to help
EXACT = 1e-8  # of coefficients near 1: alternating least squares against the normal equations
DEMONSTRATION, CAPACITY, WEIGHTS = "demonstration", "capacity_linear", "reweighting_linear"


def same_model(evidence: Evidence) -> Outcome:
    """Average gains of task 1 over all settings: below 0 with task 3, above -1 point with task 2.

    Whether task 2 helps, as the source says, is told beside it.
    """
    outcome = Outcome()
    for frame in _study(evidence, outcome, DEMONSTRATION):
        gains = frame[frame["metric"] == "gain"]
        for loss, rows in gains.groupby("loss", sort=False):
            by_partner = rows.groupby(["partner", "seed"])["value"].mean()
            judged: tuple[tuple[str, Side, float, Role], ...] = (
                ("task_3", "lower", 0.0, "all"),
                ("task_2", "higher", -NO_HARM, "all"),
                ("task_2", "higher", 0.0, "control"),
            )
            for partner, side, null, role in judged:
                found = compare(
                    by_partner[partner],
                    INDEPENDENT,
                    dataset=DEMONSTRATION,
                    what=f"{loss} loss: gain of task 1 from {partner.replace('_', ' ')}",
                    unit="accuracy",
                    claim=side,
                    null=null,
                    role=role,
                    evidence=[evidence.results(DEMONSTRATION)],
                )
                outcome.add(DEMONSTRATION, found)
    return outcome


def no_transfer(evidence: Evidence) -> Outcome:
    """Take the largest difference to tasks alone at capacities of as many columns as tasks: none.

    Whether smaller capacities differ is told beside it.
    """
    outcome = Outcome()
    for frame in _study(evidence, outcome, CAPACITY):
        tasks = int(evidence.simulated_studies[CAPACITY].record.options["tasks"])
        distances = frame[frame["metric"] == "distance_from_single"]
        for wide in (True, False):
            chosen = distances[(distances["rank"] >= tasks) == wide]
            if chosen.empty and wide:
                outcome.missing[CAPACITY] = [f"a rank of {tasks} or more"]
            elif len(chosen):
                outcome.comparisons.append(_exact(evidence, chosen, tasks, wide=wide))
    return outcome


def best_ranks(evidence: Evidence) -> Iterator[tuple[float, "pd.Series[int]"]]:
    """Yield by number of rows, seed by seed, the rank of least risk minus the number of tasks."""
    study = evidence.simulated_studies[CAPACITY]
    tasks = int(study.record.options["tasks"])
    risks = study.results[study.results["metric"] == "excess_risk"]
    for rows, own in risks[risks["model"] == "shared"].groupby("rows"):
        by_rank = own.pivot(index="seed", columns="rank", values="value")
        yield float(str(rows)), by_rank.idxmin(axis=1) - tasks


def weights_of_noisy(evidence: Evidence, *, decide: bool) -> Iterator[Comparison]:
    """Yield how much noisy tasks weigh, in proportion to clean ones, by share and coding."""
    frame = evidence.simulated_studies[WEIGHTS].results
    ratios = frame[(frame["metric"] == "noisy_to_clean") & (frame["part"] == "relabelled")]
    ratios = ratios[(ratios["rank"] == 1) & (ratios["noise"] >= MUCH_NOISE)]
    for (coding, noise), rows in ratios.groupby(["coding", "noise"], sort=False):
        found = compare(
            rows["value"],
            INDEPENDENT,
            dataset=WEIGHTS,
            what=f"{coding}, {noise:.0%} noise: weight of noisy / clean tasks",
            unit="ratio",
            claim="lower",
            null=1.0,
            role="all" if decide and coding == "standardised" else "control",
            evidence=[evidence.results(WEIGHTS)],
        )
        if found is not None:
            yield found


def _study(evidence: Evidence, outcome: Outcome, name: str) -> Iterator[pd.DataFrame]:
    """Yield the results of a simulated study, or note that it is missing."""
    if name in evidence.simulated_studies:
        yield evidence.simulated_studies[name].results
    else:
        outcome.missing[""] = [f"the simulated study {name}"]


def _exact(evidence: Evidence, rows: pd.DataFrame, tasks: int, *, wide: bool) -> Comparison:
    """Judge the largest distance where there must be none, or the smallest where there is one."""
    values = rows["value"]
    estimate = float(values.max() if wide else values.min())
    holds = estimate < EXACT if wide else estimate > EXACT
    ranks = f"{tasks} columns or more" if wide else f"fewer than {tasks} columns"
    return Comparison(
        dataset=CAPACITY,
        what=f"{ranks}: {'largest' if wide else 'smallest'} difference of a coefficient to alone",
        unit="coefficient",
        claim="lower" if wide else "higher",
        estimate=estimate,
        low=float(values.min()),
        high=float(values.max()),
        null=EXACT,
        verdict="replicated" if holds else "contradicted",
        role="all" if wide else "control",
        seeds=rows["seed"].nunique(),
        over=f"{len(rows)} fits, range",
        evidence=(evidence.results(CAPACITY),),
    )
