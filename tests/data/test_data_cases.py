"""Faults that people meet with tables, each with a variant or two: right, counted or refused."""

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.runtime.errors import ConfigError, DataError
from tests.data.conftest import Own

ROWS = [f"u{i % 7},b{i % 5},{i % 5 + 1}\n" for i in range(30)]
BASE = "path: x.csv\nfields: [user, item]\ntasks: {l: r > 3}\n"


def table(*lines: str) -> str:
    return "user,item,r\n" + "".join(lines)


def parquet(columns: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), buffer)
    return buffer.getvalue()


def json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# Case 1: quotes that nobody closes, or that close many lines later.
STRAY = {
    "two stray quotes": (['u1,"12 Angry,3\n', *ROWS, 'u2,"Weird Tales,5\n'], 32),
    "nothing stray": (ROWS, 0),
    "a value of two lines": (['u1,"a\nb",4\n', *ROWS], 0),
    "a value with commas in two lines": (['u1,"a, b\nc, d",4\n', *ROWS], 0),
}


@pytest.mark.parametrize("case", STRAY)
def test_lines_that_a_quote_swallows_are_counted(own: Own, case: str) -> None:
    lines, lost = STRAY[case]
    found = own(BASE, {"x.csv": table(*ROWS, *lines, *ROWS)})
    assert found.dropped.total() == lost


REFUSED_QUOTES = {
    "closed behind whole rows": (
        ['u1,"12 Angry,3\n', *ROWS[:9], 'u2,Weird Tales",5\n'],
        r"spans 11 lines from line 32 .*look like rows",
    ),
    "never closed": (['u1,"12 Angry,3\n'], "opens in line 32 is never closed"),
    "more lines than a value has": (
        ['u1,"' + "text\n" * 1500 + '",3\n'],
        "spans 1501 lines from line 32",
    ),
}


@pytest.mark.parametrize("case", REFUSED_QUOTES)
def test_values_that_swallow_rows_are_refused(own: Own, case: str) -> None:
    lines, message = REFUSED_QUOTES[case]
    with pytest.raises(DataError, match=message):
        own(BASE, {"x.csv": table(*ROWS, *lines, *ROWS)})


