"""One value written in two ways: over formats, as the key of a join, as float and whole number."""

import io
import json
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.data import sources
from mtnas.data.engine.connection import Engine
from mtnas.data.prepare import spellings
from mtnas.data.prepare.hashing import keys_of_values
from mtnas.report.left_out import left_out
from mtnas.runtime.errors import DataError
from tests.data.conftest import Own
from tests.helpers.columns import prepared

LARGE = 2**53


def table(name: str, **columns: Any) -> bytes:
    """Return columns as a file of the format that its name tells."""
    if name.endswith(".parquet"):
        buffer = io.BytesIO()
        pq.write_table(pa.table(columns), buffer)
        return buffer.getvalue()
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if name.endswith(".jsonl"):
        return "\n".join(map(json.dumps, rows)).encode()
    lines = [",".join(columns), *(",".join(map(str, row.values())) for row in rows)]
    return "\n".join(lines).encode()


# What a field holds in one source and in another: an example of one number in two spellings.
SPELT: dict[str, tuple[dict[str, Sequence[Any]], str | None]] = {
    "text and float": ({"a.csv": ["3.50", "1.25"], "b.parquet": [3.5, 2.0]}, "'3.50' and '3.5'"),
    "JSON text and float": ({"a.jsonl": ["3.50", "x"], "b.parquet": [3.5, 2]}, "'3.50' and '3.5'"),
    "decimal and number": (
        {"a.parquet": [Decimal("0.10"), Decimal("0.25")], "b.jsonl": [0.1, 7.0]},
        "'0.10' and '0.1'",
    ),
    "two scales": ({"a.csv": ["3.50", "1"], "b.csv": ["3.500", "2"]}, "'3.50' and '3.500'"),
    "within a file": ({"a.csv": ["-3.50", "-3.5"]}, "'-3.50' and '-3.5'"),
    "zeros that were lost": ({"a.csv": ["007", "x"], "b.csv": ["7", "y"]}, "'007' and '7'"),
    "zeros as text and number": ({"a.csv": ["010", "x"], "b.parquet": [10, 2]}, "'010' and '10'"),
    "other digits": ({"a.csv": ["070", "00x"], "b.csv": ["7", "0x"]}, None),
    "one spelling": ({"a.csv": ["3.50", "1.20"], "b.csv": ["3.50", "v3.5"]}, None),
    "whole numbers": ({"a.csv": ["3.0", "10"], "b.parquet": [3.0, 1.0]}, None),
    "words of texts": ({"a.jsonl": [["3.50", "x"], ["y"]], "b.jsonl": [["3.5"], ["z"]]}, None),
    "no numbers": ({"a.csv": ["v3.50", "a.0"], "b.csv": ["v3.5", "a."]}, None),
}


