"""Own datasets of several sources: what holds of each of them, not of all together."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.data import sources
from mtnas.data.prepare.store import read_compact
from mtnas.data.prepare.table import prepare
from mtnas.runtime.errors import ConfigError, DataError
from tests.data.conftest import Own

Prepare = Callable[[str, Mapping[str, Any]], Any]


def npy(rows: int, width: int, first: int = 0, kind: Any = np.float32) -> bytes:
    """Return a matrix whose numbers count up from `first`."""
    buffer = io.BytesIO()
    np.save(buffer, np.arange(first, first + rows * width).reshape(rows, width).astype(kind))
    return buffer.getvalue()


def parquet(**columns: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def table(rows: int, more: str = "") -> str:
    return "i,y\n" + more + "".join(f"{i},{i // 3 % 2}\n" for i in range(rows))


@pytest.fixture
def prepared(own: Own, tmp_path: Path) -> Prepare:
    """Prepare an own dataset, and read it as training does."""

    def run(keys: str, files: Mapping[str, Any]) -> Any:
        own(keys, files)
        places = tmp_path / "t.parquet", tmp_path / "t.json"
        prepare({"dataset": "mine"}, table=places[0], manifest=places[1])
        return read_compact(*places)

    return run


TEXTS = """
sources:
  a: {path: a.csv, fields: {text: {type: features, path: a/text.npy}}, tasks: {p: y}}
  b: {path: b.csv, fields: {text: {type: features, path: b/text.npy}}, tasks: {q: y}}
  c: {path: c.csv, fields: {text: {type: features, path: text.parquet, key: i}}, tasks: {r: y}}
"""
MATRICES = {
    "a.csv": table(20),
    "b.csv": table(30),
    "c.csv": table(20),
    "a/text.npy": npy(20, 2, kind=np.float64),
    "b/text.npy": npy(30, 2, first=1000, kind=np.float64),
    "text.parquet": parquet(
        i=[str(i) for i in reversed(range(19))],
        x=np.arange(19.0)[::-1] + 5000,
        y=np.arange(19.0)[::-1] + 6000,
    ),
}


def test_matrices_of_one_name_are_one_input(prepared: Prepare) -> None:
    found = prepared(TEXTS, MATRICES)
    rows, matrix = found.inputs.features[0]
    assert matrix.shape == (20 + 30 + 19, 2)
    texts = np.where(rows[:, None] < 0, np.nan, matrix[rows])
    i = np.arange(20.0)
    np.testing.assert_array_equal(texts[:20], np.stack([2 * i, 2 * i + 1], axis=1))
    np.testing.assert_array_equal(texts[20:50, 0], 1000 + 2 * np.arange(30.0))
    np.testing.assert_array_equal(texts[50:69], np.stack([5000 + i, 6000 + i], axis=1)[:19])
    assert rows[69] == -1
    assert found.manifest.layout.features[0].has_missing


def test_one_file_of_several_sources_is_there_once(prepared: Prepare) -> None:
    keys = TEXTS.replace("a/text.npy", "all.npy, column: i").replace("b/text.npy", "a/text.npy")
    keys = keys.replace("text.parquet, key", "all.npy, column")
    files = {**MATRICES, "b.csv": table(20), "all.npy": npy(20, 2, first=7)}
    rows, matrix = prepared(keys, files).inputs.features[0]
    assert matrix.shape == (40, 2)
    assert rows.tolist() == [*range(20), *range(20, 40), *range(20)]
    assert matrix[0].tolist() == [7, 8]


def test_matrices_of_one_name_have_one_width(prepared: Prepare) -> None:
    message = (
        r"field 'text': 2 features in .*a/text.npy of source 'a', 3 in .*b/text.npy of source "
        "'b': they cannot be one input; give each a name of its own"
    )
    with pytest.raises(DataError, match=message):
        prepared(TEXTS, {**MATRICES, "b/text.npy": npy(30, 3)})


def test_matrices_can_be_asked_for_twice(own: Own) -> None:
    own(TEXTS, MATRICES)
    dataset = sources.load("mine")
    first = dataset.matrices(None)["text"]
    np.testing.assert_array_equal(first, dataset.matrices(None)["text"])
    assert first[-1].tolist() == [5000, 6000]


TWO = """
sources:
  a: {path: a.csv, fields: {i: }, tasks: {p: y}}
  b: {path: b.csv, fields: {i: }, tasks: {q: y}}
"""
JOINED = """
sources:
  a: {path: a.csv, joins: {more: {path: more.csv, on: i}}, fields: {more.x: }, tasks: {p: y}}
  b: {path: b.csv, joins: {more: {path: more.csv, on: i}}, fields: {more.x: }, tasks: {q: y}}
