"""Own datasets with damaged or unexpected files: one clear error, or rows counted by reason."""

import bz2
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.data import sources
from mtnas.data.engine import text
from mtnas.data.prepare.manifest import Manifest
from mtnas.data.prepare.table import prepare
from mtnas.runtime import plugins
from mtnas.runtime.errors import DataError

KEYS = "fields: [user, item]\ntasks: {likes: rating >= 4}\n"
HEADER = "user,item,rating\n"
ROWS = [f"u{i % 7},i{i % 5},{i % 5 + 1}\n" for i in range(40)]
SOUND = HEADER + "".join(ROWS)


def with_line(line: str, at: int = 5) -> str:
    """Return the sound table with one line put in."""
    return HEADER + "".join([*ROWS[:at], line, *ROWS[at:]])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Manifest]:
    """Prepare the dataset of some keys and one file; return its manifest."""
    folder = tmp_path / "datasets"
    folder.mkdir()
    monkeypatch.setattr(plugins, "DECLARED", folder)
    monkeypatch.chdir(tmp_path)

    def run(content: bytes | str, keys: str = "", name: str = "x.csv") -> Manifest:
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
        (folder / "mine.yaml").write_text(f"path: {name}\n{keys or KEYS}")
        prepare({"dataset": "mine"}, table=tmp_path / "t.parquet", manifest=tmp_path / "t.json")
        return Manifest.read(tmp_path / "t.json")

    return run


COUNTED = {
    "sound": (SOUND, {}),
    "a row too short": (with_line("u1,i1\n"), {"x.csv: not 3 columns": 1}),
    "a row too long": (with_line("u1,i1,3,4\n"), {"x.csv: not 3 columns": 1}),
    "several of both": (with_line("a,b\nc\nd,e,f,g\n"), {"x.csv: not 3 columns": 3}),
    "cut last line": (SOUND + "u1,i", {"x.csv: not 3 columns": 1}),
    "cut in a quote": (SOUND + 'u1,"i', {"x.csv: not 3 columns": 1}),
    "blank lines": (with_line("\n\n \n"), {}),
    "no newline at the end": (SOUND.removesuffix("\n"), {}),
    "carriage returns": (SOUND.replace("\n", "\r\n"), {}),
    "old carriage returns": (SOUND.replace("\n", "\r"), {}),
    "sign of UTF-8": ("\ufeff" + SOUND, {}),
    "blanks around values": (SOUND.replace(",", " , "), {}),
    "quoted behind blanks": (SOUND.replace(",i1,", ', "i, ""1""",  '), {}),
    "quoted": (SOUND.replace("u1", '"u1"'), {}),
    "a stray quote over some lines": (
        HEADER + '"u1,i1,1\n' + ROWS[0] + 'u1","a,3\n' + ROWS[1] + 'x"\n' + "".join(ROWS),
        {"x.csv: lines behind a quote that is not closed": 5},
    ),
    "a text for a number": (with_line("u1,i1,many\n"), {"likes: rating is no number": 1}),
    "a missing label": (with_line("u1,i1,\n"), {"likes: rating missing": 1}),
    "a named missing label": (with_line("u1,i1,NA\nu1,i1, ? \n"), {"likes: rating missing": 2}),
    "an infinite number": (with_line("u1,i1,1e999\n"), {"likes: rating is no number": 1}),
    "nan": (with_line("u1,i1,NaN\n"), {"likes: rating missing": 1}),
    "a long value": (with_line("u1," + "x" * 1_000_000 + ",3\n"), {}),
    "doubled names that nobody reads": (SOUND.replace("\n", ",a,a\n"), {}),
}


@pytest.mark.parametrize("case", COUNTED)
def test_rows_that_cannot_be_used_are_counted(run: Callable[..., Manifest], case: str) -> None:
    content, dropped = COUNTED[case]
    facts = run(content)
    assert facts.rows_dropped == dropped
    extra = {"a long value": 1}.get(case, 0)
    assert facts.rows == len(ROWS) + extra


