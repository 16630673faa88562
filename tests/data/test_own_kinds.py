"""Own datasets with joins, tasks and inputs of every kind, and several sources."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.data import sources
from mtnas.runtime.errors import ConfigError, DataError
from tests.data.conftest import Own

LOANS = "user,isbn,stars\n" + "".join(f"u{i % 5},{i % 4},{i % 5 + 1}\n" for i in range(40))
BOOKS = "isbn;title;pages\n0;zero;100\n1;one;2,5\n2;two;300\n3;three;\n"
JOIN = """
path: loans.csv
joins: {books: {path: books.csv, on: isbn, delimiter: ;, decimal: ','}}
fields: {user: , books.title: , long: {sql: books.pages > 100}}
tasks: {likes: stars >= 4}
"""


def test_a_joined_table_gives_columns(own: Own) -> None:
    found = own(JOIN, {"loans.csv": LOANS, "books.csv": BOOKS})
    assert found.columns["books.title"][:5] == ["zero", "one", "two", "three", "zero"]
    assert found.columns["long"][:4] == ["false", "false", "true", "unknown"]
    assert not found.unmatched


KEYS = {
    "numbers written otherwise": (LOANS.replace(",1,", ",1.0,"), BOOKS, 0),
    "leading zeros lost": (LOANS, BOOKS.replace("\n1;", "\n0001;"), 0),
    "one book lacks": (LOANS, BOOKS.replace("1;one;2,5\n", ""), 10),
    "texts": (LOANS.replace(",1,", ",x,"), BOOKS.replace("\n1;", "\nx;"), 0),
    "texts are not numbers": (LOANS.replace(",1,", ",x,"), BOOKS.replace("\n2;", "\n2.0;"), 20),
    "a key lacks": (LOANS.replace(",1,", ",,"), BOOKS, 10),
}


@pytest.mark.parametrize("case", KEYS)
def test_rows_without_a_partner_are_counted(own: Own, case: str) -> None:
    loans, books, unmatched = KEYS[case]
    found = own(JOIN, {"loans.csv": loans, "books.csv": books})
    assert found.unmatched.total() == unmatched
    assert len(found.columns["likes"]) == 40
    assert found.columns["likes"][:5] == [0, 0, 0, 1, 1]


REFUSED_JOINS = {
    "multiplied": (
        BOOKS + "2;again;1\n",
        "",
        r"1 keys of 'isbn' occur more than once, such as '2'",
    ),
    "most without": ("isbn;title;pages\n0;a;1\n", "", r"30 of 40 rows have no partner by 'isbn'"),
    "another key": (BOOKS.replace("isbn", "id"), "", "unknown column 'isbn'"),
    "another column": (BOOKS.replace("title", "name"), "", "field 'books.title': unknown column"),
}


@pytest.mark.parametrize("case", REFUSED_JOINS)
def test_joins_that_cannot_be_meant_are_refused(own: Own, case: str) -> None:
    books, _, message = REFUSED_JOINS[case]
    with pytest.raises(DataError, match=message):
        own(JOIN, {"loans.csv": LOANS, "books.csv": books})


def test_a_join_may_find_little_if_it_is_said(own: Own) -> None:
    keys = JOIN.replace("on: isbn", "on: {isbn: id}, allow_unmatched: 0.9")
    found = own(keys, {"loans.csv": LOANS, "books.csv": "id;title;pages\n0;a;1\n"})
    assert found.unmatched == {"books": 30}


LEAKS = {
    JOIN.replace("stars >= 4", "books.pages > 3"): "fields.long: reads column 'books.pages'",
    JOIN.replace("stars >= 4", "isbn = 1"): "'books.title' is found by 'isbn', which decides task",
    JOIN.replace(
        "long: {", "stars: {sql: stars * 2}, long: {"
    ): "fields.stars: reads column 'stars'",
}


@pytest.mark.parametrize("keys", LEAKS)
def test_a_label_among_the_inputs_is_refused(own: Own, keys: str) -> None:
    with pytest.raises(ConfigError, match=LEAKS[keys]):
        own(keys, {"loans.csv": LOANS, "books.csv": BOOKS})


TASKS = """
path: x.csv
fields: [user]
tasks:
  likes: stars >= 4
  stars: {kind: regression, sql: stars, unit: stars, loss_weight: 0.5}
  mood: {kind: multiclass, sql: mood, classes: [bad, good]}
  colour: {kind: multiclass, sql: colour}
