"""A first look at a table: proposals, warnings, and a draft that loads, in every format."""

import bz2
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.__main__ import main
from mtnas.data.describe.draft import draft, write
from mtnas.data.describe.look import Look, look
from mtnas.data.describe.profile import Column
from mtnas.data.describe.proposal import kind_of, left_out, task_ideas, time_format, warnings
from mtnas.data.describe.text import described
from mtnas.data.sources._tabular.dataset import load
from mtnas.runtime.errors import ConfigError, DataError

N = 40


def table(tmp_path: Path, values: Sequence[object], name: str = "x") -> Look:
    """Look at a CSV file with a column of these values, again and again, and another one."""
    file = tmp_path / "t.csv"
    rows = [str(values[i % len(values)]) for i in range(max(N, len(values)))]
    quoted = ['"' + text.replace('"', '""') + '"' if {*text} & {*',"\n'} else text for text in rows]
    lines = [f"{text},{i % 7}.5" for i, text in enumerate(quoted)]
    file.write_text(f"{name},other\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return look([file])


def column(seen: Look, name: str = "x") -> Column:
    return next(column for column in seen.table.columns if column.name == name)


PROPOSED: dict[str, tuple[str, Sequence[object], str | None]] = {
    "few texts": ("city", ["Rome", "Oslo", "Rome"], "category"),
    "an id by its name": ("user_id", ["3", "5", "9"], "id"),
    "an id in camel case": ("movieId", [3, 5, 9], "id"),
    "not an id": ("medicaid", ["no", "yes"], "category"),
    "0 and 1": ("x", [0, 1, 1], "category"),
    "few whole numbers": ("x", [0, 1, 2, 5], "count"),
    "few with negative ones": ("x", [-3, 0, 4], "number"),
    "many whole numbers": ("x", list(range(0, 90, 3)) * 2, "numeric"),
    "numbers of rows": ("x", list(range(100)), None),
    "numbers of rows, a sample": ("rownames", [n * n + 7 for n in range(60)], None),
    "large whole numbers": ("x", [n * n + 7 for n in range(60)], "id"),
    "amounts in cents": ("x", [n * n * 100 + 1999 for n in range(60)], "numeric"),
    "amounts as decimals": ("x", [f"{n * n * 50}.0" for n in range(60)], "numeric"),
    "decimals": ("x", [1.5, 2.25, 3], "numeric"),
    "a comma before the decimals": ("x", ["1,5", "2,25", "3"], "numeric"),
    "exponents": ("x", ["1e3", "2.5e-2"], "numeric"),
    "dates": ("x", ["2024-01-04", "2024-01-05 10:30"], "time"),
    "dates, day first": ("x", ["04/01/2024", "25/12/2023"], "time"),
    "compact hours": ("x", ["2014102100", "2014102123"], "time"),
    "unix seconds": ("created", [1260759144, 1260759179], "time"),
    "no unix seconds": ("price", [1260759144, 1260759179, 3], "count"),
    "lists": ("x", ["a|b", "a", "b|c|a", "c", "a|c"], "list"),
    "a separator in one text": ("x", ["rock & roll", "a|b", "c", "d"], "category"),
    "places": ("x", ["nyc, usa", "la, usa", "rome, italy"], "category"),
    "one value": ("x", ["a"], None),
    "no value": ("x", ["", "NA"], None),
    "another text in every row": ("x", [f"text {i}" for i in range(60)], None),
    "long texts": ("x", ["many words " * 9, "other words " * 9], None),
    "words for missing among numbers": ("x", [1, 2, 3, "None", "<NA>"], "count"),
}


@pytest.mark.parametrize("case", PROPOSED)
def test_a_type_is_proposed(tmp_path: Path, case: str) -> None:
    name, values, kind = PROPOSED[case]
    found = column(table(tmp_path, values, name), name)
    assert kind_of(found) == kind
    assert bool(left_out(found)) == (kind is None)


WARNED: dict[str, tuple[str, Sequence[object], str]] = {
    "words": ("x", [4, "None", "<NA>", "n/a", "NaT"], "does <NA>, NaT, None, n/a mean .*`missing`"),
    "words among texts": ("x", ["a", "b", "None"], "does None mean that a value is missing"),
    "-1": ("x", [4, 5, 6, -1], "the only negative number is -1 .*, as it is written, to `missing`"),
    "-1.0": ("x", [4.5, "-1.0", 6.5], "the only negative number is -1"),
    "-999": ("x", [4, 5, 6, 2, -999], "x: -999 is there 8 times, .* from 2 to 6: .* to `missing`"),
    "-99.0": ("x", [4.5, "-99.0", 60.5], "-99 is there 13 times"),
    "9999": ("x", [4, 50, 9999, 9999], "9999 is there 20 times, all other numbers are from 4 to"),
    "YYYYMMDDHH": ("x", ["2014102100", "2014102101"], "`time_format: '%Y%m%d%H'` reads them"),
    "YYYYMMDDHHMM": ("x", ["201410210059", "201410210100"], "'%Y%m%d%H%M'"),
    "YYYYMMDDHHMMSS": ("x", ["20141021005959", "20141021010000"], "'%Y%m%d%H%M%S'"),
    "days first": ("x", ["04.01.2024", "05.01.2024"], "check `time_format: '%d.%m.%Y'`"),
    "seconds and milliseconds": (
        "time",
        [1260759144, 1260759179000],
        r"in seconds \(20 rows\) and in milliseconds \(20 rows\) .* in one unit",
    ),
    "decimal comma": ("x", ["1,5", "1.234,5", "7"], "with a comma: give `decimal: ','`"),
    "some numbers": (
        "x",
        [1, 2, 3, "many"],
        "10 of 40 values are no numbers \\(many\\), the others are",
    ),
    "large ids": ("x", [2**53 + 1, 2**53 + 3], r"above 2\^53, which other programs round"),
    "lists": ("x", ["a;b", "a", "b;c;a", "a;c"], "type list with `separator: ';'` reads the memb"),
    "lists of Python": ("x", ["['a', 'b']", "['b']"], "save them as JSON lines or Parquet, or"),
    "quotes": ("x", ["'a'", "'b'"], "values begin with a quote"),
    "line ends": ("x", ["a\nb", "c"], "20 values hold a line end: is there a stray quote"),
    "nearly a key": ("isbn", [*range(1000, 1039), 1000], "nearly a key: 1 rows .*multiply rows"),
    "ids or amounts": (
        "x",
        [n * n + 7 for n in range(60)],
        "60 different .* in 60 rows may be ids, or amounts .*: taken as id, since few .*numeric`",
    ),
    "amounts or ids": (
        "x",
        [n * n * 100 + 99 for n in range(60)],
        "taken as numeric, since most end in 0, 5 or 99; if they name something, give `type: id`",
    ),
    "mostly missing": ("x", ["a", "b", "", "", ""], "missing in 60% of the rows"),
    "rows repeated": ("x", ["a"], "33 of 40 rows are equal to an earlier one: .* split by time"),
}


@pytest.mark.parametrize("case", WARNED)
def test_what_will_go_wrong_is_said(tmp_path: Path, case: str) -> None:
    name, values, message = WARNED[case]
    seen = table(tmp_path, values, name)
    said = "\n".join(warnings(seen.table))
    assert re.search(message, said), said


def test_a_sound_table_has_no_warnings(tmp_path: Path) -> None:
    seen = table(tmp_path, [f"text {i // 2}" for i in range(90)])
    assert warnings(seen.table) == []


NO_CODES: dict[str, Sequence[object]] = {
    "beside others": [97, 98, 99, 1, 2, 3],
    "seldom": [*range(1, 200), -999],
    "within": [4, 50, 999, 4000],
    "among negative ones": [-100, -98, -99, 40],
    "nothing else": [999, 999, 5],
}


@pytest.mark.parametrize("case", NO_CODES)
def test_a_number_that_may_well_be_one_is_no_code(tmp_path: Path, case: str) -> None:
    assert "is there" not in "\n".join(warnings(table(tmp_path, NO_CODES[case]).table))


@pytest.mark.parametrize(
    ("values", "pattern"),
    [
        (["2024-01-04 10:30"], None),
        (["20240104", "20240105"], None),
        (["04/01/2024", "25/12/2023"], "%d/%m/%Y"),
        (["04/01/2024", "12/25/2023"], "%m/%d/%Y"),
        (["4.1.24", "25.12.23"], "%d.%m.%y"),
        (["04.01.2024 10:30", "05.01.2024 9:15"], "%d.%m.%Y %H:%M"),
        (["04.01.2024 10:30:59", "05.01.2024 9:15:00"], "%d.%m.%Y %H:%M:%S"),
    ],
)
def test_the_pattern_of_times(tmp_path: Path, values: list[str], pattern: str | None) -> None:
    assert time_format(column(table(tmp_path, values))) == pattern


TASKS: dict[str, tuple[str, Sequence[object], tuple[str, str] | None]] = {
    "0 and 1": ("x", [0, 1], ("binary", "x = 1")),
    "true and false": ("x", ["True", "False"], ("binary", "x")),
    "a rating of 5": ("stars", [1, 2, 3, 4, 5], ("binary", "stars >= 4")),
    "a rating with halves": ("rating", [0.5, 1.5, 3.5, 5], ("binary", "rating >= 4")),
    "a rating of 10": ("Book-Rating", [0, 5, 10], ("binary", '"Book-Rating" >= 8')),
    "yes and no": ("x", ["no", "yes", "no"], ("binary", "x = 'yes'")),
    "two texts": ("x", ["a'b", "c", "c"], ("binary", "x = 'a''b'")),
    "few texts": ("x", ["a", "b", "c"], ("multiclass", "x")),
    "numbers": ("x", [1.5, 2.5, 9.75], ("regression", "x")),
    "an id": ("user_id", ["a", "b", "c"], None),
    "times": ("x", ["2024-01-01", "2024-01-02"], None),
    "one value": ("x", [1], None),
}


@pytest.mark.parametrize("case", TASKS)
def test_a_task_is_proposed(tmp_path: Path, case: str) -> None:
    name, values, expected = TASKS[case]
    ideas = [i for i in task_ideas(table(tmp_path, values, name).table) if i.column == name]
    assert (ideas[0].kind, ideas[0].sql) == expected if expected else not ideas


HEADER, ROWS = ["reader", "genres", "stars"], [["anna", "a|b", "4"], ["ben, jr", "b", "5"]] * 30


def lines(delimiter: str, header: bool = True, quote: str = "") -> str:
    rows = [HEADER, *ROWS] if header else ROWS
    return "".join(delimiter.join(f"{quote}{cell}{quote}" for cell in row) + "\n" for row in rows)


def parquet(path: Path) -> None:
    columns = {name: [row[i] for row in ROWS] for i, name in enumerate(HEADER)}
    pq.write_table(pa.table({**columns, "stars": [int(stars) for stars in columns["stars"]]}), path)


JSON = "".join(json.dumps(dict(zip(HEADER, row, strict=True))) + "\n" for row in ROWS)
FORMATS: dict[str, tuple[str, Callable[[Path], object], dict[str, object]]] = {
    "csv": ("t.csv", lambda p: p.write_text(lines(",", quote='"')), {"format": "csv"}),
    "semicolons": (
        "t.csv",
        lambda p: p.write_text(lines(";")),
        {"format": "csv", "delimiter": ";"},
    ),
    "tsv": ("t.txt", lambda p: p.write_text(lines("\t")), {"format": "tsv"}),
    "quoted tsv": (
        "t.tsv",
        lambda p: p.write_text(lines("\t", quote='"')),
        {"format": "tsv", "quote": '"'},
    ),
    "colons": (
        "t.dat",
        lambda p: p.write_text(lines("::")),
        {"format": "csv", "delimiter": "::"},
    ),
    "latin-1": (
        "t.csv",
        lambda p: p.write_bytes(lines(";").replace("anna", "änna").encode("latin-1")),
        {"format": "csv", "delimiter": ";", "encoding": "cp1252"},
    ),
    "utf-16": (
        "t.csv",
        lambda p: p.write_bytes(lines(";").encode("utf-16")),
        {"format": "csv", "delimiter": ";", "encoding": "utf-16"},
    ),
    "gzip": (
        "t.csv.gz",
        lambda p: p.write_bytes(gzip.compress(lines(";").encode())),
        {"format": "csv", "delimiter": ";"},
    ),
    "bzip2": (
        "t.csv.bz2",
        lambda p: p.write_bytes(bz2.compress(lines(";").encode())),
        {"format": "csv", "delimiter": ";"},
    ),
    "zstd": (
        "t.csv.zst",
        lambda p: p.write_bytes(pa.Codec("zstd").compress(lines(";").encode(), asbytes=True)),
        {"format": "csv", "delimiter": ";"},
    ),
    "JSON lines": ("t.json", lambda p: p.write_text(JSON), {"format": "jsonl"}),
    "Parquet": ("t.pq", parquet, {"format": "parquet"}),
}


@pytest.mark.parametrize("case", FORMATS)
def test_one_table_in_every_format(tmp_path: Path, case: str) -> None:
    name, make, keys = FORMATS[case]
    make(tmp_path / name)
    seen = look([tmp_path / name])
    assert seen.keys == keys
    found = {c.name: (c.distinct, c.present, kind_of(c)) for c in seen.table.columns}
    assert found["reader"] == (2, 60, "id")
    assert found["stars"] == (2, 60, "count")
    assert list(found) == HEADER
    (tmp_path / "t.yaml").write_text(draft(seen, task_ideas(seen.table)))
    dataset = load("t", tmp_path / "t.yaml")
    assert [task.name for task in dataset.tasks] == ["stars"]
    assert [field.name for field in dataset.fields] == ["reader", "genres"]
    (rows,) = dataset.chunks(None)
    assert rows["stars"].to_pylist() == [0, 1] * 30
    assert not dataset.dropped


def test_a_file_without_a_header_gets_names(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("anna,1,0\nben,2,1\n" * 9)
    seen = look([tmp_path / "t.csv"])
    assert seen.keys["header"] is False
    assert [c.name for c in seen.table.columns] == ["column_1", "column_2", "column_3"]


def test_runs_of_blanks(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("user   item r\nanna 12     1\nben  3  0\n" * 1 + "c 4 1\n" * 9)
    seen = look([tmp_path / "t.txt"])
    assert seen.keys["delimiter"] == "whitespace"
    assert [c.name for c in seen.table.columns] == ["user", "item", "r"]


def test_an_index_without_a_name_is_no_column(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        ",user,r\n" + "".join(f"{i},u{i % 3},{i % 2}\n" for i in range(9))
    )
    assert [c.name for c in look([tmp_path / "t.csv"]).table.columns] == ["user", "r"]


def test_keys_of_objects_are_columns(tmp_path: Path) -> None:
    line = {"user": {"name": "anna", "age": 30}, "tags": ["a", "b"], "click": True}
    other = {"user": {"name": "ben"}, "tags": [], "click": False, "more": 1}
    text = f"{json.dumps(line)}\nno JSON\n{json.dumps(other)}\n"
    (tmp_path / "t.jsonl").write_text(text * 9)
    seen = look([tmp_path / "t.jsonl"])
    kinds = {c.name: kind_of(c) for c in seen.table.columns}
    assert kinds == {
        "user.name": "category",
        "user.age": None,
        "tags": "list",
        "click": "category",
        "more": None,
    }
    assert seen.dropped == {"t.jsonl: not a JSON object": 9}
    said = "\n".join(described(seen, task_ideas(seen.table)))
    assert "t.jsonl: not a JSON object: 9 lines cannot be read" in said
    assert "Not among the fields of the draft:\n  * user.age: one value only" in said


def test_several_files_are_one_table(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("user,r\n" + f"{name},1\nc,0\n" * 5)
    seen = look([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert (seen.table.rows, column(seen, "user").distinct) == (20, 3)
    assert f"path: ['{tmp_path}/a.csv', " in draft(seen, task_ideas(seen.table)) or (
        f"path: [{tmp_path}/a.csv, {tmp_path}/b.csv]" in draft(seen, task_ideas(seen.table))
    )


def test_files_of_different_tables_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,r\n" + "u,1\nc,0\n" * 5)
    (tmp_path / "b.csv").write_text("user,wage\n" + "u,1.5\nc,2.5\n" * 5)
    seen = look([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert [c.name for c in seen.table.columns] == ["user", "r", "wage"]
    a, b = seen.warnings
    assert a.startswith(f"{tmp_path}/a.csv: has no wage, which other files have")
    assert b.startswith(f"{tmp_path}/b.csv: has no r, ")


def test_words_of_sql_are_quoted_in_a_draft(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("union,age\n" + "".join(f"no,{i}.5\nyes,3\n" for i in range(9)))
    seen = look([tmp_path / "t.csv"])
    (tmp_path / "t.yaml").write_text(draft(seen, task_ideas(seen.table)))
    assert [task.rule for task in load("t", tmp_path / "t.yaml").tasks] == ["\"union\" = 'yes'"]


def test_names_that_need_quotes_and_odd_values(tmp_path: Path) -> None:
    names = ["a: b", "# c", "yes", "marital-status", 'say "x"', "ünï 1", "null", "split", "t0"]
    text = ";".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names)
    rows = "".join(";".join(str((i * k) % 11) for k in range(1, 10)) + "\n" for i in range(30))
    (tmp_path / "t.csv").write_text(f"{text}\n{rows}", encoding="utf-8")
    seen = look([tmp_path / "t.csv"])
    assert [c.name for c in seen.table.columns] == names
    (tmp_path / "t.yaml").write_text(draft(seen, task_ideas(seen.table)), encoding="utf-8")
    dataset = load("t", tmp_path / "t.yaml")
    assert {*(f.column for f in dataset.fields), *(t.column for t in dataset.tasks)} == {*names}
    (rows,) = dataset.chunks(None)
    assert rows.num_rows == 30 and not dataset.replaced


def test_lines_are_not_longer_than_a_terminal(tmp_path: Path) -> None:
    names = [f"a very long name of a column, number {i}" for i in range(12)]
    rows = "".join(";".join(["some long text of a cell " * 3] * 12) + f"{i}\n" for i in range(9))
    (tmp_path / "t.csv").write_text(";".join(names) + "\n" + rows)
    seen = look([tmp_path / "t.csv"])
    text = list(described(seen, task_ideas(seen.table)))
    assert max(map(len, text[2:])) <= 100


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda p: None, "t.csv: no such file; name the files"),
    "empty": (lambda p: p.write_text(""), "t.csv: no line of text"),
    "blank": (lambda p: p.write_text("\n\n"), "t.csv: no line of text"),
    "a folder": (lambda p: p.mkdir(), "t.csv: no such file"),
    "a zip archive": (lambda p: p.write_bytes(b"PK\x03\x04abc"), "a zip archive"),
    "cut gzip": (lambda p: p.write_bytes(gzip.compress(b"a,b\n1,2\n" * 99)[:30]), "gzip"),
    "Parquet that is none": (lambda p: p.write_bytes(b"PAR1 and text"), "not a sound Parquet file"),
    "a header alone": (lambda p: p.write_text("user,r\n"), "t.csv: "),
    "one column": (
        lambda p: p.write_text("x\n" + "1\n2\n" * 20),
        "no draft: a dataset needs a col",
    ),
    "nothing to predict": (
        lambda p: p.write_text("user_id,item_id\n" + "a,b\nc,d\n" * 9),
        "no draft: a dataset needs a column to predict and another",
    ),
    "a column twice": (lambda p: p.write_text("a,a\n" + "1,2\n" * 9), "the name 'a'; rename them"),
    "most lines broken": (lambda p: p.write_text("a,b\n1,2\n" + "1,2,3\n" * 9), "9 of 10 rows do"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_described_is_one_line(
    tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make, message = REFUSED[case]
    make(tmp_path / "t.csv")
    assert main(["describe", str(tmp_path / "t.csv")]) == 1
    printed = capsys.readouterr().err
    assert message in printed and printed.startswith("DataError: ")
    assert printed.count("\n") == 1


def test_the_command_writes_a_draft_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text("user;stars\n" + "anna;4\nben;5\ncleo;1\n" * 9)
    target = tmp_path / "datasets" / "loans.yaml"
    arguments = ["describe", str(tmp_path / "t.csv"), "--write", str(target)]
    assert main(arguments) == 0
    assert f"Written: {target}" in capsys.readouterr().out
    assert [task.name for task in load("loans", target).tasks] == ["stars"]
    before = target.read_text()
    assert main(arguments) == 1
    assert "is there already; give another name" in capsys.readouterr().err
    assert target.read_text() == before
    assert main(arguments[:2]) == 0
    assert before in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Loans.yaml", "my loans.yaml", "loans", "loans.txt", "1.yaml"])
def test_a_name_that_no_dataset_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="lower-case letters, digits and _, then .yaml"):
        write("", tmp_path / name)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file"):
        write("", tmp_path / "file" / "loans.yaml")


def test_delimiter_and_encoding_may_be_given(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("user;r,r\nänna;1,0\nben;0,1\n".encode("latin-1") * 9)
    seen = look([tmp_path / "t.csv"], delimiter=";", encoding="latin-1")
    assert seen.keys == {"format": "csv", "delimiter": ";", "encoding": "latin-1"}


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("user,r\n" + "anna,1\nben,0\n" * 9)
    run = f"{sys.executable} -m mtnas describe {tmp_path / 't.csv'} | true"
    done = subprocess.run(run, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_a_draft_says_what_else_whole_numbers_may_be(tmp_path: Path) -> None:
    seen = table(tmp_path, [n * n + 7 for n in range(60)], "amount")
    text = draft(seen, task_ideas(seen.table))
    assert re.search(r"\n  # 60 different .* taken as id, .*:\n  amount: {type: id}\n", text)


ONE_READING = {
    "named so": ("user_id", [*(n * n + 7 for n in range(60)), 7]),
    "negative": ("x", [-5, *range(3, 180, 3)]),
    "few": ("x", [4, 5]),
}


@pytest.mark.parametrize(("name", "values"), ONE_READING.values(), ids=ONE_READING)
def test_where_one_reading_is_left_nothing_is_said(
    tmp_path: Path, name: str, values: list[int]
) -> None:
    assert "may be ids" not in "\n".join(warnings(table(tmp_path, values, name).table))


# A column that is a field beside a task: whether the draft asks if it is known in time.
OUTCOMES: dict[str, tuple[str, Sequence[object], bool]] = {
    "0 and 1": ("x", [0, 1, 1], True),
    "yes and no": ("x", ["Yes", "No", "No"], True),
    "true and false": ("x", ["true", "false"], True),
    "returned": ("returned", ["sent back", "kept", "kept"], True),
    "complaints": ("complaints", [0, 2, 5, 90], True),
    "two texts": ("x", ["red", "blue"], False),
    "numbers": ("x", [0, 1, 2], False),
    "another name": ("price", [3.5, 4.25, 9], False),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_a_draft_asks_whether_a_field_is_known_in_time(tmp_path: Path, case: str) -> None:
    name, values, asks = OUTCOMES[case]
    rows = "".join(f"u{i % 7},{values[i % len(values)]},{i % 5 + 1}\n" for i in range(N))
    (tmp_path / "t.csv").write_text(f"user,{name},stars\n{rows}", encoding="utf-8")
    seen = look([tmp_path / "t.csv"])
    text = draft(seen, task_ideas(seen.table))
    asked = re.findall(r"# Is it known before .* make it a task:\n  ([a-z]+): ", text)
    assert asked == [name] * asks
    (tmp_path / "t.yaml").write_text(text)
    assert [task.name for task in load("t", tmp_path / "t.yaml").tasks] == ["stars"]