REFUSED = {
    "empty": ("", "", r"x\.csv: no line of text"),
    "blank": ("\n\n\n", "", "no line of text"),
    "only a header": (HEADER, "", "no rows"),
    "missing column": (
        SOUND.replace("rating", "ratng", 1),
        "",
        "unknown column 'rating'.*mean 'ra",
    ),
    "missing field": (SOUND.replace("item", "title", 1), "", "field 'item': unknown column 'item'"),
    "doubled column": (
        SOUND.replace("item", "user", 1),
        "fields: [user]\ntasks: [rating > 2]\n",
        "several columns have the name 'user'",
    ),
    "semicolons": (SOUND.replace(",", ";"), "", r'delimiter another one\? .* `delimiter: ";"`'),
    "tabs": (SOUND.replace(",", "\t"), "", r'`delimiter: "\\t"`'),
    "pairs of colons": (SOUND.replace(",", "::"), "", '`delimiter: "::"`'),
    "blanks": (SOUND.replace(",", " "), "", "`delimiter: whitespace`"),
    "most rows broken": (
        HEADER + "1,2\n" * 30 + ROWS[0],
        "",
        "30 of 31 rows do not have the 3 col",
    ),
    "one label class": (SOUND, KEYS.replace(">= 4", ">= 9"), "label likes .* is 0 in all 40 rows"),
    "texts for numbers": (
        SOUND,
        KEYS.replace("rating", "item").replace(", item", ""),
        r"column 'item' of task likes .* must be numbers .*: 40 of 40 are not, such as 'i0",
    ),
    "not UTF-8": (
        with_line("u1,caf\xe9,3\n").encode("latin-1"),
        "",
        "byte 0xe9 in line 7;.*latin-1",
    ),
    "cut character": (SOUND.encode() + b"u1,\xe2\x82", "", "not text in utf-8.* line 42"),
    "UTF-16": (SOUND.encode("utf-16"), "", "is UTF-16: give `encoding: utf-16`"),
    "a NUL": (with_line("u1,i\0,3\n"), "", "a NUL in line 7"),
    "quote open to the end": (
        with_line('u1,"i1,3\n'),
        "",
        "opens in line 7 is never closed: 35 more",
    ),
    "last value open": (with_line('u1,i1,"3\n'), "", "opens in line 7 is never closed"),
    "an endless line": (HEADER + "x" * (text.LONGEST_LINE + 9), "", "line 2 has over"),
    "zip": (b"PK\x03\x04" + SOUND.encode(), "", "a zip archive, or a spreadsheet: unpack"),
    "gzip by another name": (gzip.compress(SOUND.encode()), "", r"its name must end in \.gz"),
    "Parquet by another name": (b"PAR1" + SOUND.encode(), "", "a Parquet file: give `format"),
    "wrong header key": (
        SOUND,
        KEYS + "header: false\ncolumns: [user, item, rating, x]\n",
        r"41 of 41 rows do not have the 4 columns that the key `columns` names",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_used_is_one_clear_error(
    run: Callable[..., Manifest], case: str
) -> None:
    content, keys, message = REFUSED[case]
    with pytest.raises(DataError, match=message) as error:
        run(content, keys)
    assert "\n" not in str(error.value)
    assert not Path("t.parquet").exists()


PACKED = {
    "cut gzip": ("x.csv.gz", gzip.compress(SOUND.encode() * 50)[:-20], "cannot be read to its end"),
    "no gzip": ("x.csv.gz", SOUND.encode(), "cannot be read to its end"),
    "cut bzip2": ("x.csv.bz2", bz2.compress(SOUND.encode())[:-20], "cannot be read to its end"),
    "no Parquet": ("x.parquet", SOUND.encode(), "not a sound Parquet file"),
    "empty Parquet": ("x.parquet", b"", "not a sound Parquet file"),
    "JSON lines": ("x.jsonl", SOUND.encode(), "41 of 41 rows are no JSON objects"),
    "one JSON list": ("x.jsonl", b'[{"user": 1}]', "write one object per line"),
    "other keys": ("x.jsonl", b'{"user": 1, "item": 2}\n' * 9, "unknown column 'rating'"),
    "objects": (
        "x.jsonl",
        b'{"user": {"id": 1}, "item": 2, "rating": 3}',
        "holds objects.*user.KEY",
    ),
}


@pytest.mark.parametrize("case", PACKED)
def test_packed_and_typed_files_that_cannot_be_read(
    run: Callable[..., Manifest], case: str
) -> None:
    name, content, message = PACKED[case]
    with pytest.raises(DataError, match=message):
        run(content, name=name)


def test_json_lines_that_are_none_are_counted(run: Callable[..., Manifest]) -> None:
    lines = [f'{{"user": "u{i % 3}", "item": {i % 4}, "rating": {i % 5 + 1}}}' for i in range(20)]
    lines[3:3] = ["{", "3", "", "[" * 100_000, '{"user": "\\ud800", "item": null, "rating": 5}']
    facts = run("\n".join(lines), name="x.jsonl")
    assert facts.rows_dropped == {"x.jsonl: not a JSON object": 4}
    assert facts.rows == 20


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(), "a folder; `path` names files"),
        (lambda path: os.mkfifo(path), "a device or a pipe"),
        (lambda path: None, "missing file of dataset 'mine'.*raw: FOLDER"),
        (lambda path: path.symlink_to("nowhere"), "missing file"),
    ],
)
def test_files_that_are_not_there(
    run: Callable[..., Manifest], make: Callable[[Path], None], message: str
) -> None:
    run(SOUND)
    Path("x.csv").unlink()
    make(Path("x.csv"))
    with pytest.raises(DataError, match=message):
        sources.load("mine").sources(None)


def test_a_file_that_may_not_be_read(
    run: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(SOUND)
    monkeypatch.setattr("os.access", lambda *_: False)  # root may read everything
    with pytest.raises(DataError, match=r"x\.csv: you may not read this file"):
        sources.load("mine").sources(None)


def test_parquet_values_that_are_no_text(run: Callable[..., Manifest], tmp_path: Path) -> None:
    rows = {"user": [{"id": 1}], "item": ["a"], "rating": [4]}
    pq.write_table(pa.table(rows), tmp_path / "made.parquet")
    with pytest.raises(DataError, match="column 'user': values of type struct<.*> are no texts"):
        run((tmp_path / "made.parquet").read_bytes(), name="x.parquet")


def test_infinity_in_parquet_is_no_number(run: Callable[..., Manifest], tmp_path: Path) -> None:
    ratings = [4.0, 1.0, float("inf"), float("-inf"), float("nan"), *[5.0, 2.0, 3.0] * 9]
    rows = {"user": list("abcdefgh") * 4, "item": list("xyzv") * 8, "rating": ratings}
    pq.write_table(pa.table(rows), tmp_path / "made.parquet")
    facts = run((tmp_path / "made.parquet").read_bytes(), name="x.parquet")
    assert (facts.rows, facts.rows_dropped) == (29, {"likes: rating missing": 3})


def test_a_column_of_two_kinds_of_time(run: Callable[..., Manifest]) -> None:
    rows = "".join(f"u,{i % 5},{day}\n" for i, day in enumerate(["2020-01-01", "soon", "x"] * 9))
    keys = "fields: [user]\ntasks: [r > 2]\nsplit: {time: t, ratios: [0.6, 0.2, 0.2]}\n"
    with pytest.raises(DataError, match="column 't' of the split must be times: 18 of 27 are not"):
        run("user,r,t\n" + rows, keys)
