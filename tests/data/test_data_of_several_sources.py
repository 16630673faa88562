"""Tables of several sources: each with its rows, its tasks and its own split."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mtnas.data.prepare.manifest import TaskSummary
from mtnas.data.prepare.parts import fault_of_parts
from mtnas.data.prepare.splits import assign_by_source, assign_split
from mtnas.data.sources.base import Task
from mtnas.runtime.errors import ConfigError, DataError
from tests.helpers.columns import Columns, prepared

SIZES = (40, 20)  # rows of each source
ROWS = sum(SIZES)
SOURCE = np.repeat([0, 1], SIZES)[np.random.default_rng(0).permutation(ROWS)]
NAN = float("nan")


def labels_of(source: int, values: list[Any]) -> list[Any]:
    """Return labels of the rows of one source, over and over; the others have none."""
    return [values[i % len(values)] if s == source else None for i, s in enumerate(SOURCE)]


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Prepare two sources with a task each."""

    def run(spec: Any = None, columns: Any = None, **own: Any) -> Any:
        given = {
            "user": [f"u{row}" for row in range(ROWS)],
            "likes": labels_of(0, [0, 1, 1]),
            "minutes": labels_of(1, [1.5, 2.5, 3.5]),
            "source": SOURCE.tolist(),
            **(columns or {}),
        }
        tasks = {
            "likes": Task("likes", "stars", "stars >= 4", source="reviews"),
            "minutes": Task("minutes", "time", "time", kind="regression", source="questions"),
        }
        names = own.pop("source_names", ("reviews", "questions"))
        dataset = Columns(given, {"user": "id"}, tasks, source_names=names, **own)
        return prepared(dataset, tmp_path, monkeypatch, **(spec or {}))

    return run


def test_every_row_keeps_its_source(prepare: Any, tmp_path: Path) -> None:
    table = prepare()
    assert table.source.tolist() == SOURCE.tolist()
    assert table.source.dtype == np.int8
    assert pq.ParquetFile(tmp_path / "t.parquet").schema_arrow.names[-2:] == ["source", "split"]
    facts = table.manifest
    assert facts.sources == ("reviews", "questions")
    assert facts.source_sizes == {
        "reviews": {"train": 24, "valid": 8, "test": 8},
        "questions": {"train": 12, "valid": 4, "test": 4},
    }
    assert facts.split_sizes == {"train": 36, "valid": 12, "test": 12}
    assert [task.labelled for task in facts.tasks] == [40, 20]
    assert [task.source for task in facts.tasks] == ["reviews", "questions"]


def test_the_content_hash_covers_the_sources(prepare: Any) -> None:
    swapped = {"source": (1 - SOURCE).tolist()}
    split = {"split": [row % 3 for row in range(ROWS)]}
    own = {"split_kind": "column", "split_column": "split"}
    tasks = {
        "likes": [row // 3 % 2 for row in range(ROWS)],
        "minutes": [float(row) for row in range(ROWS)],
    }
    first = prepare(columns={**split, **tasks}, **own).manifest.content_sha256
    assert prepare(columns={**split, **tasks, **swapped}, **own).manifest.content_sha256 != first


@pytest.mark.parametrize("seed", [0, 1, 17])
def test_every_source_is_split_on_its_own(prepare: Any, seed: int) -> None:
    split = prepare({"split_seed": seed}).split
    sizes = [(24, 8, 8), (12, 4, 4)]
    for number, of_source in enumerate(sizes):
        alone = assign_split(SIZES[number], of_source, seed)
        assert split[number == SOURCE].tolist() == alone.tolist()
    same = assign_by_source(ROWS, SOURCE.astype(np.int8), sizes, seed)
    assert same.tolist() == split.tolist()
    assert assign_by_source(ROWS, None, [(36, 12, 12)], seed).tolist() == (
        assign_split(ROWS, (36, 12, 12), seed).tolist()
    )


def test_counts_of_rows_split_no_table_of_several_sources(prepare: Any) -> None:
    with pytest.raises(ConfigError, match=r"split: \[30, 20, 10\]: each of its 2 sources is split"):
        prepare({"split": [30, 20, 10]})


def test_a_source_without_rows_is_refused(prepare: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="source 'answers' has no rows; dropped: none; check"):
        prepare(source_names=("reviews", "questions", "answers"))
    assert not list(tmp_path.iterdir())


def test_a_fixed_split_is_checked_over_the_rows_of_the_source(prepare: Any) -> None:
    own = {"split_kind": "column", "split_column": "split"}
    parts = [i % 3 for i in range(ROWS)]
    likes = [None if s else i // 3 % 2 for i, s in enumerate(SOURCE)]
    columns = {"split": parts, "likes": likes}
    columns["minutes"] = [float(i) if s else None for i, s in enumerate(SOURCE)]
    assert prepare(columns=columns, **own).split.tolist() == parts
    one_class = [like if like is None or i % 3 != 1 else 0 for i, like in enumerate(likes)]
    message = r"source 'reviews': label likes \(stars >= 4\) is 0 in all \d+ rows of valid, both"
    with pytest.raises(DataError, match=message):
        prepare(columns={**columns, "likes": one_class}, **own)


PARTS = {
    "sound": ("binary", [0, 1, 0, 1, 0, 1], None),
    "one class": ("binary", [0, 1, 1, 1, 0, 1], "is 1 in all 2 rows of valid, both 0 and 1 are"),
    "masked": ("binary", [0, 1, 1, NAN, 0, 1], "is 1 in all 1 labelled rows of valid, both 0"),
    "no label": ("binary", [0, 1, NAN, NAN, 0, 1], "no row of valid has label y"),
    "classes": ("multiclass", [0, 1, 0, 0, 1, 1], None),
    "a class of test alone": ("multiclass", [0, 1, 0, 0, 2, 1], "'c' occurs in test, but in no"),
    "numbers": ("regression", [1, 2, 3, 4, 5, 6], None),
    "one number": ("regression", [1, 2, 3, 4, 5, 5], "is 5 in all 2 rows of test, two different"),
}


@pytest.mark.parametrize("case", PARTS)
def test_parts_in_which_a_task_cannot_be_scored(case: str) -> None:
    kind, labels, message = PARTS[case]
    task = TaskSummary(name="y", rule="r", kind=kind, classes=("a", "b", "c"))
    split = np.array([0, 0, 1, 1, 2, 2], np.int8)
    fault = fault_of_parts(task, np.array(labels, float), split)
    assert (fault is None) if message is None else (message in fault)
