"""No silent loss: rows left out, rows repeated, one value in two spellings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtnas.data.prepare.manifest import Manifest
from mtnas.data.prepare.repeated import RowDigests
from mtnas.data.prepare.table import prepare as prepare_table
from mtnas.runtime.errors import DataError
from tests.helpers.columns import Columns, alternating, matrix, prepared

ROWS = 60


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Prepare a hashed field `user` and a label `y`, or others; return the manifest."""

    def run(users: list[Any], kind: str = "id", spec: Any = None, **own: Any) -> Manifest:
        columns = {"user": users, "y": own.pop("labels", alternating(len(users)))}
        dataset = Columns(columns, {"user": kind}, {"y": "binary"}, **own)
        return prepared(dataset, tmp_path, monkeypatch, **(spec or {})).manifest

    return run


USERS = [f"u{row}" for row in range(ROWS)]


def test_what_a_dataset_counts_is_told(prepare: Any) -> None:
    facts = prepare(
        USERS,
        dropped={"x.csv: no rating": 3, "x.csv: not 3 columns": 2},
        replaced={"age: no number": 4},
        unmatched={"books": 7},
        warnings=["the time is ambiguous"],
    )
    assert (facts.rows, facts.rows_read) == (ROWS, ROWS + 5)
    assert facts.rows_dropped == {"x.csv: no rating": 3, "x.csv: not 3 columns": 2}
    assert facts.values_replaced == {"age: no number": 4}
    assert facts.unmatched == {"books": 7}
    assert facts.warnings == ("the time is ambiguous",)


LOST = {"not 3 columns": 40, "no rating": 19, "no user": 1}  # half of the rows read


@pytest.mark.parametrize(
    ("own", "spec", "stops"),
    [
        ({}, {}, True),
        ({"allow_lost": 0.49}, {}, True),
        ({"allow_lost": 0.5}, {}, False),
        ({}, {"allow_lost": 0.5}, False),
        ({"allow_lost": 0.5}, {"allow_lost": 0.1}, True),
        ({"allow_lost": 1.0}, {}, False),
    ],
)
def test_too_many_lost_rows_stop_the_preparation(
    prepare: Any, tmp_path: Path, own: Any, spec: Any, stops: bool
) -> None:
    if not stops:
        assert prepare(USERS, dropped=LOST, spec=spec, **own).rows_read == 120
        return
    with pytest.raises(DataError) as error:
        prepare(USERS, dropped=LOST, spec=spec, **own)
    text = str(error.value)
    assert "'columns': 60 of 120 rows read were left out (50.0%)" in text
    assert "40 not 3 columns, 19 no rating, 1 no user" in text
    assert "dataset_options.columns" in text and "`allow_lost: 0.5`" in text
    assert not list(tmp_path.iterdir())


def test_the_allowed_share_that_an_error_names_is_enough(prepare: Any) -> None:
    dropped = {f"reason {number}": number for number in range(1, 21)}  # 210 of 270
    with pytest.raises(DataError, match=r"17 more reasons; .*`allow_lost: 0\.78`"):
        prepare(USERS, dropped=dropped)
    assert prepare(USERS, dropped=dropped, spec={"allow_lost": 0.78}).rows_read == 270


def test_every_row_twice(prepare: Any) -> None:
    facts = prepare(USERS * 2, labels=alternating(ROWS) * 2)
    assert facts.repeated.rows.count == ROWS
    assert facts.repeated.rows.rate == 0.5
    twins = facts.repeated.test_rows_with_twin
    assert twins == facts.repeated.test_rows_with_same_labels
    assert twins.rate == twins.count / facts.split_sizes["test"]
    assert 0.3 < twins.rate < 0.9  # 60 % of the rows train
    (warning,) = facts.warnings
    shown = f"50% of the rows repeat another one in all fields and labels, {twins.rate:.0%} of"
    assert warning.startswith(shown)


