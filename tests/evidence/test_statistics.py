"""Statistics against scipy, textbook values and simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mtnas.evidence import statistics
from mtnas.runtime.errors import RecordError


def by_seed(values, seeds=None):
    return pd.Series(values, index=range(len(values)) if seeds is None else seeds, dtype=float)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def pair(rng):
    base = rng.normal(0.8, 0.01, 8)
    return by_seed(base + rng.normal(0.002, 0.002, 8)), by_seed(base)


def test_summarize_uses_the_sample_standard_deviation():
    assert statistics.summarize([1.0, 2.0, 3.0, 6.0]) == statistics.Summary(
        3.0, pytest.approx(np.std([1, 2, 3, 6], ddof=1)), 4
    )


def test_one_value_has_no_spread():
    assert statistics.summarize([0.7]) == statistics.Summary(0.7, None, 1)


@pytest.mark.parametrize("bad", [[], [1.0, np.nan], [[1.0]]])
def test_summarize_refuses_what_is_not_a_list_of_numbers(bad):
    with pytest.raises(RecordError):
        statistics.summarize(bad)


def test_paired_difference_agrees_with_scipy(pair):
    ours = statistics.paired_difference(*pair)
    theirs = stats.ttest_rel(*pair)
    interval = theirs.confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))
    assert ours.p_value == pytest.approx(theirs.pvalue)
    assert ours.excludes_zero == (theirs.pvalue < 0.05)


def test_pairs_are_matched_by_seed_not_by_position(pair):
    a, b = pair
    shuffled = b.sample(frac=1, random_state=1)
    assert statistics.paired_difference(a, shuffled) == statistics.paired_difference(a, b)


@pytest.mark.parametrize("seeds", [[0, 1, 3], [0, 1, 1], [0, 1]])
def test_mismatched_seeds_are_refused(seeds):
    with pytest.raises(RecordError, match="seeds"):
        statistics.paired_difference(by_seed([1, 2, 3]), by_seed([1.0] * len(seeds), seeds))


def test_one_pair_gives_a_mean_without_interval():
    only = statistics.paired_difference(by_seed([0.8]), by_seed([0.7]))
    assert only.mean == pytest.approx(0.1)
    assert (only.low, only.high, only.p_value, only.n) == (None, None, None, 1)
    assert not only.excludes_zero
    assert statistics.verdict(only, 0.001) == "inconclusive"


def test_differences_without_spread_are_certain():
    gain = statistics.difference_of([0.5, 0.5])
    assert (gain.low, gain.high, gain.p_value) == (0.5, 0.5, 0.0)
    assert statistics.difference_of([0.0, 0.0]).p_value == 1.0
    assert statistics.verdict(statistics.difference_of([0.0, 0.0]), 0.001) == "equivalent"


def test_the_interval_covers_the_truth_as_often_as_it_says(rng):
    intervals = [statistics.difference_of(rng.normal(0.3, 1.0, 5)) for _ in range(1000)]
    covered = np.mean([i.low <= 0.3 <= i.high for i in intervals])
    assert 0.93 < covered < 0.97


def test_bootstrap_agrees_with_scipy_bca(rng):
    values = rng.exponential(size=12)
    low, high = statistics.bootstrap_interval(values, np.random.default_rng(1), resamples=50_000)
    reference = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=50_000, rng=np.random.default_rng(2)
    ).confidence_interval
    assert (low, high) == pytest.approx((reference.low, reference.high), rel=0.02)


def test_bootstrap_of_one_value_or_of_equal_values(rng):
    assert statistics.bootstrap_interval([1.0], rng) is None
    assert statistics.bootstrap_interval([2.0, 2.0], rng) == (2.0, 2.0)


def test_bootstrap_repeats_with_its_generator():
    draw = [statistics.bootstrap_interval([1, 2, 4], np.random.default_rng(3)) for _ in range(2)]
    assert draw[0] == draw[1]


def test_holm_textbook_example():
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert len(statistics.holm([])) == 0


def test_holm_keeps_the_family_error_rate(rng):
    families = rng.random((1000, 6))
    wrong = np.mean([(statistics.holm(p) < 0.05).any() for p in families])
    assert wrong < 0.07


@pytest.mark.parametrize("margin", [0.0005, 0.002, 0.004, 0.01])
def test_equivalence_means_the_90_percent_interval_lies_within_the_margin(pair, margin):
    narrow = statistics.paired_difference(*pair, level=0.90)
    inside = -margin < narrow.low and narrow.high < margin
    assert statistics.equivalent(*pair, margin) == inside


def test_equivalence_needs_a_margin(pair):
    with pytest.raises(ValueError, match="margin"):
        statistics.equivalent(*pair, 0.0)


@pytest.mark.parametrize(("effect", "seeds"), [(0.8, 15), (0.5, 34), (0.2, 199)])
def test_seeds_needed_agrees_with_published_sample_sizes(effect, seeds):
    assert statistics.seeds_needed(1.0, effect) == seeds


def test_seeds_needed_by_simulation(rng):
    n = statistics.seeds_needed(0.002, effect=0.003)
    d = rng.normal(0.003, 0.002, (20_000, n))
    found = stats.ttest_1samp(d, 0, axis=1).pvalue < 0.05
    assert found.mean() >= 0.79
    assert statistics.paired_power(n - 1, 1.5) < 0.8


def test_seeds_needed_without_spread_is_two():
    assert statistics.seeds_needed(0.0) == 2


@pytest.mark.parametrize(
    ("differences", "claim", "expected"),
    [
        ([0.010, 0.011, 0.012], "higher", "replicated"),
        ([0.010, 0.011, 0.012], "lower", "contradicted"),
        ([-0.010, -0.011, -0.012], "lower", "replicated"),
        ([0.0001, -0.0001, 0.0], "higher", "equivalent"),
        ([0.01, -0.01, 0.005], "higher", "inconclusive"),
    ],
)
def test_verdicts(differences, claim, expected):
    gain = statistics.difference_of(differences)
    assert statistics.verdict(gain, margin=0.001, claim=claim) == expected
