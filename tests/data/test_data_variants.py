"""Variants of what people meet with tables: other spellings, formats, types and places."""

import io
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.runtime.errors import ConfigError, DataError
from tests.data.conftest import Own


def parquet(columns: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def matrix(rows: int) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ones((rows, 2), np.float32))
    return buffer.getvalue()


# Lines whose quote is stray, in a table of 1000 rows with some sound quotes: what is lost.
STRAY = {
    "text behind a closing quote": ({500: 'a,"x"y,1'}, 1),
    "two openings, one line after the other": ({500: 'a,"x,1', 501: 'a,"x,1'}, 2),
    "two openings, ten lines apart": ({500: 'a,"x,1', 510: 'a,"x,1'}, 11),
    "in the first column": ({500: '"a,x,1', 510: '"a,x,1'}, 11),
    "in the first and in the last line": ({0: 'a,"x"y,1', 999: 'a,"x"y,1'}, 2),
}


@pytest.mark.parametrize("case", STRAY)
def test_a_broken_quote_costs_its_lines_and_no_others(own: Own, case: str) -> None:
    stray, lost = STRAY[case]
    rows = [
        stray.get(i, f"u{i},{'x' if i % 100 else chr(34) + 'y, z' + chr(34)},{i % 4}")
        for i in range(1000)
    ]
    keys = "path: x.csv\nfields: [u, w]\ntasks: {t: v > 1}\n"
    found = own(keys, {"x.csv": "\n".join(["u,w,v", *rows])})
    assert found.dropped.total() == lost
    assert len(found.columns["u"]) == 1000 - lost
    assert "u998" in found.columns["u"]


def test_every_line_is_read_or_counted(own: Own) -> None:
    draw = random.Random(5)
    for _ in range(5):
        rows = [f"u{i},{draw.choice(['x', chr(34) + 'q,w' + chr(34)])},{i % 4}" for i in range(300)]
        for i in draw.sample(range(300), 4):
            rows[i] = draw.choice(['u,"x"y,1', "u,1", "u,x,1,2"])
        keys = "path: x.csv\nfields: [u, w]\ntasks: {t: v > 1}\n"
        found = own(keys, {"x.csv": "\n".join(["u,w,v", *rows])})
        assert len(found.columns["u"]) + found.dropped.total() == 300


def test_the_line_of_a_stray_quote_is_the_one_that_opens(own: Own) -> None:
    rows = [f"u{i},x,{i % 4}" for i in range(50)]
    rows[20], rows[25] = 'u20,"x,0', 'u25,x",1'
    with pytest.raises(DataError, match="from line 22 "):
        own(
            "path: x.csv\nfields: [u, w]\ntasks: {t: v > 1}\n",
            {"x.csv": "\n".join(["u,w,v", *rows])},
        )


LARGE = pa.array([2**64 - 1, 2**64 - 2, 1], pa.uint64())
SHORT = pa.array([0.1, 0.3, 0.7], pa.float32())
# Columns of Parquet by type: how they are read, and what they become.
TYPES: dict[str, tuple[Any, str, list[Any]]] = {
    "unsigned, as a count": (LARGE, "count", [str(2**64 - 1), str(2**64 - 2), "1"]),
    "unsigned, as a number": (LARGE, "number", [str(2**64 - 1), str(2**64 - 2), "1"]),
    "unsigned, as numeric": (LARGE, "numeric", [2.0**64, 2.0**64, 1.0]),
    "64 bits, as a count": (pa.array([2**62 + 1, 3, 0]), "count", [str(2**62 + 1), "3", "0"]),
    "64 bits, as numeric": (pa.array([2**53 + 1, 3, 0]), "numeric", [2.0**53, 3.0, 0.0]),
    "single floats": (SHORT, "number", ["0.1", "0.3", "0.7"]),
    "single floats in buckets": (SHORT, "number, buckets: {width: 0.1}", ["1", "3", "7"]),
    "minus zero": (pa.array([-0.0, 0.0, 1.0]), "category", ["0", "0", "1"]),
    "bytes that are no text": (pa.array([b"a", b"\xff", b"\xfe"]), "id", ["a", r"\xFF", r"\xFE"]),
    "bytes of one length": (
        pa.array([b"ab", b"\xff\x00", b"cd"], pa.binary(2)),
        "id",
        ["ab", r"\xFF\x00", "cd"],
    ),
}


