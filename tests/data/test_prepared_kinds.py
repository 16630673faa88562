"""What becomes of inputs and labels of every kind when a table is prepared."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.data.prepare.labels import MOST_CLASSES
from mtnas.data.prepare.manifest import Manifest, TaskSummary
from mtnas.data.sources.base import Task
from mtnas.runtime.errors import DataError
from tests.helpers.columns import Columns, alternating, matrix, prepared

ROWS = 20
NAN = float("nan")
USERS = [f"u{row}" for row in range(ROWS)]


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Prepare columns of `ROWS` rows, with a hashed field and a sound label unless others are."""

    def run(
        fields: dict[str, tuple[str, list[Any]]] | None = None,
        tasks: dict[str, tuple[str | Task, list[Any]]] | None = None,
        spec: dict[str, Any] | None = None,
        **own: Any,
    ) -> Any:
        fields = {"user": ("id", USERS)} if fields is None else fields
        tasks = {"y": ("binary", alternating(ROWS))} if tasks is None else tasks
        columns = {name: values for name, (_, values) in {**fields, **tasks}.items()}
        kinds = [{name: kind for name, (kind, _) in part.items()} for part in (fields, tasks)]
        columns |= own.pop("more", {})
        return prepared(Columns(columns, *kinds, **own), tmp_path, monkeypatch, **(spec or {}))

    return run


def padded(values: list[Any]) -> list[Any]:
    """Return values for all rows, over and over."""
    return [values[row % len(values)] for row in range(ROWS)]


def task_of(table: Any, name: str = "y") -> TaskSummary:
    return next(task for task in table.manifest.tasks if task.name == name)


LABELS = {
    "binary": ("binary", [0, 1], [0, 1], pa.int8(), {}),
    "binary with gaps": ("binary", [0, 1, None, 1], [0, 1, NAN, 1], pa.int8(), {"labelled": 15}),
    "numbers are sorted as such": (
        "multiclass",
        ["10", "9", "-1.5", "9"],
        [2, 1, 0, 1],
        pa.int16(),
        {"classes": ("-1.5", "9", "10"), "class_rows": (5, 10, 5)},
    ),
    "texts are sorted as such": (
        "multiclass",
        ["10", "9", "b", None],
        [0, 1, 2, NAN],
        pa.int16(),
        {"classes": ("10", "9", "b"), "class_rows": (5, 5, 5), "labelled": 15},
    ),
    "regression": (
        "regression",
        [1.5, -2.0],
        [1.5, -2.0],
        pa.float64(),
        {"mean": -0.25, "spread": 1.75},
    ),
    "regression with gaps": (
        "regression",
        [1.5, None, NAN, 3.5],
        [1.5, NAN, NAN, 3.5],
        pa.float64(),
        {"mean": 2.5, "spread": 1.0, "labelled": 10},
    ),
}


@pytest.mark.parametrize("case", LABELS)
@pytest.mark.parametrize("size", [3, 100])
def test_a_label_of_every_kind(prepare: Any, tmp_path: Path, case: str, size: int) -> None:
    kind, given, expected, stored, told = LABELS[case]
    table = prepare(tasks={"y": (kind, padded(given))}, size=size)
    np.testing.assert_array_equal(table.labels[:, 0], padded(expected))
    column = pq.ParquetFile(tmp_path / "t.parquet").schema_arrow.field("y")
    assert (column.type, column.nullable) == (stored, "labelled" in told)
    found = task_of(table).model_dump()
    unsaid = {"labelled": None, "classes": (), "class_rows": (), "mean": None, "spread": None}
    assert {key: found[key] for key in unsaid} == {**unsaid, **told}


def test_listed_classes_keep_their_order_and_others_count_as_missing(prepare: Any) -> None:
    task = Task("y", "y", "the mood", kind="multiclass", classes=("sad", "glad", "absent"))
    table = prepare(tasks={"y": (task, padded(["glad", "sad", "odd", "sad"]))})
    assert table.labels[:4, 0].tolist()[:2] == [1, 0]
    assert np.isnan(table.labels[2, 0])
    assert task_of(table).classes == task.classes
    assert task_of(table).class_rows == (10, 5, 0)
    assert table.manifest.values_replaced == {"y: in no class of it": 5}
    assert "no row is of class 'absent'" in table.manifest.warnings[0]


