"""The rule by which comparisons decide a claim, case by case."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mtnas.evidence.claims.verdicts import (
    NEITHER,
    Comparison,
    Role,
    Side,
    adjusted,
    by_interval,
    compare,
    decide,
    decisive,
    margin_of,
    said,
)
from mtnas.evidence.resampling import FIXED, INDEPENDENT, at_share
from mtnas.evidence.statistics import (
    difference_of,
    equivalence_p_value,
    seeds_needed,
)


def comparison(
    verdict: str = "replicated",
    *,
    role: Role = "all",
    claim: Side = "higher",
    estimate: float = 1.0,
    half: float = 0.5,
    null: float = 0.0,
    equal_suffices: bool = False,
    p_value: float | None = None,
    holm_p: float | None = None,
) -> Comparison:
    """Return a comparison in which only what is said matters."""
    return Comparison(
        dataset="toys",
        what="a - b",
        unit="AUC",
        claim=claim,
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        verdict=verdict,
        seeds=5,
        over="5 seeds, t",
        null=null,
        role=role,
        equal_suffices=equal_suffices,
        p_value=p_value,
        holm_p=holm_p,
    )


@pytest.mark.parametrize(
    ("claim", "estimate", "half", "null", "favour"),
    [
        ("higher", 1.0, 0.5, 0.0, 2.0),
        ("lower", 1.0, 0.5, 0.0, -2.0),
        ("lower", -1.0, 0.25, 0.0, 4.0),
        ("higher", 0.8, 0.1, 0.5, 3.0),
        ("lower", 0.8, 0.1, 0.5, -3.0),
    ],
)
def test_favour_counts_half_widths_on_the_claimed_side(
    claim: Side, estimate: float, half: float, null: float, favour: float
) -> None:
    found = comparison(claim=claim, estimate=estimate, half=half, null=null)
    assert found.favour == pytest.approx(favour)


def test_an_exact_comparison_is_as_sure_as_can_be() -> None:
    exact = comparison(estimate=-1.0, half=0.0)
    assert exact.favour < comparison(estimate=-1.0, half=1e-9).favour < 0
    assert exact.sure


def test_what_speaks_least_for_the_claim_decides() -> None:
    weak, strong = comparison(estimate=0.6), comparison(estimate=3.0)
    against = comparison(claim="lower", estimate=9.0)  # high, where the claim says low
    some = comparison(role="some", estimate=-7.0)
    control = comparison(role="control", estimate=-9.0)

    assert decisive([strong, weak, some, control]) is weak
    assert decisive([strong, against, weak]) is against
    assert decisive([some, control]) is some
    assert decisive([control]) is None


ALL = {
    "none": ([], "not measured"),
    "controls only": ([comparison(role="control")], "not measured"),
    "every one holds": ([comparison(), comparison()], "replicated"),
    "one is open": ([comparison(), comparison("inconclusive")], "inconclusive"),
    "one is against it": ([comparison(), comparison("contradicted")], "contradicted"),
    "one is against it, but not under Holm": (
        [comparison(), comparison("contradicted", holm_p=0.06)],
        "inconclusive",
    ),
    "all are equal": ([comparison("equivalent")] * 2, "equivalent"),
    "one is equal": ([comparison(), comparison("equivalent")], "inconclusive"),
    "one is equal, which suffices": (
        [comparison(), comparison("equivalent", equal_suffices=True)],
        "replicated",
    ),
    "open, where equal suffices": (
        [comparison("inconclusive", equal_suffices=True)],
        "inconclusive",
    ),
    "one of some": (
        [comparison(role="some"), comparison("inconclusive", role="some")],
        "replicated",
    ),
    "one of some, but not under Holm": (
        [comparison(role="some", holm_p=0.06), comparison("inconclusive", role="some")],
        "inconclusive",
    ),
    "one of some is against it": (
        [comparison(role="some"), comparison("contradicted", role="some")],
        "replicated",
    ),
    "all of some are against it": ([comparison("contradicted", role="some")] * 2, "contradicted"),
    "what is needed holds, of some none does": (
        [comparison(), comparison("inconclusive", role="some")],
        "inconclusive",
    ),
    "of some one holds, what is needed is open": (
        [comparison("inconclusive"), comparison(role="some")],
        "inconclusive",
    ),
    "a control is against it": (
        [comparison(), comparison("contradicted", role="control")],
        "replicated",
    ),
}


@pytest.mark.parametrize("case", ALL)
def test_decisions(case: str) -> None:
    comparisons, expected = ALL[case]
    assert decide(comparisons) == expected


@pytest.mark.parametrize(("holm_p", "sure"), [(None, True), (0.049, True), (0.051, False)])
def test_sure_is_below_five_percent(holm_p: float | None, sure: bool) -> None:
    assert comparison(holm_p=holm_p).sure is sure


def test_the_family_of_a_claim_is_all_that_has_a_p_value_but_controls() -> None:
    given = [
        comparison(p_value=0.02),
        comparison(role="control", p_value=0.001),
        comparison(p_value=None),
        comparison(role="some", p_value=0.03),
    ]
    assert [c.holm_p for c in adjusted(given)] == [pytest.approx(0.04), None, None, 0.04]


@pytest.mark.parametrize("pairs, upheld", [(8, False), (10, True)])
def test_words_and_the_interval_of_an_exact_test_agree(pairs: int, upheld: bool) -> None:
    test = stats.binomtest(0, pairs)

    def at(risk: float) -> tuple[float, float]:
        low, high = test.proportion_ci(1 - risk)
        return float(low), float(high)

    bare = comparison("contradicted", estimate=0.0, null=0.5, p_value=float(test.pvalue))
    against = replace(bare, low=at(0.05)[0], high=at(0.05)[1], at=at)
    found = adjusted([against, *[comparison(p_value=0.5)] * 11])[0]

    assert against.high < 0.5  # by itself it is against the claim
    assert found.sure == upheld
    assert (found.deciding[1] < 0.5) == upheld
    still = "also" if upheld else "but not"
    assert said(found, 12) == f"against the claim, {still} after correction for 12 comparisons"


def test_an_interval_decides_by_its_side_of_the_null_value() -> None:
    assert by_interval(0.5, 0.4, 0.6, 0.3, "higher") == "replicated"
    assert by_interval(0.5, 0.4, 0.6, 0.3, "lower") == "contradicted"
    assert by_interval(0.5, 0.4, 0.6, 0.7, "lower") == "replicated"
    assert by_interval(0.5, 0.4, 0.6, 0.7, "higher") == "contradicted"
    for null in (0.4, 0.5, 0.6):
        assert by_interval(0.5, 0.4, 0.6, null, "higher") == "inconclusive"


def test_a_comparison_holds_all_that_is_known_of_it() -> None:
    values = [0.511, 0.512, 0.513]
    gain = difference_of(np.array(values) - 0.5, INDEPENDENT)
    assert gain.low is not None
    assert gain.high is not None
    given: dict[str, Any] = {"dataset": "toys", "what": "a", "unit": "AUC", "null": 0.5}

    found = compare(values, INDEPENDENT, claim="higher", margin=0.01, evidence=("runs/a",), **given)

    assert found == Comparison(
        margin=0.01,
        claim="higher",
        estimate=gain.mean + 0.5,
        low=gain.low + 0.5,
        high=gain.high + 0.5,
        verdict="replicated",
        seeds=3,
        over="3 seeds, t",
        p_value=gain.p_value,
        tost_p=equivalence_p_value(gain, 0.01),
        seeds_needed=seeds_needed(0.001, INDEPENDENT, 0.01),
        evidence=("runs/a",),
        **given,
    )


def test_what_a_comparison_is_told() -> None:
    told: dict[str, Any] = {"role": "some", "equal_suffices": True, "over": "pairs", "seeds": 7}
    found = compare(
        [1.0, 1.0], INDEPENDENT, dataset="", what="", unit="", claim="lower", margin=0.5, **told
    )
    assert found is not None
    assert (found.role, found.equal_suffices, found.seeds) == ("some", True, 7)
    assert (found.claim, found.verdict, found.over) == ("lower", "contradicted", "2 pairs, t")
    assert found.seeds_needed == 2  # without any spread


def test_within_the_margin_is_equivalent() -> None:
    values = [0.0001, -0.0001, 0.0]
    for margin, verdict in ((0.001, "equivalent"), (0.0001, "inconclusive")):
        found = compare(
            values, INDEPENDENT, dataset="", what="", unit="", claim="lower", margin=margin
        )
        assert found is not None
        assert found.verdict == verdict


def test_comparing_without_a_margin_never_says_equivalent() -> None:
    def verdict(*values: float, claim: Side = "higher") -> str:
        found = compare(values, INDEPENDENT, dataset="toys", what="a", unit="", claim=claim)
        assert found is not None
        assert (found.tost_p, found.seeds_needed) == (None, None)
        return found.verdict

    assert verdict(1.0, 1.1, 0.9) == "replicated"
    assert verdict(1.0, 1.1, 0.9, claim="lower") == "contradicted"
    assert verdict(1e-9, -1e-9, 0.0) == "inconclusive"


def test_one_value_is_no_comparison() -> None:
    assert compare([1.0], INDEPENDENT, dataset="toys", what="a", unit="", claim="higher") is None


def test_margins() -> None:
    assert margin_of("auc_t1", 0.7) == 0.001
    assert margin_of("mtl_loss", -0.7) == pytest.approx(0.0007)
    assert margin_of("calibration_error_t1", 0.02) == 0.001  # a share; 0.1 % of it is nothing


@pytest.mark.parametrize(
    ("resampling", "over", "needed"),
    [
        (INDEPENDENT, "3 seeds, t", 23),
        (FIXED, "3 seeds, t: one split, so of initialisation only", 23),
        (
            at_share(0.2),
            "3 seeds, corrected t: splits overlap",
            "no number of seeds: their splits overlap",
        ),
        (
            at_share(0.2, folds=5),
            "3 seeds, t: disjoint test rows, overlapping training rows",
            "no number of seeds: 5 of them test every row once",
        ),
    ],
)
def test_every_interval_says_of_what_it_is(resampling: Any, over: str, needed: int | str) -> None:
    found = compare(
        [0.0, 1.6, 3.2], resampling, dataset="", what="", unit="", claim="higher", margin=1.0
    )
    assert found is not None
    assert (found.over, found.seeds_needed) == (over, needed)


def test_what_was_not_timed_alike_is_not_said_to_include_the_null_value() -> None:
    assert said(comparison("inconclusive", estimate=0.1), 1).startswith("includes 0:")
    assert said(comparison("inconclusive", estimate=4.0), 1) == NEITHER