@pytest.mark.parametrize("case", TYPES)
def test_types_of_parquet(own: Own, case: str) -> None:
    values, kind, right = TYPES[case]
    keys = f"path: x.parquet\nfields: {{f: {{type: {kind}}}}}\ntasks: {{t: v > 1}}\n"
    found = own(keys, {"x.parquet": parquet({"f": values, "v": [1, 2, 3]})})
    assert found.columns["f"] == right
    assert not found.replaced


def test_edges_of_buckets_that_are_alike_in_their_first_digits(own: Own) -> None:
    keys = "path: x.csv\nfields: {f: {type: number, buckets: [1234567, 1234568]}}\ntasks: {t: v}\n"
    found = own(keys, {"x.csv": "f,v\n1,0\n1234567,1\n1234568,0\n"})
    assert found.columns["f"] == ["below 1234567", "1234567 to 1234568", "from 1234568"]


# Numbers of rows of a matrix of 5 rows: which are found, and how many are counted as none.
ROWS = {
    "a text": ("x", 1),
    "missing": ("", 0),
    "not whole": ("0.5", 1),
    "below the first": ("-1", 1),
    "behind the last": ("5", 1),
    "far behind": (str(2**62), 1),
}


@pytest.mark.parametrize("case", ROWS)
def test_numbers_of_rows_that_a_matrix_does_not_have(own: Own, case: str) -> None:
    number, lost = ROWS[case]
    keys = "path: x.csv\nfields: {f: {type: features, path: m.npy, column: i}}\ntasks: {t: v > 1}\n"
    table = f"i,v\n{number},1\n1.0,2\n4,3\n"
    found = own(keys, {"x.csv": table, "m.npy": matrix(5)})
    assert found.columns["f"] == [None, 1, 4]
    assert found.replaced.total() == lost


def test_names_of_folders_are_decoded(own: Own) -> None:
    keys = "path: d/**/*.csv\nfields: [town]\ntasks: {t: v > 1}\n"
    files = {"d/town=New%20York/a.csv": "v\n1\n", "d/town=Rome/a.csv": "v\n2\n"}
    assert own(keys, files).columns["town"] == ["New York", "Rome"]


def test_a_column_of_the_file_and_of_its_folder_is_refused(own: Own) -> None:
    keys = "path: d/**/*.csv\nfields: [town]\ntasks: {t: v > 1}\n"
    with pytest.raises(DataError, match="the name of its folder both have a column 'town'"):
        own(keys, {"d/town=Rome/a.csv": "town,v\nParis,1\nRome,2\n"})


# What an expression may not be, and what is said.
EXPRESSIONS = {
    "v IN (" + ", ".join(map(str, range(1500))) + ")": r"join it \(`joins`\)",
    "v IN (" + ", ".join(map(str, range(10**5))) + ")": "688895 characters, at most 10000",
    "v" + " + 1" * 800 + " > 1": "too many operations are nested",
    "NOT " * 300 + "(v > 1)": "too many operations are nested",
    r"v = '\ud83d'": "half a character",
    "sqrt(v - 3) > 1": r"`TRY\(\.\.\.\)` around a part",
}


@pytest.mark.parametrize("sql", EXPRESSIONS, ids=range(len(EXPRESSIONS)))
def test_expressions_that_cannot_be_are_refused_in_a_few_words(own: Own, sql: str) -> None:
    keys = f'path: x.csv\nfields: [u]\ntasks: {{t: "{sql}"}}\n'
    with pytest.raises((ConfigError, DataError), match=EXPRESSIONS[sql]) as error:
        own(keys, {"x.csv": "u,v\na,1\nb,2\n"})
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 4000


def test_the_name_of_a_task_that_has_a_meaning_of_its_own(own: Own) -> None:
    with pytest.raises(ConfigError, match="'source' has a meaning of its own"):
        own("path: x.csv\nfields: [u]\ntasks: {source: v > 1}\n", {"x.csv": "u,v\na,1\n"})


