"""What a wider shared part does to sharing: the capacity curve and what is said of it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy

from mtnas.evidence.diagnosis.measures import CAPACITY_COLUMNS
from mtnas.evidence.diagnosis.text import NO_CURVE, widths_said
from mtnas.evidence.diagnosis.widths import capacity_of, widening_of, widening_told
from mtnas.evidence.resampling import INDEPENDENT, at_share
from mtnas.tasks.metrics import OF_KIND

WIDTHS = (4, 16, 64)
KINDS = {"a": "binary", "b": "binary"}


def measures(score, kinds=KINDS, widths=WIDTHS, seeds=5, resampling=INDEPENDENT):
    """Return measures whose scores, more is better, are `score(width, side, task, seed)`."""
    lines = [
        (width, side, task, seed, metric, score(width, side, task, seed) * sign)
        for width in widths
        for side in ("single", "all")
        for task, kind in kinds.items()
        for seed in range(seeds)
        for metric, sign in ((OF_KIND[kind][0], 1), (OF_KIND[kind][-1], -1))
    ]
    record = SimpleNamespace(tasks=kinds, resampling=resampling)
    frame = pd.DataFrame(lines, columns=list(CAPACITY_COLUMNS))
    return SimpleNamespace(capacity=frame, record=record)


def diagnosed(measured, *, old=False, metric="auc"):
    """Return what a diagnosis keeps of a curve; an old one has no seeds of it."""
    return SimpleNamespace(
        capacity=capacity_of(measured),
        widening=None if old else widening_of(measured),
        seeds=tuple(range(measured.capacity["seed"].nunique())),
        tasks=measured.record.tasks,
        metric=metric,
    )


def drawn(seed):
    """Return random scores that differ more by task and seed than by width."""
    rng, kept = np.random.default_rng(seed), {}

    def score(width, side, task, seed):
        shift = kept.setdefault((task, seed), rng.normal())
        return shift + kept.setdefault((width, side, task, seed), 0.1 * rng.normal())

    return score


@pytest.mark.parametrize("resampling", [INDEPENDENT, at_share(0.25)])
@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_the_change_is_that_of_the_mean_gain_paired_by_seed(resampling, kind):
    score = drawn(1)
    found = widening_of(measures(score, dict.fromkeys("ab", kind), resampling=resampling))
    gain = {
        width: np.array(
            [
                np.mean([score(width, "all", t, s) - score(width, "single", t, s) for t in "ab"])
                for s in range(5)
            ]
        )
        for width in WIDTHS
    }
    change = gain[64] - gain[4]
    half = scipy.stats.t.ppf(0.975, 4) * change.std(ddof=1) * np.sqrt(resampling.variance(5))
    assert (found.narrow, found.wide, found.paired) == (4, 64, True)
    assert found.change.mean == pytest.approx(change.mean())
    assert found.change.low == pytest.approx(change.mean() - half)
    assert found.change.high == pytest.approx(change.mean() + half)


@pytest.mark.parametrize("seed", range(20))
def test_without_seeds_the_interval_is_no_narrower_than_the_paired_one(seed):
    measured = measures(drawn(seed))
    paired, told = widening_of(measured), widening_told(diagnosed(measured, old=True))
    assert not told.paired
    assert told.change.mean == pytest.approx(paired.change.mean)
    assert told.change.low <= paired.change.low + 1e-12
    assert told.change.high >= paired.change.high - 1e-12
    assert (told.together, told.alone, told.blind) == (paired.together, paired.alone, paired.blind)


def test_the_interval_without_seeds_is_reached_where_all_moves_together():
    luck = [-2, -1, 0, 1, 2]  # one factor moves all gains, at one width up and at the other down
    measured = measures(
        lambda w, side, task, s: (side == "all") * luck[s] * {4: -1, 64: 1}[w], widths=(4, 64)
    )
    told, paired = widening_told(diagnosed(measured, old=True)), widening_of(measured)
    assert told.change.high == pytest.approx(paired.change.high)


def test_best_widths_are_compared_with_those_that_are_chosen_blindly():
    best = {"a": 4, "b": 16}

    def score(width, side, task, seed):
        return float(width == (64 if side == "all" else best[task]))

    found = widening_of(measures(score))
    assert (found.together, found.alone) == (64, best)
    assert (found.excess.mean, found.blind) == (64 - 20, -28)
    even = widening_of(measures(lambda *_: 0.5))
    assert (even.together, even.alone) == (4, {"a": 4, "b": 4})  # the simplest of equals


def test_each_seed_chooses_its_own_best_widths():
    found = widening_of(measures(lambda w, side, t, s: float((w == 64) == (s < 2))))
    # Two seeds: 64 - 2 * 64; three: 4 - 2 * 4.
    assert found.excess.mean == pytest.approx((2 * -64 + 3 * -4) / 5)


def test_tasks_of_several_kinds_are_judged_by_their_losses():
    kinds = {"a": "binary", "b": "regression"}
    measured = measures(lambda w, side, t, s: (side == "all") * w / 64 + 0.01 * s, kinds)
    measured.capacity.loc[measured.capacity["metric"] == "auc", "value"] = np.nan
    assert widening_of(measured).change.mean == pytest.approx(1 - 4 / 64)
    old = diagnosed(measures(drawn(0), kinds), old=True)
    assert widening_told(old) is None
    assert "cannot be said" in widths_said(old)


def test_no_curve_and_one_width_are_said():
    assert widths_said(diagnosed(measures(drawn(0), widths=()))) == NO_CURVE
    one = diagnosed(measures(drawn(0), widths=(16,)))
    assert one.widening is None
    assert "it takes two widths" in widths_said(one)


@pytest.mark.parametrize(
    ("slope", "said"),
    [
        (1, "Sharing costs less, or gains more, at width 64 than at 4: by +0.9375"),
        (-1, "Sharing costs more, or gains less, at width 64 than at 4: by -0.9375"),
        (0, "does not change by a difference that 5 seeds can show"),
    ],
)
def test_a_plain_sentence_says_what_width_does(slope, said):
    luck = drawn(3)

    def score(width, side, task, seed):
        return 1e-4 * luck(0, side, task, seed) + slope * (side == "all") * width / 64

    told = widths_said(diagnosed(measures(score)))
    assert said in told
    assert "of test AUC" in told
    assert "at its widest" not in told
    assert "at its widest" in widths_said(diagnosed(measures(score), old=True))


def test_one_seed_has_no_interval():
    told = diagnosed(measures(drawn(0), seeds=1))
    for found in (
        widening_told(told),
        widening_told(diagnosed(measures(drawn(0), seeds=1), old=True)),
    ):
        assert (found.change.low, found.change.high) == (None, None)
    assert "one seed, so without interval" in widths_said(told)


def test_models_that_predict_one_value_are_counted_beside_the_curve():
    luck = drawn(4)

    def score(width, side, task, seed):
        dead = (width, side, task) == (4, "single", "a") and seed in (1, 3)
        return 0.5 if dead else 0.7 + 1e-3 * luck(width, side, task, seed)

    found = diagnosed(measures(score))
    assert {(p.width, p.task): p.constant for p in found.capacity if p.constant} == {(4, "a"): 2}
    told = "2 of 10 of a at width 4 predict one value for all rows (an AUC of exactly 0.5)"
    assert told in widths_said(found)
    assert "predict one value" not in widths_said(diagnosed(measures(luck)))
    other = diagnosed(measures(score, kinds={"a": "regression", "b": "regression"}))
    assert {p.constant for p in other.capacity} == {None}  # its metrics do not tell