"""
ROWS = (
    "user,stars,mood,colour\na,4,bad,1\nb,,good,2.0\nc,1,odd,\nd,inf,,\ne,,,\nf,2.5,good,3\ng,3,,\n"
)


def test_tasks_of_every_kind_with_missing_labels(own: Own) -> None:
    found = own(TASKS, {"x.csv": ROWS})
    assert found.columns["user"] == ["a", "b", "c", "f", "g"]
    assert found.columns["likes"] == [1, None, 0, 0, 0]
    assert found.columns["stars"] == [4.0, None, 1.0, 2.5, 3.0]
    assert found.columns["mood"] == ["bad", "good", None, "good", None]
    assert found.columns["colour"] == ["1", "2", None, "3", None]
    assert found.dropped == {"likes: stars is no number": 1, "no label of any task": 1}
    assert found.replaced == {"mood: is none of `classes`": 1}
    tasks = sources.load("mine").tasks
    assert [(t.name, t.kind, t.unit, t.classes, t.loss_weight) for t in tasks][1:3] == [
        ("stars", "regression", "stars", (), 0.5),
        ("mood", "multiclass", "", ("bad", "good"), 1.0),
    ]


def test_all_labels_may_be_required(own: Own) -> None:
    found = own(f"{TASKS}require_all_labels: true\n", {"x.csv": ROWS})
    assert found.columns["user"] == ["a", "f"]
    assert found.dropped.total() == 5


WRONG_TASKS = {
    "{kind: regression, sql: mood}": "values of column 'mood' of task t .* 4 of 4 are not",
    "{kind: regression, sql: lower(mood)}": "gives VARCHAR, not a number",
    "lower(mood)": "gives VARCHAR, not true or false",
    "stars": "values of column 'stars' of task t .*must be 0 or 1",
    "stars * 1": "values of task t .*must be 0 or 1: 3 of 4 are not",
    "{kind: multiclass, sql: \"string_split(mood, 'o')\"}": "not a class",
    "{kind: multiclass, sql: mood, classes: [a, b]}": "must be one of a, b: 4 of 4 are not",
}


@pytest.mark.parametrize("task", WRONG_TASKS)
def test_labels_that_are_not_of_their_kind_are_refused(own: Own, task: str) -> None:
    with pytest.raises(DataError, match=WRONG_TASKS[task]):
        own(f"path: x.csv\nfields: [user]\ntasks:\n  t: {task}\n", {"x.csv": ROWS})


WRONG_KEYS = {
    "{kind: binary, sql: a, classes: [x, y]}": "classes are for kind multiclass",
    "{kind: multiclass, sql: a, classes: [x]}": "classes: two are needed",
    "{kind: multiclass, sql: a, classes: [x, x]}": "listed twice: 'x'",
    "{sql: a, unit: m}": "unit is for kind regression",
    "{sql: a, metrics: [rmse]}": "unknown metric 'rmse'",
    "{sql: a, loss_weight: 0}": "loss_weight: 0 should be greater than 0",
    "{kind: yes_no, sql: a}": "kind: unknown value 'yes_no'",
}


@pytest.mark.parametrize("task", WRONG_KEYS)
def test_keys_of_tasks_that_do_not_fit_are_refused(own: Own, task: str) -> None:
    with pytest.raises(ConfigError, match=WRONG_KEYS[task]):
        own(f"path: x.csv\nfields: [user]\ntasks:\n  t: {task}\n", {})


def test_numbers_and_lists(own: Own) -> None:
    keys = """
path: x.csv
fields:
  age: {type: numeric}
  double: {type: numeric, sql: age * 2}
  tags: {type: list, separator: '|', max_length: 2}
