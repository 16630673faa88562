"""What was left out of prepared data: one sentence each, with its cause."""

import pytest

from mtnas.data.prepare.manifest import Count, Repeated
from mtnas.report.left_out import left_out, percent
from tests.helpers.tables import make_manifest


def repeated(rows, same_fields, same_labels):
    """Return what a manifest of 200 rows, 40 of them for test, says of equal ones."""
    counts = ((rows, 200), (same_fields, 40), (same_labels, 40))
    found = [Count(count=count, rate=count / of) for count, of in counts]
    return Repeated(**dict(zip(Repeated.model_fields, found, strict=True)))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"rows_dropped": {"a": 0}, "values_replaced": {"b": 0}, "unmatched": {"c": 0}}, []),
        (
            {
                "rows": 890,
                "rows_dropped": {"x.csv: not 3 columns": 10, "label `buy`: no number": 300},
            },
            [
                "Of 1,200 rows 310 (26 %) were left out: label `buy`: no number (300), "
                "x.csv: not 3 columns (10)."
            ],
        ),
        (
            {"rows": 890, "rows_read": 12_000, "rows_dropped": {"no label": 310}},
            ["Of 12,000 rows 310 (2.6 %) were left out: no label (310)."],
        ),
        (
            {"values_replaced": {"age: no count": 20, "when: no time": 1_000}},
            [
                "1,020 values could not be read and count as missing: when: no time (1,000), "
                "age: no count (20)."
            ],
        ),
        (
            {"values_replaced": {"age: no count": 1}},
            ["1 value could not be read and counts as missing: age: no count (1)."],
        ),
        (
            {"rows": 200, "unmatched": {"books": 150, "authors": 1, "shops": 0}},
            [
                "150 rows have no partner in books (75 %): what comes from there is missing.",
                "1 row has no partner in authors (0.5 %): what comes from there is missing.",
            ],
        ),
        (
            {"rows": 200, "repeated": repeated(100, 20, 15)},
            [
                "100 rows repeat another one in all fields and labels (50 %); of the test rows of "
                "the stored split 38 % have such a twin in training."
            ],
        ),
        ({"rows": 200, "repeated": repeated(0, 20, 0)}, []),
        ({"warnings": ("A sentence.",)}, ["A sentence."]),
    ],
)
def test_what_was_left_out_is_said_with_its_cause(facts, expected):
    assert left_out(make_manifest(**facts)) == expected


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0, "0 %"), (1e-6, "below 0.1 %"), (0.0123, "1.2 %"), (0.258, "26 %"), (1, "100 %")],
)
def test_a_small_share_is_not_shown_as_none(share, shown):
    assert percent(share) == shown
