"""Statistics against scipy and statsmodels, textbook values and simulation."""

import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

from mtnas.evidence import statistics
from mtnas.evidence.resampling import FIXED, INDEPENDENT, Resampling, at_share
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


def test_two_values_have_a_spread_and_one_has_none():
    assert statistics.summarize([0.0, 2.0]) == statistics.Summary(1.0, pytest.approx(2**0.5), 2)
    assert statistics.summarize([0.7]) == statistics.Summary(0.7, None, 1)


@pytest.mark.parametrize("bad", [[], [1.0, np.nan], [[1.0]]])
def test_summarize_refuses_what_is_not_a_list_of_numbers(bad):
    with pytest.raises(RecordError):
        statistics.summarize(bad)


def test_paired_difference_agrees_with_scipy(pair):
    ours = statistics.paired_difference(*pair, INDEPENDENT)
    theirs = stats.ttest_rel(*pair)
    narrow, interval = theirs.confidence_interval(0.8), theirs.confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))
    assert statistics.paired_difference(*pair, INDEPENDENT, level=0.8).low == pytest.approx(
        narrow.low
    )
    assert ours.p_value == pytest.approx(theirs.pvalue)
    assert ours.excludes_zero == (theirs.pvalue < 0.05)


def test_pairs_are_matched_by_seed_not_by_position(pair):
    a, b = pair
    shuffled = b.sample(frac=1, random_state=1)
    assert statistics.paired_difference(a, shuffled, INDEPENDENT) == (
        statistics.paired_difference(a, b, INDEPENDENT)
    )


@pytest.mark.parametrize("seeds", [[0, 1, 3], [0, 1, 1], [0, 1]])
def test_mismatched_seeds_are_refused(seeds):
    with pytest.raises(RecordError, match="seeds"):
        statistics.paired_difference(
            by_seed([1, 2, 3]), by_seed([1.0] * len(seeds), seeds), INDEPENDENT
        )


def test_one_pair_gives_a_mean_without_interval():
    only = statistics.paired_difference(by_seed([0.8]), by_seed([0.7]), INDEPENDENT)
    assert only.mean == pytest.approx(0.1)
    assert (only.low, only.high, only.p_value, only.n) == (None, None, None, 1)
    assert not only.excludes_zero
    assert statistics.verdict(only, 0.001) == "inconclusive"


def test_differences_without_spread_are_certain():
    gain = statistics.difference_of([0.5, 0.5], INDEPENDENT)
    assert (gain.low, gain.high, gain.p_value) == (0.5, 0.5, 0.0)
    assert statistics.difference_of([0.0, 0.0], INDEPENDENT).p_value == 1.0
    assert (
        statistics.verdict(statistics.difference_of([0.0, 0.0], INDEPENDENT), 0.001) == "equivalent"
    )


def test_the_interval_covers_the_truth_as_often_as_it_says(rng):
    intervals = [
        statistics.difference_of(rng.normal(0.3, 1.0, 5), INDEPENDENT) for _ in range(1000)
    ]
    covered = np.mean([i.low <= 0.3 <= i.high for i in intervals])
    assert 0.93 < covered < 0.97


def test_the_far_tail_of_a_power_counts_nothing():
    assert statistics.paired_power(8, 5.0, INDEPENDENT) == 1.0  # statsmodels and scipy: NaN


@pytest.mark.parametrize(
    "p_values", [[0.01, 0.04, 0.03, 0.005], [0.9, 0.8], [0.02] * 3, [0.3], [0, 1]]
)
def test_holm_is_that_of_statsmodels(p_values):
    _, expected, _, _ = multipletests(p_values, method="holm")
    assert statistics.holm(p_values) == pytest.approx(expected, rel=1e-12)


def test_holm_of_nothing():
    assert len(statistics.holm([])) == 0


def test_holm_keeps_the_family_error_rate(rng):
    families = rng.random((1000, 6))
    wrong = np.mean([(statistics.holm(p) < 0.05).any() for p in families])
    assert wrong < 0.07


@pytest.mark.parametrize("margin", [0.0005, 0.002, 0.004, 0.01])
@pytest.mark.parametrize("order", [1, -1])
def test_equivalence_is_the_tost_of_statsmodels(pair, order, margin):
    a, b = pair[::order]
    expected, _, _ = DescrStatsW(a - b).ttost_mean(-margin, margin)
    gain = statistics.paired_difference(a, b, INDEPENDENT)
    assert statistics.equivalence_p_value(gain, margin) == pytest.approx(expected, rel=1e-12)


def test_equivalence_without_spread_is_certain():
    same = statistics.difference_of([0.001, 0.001], INDEPENDENT)
    assert statistics.equivalence_p_value(same, 0.002) == 0.0
    assert statistics.equivalence_p_value(same, 0.001) == 1.0


