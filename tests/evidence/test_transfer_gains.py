"""Gains over the task alone: which sign, paired by which seed, of which metric."""

import numpy as np
import pytest

from mtnas.evidence.resampling import INDEPENDENT, at_share
from mtnas.evidence.statistics import difference_of
from mtnas.evidence.transfer_gains import GAIN_COLUMNS, INTERVAL_COLUMNS, gains, intervals
from mtnas.runtime.errors import RecordError
from tests.helpers.subsets import make_scores

HIGHER = ("auc", "accuracy", "macro_f1", "r2")


def value(subset, seed, part, task, metric):
    """Every metric is better in company, by 0.01 for each other task, more so on validation."""
    better = 0.01 * (len(subset) - 1) * (1 + (part == "valid")) * (1 + seed / 10)
    level = 0.6 + 0.05 * seed + 0.2 * len(task)
    return level + (better if metric in HIGHER else -better)


SCORES = make_scores(value)


def of(frame, subset, task):
    own = frame[(frame["subset"] == subset) & (frame["task"] == task)]
    return own.set_index("seed")["gain"]


@pytest.mark.parametrize(
    ("metric", "names"),
    [
        ("principal", {"click": "auc", "mood": "log_loss", "minutes": "mse"}),
        ("loss", {"click": "log_loss", "mood": "log_loss", "minutes": "mse"}),
        ("accuracy", {"click": "accuracy", "mood": "accuracy"}),
        ("auc", {"click": "auc"}),
        ("rmse", {"minutes": "rmse"}),
        ("r2", {"minutes": "r2"}),
        ("calibration_error", {"click": "calibration_error", "mood": "calibration_error"}),
    ],
)
def test_what_is_better_in_company_is_a_positive_gain(metric, names):
    found = gains(SCORES, metric=metric)
    assert tuple(found.columns) == GAIN_COLUMNS
    assert dict(zip(found["task"], found["metric"], strict=True)) == names
    assert (found["gain"] > 0).all()
    for task in names:
        whole = of(found, "click+mood+minutes", task)
        assert whole.to_dict() == pytest.approx({0: 0.02, 1: 0.022, 2: 0.024})
    assert set(found["subset"]) == {"click+mood+minutes"} | (
        {"click+minutes"} if {"click", "minutes"} & names.keys() else set()
    )


def test_a_harm_is_a_negative_gain():
    worse = make_scores(lambda *key: 2 - value(*key))
    for metric in ("principal", "loss", "accuracy", "rmse"):
        assert (gains(worse, metric=metric)["gain"] < 0).all()


def test_gains_on_validation_are_those_of_validation():
    test, valid = gains(SCORES), gains(SCORES, split="valid")
    np.testing.assert_allclose(valid["gain"], 2 * test["gain"])


def test_intervals_are_those_of_paired_differences():
    found = gains(SCORES)
    told = intervals(found, at_share(0.2))
    assert tuple(told.columns) == INTERVAL_COLUMNS
    assert len(told) == 2 + 3
    for line in told.itertuples():
        expected = difference_of(of(found, line.subset, line.task), at_share(0.2))
        assert (line.mean, line.low, line.high) == (expected.mean, expected.low, expected.high)
        assert (line.p_value, line.seeds) == (expected.p_value, 3)
        assert line.low < line.mean < line.high


def test_one_seed_has_no_interval():
    told = intervals(gains(make_scores(value, seeds=(4,))), INDEPENDENT)
    assert told[["low", "high", "p_value"]].isna().to_numpy().all()
    assert told["mean"].notna().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "acuracy"}, r"gains: unknown metric 'acuracy' \(did you mean 'accuracy'\?\)"),
        ({"split": "tset"}, r"gains: unknown split 'tset' \(did you mean 'test'\?\)"),
    ],
)
def test_names_that_do_not_exist_are_refused(options, message):
    with pytest.raises(RecordError, match=message):
        gains(SCORES, **options)
