"""What a diagnosis says of embedding tables of each task."""

import pytest

from mtnas.evidence.diagnosis.decide import decide
from mtnas.evidence.diagnosis.diagnosis import gain_of_tables
from mtnas.evidence.diagnosis.sentences import sentences
from mtnas.evidence.diagnosis.truth import Interval
from mtnas.evidence.resampling import INDEPENDENT
from mtnas.evidence.statistics import difference_of
from tests.evidence.test_diagnosis import NAMES, truth_of


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (0.01, "give each task embedding tables of its own"),
        (-0.01, "let the tasks share their embedding tables, since own ones change it by -0.01"),
        (0.0, "can show: "),
        (None, "was not measured"),
    ],
)
def test_what_is_said_of_tables(gain, words):
    truth = truth_of(lambda task, others: 0.0)
    jitter = [-1e-3, 1e-3, 0, 1e-4, -1e-4]
    tables = (
        None
        if gain is None
        else Interval.of(difference_of([gain + j for j in jitter], INDEPENDENT))
    )
    assert words in sentences(truth, decide(truth), tables)[0]


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (0.01, "one model in which each task has embedding tables of its own is better still, by"),
        (-0.01, "tables of its own is not as good, it changes it by -0.01"),
        (0.0, "tables of its own is as good, as far as 5 seeds can show: "),
    ],
)
def test_tasks_that_are_kept_apart_may_share_all_but_their_tables(gain, words):
    truth = truth_of(lambda task, others: -0.1 * len(others))
    tables = Interval.of(difference_of([gain + j for j in (-1e-3, 1e-3, 0, 0, 0)], INDEPENDENT))
    told = sentences(truth, decide(truth), tables)[0]
    assert told.startswith("Keep the tasks apart") and words in told


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_own_tables_are_judged_in_the_groups_or_in_one_model_for_all(kind):
    kinds = dict.fromkeys(NAMES[:3], kind)
    shared = truth_of(lambda task, others: -0.1 * len(others), kinds=kinds)
    own = truth_of(lambda task, others: -0.02 * len(others), kinds=kinds).scores
    (pair, single), apart = (("a", "b"), ("c",)), shared.apart
    assert gain_of_tables(shared, None, apart) is None
    assert gain_of_tables(shared, own, apart).mean == pytest.approx(-0.04, abs=2e-3)
    assert gain_of_tables(shared, own, (pair, single)).mean == pytest.approx(0.16 / 3, abs=2e-3)


def test_nothing_is_said_of_tables_where_there_are_none_or_no_two_tasks_share():
    truth = truth_of(lambda task, others: 0.0)
    truth.scores.record.parameters.__dict__["embedding"] = 0
    apart = truth_of(lambda task, others: -0.1 * len(others))
    for own in (truth, apart):
        assert "tables" not in sentences(own, decide(own), None)[0]