def test_equivalence_needs_a_margin(pair):
    with pytest.raises(ValueError, match="margin"):
        statistics.equivalence_p_value(statistics.paired_difference(*pair, INDEPENDENT), 0.0)


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize(("n", "effect"), [(2, 1.0), (2, 5.0), (8, 0.2), (8, -1.0), (100, 0.3)])
def test_power_is_that_of_statsmodels(n, effect, level):
    expected = TTestPower().power(effect, n, 1 - level)
    assert statistics.paired_power(n, effect, INDEPENDENT, level) == pytest.approx(
        expected, rel=1e-9
    )


@pytest.mark.parametrize(("effect", "seeds"), [(0.8, 15), (0.5, 34), (0.2, 199)])
def test_seeds_needed_agrees_with_published_sample_sizes(effect, seeds):
    assert statistics.seeds_needed(1.0, INDEPENDENT, effect) == seeds


@pytest.mark.parametrize(("sd", "power", "level"), [(0.002, 0.8, 0.95), (0.01, 0.9, 0.9)])
def test_seeds_needed_are_the_fewest_of_statsmodels(sd, power, level):
    fewest = TTestPower().solve_power(0.001 / sd, power=power, alpha=1 - level)
    assert statistics.seeds_needed(sd, INDEPENDENT, power=power, level=level) == np.ceil(fewest)


@pytest.mark.parametrize(
    ("sd", "effect", "power"), [(-1.0, 0.1, 0.8), (1.0, 0.0, 0.8), (1.0, 0.1, 0.0), (1.0, 0.1, 1.0)]
)
def test_seeds_needed_refuses_what_has_no_answer(sd, effect, power):
    with pytest.raises(ValueError, match="seeds_needed"):
        statistics.seeds_needed(sd, INDEPENDENT, effect, power)


def test_very_many_seeds_are_told_at_once_and_agree_with_the_formula_of_the_z_test():
    begun = time.process_time()
    for ratio in (1_500, 10_000, 1e7):
        expected = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2 * ratio**2
        assert statistics.seeds_needed(ratio, INDEPENDENT, 1.0) == pytest.approx(expected, rel=1e-5)
    assert time.process_time() - begun < 1
    small = statistics.paired_power(statistics.NORMAL_FROM - 1, 0.0009, INDEPENDENT)
    assert statistics.paired_power(statistics.NORMAL_FROM, 0.0009, INDEPENDENT) == pytest.approx(
        small, abs=1e-6
    )


def test_seeds_needed_are_two_at_least():
    assert statistics.seeds_needed(0.0, FIXED) == statistics.seeds_needed(1e-9, FIXED) == 2


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
    gain = statistics.difference_of(differences, INDEPENDENT)
    assert statistics.verdict(gain, margin=0.001, claim=claim) == expected


def test_a_ratio_of_means_covers_the_true_one_and_is_none_where_the_divisor_may_be_zero():
    rng, inside, found = np.random.default_rng(4), 0, 0
    for _ in range(400):
        z = rng.normal(size=(6, 2))
        ratio = statistics.ratio_of(1.5 + 0.6 * z[:, 0] + 0.8 * z[:, 1], 3 + z[:, 0], INDEPENDENT)
        found += ratio is not None
        inside += ratio is not None and ratio.low <= 0.5 <= ratio.high
    assert found > 390
    assert 0.92 < inside / found < 0.98
    assert statistics.ratio_of([1.0, 2.0, 3.0], [-1.0, 0.0, 1.1], INDEPENDENT) is None


def test_a_ratio_to_a_constant_is_a_scaled_t_interval():
    values = [0.1, 0.4, 0.3, 0.35]
    for rows in (INDEPENDENT, at_share(0.2)):
        ratio = statistics.ratio_of(values, [2.0] * 4, rows)
        mean = statistics.difference_of(values, rows)
        assert (ratio.mean, ratio.low, ratio.high) == pytest.approx(
            (mean.mean / 2, mean.low / 2, mean.high / 2)
        )


@pytest.mark.parametrize("shift", [0.2, 0.6, 0.8, 1.0, 2.0])
def test_a_corrected_interval_agrees_with_its_p_value(shift):
    rng = np.random.default_rng(3)
    found = [
        statistics.difference_of(rng.normal(shift * scale, 1, 10), INDEPENDENT)
        for scale in (1, 1.5, 0.2, 0, 2)
    ]
    adjusted = statistics.holm([difference.p_value for difference in found])
    for difference, p_value in zip(found, adjusted, strict=True):
        low, high = statistics.corrected_interval(difference, p_value)
        assert (not low <= 0 <= high) == (p_value < 0.05)
        assert low <= difference.low and difference.high <= high


def test_one_pair_has_no_corrected_interval():
    assert statistics.corrected_interval(statistics.difference_of([0.3], INDEPENDENT), 1.0) is None


def test_without_any_spread_a_corrected_interval_is_a_point():
    assert statistics.corrected_interval(
        statistics.difference_of([0.3, 0.3, 0.3], INDEPENDENT), 0.0
    ) == (
        0.3,
        0.3,
    )


def spread_out(values, share):
    """Return values whose plain t interval is the corrected one of those given."""
    mean = np.mean(values)
    return mean + (np.asarray(values) - mean) * np.sqrt(1 + len(values) * share)


