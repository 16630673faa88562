"""The audit: what it says of data that are, nearly are, and are not the paper's."""

import numpy as np
import pytest

from mtnas.data.prepare.manifest import (
    Collisions,
    Count,
    FieldSummary,
    Graded,
    Grades,
    InputLayout,
    TaskSummary,
)
from mtnas.data.prepare.store import Inputs, Table
from mtnas.report.audit import audit, described, label_facts
from mtnas.report.audit_text import label_rows, to_markdown
from mtnas.report.paper import paper_results
from mtnas.runtime.files import read_json
from tests.helpers.tables import make_manifest, write_table

FIELDS = tuple(
    FieldSummary(name=name, kind="id" if name in ("user", "book") else "category", help="")
    for name in ("user", "book", *(f"f{i}" for i in range(13)))
)
TASKS = (TaskSummary(name="t0", rule="r > 0"), TaskSummary(name="t1", rule="r == 10"))
COLLISIONS = Collisions(count=2, rate=0.04, per_field={"user": Count(count=2, rate=0.1)})
GRADES = [0] * 60 + [7] * 20 + [9] * 8 + [10] * 12  # of a hundred rows


@pytest.fixture
def audited(tmp_path):
    """Audit a hundred rows of a dataset with the counts of the paper's Book-Crossing."""

    def audited(split=None, late=None, **changes):
        counts = {}
        for grade in GRADES:
            counts[grade] = counts.get(grade, 0) + 1
        facts = {
            "rows": 100,
            "rows_dropped": {"a | b": 3},
            "fields": FIELDS,
            "tasks": TASKS,
            "split_sizes": {"train": 800_000, "valid": 200_000, "test": 149_780},
            "num_features": 1_000_000,
            "distinct_values": 50,
            "distinct_ids": 49,
            "collisions": COLLISIONS,
            "label_rates": {"t0": 0.4, "t1": 0.12},
            "label_pcc": {"t0_t1": 0.34803},
            "grades": Grades(
                task="t1",
                column="r",
                counts=tuple(
                    Graded(grade=g, labels=(int(g > 0), int(g == 10)), rows=n)
                    for g, n in counts.items()
                ),
            ),
            **changes,
        }
        split = np.repeat(np.array([0, 2], np.int8), [80, 20]) if split is None else split
        ids = np.zeros((100, len(FIELDS)), np.int32)
        ids[:, 0] = np.arange(100) % 40  # all users of the test part are known from training
        ids[:, 1] = np.where(split == 2, np.arange(100), 0)
        labels = np.stack([np.array(GRADES) > 0, np.array(GRADES) == 10], axis=1).astype(np.int8)
        if late is not None:
            ids[:, 2] = labels[:, late]
        names = [field.name for field in FIELDS]
        facts = {"dataset": "bookcrossing", **facts}
        files = write_table(tmp_path / "t.parquet", ids, labels, split, names=names, **facts)
        out = {"json": tmp_path / "audit.json", "md": tmp_path / "audit.md"}
        audit(files["table"], files["manifest"], **out)
        return read_json(out["json"]), out["md"].read_text()

    return audited


def test_data_with_the_papers_numbers_agree(audited):
    found, text = audited()
    assert all(entry["agrees"] for entry in (*found["table1"].values(), *found["table4"].values()))
    assert "7 of the 7 numbers in the paper's Tables 1 and 4 agree" in text


def test_a_number_that_differs_is_named(audited):
    found, text = audited(label_pcc={"t0_t1": 0.3487})
    assert found["table4"]["t0_t1"] == {"ours": 0.3487, "paper": 0.348, "agrees": False}
    assert "| t0 & t1 | 0.3487 | 0.3480 | **no** |" in text
    assert "6 of the 7 numbers" in text


def test_every_threshold_is_tried_and_the_best_comes_first(audited):
    found, text = audited()
    assert {entry["rule"] for entry in found["thresholds"]} == {"r >= 7", "r >= 9", "r >= 10"}
    grades, paper = np.array(GRADES), paper_results()["table4"]["bookcrossing"]["t0_t1"]
    for entry in found["thresholds"]:
        label = grades >= int(entry["rule"].split()[-1])
        expected = np.corrcoef(grades > 0, label)[0, 1]
        assert entry["pcc"]["t0_t1"] == pytest.approx(expected, abs=1e-12)
        assert entry["rate"] == pytest.approx(label.mean())
        assert entry["gap"] == pytest.approx(abs(expected - paper))
    gaps = [entry["gap"] for entry in found["thresholds"]]
    assert gaps == sorted(gaps)
    assert text.index(r"t1: r \>= 10") < text.index(r"t1: r \>= 9") < text.index(r"t1: r \>= 7")


def test_overlap_counts_what_training_has_met(audited):
    found, _ = audited()
    assert found["overlap"]["user"]["test_rows_seen_in_train"] == 1
    assert found["overlap"]["book"] == {
        "test_rows_seen_in_train": 0.0,
        "distinct_in_test": 20,
        "distinct_seen_in_train": 0,
    }


def test_simulated_data_say_so_and_meet_no_number_of_the_paper(audited):
    found, text = audited(simulated=True, label_pcc={"t0_t1": 0.4})
    assert all(entry["paper"] is None for entry in found["table4"].values())
    assert all(entry["gap"] is None for entry in found["thresholds"])
    assert "SIMULATED DATA" in text.splitlines()[0]
    assert "0.3480" not in text