# Cases 2, 3, 20, 23: numbers.
IDS = ["20240104000000001", "20240104000000002", "20240104000000003", "20240104000000004"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_large_whole_numbers_are_compared_exactly(own: Own, kind: str) -> None:
    clicked = [IDS[0], IDS[2], IDS[3], IDS[2]]
    keys = f"path: x.{kind}\nfields: {{s: {{column: user, type: number}}}}\n"
    keys += "tasks: {hit: shown = clicked, more: shown > 20240104000000001}\n"
    numbers = {"shown": list(map(int, IDS)), "clicked": list(map(int, clicked)),
               "user": [9007199254740993 + i for i in range(4)]}  # fmt: skip
    rows = [dict(zip(numbers, row, strict=True)) for row in zip(*numbers.values(), strict=True)]
    content: dict[str, str | bytes] = {
        "csv": ",".join(numbers)
        + "\n"
        + "".join(",".join(map(str, r.values())) + "\n" for r in rows),
        "jsonl": json_lines(rows),
        "parquet": parquet(numbers),
    }
    found = own(keys, {f"x.{kind}": content[kind]})
    assert found.columns["hit"] == [1, 0, 0, 0]
    assert found.columns["more"] == [0, 1, 1, 1]
    assert len(set(found.columns["s"])) == 4


@pytest.mark.parametrize(
    "values", [("True", "False"), ("true", "false"), ("TRUE", "0"), ("1.0", "0")]
)
def test_true_is_one_where_it_is_compared_with_one(own: Own, values: tuple[str, str]) -> None:
    lines = [f"u{i},a,{values[i % 3 > 0]}\n" for i in range(30)]
    found = own("path: x.csv\nfields: [user]\ntasks: {l: r == 1}\n", {"x.csv": table(*lines)})
    assert found.rate("l") == pytest.approx(1 / 3)


BUCKETS = {
    ("0.1", "csv"): 50,
    ("0.1", "parquet"): 50,
    ("0.2", "csv"): 25,
    ("1", "csv"): 5,
}


@pytest.mark.parametrize(("width", "kind"), BUCKETS)
def test_buckets_are_exact_on_decimals(own: Own, width: str, kind: str) -> None:
    x = [i / 10 for i in range(50)]
    keys = f"path: x.{kind}\nfields: {{x: {{type: number, buckets: {{width: {width}}}}}}}\n"
    lines = "x,r\n" + "".join(f"{value},{i % 5}\n" for i, value in enumerate(x))
    data = parquet({"x": x, "r": [i % 5 for i in range(50)]})
    found = own(keys + "tasks: {l: r > 3}\n", {f"x.{kind}": lines if kind == "csv" else data})
    assert len(set(found.columns["x"])) == BUCKETS[width, kind]
    assert found.columns["x"][3] == {"0.1": "3", "0.2": "1", "1": "0"}[width]


# Case 4: digits that are a date and an hour, or a unix time.
COMPACT = {"%Y%m%d%H": "2014102107", "%Y%m%d%H%M": "201410210730", "%Y%m%d%H%M%S": "20141021073059"}


@pytest.mark.parametrize("pattern", COMPACT)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_digits_with_two_readings_are_refused(own: Own, pattern: str, kind: str) -> None:
    field = "{when: {column: t, type: time, parts: [year, hour]FORMAT}}"
    keys = f"path: x.{kind}\nfields: {field}\ntasks: [c = 1]\n"
    data = parquet({"t": [int(COMPACT[pattern])] * 2, "c": [0, 1]})
    files = {
        f"x.{kind}": f"t,c\n{COMPACT[pattern]},0\n{COMPACT[pattern]},1\n" if kind == "csv" else data
    }
    with pytest.raises(DataError, match=f"time_format: '{pattern}'` or `time_format: unix`"):
        own(keys.replace("FORMAT", ""), files)
    found = own(keys.replace("FORMAT", f", time_format: '{pattern}'"), files)
    assert found.columns["when_year"] == ["2014", "2014"]
    assert found.columns["when_hour"] == ["7", "7"]
    unix = own(keys.replace("FORMAT", ", time_format: unix"), files)
    assert unix.columns["when_year"] != ["2014", "2014"]


def test_unix_times_are_what_they_are(own: Own) -> None:
    keys = "path: x.csv\nfields: {when: {column: t, type: time, parts: [year]}}\ntasks: [c = 1]\n"
    found = own(keys, {"x.csv": "t,c\n1412899200,0\n1399999999,1\n"})
    assert found.columns["when_year"] == ["2014", "2014"]


# Case 5: a decimal comma.
COMMA: dict[tuple[str, ...], list[int]] = {
    ("1.234", "999,5", "12.500", "3,5"): [1, 1, 1, 0],
    ("1.234.567,8", "-1.000", "+600", "500"): [1, 0, 1, 0],
}


@pytest.mark.parametrize("prices", COMMA)
def test_a_point_parts_thousands_where_the_decimal_sign_is_a_comma(
    own: Own, prices: tuple[str, ...]
) -> None:
    keys = "path: x.csv\ndelimiter: ;\ndecimal: ','\n"
    keys += "fields: {n: {column: copy, type: number}}\ntasks: {dear: price > 500}\n"
    lines = "price;copy\n" + "".join(f"{price};{price}\n" for price in prices)
    found = own(keys, {"x.csv": lines})
    assert found.columns["dear"] == COMMA[prices]
    assert found.columns["n"][0] in ("1234", "1234567.8")


def test_a_point_that_parts_no_thousands_is_no_number(own: Own) -> None:
    keys = "path: x.csv\ndelimiter: ;\ndecimal: ','\nfields: [a]\ntasks: {dear: price > 500}\n"
    found = own(keys, {"x.csv": "a;price\n" + "x;1.234\n" * 3 + "x;1.5\nx;1234.567\n"})
    assert found.dropped == {"dear: price is no number": 2}


# Cases 6, 19, 25, 28: what a pattern names.
PATTERNS = {
    "data/**/*.csv": (["data/a.csv", "data/x/b.csv", "data/x/y/c.csv"], 3),
    "data/*/*.csv": (["data/x/part.csv", "data/y/part.csv", "data/part.csv"], 2),
    "data [new]/*.csv": (["data [new]/a.csv", "data n/a.csv"], 1),
    "2024[1]/part-[0-9].csv": (["2024[1]/part-1.csv", "20241/part-1.csv"], 1),
    "[data/*.csv, data/a.csv]": (["data/a.csv"], 1),
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_file_that_a_pattern_names_is_read_once(own: Own, pattern: str) -> None:
    files, count = PATTERNS[pattern]
    path = pattern if pattern.startswith("[data/*") else f"'{pattern}'"
    keys = f"path: {path}\nformat: csv\nfields: [user, item]\ntasks: {{l: r > 3}}\n"
    found = own(keys, dict.fromkeys(files, table(*ROWS)))
    assert len(found.columns["l"]) == count * len(ROWS)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_folders_may_be_columns(own: Own, kind: str) -> None:
    rows = [{"user": f"u{i}", "r": i % 5} for i in range(10)]
    content: dict[str, str | bytes] = {
        "csv": "user,r\n" + "".join(f"{r['user']},{r['r']}\n" for r in rows),
        "jsonl": json_lines(rows),
        "parquet": parquet({key: [row[key] for row in rows] for key in ("user", "r")}),
    }
    keys = f"path: d/*/*.{kind}\nfields: [user, y]\ntasks: {{l: r > 3, new: y2 > 1}}\n"
    files = {f"d/y={y}/y2={y}/part-0.{kind}": content[kind] for y in (1, 2)}
    found = own(keys.replace("d/*/", "d/**/"), files)
    assert found.columns["y"] == ["1"] * 10 + ["2"] * 10
    assert found.rate("new") == 0.5


def test_an_empty_part_is_left_out_and_said(own: Own) -> None:
    files = {"p-0.csv": "", "p-1.csv": table(*ROWS), "p-2.csv": "user,item,r\n"}
    found = own(BASE.replace("x.csv", "p-*.csv"), files)
    assert len(found.columns["l"]) == 30
    assert found.warnings == ["p-0.csv: the file is empty and was left out"]


# Cases 12, 13: spellings that are warned of.
WARNED = {
    "None": (table("u,b,4\nu,None,4\nv,b,1\n"), "'item': 1 values are words for nothing.*'None'"),
    "in a row that is left out": (
        table("None,b,\nnone,b,4\n" + 8 * "v,b,1\n"),
        "'user': 2 values are words for nothing, such as 'None'",
    ),
    "<NA>": (table("u,b,4\n<NA>,b,4\nv,b,1\n"), "'user': 1 values are words for nothing"),
    "n/a": (table("u,b,4\nu,n/a,4\nv,b,1\n"), "words for nothing, such as 'n/a'"),
}


@pytest.mark.parametrize("case", WARNED)
def test_spellings_that_are_rarely_meant_are_told(own: Own, case: str) -> None:
    content, message = WARNED[case]
    found = own(BASE, {"x.csv": content})
    assert len(found.warnings) == 1
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(found.warnings[0])
    assert own(BASE, {"x.csv": table(*ROWS)}).warnings == []


def test_words_for_nothing_in_a_rule_are_told(own: Own) -> None:
    keys = "path: x.csv\nfields: [user]\ntasks: {rated: stars IS NOT NULL}\n"
    found = own(keys, {"x.csv": "user,stars\nu,\nv,None\nw,5\n"})
    assert "column 'stars': 1 values are words for nothing" in found.warnings[0]
    found = own(keys + "missing: ['', None]\n".replace("None", "'None'"), {})
    assert found.rate("rated") == pytest.approx(1 / 3)
    assert not found.warnings


def test_quotes_in_a_tsv_are_told(own: Own) -> None:
    content = 'user\titem\tr\n"u"\tb\t4\n"v"\tc\t1\n'
    keys = BASE.replace("x.csv", "x.tsv")
    assert "2 values are in double quotes" in own(keys, {"x.tsv": content}).warnings[0]
    assert own(keys + "quote: '\"'\n", {}).columns["user"] == ["u", "v"]


# Case 14: seconds and milliseconds in one column.
@pytest.mark.parametrize("times", [(1_600_000_000, 1_600_000_000_000), (1.6e9, 1.6e15)])
def test_unix_times_in_two_units_are_refused(own: Own, times: tuple[float, float]) -> None:
    lines = "".join(f"u,{int(times[i % 2]) + i},{i % 2}\n" for i in range(20))
    split = "split: {time: t, ratios: [0.6, 0.2, 0.2]}\n"
    with pytest.raises(DataError, match="unix times are in m.*seconds and in seconds"):
        own(
            f"path: x.csv\nfields: [user]\ntasks: [r = 1]\n{split}", {"x.csv": "user,t,r\n" + lines}
        )


# Cases 15, 21: what stands in quotes.
QUOTED = {
    ("comment: '#'", '"first\n# second"'): "first\n# second",
    ("comment: '#'", '"# no comment"'): "# no comment",
    ("", '"x, ""y"""'): 'x, "y"',
    ("", '"x,""y"""'): 'x,"y"',
    ("", '"a\nb"'): "a\nb",
    ("skip: 1", '"a\n\nb"'): "a\n\nb",
}


@pytest.mark.parametrize(("key", "value"), QUOTED)
def test_what_stands_in_quotes_is_not_changed(own: Own, key: str, value: str) -> None:
    content = "a line\n" * ("skip" in key) + table(
        f"u,{value},1\n", "# a comment\n" * bool("#" in key)
    )
    found = own(f"{BASE}{key}\n", {"x.csv": content + "".join(ROWS)})
    assert found.columns["item"][0] == QUOTED[key, value]
    assert not found.dropped


def test_a_header_may_have_a_line_end_in_quotes(own: Own) -> None:
    keys = "path: x.csv\nfields: [the user]\ntasks: {l: '\"how many\" > 1'}\n"
    found = own(keys, {"x.csv": '"the\nuser","how\nmany"\nx,1\ny,2\n'})
    assert found.columns == {"the user": ["x", "y"], "l": [0, 1]}


# Cases 16, 22: lists.
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_lists_are_looked_through_member_by_member(own: Own, kind: str) -> None:
    rows = [{"user": f"u{i % 4}", "g": [["read", None], ["to-read"], []][i % 3]} for i in range(30)]
    columns = {key: [row[key] for row in rows] for key in ("user", "g")}
    content = json_lines(rows) if kind == "jsonl" else parquet(columns)
    for rule in ("'read' IN g", "list_contains(g, 'read')"):
        keys = f"path: x.{kind}\nfields: [user]\ntasks:\n  l: {json.dumps(rule)}\n"
        found = own(keys, {f"x.{kind}": content})
        assert found.rate("l") == pytest.approx(1 / 3)


def test_a_part_of_a_text_is_no_member(own: Own) -> None:
    lines = [f"u{i},{('female_a', 'male_a|pill', 'iud')[i % 3]},1\n" for i in range(30)]
    keys = "path: x.csv\nfields: [user]\ntasks:\n  l: {}\n"
    with pytest.raises(DataError, match=r"list_contains\(string_split\(item, '\|'\), 'male_a'\)"):
        own(keys.format("\"'male_a' in item\""), {"x.csv": table(*lines)})
    found = own(keys.format("\"list_contains(string_split(item, '|'), 'male_a')\""), {})
    assert found.rate("l") == pytest.approx(1 / 3)


# Case 18: a key that some files leave out.
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_column_that_one_file_lacks_is_missing_there(own: Own, kind: str) -> None:
    full = [{"user": "u", "r": i % 5, "c": "x"} for i in range(10)]
    part = [{"user": "u", "r": i % 5} for i in range(10)]

    def content(rows: list[dict[str, Any]]) -> str | bytes:
        names = list(rows[0])
        if kind == "jsonl":
            return json_lines(rows)
        if kind == "parquet":
            return parquet({key: [row[key] for row in rows] for key in names})
        return ",".join(names) + "\n" + "".join(",".join(map(str, r.values())) + "\n" for r in rows)

    keys = f"path: p-*.{kind}\nfields: [user, c]\ntasks: {{l: r > 3}}\n"
    found = own(keys, {f"p-0.{kind}": content(full), f"p-1.{kind}": content(part)})
    assert found.columns["c"] == ["x"] * 10 + ["unknown"] * 10
    with pytest.raises(DataError, match="field 'd': unknown column 'd'"):
        own(keys.replace("[user, c]", "[user, d]"), {})


# Case 11, G: the same table in every format.
def test_the_same_table_in_every_format(own: Own) -> None:
    columns = {
        "user": ["a", "b", None, "d", "e"] * 4,
        "n": [-1, 2, 3, 40, None] * 4,
        "x": [0.1, 2.5, -1.0, None, 1000.0] * 4,
        "r": [1, 2, 3, 4, 5] * 4,
    }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    texts = ["" if v is None else str(v) for row in rows for v in row.values()]
    lines = [",".join(texts[i : i + 4]) + "\n" for i in range(0, len(texts), 4)]
    files: dict[str, str | bytes] = {
        "x.csv": "user,n,x,r\n" + "".join(lines),
        "x.jsonl": json_lines(rows),
        "x.parquet": parquet(columns),
    }
    keys = """
fields:
  user:
  n: {type: count}
  x: {type: number, buckets: {width: 0.1}}
  y: {sql: x * 2, type: numeric}
tasks: {l: r > 3, m: {kind: regression, sql: r}}
missing: ['', '-1']
"""
    found = [own(f"path: {name}\n{keys}", files) for name in files]
    assert found[0].columns == found[1].columns == found[2].columns
    assert found[0].columns["n"][:5] == ["unknown", "2", "3", "40", "unknown"]
    assert found[0].columns["x"][:5] == ["1", "25", "unknown", "unknown", "10000"]


# Case 29: what only shows.
def test_what_only_shows_decides_nothing(own: Own) -> None:
    from mtnas.data import sources

    keys = "title: T\nlabel: L\npath: x.csv\nfields: {help: , user: {help: who}}\n"
    keys += "tasks: {l: {sql: r > 3, help: likes}}\n"
    own(keys, {"x.csv": "help,user,r\n1,2,3\n1,2,4\n"})
    first = sources.load("mine").definition
    own(keys.replace("T\n", "U\n").replace("who", "whom").replace("likes", "loves"), {})
    assert sources.load("mine").definition == first
    assert sources.load("mine", definition=first).title == "U"
    assert first is not None
    assert set(first["fields"]) == {"help", "user"}
    own(keys.replace("> 3", "> 2"), {})
    assert sources.load("mine").definition != first


def test_names_that_sql_does_not_tell_apart_are_refused(own: Own) -> None:
    keys = "path: x.csv\nfields: [a, A]\ntasks: {l: r > 3}\n"
    with pytest.raises(DataError, match="'a' and 'A' differ in capital letters only"):
        own(keys, {"x.csv": "a,A,r\n1,2,3\n"})


def test_any_name_of_a_column_will_do(own: Own) -> None:
    name = "r as number"
    keys = f"path: x.csv\nfields: [größe]\ntasks:\n  l: '\"{name}\" > 3 and r > 1 and user = 4'\n"
    found = own(keys, {"x.csv": f"größe,{name},r,user\n1,2,3,4\n2,5,4,4\n"})
    assert found.columns == {"größe": ["1", "2"], "l": [0, 1]}


def test_all_problems_of_a_file_are_told_at_once(own: Own) -> None:
    keys = """
path: x.csv
feilds: 3
encoding: utf9
fields: {a: {tpe: id}, r: , when: {type: time, buckets: log2}}
tasks: {l: r & 1, m: r > 3, n: x is missing}
"""
    with pytest.raises(ConfigError) as error:
        own(keys, {})
    said = str(error.value)
    for part in (
        *("unknown key 'feilds' (did you mean 'fields'?)", "fields.a: unknown key 'tpe'"),
        *("encoding: 'utf9': no such encoding", "fields.when: buckets are for type number"),
        *("tasks.l.sql", "write `AND`", "tasks.n.sql", "write `IS NULL`"),
        *("fields.r: reads column 'r', which decides task 'm'", "7 problems: (1)"),
    ):
        assert part in said
    assert "\n" not in said