@pytest.mark.parametrize("ending", ["", ".0", ".00"])
def test_a_column_that_splits_may_hold_floats(own: Own, ending: str) -> None:
    rows = "".join(f"u{i},{i},{i % 3}{ending}\n" for i in range(6))
    keys = "path: x.csv\nfields: [u]\ntasks: {t: v > 1}\n"
    keys += "split: {column: s, train: [0], valid: 1, test: 2.0}\n"
    found = own(keys, {"x.csv": f"u,v,s\n{rows}"})
    assert found.columns["split"] == [0, 1, 2, 0, 1, 2]


# Columns that split by time: whether they are refused, since they are written in two ways.
TIMES = {
    "days and seconds": (["20240105", "1700000000"], True),
    "days and days with seconds": (["20240105", "20240103101112"], True),
    "days with minutes and with seconds": (["202401051011", "20240103101112"], True),
    "days": (["20240105", "20240103"], False),
    "days with seconds": (["20240105101112", "20240103101112"], False),
    "numbers that look like days": (["20240105", "7", "1700000000"], False),
    "years": (["1990", "2024"], False),
}


@pytest.mark.parametrize("case", TIMES)
def test_numbers_that_split_are_written_alike(own: Own, case: str) -> None:
    values, refused = TIMES[case]
    keys = "path: x.csv\nfields: [u]\ntasks: {t: v > 1}\nsplit: {time: s, ratios: [2, 1, 1]}\n"
    files = {"x.csv": "u,v,s\n" + "".join(f"a,{i},{value}\n" for i, value in enumerate(values))}
    if refused:
        with pytest.raises(DataError, match="column 's' of the split: .*order would be wrong"):
            own(keys, files)
    else:
        assert own(keys, files).columns["split"] == [float(value) for value in values]


# Keys of a join, of the table and of the joined one: what is found.
KEYS = {
    "floats and texts": ([1.0, 2.0], ["1", "x"], ["7", "unknown"]),
    "floats and whole numbers": ([1.0, 2.0], [2, 1], ["8", "7"]),
    "large whole numbers": ([2**53, 2**53 + 1], [2**53 + 1, 2**53], ["8", "7"]),
    "large floats": ([2.0**53, 1.0], [2**53, 2**53 + 1], None),
    "large floats in the joined table": ([2**53, 2**53 + 1], [2.0**53, 1.0], None),
}


@pytest.mark.parametrize("case", KEYS)
def test_keys_of_joins(own: Own, case: str) -> None:
    left, right, found = KEYS[case]
    keys = "path: a.parquet\njoins: {b: {path: b.parquet, on: k}}\n"
    keys += "fields: [b.y]\ntasks: {t: v > 1}\n"
    files = {"a.parquet": parquet({"k": left, "v": [1, 2]})}
    files["b.parquet"] = parquet({"k": right, "y": [7, 8]})
    if found is None:
        with pytest.raises(DataError, match="joins.b: column 'k' holds floats so large"):
            own(keys, files)
    else:
        assert own(keys, files).columns["b.y"] == found


def test_a_column_may_have_any_name_beside_a_join(own: Own) -> None:
    keys = "path: a.csv\njoins: {b: {path: b.csv, on: k}}\n"
    keys += "fields: ['b: found', b.x]\ntasks: {t: v > 1}\n"
    found = own(keys, {"a.csv": "k,v,b: found\n1,1,q\n2,2,w\n", "b.csv": "k,x\n1,5\n2,6\n"})
    assert found.columns == {"b: found": ["q", "w"], "b.x": ["5", "6"], "t": [0, 1]}


# Objects with a key twice, and the columns that are read: whether the line counts as broken.
TWICE = {
    "two values": ('{"u": "a", "u": "b", "v": 1}', "u", True),
    "the same value twice": ('{"u": "a", "u": "a", "v": 1}', "u", True),
    "written in two ways": ('{"u": "a", "\\u0075": "b", "v": 1}', "u", True),
    "behind other keys": ('{"u" : "a", "w": {"u": 1}, "v": 1, "u" : 2}', "u", True),
    "of a label": ('{"u": "a", "v": 1, "v": 5}', "u", True),
    "that nobody reads": ('{"x": 1, "u": "a", "x": 2, "v": 1}', "u", False),
    "in another object": ('{"u": "a", "w": {"u": 1, "v": 2}, "v": 1}', "u", False),
    "as a value": ('{"u": "u", "w": ["u", "u"], "v": 1}', "u", False),
    "in an object": ('{"w": {"u": 1, "u": 2}, "v": 1}', "w.u", True),
    "an object": ('{"w": {"u": 1}, "w": {"u": 2}, "v": 1}', "w.u", True),
    "with a point": ('{"w.u": 1, "w.u": 2, "v": 1}', "w.u", True),
    "in a list of objects": ('{"w": [{"u": 1}, {"u": 1, "u": 2}], "v": 1}', "w.u", True),
    "once in each of a list": ('{"w": [{"u": 1}, {"u": 2}], "v": 1}', "w.u", False),
    "in an object of a list": ('{"w": [{"x": {"u": 1, "u": 2}}], "v": 1}', "w.x.u", True),
}