def test_the_size_of_the_hash_has_the_papers_name_only_beside_the_papers_number(audited):
    assert "| Features (sparse) | 1,000,000 | 1,000,000 | yes |" in audited()[1]
    own = audited(dataset="insteval")[1]
    assert "| Hash buckets | 1,000,000 |" in own
    assert "Features" not in own


def test_what_stands_in_the_data_cannot_break_a_table(audited):
    _, text = audited()
    assert "| a \\| b | 3 |" in text


def test_without_a_graded_label_no_threshold_is_tried(audited):
    found, text = audited(grades=None)
    assert found["thresholds"] == []
    assert "Threshold" not in text


SPLIT = np.tile(np.array([0, 0, 1, 0, 2], np.int8), 20)


def test_a_field_that_tells_a_label_is_named_in_audit_and_log(audited, caplog):
    found, text = audited(split=SPLIT, late=1)
    warning = "field 'f0' alone tells 't1' (AUC 1.000): is it known before the label is?"
    assert warning in found["leaks"]["warnings"]
    assert f"**Warning**: {warning}" in text
    assert f"bookcrossing: {warning}" in caplog.messages
    assert found["leaks"]["scores"]["f0"]["t1"] == 1
    assert "| Field alone | t0 | t1 |" in text


def test_an_honest_table_has_no_warning(audited, caplog):
    found, text = audited(split=SPLIT, rows_dropped={})
    assert [w for w in found["leaks"]["warnings"] if "alone tells" in w] == []
    assert found["left_out"] == []
    assert "left out" not in text


def test_what_was_left_out_stands_before_the_tables(audited):
    found, text = audited(warnings=("Half of *all* rows are alike.",))
    assert found["left_out"] == [
        "Of 103 rows 3 (2.9 %) were left out: a | b (3).",
        "Half of *all* rows are alike.",
    ]
    assert r"left out: a \| b (3)." in text
    assert text.index(r"Half of \*all\* rows are alike.") < text.index("| Table 1 |")


def test_without_hashed_values_nothing_is_said_of_their_ids(audited):
    found, text = audited(collisions=None, distinct_values=None, distinct_ids=None)
    assert found["collisions"] is None
    assert "numbers in the paper's Tables 1 and 4 agree.\n" in text
    assert "share" not in text.partition("###")[2].partition("|")[0]


def test_what_the_labels_are_is_told(audited):
    found, text = audited()
    assert found["labels"]["t1"] == {
        "kind": "binary",
        "unit": "",
        "rows": 100,
        "labelled": 100,
        "rate": pytest.approx(0.12),
    }
    assert "| t1 | binary | r == 10 | 100 | share of ones 0.1200 |" in text


def test_an_older_audit_is_shown_as_it_was(audited):
    found, _ = audited()
    older = {k: v for k, v in found.items() if k not in ("labels", "leaks", "left_out")}
    text = to_markdown(older)
    assert "| t1 | r == 10 | 0.1200 |" in text
    assert "alone" not in text


LABELS = np.array([0, 1, np.nan, 1, np.nan, 0], np.float32)
FIRST = np.array([True, True, True, False, False, False])


@pytest.mark.parametrize(
    ("task", "labels", "expected", "shown"),
    [
        (
            {"kind": "binary"},
            LABELS,
            {"rows": 6, "labelled": 4, "rate": 0.5},
            ("4 (67 %)", "share of ones 0.5000"),
        ),
        (
            {"kind": "multiclass", "classes": ("low", "high", "none")},
            LABELS,
            {"rows": 6, "labelled": 4, "classes": {"low": 2, "high": 2, "none": 0}},
            ("4 (67 %)", "low 2, high 2, none 0"),
        ),
        (
            {"kind": "regression", "unit": "stars"},
            3 * LABELS,
            {"rows": 6, "labelled": 4, "mean": 1.5, "spread": 1.5},
            ("4 (67 %)", "mean 1.5, spread 1.5 stars"),
        ),
        ({"kind": "binary"}, LABELS * np.nan, {"rows": 6, "labelled": 0}, ("0", "none")),
    ],
)
def test_labels_of_every_kind_are_described(task, labels, expected, shown):
    task = TaskSummary(name="t", rule="rule", **task)
    found = described(task, labels, {})
    assert found == expected
    facts = {"kind": task.kind, "unit": task.unit, **found}
    assert label_rows({"t": facts}, {"t": "rule"}) == [("t", task.kind, "rule", *shown)]


def test_labels_are_described_by_source():
    task = TaskSummary(name="t", rule="rule")
    labels = np.where(FIRST, LABELS, np.nan).astype(np.float32)[:, None]
    facts = make_manifest(tasks=(task,), sources=("reviews", "questions"))
    inputs = Inputs(InputLayout(singles=0), np.empty((6, 0), np.int32))
    source = np.where(FIRST, 0, 1).astype(np.int8)
    found = label_facts(Table(inputs, labels, np.zeros(6, np.int8), source, facts))
    assert found["t"]["by_source"] == {"reviews": {"rows": 3, "labelled": 2, "rate": 0.5}}
    assert [row[0] for row in label_rows(found, {"t": "rule"})] == ["t", "t, reviews"]


def test_what_stands_in_data_is_no_markup(audited):
    _, text = audited(rows_dropped={"<b>*x*|\n# y `z`": 3})
    assert "| \\<b\\>\\*x\\*\\| # y \\`z\\` | 3 |" in text
