"""The audit: what it says of data that are, nearly are, and are not the paper's."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.data.prepare.manifest import (
    Collisions,
    Count,
    FieldSummary,
    Graded,
    Grades,
    TaskSummary,
)
from mtnas.report.audit import audit
from mtnas.report.paper import paper_results
from mtnas.runtime.files import read_json
from tests.helpers.tables import make_manifest

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

    def audited(**changes):
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
        table, manifest = tmp_path / "t.parquet", tmp_path / "m.json"
        split = np.repeat(np.array([0, 2], np.int8), [80, 20])
        user = np.arange(100) % 40  # all users of the test part are known from training
        book = np.where(split == 2, np.arange(100), 0)
        pq.write_table(pa.table({"user": user, "book": book, "split": split}), table)
        make_manifest("bookcrossing", **facts).write(manifest, [table])
        out = {"json": tmp_path / "audit.json", "md": tmp_path / "audit.md"}
        audit(table, manifest, **out)
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
    assert text.index("t1: r >= 10") < text.index("t1: r >= 9") < text.index("t1: r >= 7")


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


def test_what_stands_in_the_data_cannot_break_a_table(audited):
    _, text = audited()
    assert "| a \\| b | 3 |" in text


def test_without_a_graded_label_no_threshold_is_tried(audited):
    found, text = audited(grades=None)
    assert found["thresholds"] == []
    assert "Threshold" not in text