SOUND = '{"u": "z", "w": [{"u": 1, "x": {"u": 1}}], "v": 2}'


@pytest.mark.parametrize("case", TWICE)
def test_a_key_that_is_twice_in_one_line_is_counted(own: Own, case: str) -> None:
    line, column, lost = TWICE[case]
    rows = [line.replace(", ", ",", 1), *[SOUND] * 3, "{", "{"]
    keys = f"path: x.jsonl\nfields: {{f: {{column: {column}}}}}\ntasks: {{t: v > 1}}\n"
    found = own(keys, {"x.jsonl": "\n".join(rows)})
    reason = {"x.jsonl: an object with a key twice": 1} if lost else {}
    assert found.dropped == {"x.jsonl: not a JSON object": 2, **reason}
    assert found.columns["t"] == [0] * (not lost) + [1] * 3


def test_a_file_whose_lines_have_keys_twice_is_refused(own: Own) -> None:
    keys = "path: x.jsonl\nfields: [u]\ntasks: {t: v > 1}\n"
    message = (
        r"3 of 4 rows are no JSON objects, or have a key twice; the first is '{\"u\": 1, \"u\""
    )
    with pytest.raises(DataError, match=message):
        own(keys, {"x.jsonl": '{"u": 1, "u": 1, "v": 2}\n' * 3 + '{"u": 1, "v": 0}\n'})


# A table with a column that is called as one of the joined table `b`.
SAME_NAME = {
    "csv": "k,v,b.x\n1,1,q\n2,2,w\n",
    "in other letters": "k,v,B.X\n1,1,q\n2,2,w\n",
    "jsonl": '{"k": 1, "v": 1, "b.x": 3}\n{"k": 2, "v": 2}\n',
    "an object": '{"k": 1, "v": 1, "b": {"x": 3}}\n{"k": 2, "v": 2}\n',
    "parquet": parquet({"k": [1, 2], "v": [1, 2], "b": [{"x": 1}, {"x": 2}]}),
}


@pytest.mark.parametrize("case", SAME_NAME)
def test_a_column_called_as_one_of_a_joined_table_is_refused(own: Own, case: str) -> None:
    content = SAME_NAME[case]
    kind = "parquet" if isinstance(content, bytes) else "jsonl" if content[0] == "{" else "csv"
    keys = f"path: a.{kind}\njoins: {{b: {{path: b.csv, on: k}}}}\n"
    keys += "fields: [b.x]\ntasks: {t: v > 1}\n"
    files = {f"a.{kind}": content, "b.csv": "k,x\n1,5\n2,6\n"}
    with pytest.raises(DataError, match=r"'[bB]\.[xX]' has the name of column 'x' of the joined t"):
        own(keys, files)
    renamed = keys.replace("b: {", "c: {").replace("b.x", "c.x")
    assert own(renamed, files).columns["c.x"] == ["5", "6"]


# A column of another type in each of two files: what is read, None where it is refused.
HALVES: dict[str, tuple[Any, Any, list[Any] | None]] = {
    "floats and texts": ([3.0, None], ["3", "x"], ["3", "unknown", "3", "x"]),
    "floats of 32 and 64 bits": (
        pa.array([0.1, 0.7], pa.float32()),
        [0.1, 0.7],
        ["0.1", "0.7", "0.1", "0.7"],
    ),
    "floats of 32 bits and whole numbers": (
        pa.array([1.5, 2.0], pa.float32()),
        pa.array([2**24 + 1, 2], pa.int32()),
        ["1.5", "2", str(2**24 + 1), "2"],
    ),
    "floats and whole numbers": ([1.0, None], [1, 2], ["1", "unknown", "1", "2"]),
    "floats and large whole numbers": ([1.0, None], [2**53 + 1, 2**53 + 2], None),
    "floats and large negative ones": ([1.0, None], [-(2**60) - 1, 2], None),
    "signed and unsigned": (
        [-1, 2],
        pa.array([2**64 - 1], pa.uint64()),
        ["-1", "2", str(2**64 - 1)],
    ),
    "members and lists": ([1.0, None], [["1"], ["b", "c"]], ["1", "unknown", "1", "b|c"]),
}