def test_equal_fields_with_other_labels_are_no_equal_rows(prepare: Any) -> None:
    repeated = prepare(USERS * 2, labels=[0] * ROWS + [1] * ROWS).repeated
    assert repeated.rows.count == repeated.test_rows_with_same_labels.count == 0
    assert repeated.test_rows_with_twin.count > 0


def test_rows_are_compared_before_hashing(prepare: Any) -> None:
    facts = prepare(USERS, spec={"num_features": 2})
    assert facts.distinct_ids == 2
    assert facts.repeated.rows.count == 0


NAN = float("nan")
ALIKE = {  # two values that are alike, and one that is not
    "id": (["a", "a", "b"]),
    "numeric": ([0.0, -0.0, 1e-300]),
    "numeric, missing": ([None, NAN, 0.0]),
    "list": ([["a", "b"], ["b", "a"], ["a", "b", "b"]]),
    "features": ([0, 1, 2]),
    "features, missing": ([None, None, 0]),
}


@pytest.mark.parametrize("case", ALIKE)
def test_what_counts_as_equal(prepare: Any, case: str) -> None:
    kind, values = case.split(",")[0], ALIKE[case]
    covers = matrix(4)
    covers[1] = covers[0]  # two rows of the matrix hold the same
    others = {
        "id": USERS,
        "numeric": [float(row) + 2 for row in range(ROWS)],
        "list": [[user] for user in USERS],
        "features": [3] * ROWS,
    }[kind]
    labels = [0, 0, 0, *alternating(ROWS)]
    own = {"matrices": {"user": covers}} if kind == "features" else {}
    facts = prepare([*values, *others], kind, labels=labels, **own)
    among_others = ROWS - 2 if kind == "features" else 0
    assert facts.repeated.rows.count == 1 + among_others


def test_digests_of_rows_are_those_of_all_their_columns(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 3, (2, 400)).astype(np.uint64)
    labels = rng.integers(0, 2, (1, 400)).astype(np.float64)
    split = rng.integers(0, 3, 400).astype(np.int8)
    digests = RowDigests(tmp_path)
    for start in range(0, 400, 150):
        rows = slice(start, start + 150)
        digests.add(keys[:, rows], labels[:, rows])
    found = digests.count(split)
    rows = [tuple(row) for row in np.concatenate([keys, labels]).T.tolist()]
    train = {row for row, part in zip(rows, split, strict=True) if part == 0}
    test = [row for row, part in zip(rows, split, strict=True) if part == 2]
    assert found.rows.count == 400 - len(set(rows))
    assert found.test_rows_with_same_labels.count == sum(row in train for row in test)
    fields = {row[:2] for row in train}
    assert found.test_rows_with_twin.count == sum(row[:2] in fields for row in test)


@pytest.mark.parametrize(("step", "warned"), [(1.0, True), (1e5, False), (0.0, False)])
def test_numbers_too_near_for_32_bits_are_warned_of(
    prepare: Any, step: float, warned: bool
) -> None:
    times = [1.7e9 + step * row for row in range(ROWS)]
    facts = prepare(times, "numeric", labels=[int(row > 20) for row in range(ROWS)])
    assert any("too near to each other for 32 bits" in text for text in facts.warnings) == warned


def test_a_dataset_of_the_paper_stops_as_any_other(tmp_path: Path) -> None:
    sound = [f"{i}\t1\t{i}\t1\t1\t0\t{i % 2}\t{i // 2 % 2}\t1\t1\t1\t9\n" for i in range(70)]
    (tmp_path / "final_track2_train.txt").write_text("".join(sound + ["x" + sound[0]] * 30))
    spec, out = {"dataset": "tiktok"}, tmp_path / "out"
    files = {"raw": tmp_path, "table": out / "t.parquet", "manifest": out / "t.json"}
    message = r"30 of 100 rows read .*30 final_track2_train.txt: uid is .*dataset_options\.tiktok"
    with pytest.raises(DataError, match=message):
        prepare_table(spec, **files)
    prepare_table({**spec, "allow_lost": 0.3}, **files)
    assert Manifest.read(out / "t.json").rows_read == 100