SPELLINGS = {
    "numbers": (["1", "1.0", "2"], ("y: '1' and '1.0' are two classes",)),
    "flags": (["True", "true", "x"], ("y: 'True' and 'true' are two classes",)),
    "one of each": (["1.5", "a", "b"], ()),
    "no number": (["sNaN", "NaN"], ()),
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_classes_in_two_spellings_are_warned_of(prepare: Any, case: str) -> None:
    values, said = SPELLINGS[case]
    warnings = prepare(tasks={"y": ("multiclass", padded(values))}).manifest.warnings
    assert len(warnings) == len(said)
    assert all(map(str.__contains__, warnings, said))
    if said:
        task = Task("y", "y", "its y", kind="multiclass", classes=tuple(values))
        assert not prepare(tasks={"y": (task, padded(values))}).manifest.warnings


TAKEN = {"x.rows": "'x.rows': this name is taken", "a/b": "which 'a/b' cannot be; .*without `/`"}


@pytest.mark.parametrize("name", TAKEN)
def test_names_that_files_of_features_cannot_have_are_refused(prepare: Any, name: str) -> None:
    fields = {n: ("features", [0] * ROWS) for n in ("x", name)}
    matrices = {n: matrix(4) for n in fields}
    with pytest.raises(DataError, match=TAKEN[name]):
        prepare(fields, matrices=matrices)


BAD_LABELS = {
    "one class": ("binary", padded([1, 1]), r"label y \(its y\) is 1 in all 20 rows, both 0 and 1"),
    "one class where labelled": ("binary", padded([0, None]), "is 0 in all 10 labelled rows, both"),
    "one class of many": ("multiclass", padded(["a"]), "is 'a' in all 20 rows, two classes are"),
    "one value": ("regression", padded([2.5, None]), "is 2.5 in all 10 labelled rows, two differ"),
    "none": ("regression", padded([None]), r"no row has label y \(its y\); check column 'y'"),
    "infinite": ("regression", padded([1.0, -np.inf]), "-inf is no number within 32 bits"),
    "too large": ("regression", padded([1.0, 1e39]), r"1e\+39 is no number within 32 bits"),
    "too near to each other": (
        "regression",
        padded([1.7e9, 1.7e9 + 1000.5]),
        r"between 1700000000 and 1700001000.5: .* too near .*32 bits; .*such as `y - 1700000000`",
    ),
    "no label": ("binary", padded([0, 2]), "label y: 2 is neither 0 nor 1"),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_a_label_that_cannot_be_learned_is_refused(prepare: Any, tmp_path: Path, case: str) -> None:
    kind, values, message = BAD_LABELS[case]
    with pytest.raises(DataError, match=message):
        prepare(tasks={"y": (kind, values)})
    assert not list(tmp_path.iterdir())


def test_large_labels_that_32_bits_tell_apart_are_taken(prepare: Any) -> None:
    table = prepare(tasks={"y": ("regression", padded([1.7e9, 1.7e9 + 1e6]))})
    assert np.ptp(table.labels) == pytest.approx(1e6, abs=128)


def test_the_class_that_training_lacks_is_named(prepare: Any) -> None:
    parts = [0] * 10 + [1] * 5 + [2] * 5
    moods = [*"zyzyzyzyzy", *"zyzyz", *"zyzya"]
    fixed = {"split_kind": "column", "split_column": "split"}
    with pytest.raises(DataError, match="label y .*: class 'a' occurs in test, but in no row of t"):
        prepare(more={"split": parts}, tasks={"y": ("multiclass", moods)}, **fixed)


def test_two_pairs_of_tasks_with_one_name_are_refused(prepare: Any) -> None:
    tasks = {name: ("binary", padded([0, 1])) for name in ("a", "b_c", "a_b", "c")}
    message = "tasks 'a' and 'b_c' and of 'a_b' and 'c' would both have the name 'a_b_c'"
    with pytest.raises(DataError, match=message):
        prepare(tasks=tasks)


def test_too_many_found_classes_are_refused(prepare: Any) -> None:
    names = [f"c{row}" for row in range(MOST_CLASSES + 1)]
    fields = {"user": ("id", names)}
    prepare(fields, {"y": ("multiclass", [*names[:-1], None])})
    with pytest.raises(DataError, match=r"more than 1000 classes, such as 'c1000'; list .*classes"):
        prepare(fields, {"y": ("multiclass", names)})


def test_rates_and_correlations_are_of_the_rows_that_have_the_labels(prepare: Any) -> None:
    rng = np.random.default_rng(0)
    base = rng.standard_normal(ROWS)
    columns = {
        "a": np.where(rng.random(ROWS) < 0.3, NAN, base > 0),
        "b": np.where(rng.random(ROWS) < 0.3, NAN, base + rng.standard_normal(ROWS) > 0),
        "c": np.where(rng.random(ROWS) < 0.3, NAN, 1e9 + 1e6 * base),
    }
    lists = {name: [None if np.isnan(v) else v for v in c] for name, c in columns.items()}
    kinds = {"a": "binary", "b": "binary", "c": "regression"}
    tasks = {name: (kind, lists[name]) for name, kind in kinds.items()}
    tasks["d"] = ("multiclass", padded(["x", "y"]))
    facts = prepare(tasks=tasks).manifest
    assert facts.label_rates == {name: pytest.approx(np.nanmean(columns[name])) for name in "ab"}
    expected = {}
    for first, second in ("ab", "ac", "bc"):
        both = ~np.isnan(columns[first]) & ~np.isnan(columns[second])
        pair = np.corrcoef(columns[first][both], columns[second][both])[0, 1]
        expected[f"{first}_{second}"] = pytest.approx(pair, abs=1e-6)
    assert facts.label_pcc == expected


def test_labels_that_no_row_has_together_have_no_correlation(prepare: Any) -> None:
    tasks = {"a": padded([0, 1, None, None]), "b": padded([None, None, 0, 1])}
    assert prepare(tasks={n: ("binary", v) for n, v in tasks.items()}).manifest.label_pcc == {}


def hashed(field: str, value: str) -> int:
    return int(hashlib.md5(f"{field}={value}".encode()).hexdigest(), 16) % Columns.num_features


MIXED: dict[str, tuple[str, list[Any]]] = {
    "tags": ("list", padded([["a", "b", "a"], ["unknown"], ["b"], ["c"] * 4])),
    "age": ("numeric", padded([1.5, None, -2.0, 1e39])),
    "cover": ("features", padded([2, 0, None, 4])),
    "user": ("id", USERS),
    "size": ("numeric", padded([3.0])),
}


@pytest.mark.parametrize("size", [3, 100])
def test_inputs_of_every_kind(prepare: Any, tmp_path: Path, size: int) -> None:
    covers = matrix(5)
    table = prepare(MIXED, size=size, matrices={"cover": covers})
    inputs, facts = table.inputs, table.manifest
    assert inputs.layout == facts.layout
    assert facts.layout.model_dump() == {
        "singles": 1,
        "bags": ({"name": "tags", "length": 4},),
        "numbers": (
            {"name": "age", "standardized": True, "has_missing": True},
            {"name": "size", "standardized": True, "has_missing": False},
        ),
        "features": ({"name": "cover", "width": 3, "has_missing": True},),
    }
    assert inputs.ids.shape == (ROWS, 5)
    vocabulary = pq.read_table(tmp_path / "t.vocabulary.parquet").to_pylist()
    row_of = {entry["hashed_id"]: entry["id"] for entry in vocabulary}
    assert {entry["field"] for entry in vocabulary} == {"user", "tags"}
    assert facts.num_ids == len(row_of) == len(np.unique(inputs.ids)) - 1
    for row in range(ROWS):
        tags = [row_of[hashed("tags", tag)] for tag in MIXED["tags"][1][row]]
        filled = tags + [facts.num_ids] * (4 - len(tags))
        assert inputs.ids[row].tolist() == [row_of[hashed("user", USERS[row])], *filled]
    ages = padded([1.5, NAN, -2.0, NAN])
    np.testing.assert_array_equal(inputs.numbers, np.array([ages, [3.0] * ROWS], np.float32).T)
    ((rows, features),) = inputs.features
    assert rows.tolist() == padded([2, 0, -1, 4])
    np.testing.assert_array_equal(features, covers)
    assert all(isinstance(array, np.memmap) for array in (inputs.ids, inputs.numbers, features))
    assert facts.values_replaced == {"age: no number in 32 bits": 5}
    assert facts.distinct_values == ROWS + 4
    assert [field.distinct_values for field in facts.fields] == [4, None, None, ROWS, None]
    assert sorted(path.name for path in (tmp_path / "t.inputs").iterdir()) == [
        "cover.npy",
        "cover.rows.npy",
        "numbers.npy",
    ]


def test_a_table_without_a_hashed_field(prepare: Any) -> None:
    table = prepare({"age": MIXED["age"]})
    assert table.inputs.ids.shape == (ROWS, 0)
    assert (table.manifest.num_ids, table.manifest.distinct_values) == (0, None)
    assert table.manifest.collisions is None


@pytest.mark.parametrize("dropped", [["tags", "age", "cover", "size"], ["user", "tags"], ["cover"]])
def test_fields_of_every_kind_can_be_dropped(prepare: Any, dropped: list[str]) -> None:
    table = prepare(MIXED, matrices={"cover": matrix(5)}, spec={"drop_fields": dropped})
    layout = table.manifest.layout
    left = [*layout.bags, *layout.numbers, *layout.features]
    assert not {item.name for item in left} & set(dropped)
    assert layout.singles == ("user" not in dropped)
    assert len(left) + layout.singles == len(MIXED) - len(dropped)


@pytest.mark.parametrize(("scale", "warned"), [(1, False), (1000, True)])
def test_features_too_large_to_train_with_are_warned_of(
    prepare: Any, scale: int, warned: bool
) -> None:
    fields = {"cover": ("features", padded([0, 1]))}
    covers = np.linspace(-1, 1, 10, dtype=np.float32).reshape(5, 2) * np.float32(scale)
    found = [
        w for w in prepare(fields, matrices={"cover": covers}).manifest.warnings if "scale" in w
    ]
    assert bool(found) == warned
    assert not warned or found[0].startswith("features cover: values up to 1000, ")


BAD_INPUTS = {
    "an empty list": ({"x": ("list", padded([["a"], []]))}, {}, "an empty list; write"),
    "a missing list": ({"x": ("list", padded([["a"], None]))}, {}, "an empty list; write"),
    "a missing entry": (
        {"x": ("list", padded([["a", None]]))},
        {},
        "missing values; write 'unknown'",
    ),
    "no number": ({"x": ("numeric", padded([None]))}, {}, "no number in any of 20 rows"),
    "no such row": ({"x": ("features", padded([0, 5]))}, {"x": matrix(5)}, "row 5 .* rows 0 to 4"),
    "not finite": (
        {"x": ("features", padded([0, 1]))},
        {"x": np.array([[1, 2], [3, np.nan]], np.float32)},
        "row 1 of its matrix holds a value that is no finite number",
    ),
    "no matrix": (
        {"x": ("features", padded([0]))},
        {"x": np.zeros(3, np.float32)},
        r"features of shape \[3\], float32; a matrix",
    ),
    "a name that is taken": (
        {"numbers": ("features", padded([0]))},
        {"numbers": matrix(2)},
        "'numbers': this name is taken",
    ),
    "a field and a task of one name": ({"y": ("id", USERS)}, {}, "have the name 'y'"),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_an_input_that_cannot_be_used_is_refused(prepare: Any, tmp_path: Path, case: str) -> None:
    fields, matrices, message = BAD_INPUTS[case]
    with pytest.raises(DataError, match=message):
        prepare(fields, matrices=matrices)
    assert not list(tmp_path.iterdir())


def changed(name: str, row: int, value: Any) -> dict[str, Any]:
    kind, values = MIXED[name]
    return {**MIXED, name: (kind, [*values[:row], value, *values[row + 1 :]])}


CHANGES = {
    "a number": (changed("age", 0, 1.25), {}),
    "a gap": (changed("age", 0, None), {}),
    "an entry": (changed("tags", 0, ["a", "b", "b"]), {}),
    "the place of an entry": (changed("tags", 0, ["a", "b"]), {}),
    "a row of the matrix": (changed("cover", 0, 3), {}),
    "the matrix": (MIXED, {"matrices": {"cover": matrix(6)}}),
    "a label": (MIXED, {"tasks": {"y": ("binary", [1, *alternating(ROWS)[1:]])}}),
    "a missing label": (MIXED, {"tasks": {"y": ("binary", [None, *alternating(ROWS)[1:]])}}),
}


@pytest.mark.parametrize("case", CHANGES)
def test_the_content_hash_covers_everything(prepare: Any, case: str) -> None:
    fields, own = CHANGES[case]
    given = {"matrices": {"cover": matrix(5)}}
    first = prepare(MIXED, **given).manifest.content_sha256
    assert prepare(MIXED, **given, size=100).manifest.content_sha256 == first
    assert prepare(fields, **{**given, **own}).manifest.content_sha256 != first


def test_the_content_hash_tells_a_gap_from_zero(prepare: Any) -> None:
    covers = {"matrices": {"cover": matrix(5)}}
    gap, zero = (prepare(changed("size", 0, value), **covers) for value in (None, 0.0))
    assert gap.manifest.content_sha256 != zero.manifest.content_sha256


def test_every_file_is_sealed_and_an_older_folder_goes(prepare: Any, tmp_path: Path) -> None:
    prepare(MIXED, matrices={"cover": matrix(5)})
    facts = Manifest.read(tmp_path / "t.json")
    assert facts.artefacts.keys() == {
        *("t.parquet", "t.ids.npy", "t.vocabulary.parquet"),
        *("numbers.npy", "cover.npy", "cover.rows.npy"),
    }
    prepare()
    assert not list((tmp_path / "t.inputs").iterdir())