"""
BY_TIME = "split: {time: t, ratios: [0.6, 0.2, 0.2]}\n"


def times(*values: object) -> str:
    return "i,y,t\n" + "".join(f"{i},{i % 2},{t}\n" for i, t in enumerate(values))


REFUSED = {
    "lost in one source": (
        TWO,
        {"a.csv": table(90), "b.csv": table(10, "1,\n" * 5)},
        r"source 'b': 5 of 15 rows read were left out \(33.3%\), at most 20% .*: 5 q: y missing",
    ),
    "no numbers in one source": (
        TWO.replace("i: }, tasks: {q", "i: {type: number}}, tasks: {q"),
        {"a.csv": table(90), "b.csv": "i,y\n" + "x,1\nx,0\nx,1\n1,0\n" * 3},
        "source 'b': values of field 'i' must be of type number: 9 of 12 are not, such as 'x'",
    ),
    "no label in one source": (
        TWO,
        {"a.csv": table(30), "b.csv": "i,y\n" + "1,\n2,\n"},
        "source 'b' has no rows; dropped: {'q: y missing': 2}",
    ),
    "no partners in one source": (
        JOINED,
        {
            "a.csv": table(90),
            "b.csv": "i,y\n" + "x,1\ny,0\n1,1\n" * 3,
            "more.csv": "i,x\n" + "".join(f"{i},{i % 4}\n" for i in range(90)),
        },
        r"more.csv: sources.b.joins.more: 6 of 9 rows have no partner by 'i'",
    ),
    "too few rows to split": (
        TWO,
        {"a.csv": table(90), "b.csv": "i,y\n0,0\n1,1\n2,1\n"},
        r"source 'b': split \[0.7, 0.15, 0.15\]: of 3 rows the parts would get",
    ),
    "numbers and times": (
        TWO + BY_TIME,
        {"a.csv": times(1700000000, 1700000001), "b.csv": times("2024-01-02", "2024-01-03")},
        "column 't' of the split: it holds numbers in one source and times in another",
    ),
    "seconds and milliseconds": (
        TWO + BY_TIME,
        {"a.csv": times(1700000000, 1700000001), "b.csv": times(1700000000000, 1700000000001)},
        "unix times are in milliseconds and in seconds",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_holds_of_every_source(own: Own, tmp_path: Path, case: str) -> None:
    keys, files, message = REFUSED[case]

    def run() -> None:
        own(keys, files)
        prepare({"dataset": "mine"}, table=tmp_path / "t.parquet", manifest=tmp_path / "t.json")

    with pytest.raises(DataError, match=message):
        run()


def test_rows_without_a_partner_are_counted_over_all_sources(own: Own) -> None:
    more = "i,x\n" + "".join(f"{i},{i % 4}\n" for i in range(8))
    found = own(JOINED, {"a.csv": table(10), "b.csv": table(11), "more.csv": more})
    assert found.unmatched == {"more": 5}


def test_rows_are_dropped_by_source(own: Own) -> None:
    own(TWO, {"a.csv": table(9, "1,\n"), "b.csv": table(9)})
    dataset = sources.load("mine")
    for _ in range(2):
        list(dataset.chunks(None))
        assert dataset.dropped == {"p: y missing": 1}
        assert dataset.dropped_of == {"a": {"p: y missing": 1}, "b": {}}


def test_validation_rows_are_drawn_from_every_source(prepared: Prepare) -> None:
    rows = "".join(f"{i},{i // 2 % 2},{'ab'[i % 2]}\n" for i in range(40))
    keys = TWO + "split: {column: s, train: a, test: b, valid_share: 0.25}\n"
    files = {"a.csv": "i,y,s\n" + rows * 20, "b.csv": "i,y,s\n" + rows}
    facts = prepared(keys, files).manifest
    assert facts.source_sizes == {
        "a": {"train": 300, "valid": 100, "test": 400},
        "b": {"train": 15, "valid": 5, "test": 20},
    }


WRONG = {
    TWO.replace("{p: y}", "{a: y, b_c: y}").replace("{q: y}", "{a_b: y, c: y}"): (
        "the correlations of 'a' and 'b_c' and of 'a_b' and 'c' would both have the name 'a_b_c'"
    ),
    TWO.replace("fields: {i: }, tasks: {p", "fields: {i: {type: time}}, tasks: {p").replace(
        "fields: {i: }", "fields: {i_hour: {type: numeric}}"
    ): "'i_hour' is hashed in 'a', numeric in 'b'",
    TWO.replace("i: }, tasks: {q", "i: {type: number, buckets: [2]}}, tasks: {q"): (
        r"'i' is hashed in 'a', hashed in buckets \[2.0\] in 'b'; rename one"
    ),
    "sources:\n"
    + "".join(f"  s{i}: {{path: a.csv, fields: [i], tasks: {{p{i}: y}}}}\n" for i in range(128)): (
        "sources: .* should have at most 127 items"
    ),
}


@pytest.mark.parametrize("keys", WRONG)
def test_names_that_would_be_one(own: Own, keys: str) -> None:
    with pytest.raises(ConfigError, match=WRONG[keys]):
        own(keys, {})