@pytest.mark.parametrize("case", HALVES)
def test_a_column_of_another_type_in_each_file(own: Own, case: str) -> None:
    first, second, right = HALVES[case]
    keys = "path: [a.parquet, b.parquet]\nfields: [x]\ntasks: {t: v > 1}\n"
    files = {
        "a.parquet": parquet({"x": first, "v": [1, 2]}),
        "b.parquet": parquet({"v": [1, 2][: len(second)], "x": second}),
    }
    if right is None:
        with pytest.raises(
            DataError, match=r"b.parquet: column 'x' holds whole numbers above 2\^53"
        ):
            own(keys, files)
    else:
        assert own(keys, files).columns["x"] == right


def test_lists_in_one_file_of_json_and_members_in_another(own: Own) -> None:
    keys = "path: [a.jsonl, b.jsonl]\nfields: {x: {type: list}}\ntasks: {t: v > 1}\n"
    files = {"a.jsonl": '{"x": [1, 2], "v": 2}\n', "b.jsonl": '{"x": 3, "v": 1}\n{"v": 1}\n'}
    assert own(keys, files).columns["x"] == [["1", "2"], ["3"], ["unknown"]]


ALIKE: dict[str, tuple[dict[str, Any], str]] = {
    "a column": ({"user": ["a", "b"], "User": ["A", "B"]}, "user"),
    "the other one": ({"user": ["a", "b"], "User": ["A", "B"]}, "User"),
    "a member": ({"u": [{"id": 1, "ID": 2}] * 2}, "u.ID"),
    "a member of an item": ({"u": [[{"id": 1, "ID": 2}]] * 2}, "u.id"),
    "what has members": ({"u": [{"id": 1}] * 2, "U": [{"id": 2}] * 2}, "u.id"),
}


@pytest.mark.parametrize("case", ALIKE)
def test_names_that_sql_does_not_tell_apart_are_refused(own: Own, case: str) -> None:
    columns, name = ALIKE[case]
    keys = f"path: a.parquet\nfields: {{f: {{column: {name}}}}}\ntasks: {{t: v > 1}}\n"
    with pytest.raises(DataError, match=f"several columns have the name '{name}'; .* capital let"):
        own(keys, {"a.parquet": parquet({**columns, "v": [1, 2]})})
    keys = "path: a.parquet\nfields: {f: {column: v}}\ntasks: {t: w > 1}\n"
    files = {"a.parquet": parquet({**columns, "v": [1, 2], "w": [1, 2]})}
    assert own(keys, files).columns["t"] == [0, 1]


def test_names_of_joins_that_sql_does_not_tell_apart_are_refused(own: Own) -> None:
    keys = "path: a.csv\njoins: {b: {path: b.csv, on: k}, B: {path: b.csv, on: k}}\n"
    with pytest.raises(ConfigError, match="joins: 'b' and 'B' differ in capital letters only"):
        own(f"{keys}fields: [b.x, B.x]\ntasks: {{t: v > 1}}\n", {})


def test_days_that_split_need_no_quotes(own: Own) -> None:
    keys = "path: a.csv\nfields: [u]\ntasks: {t: v > 1}\n"
    split = "split: {column: d, train: [2024-01-02, 2024-01-03], valid: 2024-01-04, test: DAY}\n"
    days = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]
    files = {"a.csv": "u,v,d\n" + "".join(f"{i},{i},{day}\n" for i, day in enumerate(days))}
    assert own(keys + split.replace("DAY", days[-1]), files).columns["split"] == [0, 0, 1, 2]
    with pytest.raises(ConfigError, match="split.test.*put it in quotes: .* takes it for a time"):
        own(keys + split.replace("DAY", "2024-01-05 10:00:00"), files)