@pytest.mark.parametrize("case", SPELT)
def test_a_number_in_two_spellings_is_told(
    own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    found, example = SPELT[case]
    files = {name: table(name, x=[*x] * 6, v=[0, 1, 1, 0] * 3) for name, x in found.items()}
    is_list = isinstance(next(iter(found.values()))[0], list)
    field = "{x: {type: list}}" if is_list else "[x]"
    keys = [
        f"  s{number}: {{path: {name}, fields: {field}, tasks: {{t{number}: v = 1}}}}"
        for number, name in enumerate(files)
    ]
    own("\n".join(["sources:", *keys]), files)
    facts = prepared(sources.load("mine"), tmp_path / "out", monkeypatch).manifest
    told = [text for text in facts.warnings if "differ in zeros" in text]
    assert len(told) == (example is not None)
    for text in told:
        assert re.search(f"field x: 1 numbers .*such as {example}, and count as diff", text)


@pytest.mark.parametrize(
    ("most", "found"),
    [(1000, ({("3.50", "3.500"), ("7.10", "7.1")})), (1, {()}), (0, {()})],
)
def test_an_example_is_of_spellings_that_are_there(
    monkeypatch: pytest.MonkeyPatch, most: int, found: set[tuple[str, ...]]
) -> None:
    monkeypatch.setattr(spellings, "_MOST", most)
    own, every = spellings.Spellings("x"), []
    for texts in (["3.50", "v"], ["3.500", "7.10"], ["7.1", "w"]):
        keys = keys_of_values("x", pa.array(texts))
        own.add(pa.array(texts), keys)
        every.append(keys)
    number, example = own.twice(np.unique(np.concatenate(every)))
    assert number == 2
    assert example in found


# Keys of a first and of a joined table; rows that spelling alone keeps apart, and an example.
NEAR: dict[str, tuple[list[Any], list[Any], int, str]] = {
    "capital letters": (["b7", "b7", "z"], ["B7", "z", "x"], 2, "'b7' is 'B7' there"),
    "blanks do not count": ([" b7", "z ", "z"], ["b7 ", "z", "x"], 0, ""),
    "leading zeros": (["007", "z", "z"], ["7", "z", "x"], 1, "'007' is '7' there"),
    "a whole number with a point": (["3.0", "z", "z"], ["3", "z", "x"], 1, "'3.0' is '3' there"),
    "signs and zeros": (["+7", "-0.50", "z"], ["07.0", "-0.5", "z"], 2, "'\\+7' is '07.0' there"),
    "two ways to write a letter": (["caf\u00e9", "z"], ["cafe\u0301", "z"], 1, "there"),
    "another number": (["70", "z", "z"], ["7", "z", "x"], 0, ""),
    "another text": (["0x7", "z", "z"], ["x7", "z", "x"], 0, ""),
    "nothing": (["", "z", "z"], ["z", "x", "y"], 0, ""),
    "numbers in both": (["007", "3.0", "2"], ["7", "3", "2"], 0, ""),
    "floats and texts": ([3.5, 2.0, 1.0], ["3.50", "2", "x"], 1, "'3.5' is '3.50' there"),
}


@pytest.mark.parametrize("case", NEAR)
@pytest.mark.parametrize("of_join", ["b.csv", "b.parquet", "b.jsonl"])
def test_keys_that_differ_in_spelling_are_told(own: Own, case: str, of_join: str) -> None:
    left, right, rows, example = NEAR[case]
    first = "a.csv" if isinstance(left[0], str) else "a.parquet"
    files = {
        first: table(first, k=left, v=[1, 2, 3][: len(left)]),
        of_join: table(of_join, k=right, y=[7, 8, 9][: len(right)]),
    }
    keys = f"path: {first}\njoins: {{b: {{path: {of_join}, on: k, allow_unmatched: 1}}}}\n"
    found = own(keys + "fields: [b.y]\ntasks: {t: v > 1}\n", files)
    told = [text for text in found.warnings if text.startswith("joins.b: ")]
    assert len(told) == (rows > 0)
    for text in told:
        assert re.search(f"no partner by 'k'; {rows} would find one .*{example}", text)


DAYS = [date(2020, 1, 1), date(2020, 1, 2)]
MOMENTS = [datetime(2020, 1, 1, 5), datetime(2020, 1, 2)]
# Keys of a first and of a joined table: what to write, or nothing where they are compared.
TIMES: dict[str, tuple[list[Any], list[Any], str]] = {
    "times and days": (MOMENTS, DAYS, r"TIMESTAMP, and 'k' .* is DATE; .*`CAST\(\"k\" AS DATE\)`"),
    "days and times": (DAYS, MOMENTS, r"DATE, and 'k' .* is TIMESTAMP; .*`CAST\(\"k\" AS DATE\)`"),
    "times and texts": (MOMENTS, ["2020-01-02", "x"], r"`CAST\(\"k\" AS TIMESTAMP\)`"),
    "times and whole numbers": (MOMENTS, [1, 2], r"`CAST\(epoch\(\"k\"\) AS BIGINT\)`"),
    "whole numbers and days": ([1, 2], DAYS, r"is BIGINT, and .*`CAST\(epoch"),
    "days and texts": (DAYS, ["2020-01-01", "x"], ""),
    "times": (MOMENTS, [MOMENTS[0], datetime(2021, 1, 1)], ""),
}


@pytest.mark.parametrize("case", TIMES)
def test_times_as_keys_of_joins(own: Own, case: str) -> None:
    left, right, remedy = TIMES[case]
    files = {
        "a.parquet": table("a.parquet", k=left, v=[1, 2]),
        "b.parquet": table("b.parquet", k=right, y=[7, 8]),
    }
    keys = "path: a.parquet\njoins: {b: {path: b.parquet, on: k, allow_unmatched: 0}}\n"
    with pytest.raises(DataError) as refused:
        own(keys + "fields: [b.y]\ntasks: {t: v > 1}\n", files)
    told = str(refused.value)
    assert "b.parquet: joins.b: " in told and "cannot be computed" not in told
    assert re.search(remedy, told) if remedy else "CAST" not in told


@pytest.mark.parametrize(("keys", "asks"), [(["a", "b"], 0), (["A", "b"], 1)])
def test_a_table_is_read_once_more_only_where_a_row_lacks_a_partner(
    own: Own, monkeypatch: pytest.MonkeyPatch, keys: list[str], asks: int
) -> None:
    queries: list[str] = []
    fetch = Engine.fetch
    monkeypatch.setattr(
        Engine, "fetch", lambda self, query: [queries.append(query), fetch(self, query)][1]
    )
    files = {
        "a.csv": table("a.csv", k=keys, v=[1, 2]),
        "b.csv": table("b.csv", k=["a", "b"], y=[7, 8]),
    }
    joins = "joins: {b: {path: b.csv, on: k, allow_unmatched: 1}}\n"
    own(f"path: a.csv\n{joins}fields: [b.y]\ntasks: {{t: v > 1}}\n", files)
    assert sum("ANTI JOIN" in query for query in queries) == asks


def test_two_keys_are_spelt_alike_together(own: Own) -> None:
    keys = "path: a.csv\njoins: {b: {path: b.csv, on: [k, l]}}\n"
    keys += "fields: [b.y]\ntasks: {t: v > 1}\n"
    files = {
        "a.csv": table("a.csv", k=["A", "a", "b"], l=["x", "q", "01"], v=[1, 2, 3]),
        "b.csv": table("b.csv", k=["a", "b"], l=["X", "1"], y=[7, 8]),
    }
    message = "3 of 3 rows have no partner by 'k', 'l'; 2 would find one .*'A, x' is 'a, X' there"
    with pytest.raises(DataError, match=message):
        own(keys, files)


SHORT = pa.array([0.1, 0.2, 0.5], pa.float32())
WHOLE = pa.array([LARGE + 1, 1, 2])
# Two columns of Parquet that an expression compares: the labels; None: refused.
COMPARED: dict[str, tuple[str, Any, Any, list[int] | None]] = {
    "large whole numbers = floats": ("a = b", WHOLE, [float(LARGE), 1.0, 3.0], None),
    "large whole numbers > floats": ("a > b", WHOLE, [float(LARGE), 1.0, 3.0], None),
    "among others": ("a IN (b, 5)", WHOLE, [float(LARGE), 1.0, 3.0], None),
    "between": ("a BETWEEN 0 AND b", WHOLE, [float(LARGE), 1.0, 3.0], None),
    "in a condition": ("CASE WHEN a = b THEN 1 ELSE 0 END", WHOLE, [float(LARGE), 1.0, 3.0], None),
    "texts": ("a = b", [str(LARGE + 1), "1", "2"], [float(LARGE), 1.0, 3.0], None),
    "decimals": ("a = b", [Decimal(LARGE + 1), Decimal(1), Decimal(2)], [float(LARGE)] * 3, None),
    "a number with an exponent": ("a = 9007199254740992e0 AND b > 0", WHOLE, [1, 1, 1], None),
    "a number that no float is": (
        f"a = {LARGE + 1} AND b > 0",
        [float(LARGE), 1, 2],
        [1] * 3,
        None,
    ),
    "a number that a float is": (
        f"a = {LARGE} AND b > 0",
        [float(LARGE), 1, 2],
        [1] * 3,
        [1, 0, 0],
    ),
    "it is meant": ("CAST(a AS DOUBLE) = b", WHOLE, [float(LARGE), 1.0, 3.0], [1, 1, 0]),
    "large whole numbers": ("a = b", WHOLE, [LARGE, 1, 3], [0, 1, 0]),
    "small ones and floats": ("a = b", [7, 1, 2], [7.0, 1.5, 2.0], [1, 0, 1]),
    "32 and 64 bits": ("a = b", SHORT, [0.1, 0.3, 0.5], [1, 0, 1]),
    "32 bits and texts": ("a = b", SHORT, ["0.1", "0.3", "0.5"], [1, 0, 1]),
    "32 bits and whole numbers": (
        "a = b",
        pa.array([float(2**24), 1.0, 2.0], pa.float32()),
        pa.array([2**24 + 1, 1, 3], pa.int32()),
        [0, 1, 0],
    ),
}


@pytest.mark.parametrize("case", COMPARED)
def test_whole_numbers_that_a_float_would_round(own: Own, case: str) -> None:
    sql, a, b, right = COMPARED[case]
    files = {"x.parquet": table("x.parquet", a=a, b=b, v=[1, 2, 3][: len(a)])}
    keys = f"path: x.parquet\nfields: [v]\ntasks: {{t: '{sql}'}}\n"
    if right is None:
        with pytest.raises(DataError, match=r"above 2\^53 and is compared with floats"):
            own(keys, files)
    else:
        assert own(keys, files).columns["t"] == right


def test_floats_of_32_bits_find_those_of_64(own: Own) -> None:
    keys = "path: a.parquet\njoins: {b: {path: b.parquet, on: k}}\n"
    keys += "fields: [b.y]\ntasks: {t: v > 1}\n"
    files = {
        "a.parquet": table("a.parquet", k=SHORT, v=[1, 2, 3]),
        "b.parquet": table("b.parquet", k=[0.1, 0.2, 0.7], y=[7, 8, 9]),
    }
    assert own(keys, files).columns["b.y"] == ["7", "8", "unknown"]


EXPONENTS = {
    "a spreadsheet": (["1.95E+08", "195153448"], "category", "3 values .*such as '1.95E\\+08'"),
    "pandas": (["1e+20", "x"], "id", "3 values .*such as '1e\\+20'"),
    "words": (["blue+", "E+", "1e+2x", "e+5"], "id", ""),
    "numbers": (["1.95E+08", "2"], "numeric", ""),
}


@pytest.mark.parametrize("case", EXPONENTS)
def test_ids_that_lost_digits_are_told(own: Own, case: str) -> None:
    values, kind, told = EXPONENTS[case]
    rows = "".join(f"{values[i % len(values)]},{i}\n" for i in range(3 * len(values)))
    found = own(
        f"path: x.csv\nfields: {{f: {{column: a, type: {kind}}}}}\ntasks: {{t: v > 1}}\n",
        {"x.csv": "a,v\n" + rows},
    )
    said = [text for text in found.warnings if "with an exponent" in text]
    assert len(said) == bool(told)
    assert all(re.search(f"column 'a': {told}", text) for text in said)


# A column of Parquet: how many of its six values may each be several whole numbers.
FLOATS: dict[str, tuple[pa.Array, str, int]] = {
    "large floats": (pa.array([2.0**53, -(2.0**54), 1.0] * 2), "id", 4),
    "floats of 32 bits": (pa.array([2.0**24, 3.0, 5.0] * 2, pa.float32()), "category", 2),
    "floats below": (pa.array([2.0**53 - 1, 1.0, None] * 2), "id", 0),
    "large whole numbers": (pa.array([2**53, 2**53 + 1, 1] * 2), "id", 0),
    "a measure": (pa.array([2.0**53, 1.0, 3.0] * 2), "numeric", 0),
}


@pytest.mark.parametrize("case", FLOATS)
def test_ids_that_floats_round_are_told(own: Own, case: str) -> None:
    column, kind, count = FLOATS[case]
    keys = f"path: x.parquet\nfields: {{f: {{column: a, type: {kind}}}}}\ntasks: {{t: v > 1}}\n"
    found = own(keys, {"x.parquet": table("x.parquet", a=column, v=range(6))})
    said = [text for text in found.warnings if "floats so large" in text]
    assert len(said) == bool(count)
    assert all(text.startswith(f"field 'f': {count} values are floats") for text in said)


# Lists of which a minority holds what is no text or number: what is told of them.
MEMBERS: dict[str, tuple[str, list[Any], str, str]] = {
    "lists": ("x.jsonl", [["a", ["b"]], ["c"], ["d"]], "", "2 of 8 are not, such as .*name a key"),
    "objects": ("x.jsonl", [["a", {"b": 1}], ["c"], ["d"]], "", "2 of 8 are not, such as .*name a"),
    "texts": ("x.jsonl", [["a", "(b)"], ["c"], ["d"]], "", ""),
    "brackets": ("x.csv", ["['a'|'b']", "c|d", "e"], "|", "2 of 6 are not, .*take the signs off"),
}


@pytest.mark.parametrize("case", MEMBERS)
def test_a_few_members_that_are_lists_are_told(
    own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    name, lists, separator, told = MEMBERS[case]
    field = f"{{type: list, separator: '{separator}'}}" if separator else "{type: list}"
    keys = f"path: {name}\nfields: {{x: {field}}}\ntasks: {{t: v = 1}}\n"
    own(keys, {name: table(name, x=lists * 2, v=[0, 1, 1] * 2)})
    facts = prepared(sources.load("mine"), tmp_path / "out", monkeypatch).manifest
    said = [text for text in facts.warnings if "of field 'x' must be" in text]
    assert len(said) == bool(told)
    assert all(re.search(told, text) and "stay as texts" in text for text in said)
    assert set(said) <= set(left_out(facts))
