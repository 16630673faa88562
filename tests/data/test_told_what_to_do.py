"""Tables that cannot be read as they are: what is wrong is said, and the remedy works."""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.runtime.errors import DataError
from tests.data.conftest import Own

KEYS = "path: x.csv\nfields: [user]\ntasks: {l: r > 3}\n"
ROWS = [f"u{i % 3},{i % 5 + 1}\n" for i in range(30)]
TABLE = "user,r\n" + "".join(ROWS)
LIST = "path: x.KIND\nfields: {g: {type: list}}\ntasks: {l: r > 3}\n"
MEMBERS: dict[str, tuple[list[Any], str]] = {
    "objects": ([{"id": 1}, {"id": 2}], r'such as .\{"id":1\}'),
    "lists": ([["a", "b"], ["c"]], r"such as .\[\"a\",\"b\"\]"),
}


def rows_of(kind: str, members: list[Any]) -> bytes:
    columns = {"g": [members] * 30, "r": [i % 5 + 1 for i in range(30)]}
    if kind == "parquet":
        buffer = io.BytesIO()
        pq.write_table(pa.table(columns), buffer)
        return buffer.getvalue()
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.parametrize("case", MEMBERS)
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_lists_of_lists_or_objects_are_no_texts(own: Own, case: str, kind: str) -> None:
    members, example = MEMBERS[case]
    message = f"members of the lists of field 'g' .*: 60 of 60 are not, {example}.*; name a key"
    with pytest.raises(DataError, match=message):
        own(LIST.replace("KIND", kind), {f"x.{kind}": rows_of(kind, members)})


def test_the_remedy_for_lists_of_objects_helps(own: Own) -> None:
    for kind in ("jsonl", "parquet"):
        keys = LIST.replace("KIND", kind).replace("type: list", "type: list, column: g.id")
        found = own(keys, {f"x.{kind}": rows_of(kind, MEMBERS["objects"][0])})
        assert found.columns["g"] == [["1", "2"]] * 30


ABOVE = {
    "a comment": ("# exported\n", "comment: '#'\n"),
    "a title": ("Sales of 2024\n", "skip: 1\n"),
}


@pytest.mark.parametrize("case", ABOVE)
def test_a_line_above_the_header_is_told(own: Own, case: str) -> None:
    above, remedy = ABOVE[case]
    with pytest.raises(DataError, match="a line above the header. give `skip: 1`"):
        own(KEYS, {"x.csv": above + TABLE})
    assert len(own(KEYS + remedy, {"x.csv": above + TABLE}).columns["l"]) == 30


def test_a_byte_order_mark_is_no_part_of_a_name(own: Own) -> None:
    found = own(KEYS + "encoding: utf-16-le\n", {"x.csv": ("\ufeff" + TABLE).encode("utf-16-le")})
    assert found.columns["user"][:3] == ["u0", "u1", "u2"]


DAYS = "user,day,r\n" + "".join(f"u,{45292 + i % 3}.5,{i % 5 + 1}\n" for i in range(30))
OF_DAYS = "path: x.csv\nfields: {d: {FROM, type: time, parts: [day]}}\ntasks: {l: r > 3}\n"


def test_days_of_a_spreadsheet_are_told(own: Own) -> None:
    with pytest.raises(DataError, match="such as '45292.5'; a day of a spreadsheet is"):
        own(OF_DAYS.replace("FROM", "column: day"), {"x.csv": DAYS})
    remedy = "sql: \"DATE '1899-12-30' + CAST(floor(day) AS INT)\""
    found = own(OF_DAYS.replace("FROM", remedy), {"x.csv": DAYS}).columns["d_day"]
    assert found[:4] == ["1", "2", "3", "1"]


def test_labels_of_minus_one_are_said_to_be_neither(own: Own) -> None:
    rows = "".join(f"u{i % 3},{i % 2 * 2 - 1}\n" for i in range(30))
    found = own(KEYS.replace("r > 3", "r"), {"x.csv": "user,r\n" + rows})
    assert found.dropped == {"l: r is neither 0 nor 1": 15}


def test_a_key_of_features_that_is_not_there_is_told(own: Own) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"user": ["U0", "U1", "U2"], "v": [[1.0]] * 3}), buffer)
    keys = KEYS.replace("[user]", "{e: {type: features, path: e.parquet, key: user}}")
    with pytest.raises(DataError, match="such as 'u0'; write the keys alike in both files"):
        own(keys, {"x.csv": TABLE, "e.parquet": buffer.getvalue()})


def test_a_value_in_no_list_of_a_split_is_told(own: Own) -> None:
    keys = KEYS + "split: {column: f, train: [train], valid: [valid], test: [test]}\n"
    rows = "".join(f"u,{i % 5 + 1},{('Train', 'valid', 'test')[i % 3]}\n" for i in range(30))
    found = own(keys, {"x.csv": "user,r,f\n" + rows})
    assert found.dropped == {"split: f is in no list of the split, such as 'Train'": 10}