tasks: [y]
"""
    rows = "age,tags,y\n4,a| b,1\n-0.5,a||c|d,0\n,,1\nold,NA|z,0\n"
    found = own(keys, {"x.csv": rows})
    assert found.columns["age"] == [4.0, -0.5, None, None]
    assert found.columns["double"] == [8.0, -1.0, None, None]
    assert found.columns["tags"] == [["a", "b"], ["a", "c"], ["unknown"], ["z"]]
    assert found.replaced == {
        "age: no numeric": 1,
        "double: no numeric": 1,
        "tags: longer than 2": 1,
    }


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_a_very_long_list_is_cut(own: Own, kind: str) -> None:
    long = [str(i) for i in range(100_000)]
    lists = [long, ["a"], [], long]
    rows = {"tags": lists, "y": [0, 1, 0, 1]}
    buffer = io.BytesIO()
    pq.write_table(pa.table(rows), buffer)
    listed = ["[" + ", ".join(f'"{m}"' for m in members) + "]" for members in lists]
    content: dict[str, str | bytes] = {
        "csv": "tags,y\n" + "".join(f"{'|'.join(m)},{i % 2}\n" for i, m in enumerate(lists)),
        "jsonl": "".join(f'{{"tags": {m}, "y": {i % 2}}}\n' for i, m in enumerate(listed)),
        "parquet": buffer.getvalue(),
    }
    separator = ", separator: '|'" if kind == "csv" else ""
    keys = f"path: x.{kind}\nfields: {{tags: {{type: list{separator}}}}}\ntasks: [y]\n"
    found = own(keys, {f"x.{kind}": content[kind]})
    assert found.columns["tags"] == [long[:50], ["a"], ["unknown"], long[:50]]
    assert found.replaced == {"tags: longer than 50": 2}


def test_a_list_in_text_needs_its_separator(own: Own) -> None:
    with pytest.raises(DataError, match="field 'tags': is a text; give `separator`"):
        own("path: x.csv\nfields: {tags: {type: list}}\ntasks: [y]\n", {"x.csv": "tags,y\na,1\n"})


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def parquet(**columns: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


MATRIX = np.arange(8, dtype=np.float32).reshape(4, 2)
TABLE = "isbn,place,y\nc,2,1\na,0,0\nb,7,1\nd,,0\n"
COVER = "path: x.csv\nfields: {cover: {type: features, path: FILE}}\ntasks: [y]\n"
FEATURES = {
    "in order": ("m.npy", npy(MATRIX), "", [0, 1, 2, 3]),
    "float64": ("m.npy", npy(MATRIX.astype(np.float64)), "", [0, 1, 2, 3]),
    "by number": ("m.npy", npy(MATRIX), ", column: place", [2, 0, None, None]),
    "by key": (
        "m.parquet",
        parquet(isbn=["a", "b", "c", "z"], x=MATRIX[:, 0], y=MATRIX[:, 1]),
        ", key: isbn",
        [2, 0, 1, None],
    ),
    "lists by key": (
        "m.parquet",
        parquet(isbn=["a", "b", "c", "z"], v=list(MATRIX)),
        ", key: isbn",
        [2, 0, 1, None],
    ),
}


@pytest.mark.parametrize("case", FEATURES)
def test_rows_of_a_matrix(own: Own, case: str) -> None:
    name, content, more, rows = FEATURES[case]
    keys = COVER.replace("FILE", name + more)
    assert own(keys, {"x.csv": TABLE, name: content}).columns["cover"] == rows
    dataset = sources.load("mine")
    matrix = dataset.matrices(None)["cover"]
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, MATRIX)
    assert [path.name for path in dataset.sources(None)] == ["x.csv", name]


def test_rows_that_are_left_out_keep_the_order_of_a_matrix(own: Own) -> None:
    table = TABLE.replace("a,0,0", "a,0,")
    found = own(COVER.replace("FILE", "m.npy"), {"x.csv": table, "m.npy": npy(MATRIX)})
    assert found.columns["cover"] == [0, 2, 3]


WRONG_MATRICES = {
    "too few rows": ("m.npy", npy(MATRIX[:3]), "", "3 rows, but the table .* has 4"),
    "NaN": ("m.npy", npy(np.where(MATRIX == 5, np.nan, MATRIX)), "", "row 2 holds NaN"),
    "infinite": ("m.npy", npy(np.where(MATRIX == 5, np.inf, MATRIX)), "", "row 2 holds NaN or inf"),
    "a vector": ("m.npy", npy(MATRIX[0]), "", "has 1 dimensions, not the two"),
    "three dimensions": ("m.npy", npy(MATRIX[None]), "", "has 3 dimensions"),
    "objects": ("m.npy", npy(np.array([[{}]], object)), "", "holds Python objects"),
    "texts": ("m.npy", npy(np.array([["a"]])), "", "not numbers; save float32"),
    "no matrix": ("m.npy", b"no", "", r"no \.npy file|not a sound \.npy"),
    "empty": ("m.npy", npy(np.zeros((0, 3), np.float64)), "", "0 rows, but the table"),
    "no columns": ("m.npy", npy(np.zeros((4, 0), np.float64)), "", "is empty"),
    "no Parquet": ("m.parquet", b"no", ", key: isbn", "not a sound Parquet file"),
    "no key": ("m.parquet", parquet(x=[1.0]), ", key: isbn", "no column 'isbn' for the keys"),
    "two of a key": ("m.parquet", parquet(isbn=["a", "a"], x=[1.0, 2.0]), ", key: isbn", "twice"),
    "a text column": (
        "m.parquet",
        parquet(isbn=list("abcd"), x=list("abcd")),
        ", key: isbn",
        "'x' holds string",
    ),
    "ragged": (
        "m.parquet",
        parquet(isbn=["a", "b", "c", "d"], v=[[1.0], [1.0, 2.0], [1.0], [2.0]]),
        ", key: isbn",
        "different lengths",
    ),
    "a missing feature": (
        "m.parquet",
        parquet(isbn=["a", "b", "c", "d"], x=[1.0, None, 2.0, 3.0]),
        ", key: isbn",
        "a feature is missing",
    ),
}


@pytest.mark.parametrize("case", WRONG_MATRICES)
def test_matrices_that_cannot_be_used_are_refused(own: Own, case: str) -> None:
    name, content, more, message = WRONG_MATRICES[case]
    with pytest.raises(DataError, match=message):
        own(COVER.replace("FILE", name + more), {"x.csv": TABLE, name: content})
        sources.load("mine").matrices(None)


def test_nothing_in_a_matrix_is_run(own: Own, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "evil",)  # type: ignore[return-value]

    content = npy(np.array([[Evil()]], object))
    with pytest.raises(DataError, match="Python objects"):
        own(COVER.replace("FILE", "m.npy"), {"x.csv": TABLE, "m.npy": content})
    assert not (tmp_path / "evil").exists()


WRONG_FIELDS = {
    "{a: {sql: b, column: b}}": "give either `column` or `sql`",
    "{a: {sql: b &}}": "fields.a.sql: .*not SQL",
    "{a: {type: features}}": "features need `path`",
    "{a: {type: features, path: m.npy, key: b}}": "`key` needs a Parquet file",
    "{a: {separator: ','}}": "separator is for type list",
    "{a: {type: list, max_length: 0}}": "max_length: 0 should be greater",
    "{y: {column: a}}": "'y' is a task, too",
}


@pytest.mark.parametrize("fields", WRONG_FIELDS)
def test_keys_of_fields_that_do_not_fit_are_refused(own: Own, fields: str) -> None:
    with pytest.raises(ConfigError, match=WRONG_FIELDS[fields]):
        own(f"path: x.csv\nfields: {fields}\ntasks: {{y: z > 1}}\n", {})


SOURCES = """
decimal: ','
sources:
  reviews:
    path: reviews.csv
    delimiter: ;
    fields: {user: , length: {type: numeric}}
    tasks: {likes: stars > 3,5}
    loss_weight: 2
  questions:
    path: questions.jsonl
    fields: {user: , words: {type: list}}
    tasks: {answered: answer IS NOT NULL, time: {kind: regression, sql: minutes}}
