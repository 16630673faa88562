"""From measured gains to a recommendation: groupings, rank correlations, surrogates, sentences."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import scipy

from mtnas.evidence.diagnosis.decide import decide
from mtnas.evidence.diagnosis.grouping import best_partition, held_out
from mtnas.evidence.diagnosis.predict import predictions, spearman
from mtnas.evidence.diagnosis.report import GroupingReport
from mtnas.evidence.diagnosis.sentences import sentences
from mtnas.evidence.diagnosis.surrogate import surrogates
from mtnas.evidence.diagnosis.truth import Truth
from mtnas.evidence.resampling import FIXED, INDEPENDENT, at_share
from mtnas.tasks.metrics import MTL_LOSS
from tests.helpers.subsets import make_scores

NAMES = ("a", "b", "c", "d")


def every_subset(names):
    return tuple(s for size in range(1, len(names) + 1) for s in combinations(names, size))


def partitions(names):
    if not names:
        yield ()
        return
    first, *rest = names
    for size in range(len(names)):
        for others in combinations(rest, size):
            left = [name for name in rest if name not in others]
            for partition in partitions(left):
                yield ((first, *others), *partition)


def truth_of(gain, names=NAMES[:3], seeds=5, noise=1e-3, kinds=None, subsets=None, luck=()):
    """Return the truth where a task gains `gain(task, others)` in a subset, with noise by seed."""
    rng = np.random.default_rng(0)
    drawn = {}

    def value(subset, seed, split, task, metric):
        if task == "all":
            return 1.0
        key = (subset, seed, task)
        if key not in drawn:
            drawn[key] = noise * rng.normal()
        base = 0.7 if metric != "log_loss" else -0.5
        others = [other for other in subset if other != task]
        base += luck[seed] * (len(others) == 2) if luck else 0.0
        better = base + gain(task, others) + drawn[key] * (len(subset) > 1)
        return -better if metric in ("log_loss", MTL_LOSS, "mse") else better

    return Truth(
        make_scores(
            value,
            kinds=kinds or dict.fromkeys(names, "binary"),
            subsets=subsets or every_subset(names),
            seeds=tuple(range(seeds)),
        )
    )


def test_the_best_partition_is_that_of_all_partitions():
    rng = np.random.default_rng(1)
    for _ in range(20):
        value = {subset: rng.normal() for subset in every_subset(NAMES)}
        best = max(partitions(NAMES), key=lambda own: sum(value[subset] for subset in own))
        assert best_partition(NAMES, value) == best


def test_of_equally_good_partitions_it_is_the_one_with_fewer_groups():
    value = dict.fromkeys(every_subset(NAMES), 0.0)
    assert best_partition(NAMES, value) == (NAMES,)


CASES = {
    "nothing": (lambda task, others: 0.0, (("a", "b", "c"),), "no_difference"),
    "all gain": (lambda task, others: 0.01 * len(others), (("a", "b", "c"),), "together_gains"),
    "all lose": (lambda task, others: -0.01 * len(others), (("a",), ("b",), ("c",)), "apart"),
    "a pair": (
        lambda task, others: 0.02 if {task, *others} == {"a", "b"} else -0.01 * bool(others),
        (("a", "b"), ("c",)),
        "groups",
    ),
    "one is harmed": (
        lambda task, others: (
            -0.02 * (len(others) == 2) if task == "c" else 0.01 * (len(others) == 2)
        ),
        (("a", "b"), ("c",)),
        "harmed",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_recommended(case):
    gain, grouping, reason = CASES[case]
    truth = truth_of(gain)
    found = decide(truth)
    assert (found.recommended, found.reason) == (grouping, reason)
    said = sentences(truth, found, None)
    assert len(said) == 3
    assert all(sentence.endswith(".") for sentence in said)
    assert ("no difference that 5 seeds can show" in said[1]) == (found.expected.sign == 0)


@pytest.mark.parametrize(
    ("resampling", "words"),
    [
        (INDEPENDENT, "20 seeds would halve the interval"),
        (FIXED, "all have one split"),
        (at_share(0.1), "hardly narrow the interval, since their splits overlap"),
        (at_share(0.1, folds=5), "hardly narrow the interval, since 5 of them test every row once"),
        (at_share(0.1, folds=10), "10 seeds, which test every row once, would narrow it"),
    ],
)
def test_what_more_seeds_would_tell_depends_on_the_splits(resampling, words, monkeypatch):
    monkeypatch.setattr(Truth, "resampling", resampling)
    truth = truth_of(lambda task, others: 0.05 * len(others))
    assert words in sentences(truth, decide(truth), None)[2]


def test_a_group_that_gains_is_taken_where_one_model_for_all_may_not():
    def gain(task, others):
        if len(others) == 2:
            return -0.02
        return 0.02 if {task, *others} == {"a", "b"} else -0.01 * bool(others)

    found = decide(truth_of(gain, luck=(0.1, -0.1, 0.1, -0.1, 0.0)))
    assert (found.over_together.sign, found.together_over_apart.sign) == (0, 0)
    assert (found.recommended, found.reason) == ((("a", "b"), ("c",)), "groups_gain")
    assert found.instead_of == "apart"


CHANCE = {
    "alone and in company": (lambda others: 0.5, 0.02, True),
    "below it": (lambda others: 0.47, 0.001, True),
    "more alone": (lambda others: 0.5 if others else 0.53, 0.005, False),
    "more in company": (lambda others: 0.53 if others else 0.5, 0.005, False),
    "little more": (lambda others: 0.51, 0.005, False),
}


def with_noise(auc, spread, names=NAMES[:3], gain=0.01, seeds=5):
    """Return the truth where the last task has such an AUC, and the others gain together."""
    rng = np.random.default_rng(3)

    def value(subset, seed, split, task, metric):
        if metric in ("log_loss", MTL_LOSS):
            return 1.0
        others = [other for other in subset if other != task]
        if task == names[-1]:
            return auc(others) + spread * rng.normal()
        return 0.7 + gain * (len(others) > 0) + 1e-4 * rng.normal()

    kinds = dict.fromkeys(names, "binary")
    return Truth(make_scores(value, kinds, every_subset(names), tuple(range(seeds))))


@pytest.mark.parametrize("case", CHANCE)
def test_a_task_that_no_model_tells_from_chance_does_not_count(case):
    auc, spread, unlearned = CHANCE[case]
    truth = with_noise(auc, spread)
    assert truth.unlearned == ("c",) * unlearned
    assert truth.learned.tasks == (("a", "b") if unlearned else truth.tasks)
    decision = decide(truth.learned)
    report = GroupingReport.of(decision, truth)
    assert report.unlearned == list(truth.unlearned)
    assert sorted(sum(report.recommended, [])) == sorted(truth.tasks)
    said = sentences(truth, decision, None)
    assert ("leave out c" in said[0]) == unlearned
    if unlearned:
        assert (report.recommended, decision.reason) == ([["a", "b"], ["c"]], "together_gains")
        assert "mean over the 2 tasks" in said[1]


def test_with_one_other_task_or_one_seed_none_is_left_out():
    two = with_noise(lambda others: 0.5, 0.02, NAMES[:2])
    assert (two.unlearned, two.learned.tasks) == (("b",), ("a", "b"))
    said = sentences(two, decide(two), None)[0]
    assert said.endswith("no model tells b better than chance, alone or with other tasks.")
    assert with_noise(lambda others: 0.5, 0.02, seeds=1).unlearned == ()


def test_one_seed_recommends_the_simplest_and_says_why_not_more():
    truth = truth_of(lambda task, others: -0.1 * len(others), seeds=1)
    found = decide(truth)
    assert (found.recommended, found.expected.sign, found.held_out) == ((truth.tasks,), 0, None)
    said = sentences(truth, found, None)
    assert "one seed, so without interval" in said[1]
    assert "five or more" in said[2]


def test_tasks_of_several_kinds_are_judged_by_their_losses_and_positive_is_better():
    kinds = {"a": "binary", "b": "regression"}
    truth = truth_of(
        lambda task, others: 0.05 * len(others), names=("a", "b"), kinds=kinds, noise=0.0
    )
    assert (truth.name, truth.unit) == ("log_loss and mse", "loss")
    assert truth.metric_of_task == {"a": "log_loss", "b": "mse"}
    assert truth.total(truth.together).tolist() == pytest.approx([0.05] * 5)
    assert truth.total(truth.apart).tolist() == [0.0] * 5
    binary = truth_of(lambda task, others: 0.05 * len(others), names=("a", "b"), noise=0.0)
    assert (binary.name, binary.unit) == ("auc", "AUC")
    assert binary.total(binary.together).tolist() == pytest.approx([0.05] * 5)


def test_held_out_gains_are_not_those_of_luck():
    rng = np.random.default_rng(5)
    wins = []
    for _ in range(30):
        luck = {}

        def gain(task, others, luck=luck):
            return 0.05 * rng.normal() if others else 0.0

        truth = truth_of(gain, noise=0.0, seeds=3)
        wins.append(held_out(truth, truth.apart).mean)
    assert abs(np.mean(wins)) < 4 * np.std(wins) / np.sqrt(len(wins))


def test_spearman_is_that_of_scipy_and_none_where_there_is_nothing_to_rank():
    rng = np.random.default_rng(2)
    x, y = rng.integers(4, size=30).astype(float), rng.normal(size=30)
    assert spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    assert spearman(np.ones(30), y) is None
    assert spearman(x[:3], y[:3]) is None


def frames(values, gains):
    """Return a measure of all ordered pairs of five tasks, and their gains."""
    pairs = [(a, b) for a in "abcde" for b in "abcde" if a != b]
    measures = pd.DataFrame(
        [("phi", a, b, "", values(a, b)) for a, b in pairs],
        columns=["measure", "first", "second", "layer", "value"],
    )
    found = [("one", a, b, gains(a, b)) for a, b in pairs]
    return measures, pd.DataFrame(found, columns=["dataset", "first", "second", "gain"])


def test_a_measure_that_is_the_gain_tells_it_and_noise_does_not():
    rng = np.random.default_rng(4)
    known = {(a, b): rng.normal() for a in "abcde" for b in "abcde"}
    measures, gains = frames(lambda a, b: known[a, b], lambda a, b: 2 * known[a, b])
    (found,) = predictions([measures], [gains])
    assert (found.rho, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))
    assert found.pairs == 20
    measures, gains = frames(lambda a, b: rng.normal(), lambda a, b: known[a, b])
    (noise,) = predictions([measures], [gains])
    assert noise.low < 0 < noise.high
    assert not noise.told
    (both,) = predictions([measures] * 2, [gains, gains.assign(dataset="two")])
    assert (both.pairs, both.datasets) == (40, ("one", "two"))
    assert both.rho == pytest.approx(noise.rho)
    assert both.high - both.low < noise.high - noise.low


def test_what_is_not_defined_is_left_out_and_two_tasks_are_too_few():
    measures, gains = frames(lambda a, b: None if a == "a" else 1.0 * ord(a), lambda a, b: ord(b))
    (found,) = predictions([measures], [gains])
    assert found.pairs == 16
    two = (measures["first"].isin(["b", "c"])) & (measures["second"].isin(["b", "c"]))
    (few,) = predictions([measures[two]], [gains])
    assert (few.rho, few.low, few.pairs) == (None, None, 2)


def test_a_surrogate_finds_what_adds_up_and_tells_groups_it_has_not_seen():
    brings = {(t, o): 0.01 * (ord(t) - ord(o)) for t in NAMES for o in NAMES}
    truth = truth_of(
        lambda task, others: sum(brings[task, o] for o in others), names=NAMES, noise=0.0
    )
    for found in surrogates(truth):
        assert found.brings == pytest.approx(
            {o: brings[found.task, o] for o in NAMES if o != found.task}, abs=1e-6
        )
        assert found.r2 == pytest.approx(1, abs=1e-6)
        told = sum(found.brings[other] for other in NAMES if other != found.task)
        assert told == pytest.approx(float(truth.gain(NAMES, found.task).mean()))


def test_two_tasks_have_no_surrogate():
    assert surrogates(truth_of(lambda task, others: 0.1, names=("a", "b"))) == []