@pytest.mark.parametrize("share", [0.1, 0.2143, 0.5])
@pytest.mark.parametrize("n", [2, 5, 20])
def test_where_splits_overlap_all_is_that_of_values_that_are_spread_out(n, share, rng):
    values, rows = rng.normal(0.4, 1.0, n), at_share(share)
    found, wide = statistics.difference_of(values, rows), spread_out(values, share)
    oracle = stats.ttest_1samp(wide, 0)
    interval = oracle.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-12)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-12)
    tost, _, _ = DescrStatsW(wide).ttost_mean(-1.5, 1.5)
    assert statistics.equivalence_p_value(found, 1.5) == pytest.approx(tost, rel=1e-12)
    narrow = oracle.confidence_interval(0.8)
    assert statistics.t_interval(found, 0.2) == pytest.approx((narrow.low, narrow.high))
    assert found.sd == pytest.approx(np.std(values, ddof=1))  # what is told of seeds stays theirs


@pytest.mark.parametrize(("n", "effect", "share"), [(5, 1.0, 0.2), (10, 2.0, 0.1), (40, 0.5, 0.3)])
def test_power_where_splits_overlap_is_that_of_a_smaller_effect(n, effect, share):
    smaller = effect / np.sqrt(1 + n * share)
    expected = TTestPower().power(smaller, n, 0.05)
    assert statistics.paired_power(n, effect, at_share(share)) == pytest.approx(expected, rel=1e-9)


def test_no_number_of_overlapping_splits_shows_what_is_below_the_floor_of_the_error():
    floor = np.sqrt(0.2) * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8))  # of effect / sd
    assert statistics.seeds_needed(1.0, at_share(0.2), floor * 0.999) is None
    many = statistics.seeds_needed(1.0, at_share(0.2), floor * 1.001)
    assert many > 1000
    for effect in (1.5, 2.0, 4.0):
        seeds, plain = (statistics.seeds_needed(1.0, of, effect) for of in (at_share(0.2), FIXED))
        assert plain < seeds < many
        assert statistics.paired_power(seeds, effect, at_share(0.2)) >= 0.8
        assert statistics.paired_power(seeds - 1, effect, at_share(0.2)) < 0.8


def test_disjoint_splits_are_told_apart_until_they_are_repeated():
    folds, share = at_share(0.2, 5), 0.2
    assert [folds.variance(n) for n in (2, 5)] == [1 / 2, 1 / 5]
    assert folds.variance(5) < folds.variance(6) < at_share(share).variance(6)
    # Of 10 seeds 25 of 45 pairs are of two repetitions, which have a correlation of 1/6.
    correlation = 25 / 45 / 6
    assert folds.variance(10) == pytest.approx(1 / 10 + correlation / (1 - correlation))
    assert folds.variance(10**7) == pytest.approx(share, rel=1e-3)
    assert statistics.seeds_needed(1.0, folds, 2.0) == statistics.seeds_needed(1.0, FIXED, 2.0)
    assert statistics.seeds_needed(1.0, folds, 1.0) is None
    for wrong in ({"kind": "fixed", "test_share": 0.1}, {"kind": "disjoint", "test_share": 0.1}):
        with pytest.raises(ValueError, match="resampling"):
            Resampling(**wrong)


def drawn(kind, rng, draws=500, rows=200, seeds=10):
    """Yield, by table drawn, what a mean gains over predicting 0 in each of its splits, 70:15:15.

    The loss is the squared error of labels from N(.3, 1), so the truth is 1 / training rows - .09.
    """
    test, train = rows * 15 // 100, rows * 70 // 100
    for _ in range(draws):
        gains, table = [], rng.normal(0.3, 1.0, rows)
        fold = rng.permutation(rows)
        for _ in range(seeds):
            if kind == "independent":
                table = rng.normal(0.3, 1.0, rows)
            order = rng.permutation(rows)
            if kind == "disjoint":
                tried, fold = fold[:test], fold[test:]
                order = np.concatenate([tried, order[~np.isin(order, tried)]])
            tested, mean = table[order[:test]], table[order[test : test + train]].mean()
            gains.append(((tested - mean) ** 2 - tested**2).mean())
        yield gains, 1 / train - 0.09


@pytest.mark.parametrize(
    ("kind", "resampling", "least", "most"),
    [
        ("independent", INDEPENDENT, 0.93, 0.97),
        ("overlapping", at_share(15 / 70), 0.93, 1.0),
        ("overlapping", INDEPENDENT, 0.6, 0.85),  # the plain t, which misses much too often
        ("disjoint", at_share(15 / 70, 6), 0.88, 0.97),  # nearly as often as it says
    ],
)
def test_intervals_cover_what_a_learner_truly_gains_on_new_rows(kind, resampling, least, most, rng):
    inside = []
    for gains, truth in drawn(kind, rng, seeds=6 if kind == "disjoint" else 10):
        found = statistics.difference_of(gains, resampling)
        inside.append(found.low <= truth <= found.high)
    assert least <= np.mean(inside) <= most