"""
SOURCE_FILES = {
    "reviews.csv": "user;stars;length\na;4,5;1,5\nb;1;\n",
    "questions.jsonl": '{"user": "a", "answer": "x", "words": ["p", "q"], "minutes": 3}\n'
    '{"user": "c"}\n',
}


def test_several_sources_are_one_table(own: Own) -> None:
    found = own(SOURCES.replace("3,5", "3.5"), SOURCE_FILES)
    assert found.columns == {
        "user": ["a", "b", "a", "c"],
        "length": [1.5, None, None, None],
        "words": [["unknown"], ["unknown"], ["p", "q"], ["unknown"]],
        "likes": [1, 0, None, None],
        "answered": [None, None, 1, 0],
        "time": [None, None, 3.0, None],
        "source": [0, 0, 1, 1],
    }
    dataset = sources.load("mine")
    assert dataset.source_names == ("reviews", "questions")
    assert [(t.source, t.loss_weight) for t in dataset.tasks] == [
        ("reviews", 2.0),
        ("questions", 1.0),
        ("questions", 1.0),
    ]
    assert sources.load("mine", definition=dataset.definition).definition == dataset.definition


WRONG_SOURCES = {
    SOURCES.replace("answered:", "likes:"): "two sources have a task 'likes'",
    SOURCES.replace(
        "words: {type: list}", "length: {type: list}"
    ): "fields: 'length' is numeric in",
    SOURCES + "tasks: [x]\n": "tasks: is given in each of `sources`",
    SOURCES.replace("questions.jsonl", "no.dat"): "format: cannot be told",
    "sources: [a, b]\n": "sources: .* should be a mapping",
    "sources: {}\n": "sources: {} should have at least 1 item",
}


@pytest.mark.parametrize("keys", WRONG_SOURCES)
def test_sources_that_do_not_fit_are_refused(own: Own, keys: str) -> None:
    with pytest.raises(ConfigError, match=WRONG_SOURCES[keys]):
        own(keys.replace("3,5", "3.5"), SOURCE_FILES)


def test_a_source_without_rows_is_refused(own: Own) -> None:
    files = {**SOURCE_FILES, "reviews.csv": "user;stars;length\n"}
    with pytest.raises(DataError, match="source 'reviews' has no rows"):
        own(SOURCES.replace("3,5", "3.5"), files)
