"""The engine: shut in, in the order of the files, with one line for every fault."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas.data.engine import cleaning, connection, numbers
from mtnas.data.engine.connection import Engine, EngineError, name
from mtnas.data.engine.joins import Join, joined
from mtnas.data.engine.parquet import in_pieces
from mtnas.data.engine.query import Asked, View, batches, build
from mtnas.data.engine.reading import FILE_COLUMN, Reading
from mtnas.data.engine.syntax import parse
from mtnas.data.engine.tables import Table, open_table
from mtnas.runtime.errors import DataError
from mtnas.runtime.files import short_names


def values(engine: Engine, table: Table, column: str) -> list[object]:
    query = f"SELECT {name(column)} FROM {name(table.view)}"
    return [value for batch in engine.batches(query) for value in batch.column(0).to_pylist()]


def opened(files: Sequence[Path], reading: Reading, column: str) -> list[object]:
    with Engine(files) as engine:
        return values(engine, open_table(engine, files, reading, [column]), column)


BEYOND = (
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "COPY (SELECT 1) TO 'out.csv'",
    "ATTACH 'other.db'",
    "INSTALL httpfs",
    "SET threads = 2",
    "SET enable_external_access = true",
)


@pytest.mark.parametrize("query", BEYOND)
def test_nothing_but_the_named_files_is_reached(
    query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Engine([]) as engine, pytest.raises(EngineError, match="Cannot|locked"):
        engine.fetch(query)
    assert not list(tmp_path.iterdir())


def test_the_neighbours_of_a_file_are_not_reached(tmp_path: Path) -> None:
    for file in ("a.csv", "b.csv"):
        (tmp_path / file).write_text("x\n1\n")
    with Engine([tmp_path / "a.csv"]) as engine:
        engine.fetch(f"SELECT * FROM read_csv('{tmp_path}/a.csv')")
        with pytest.raises(EngineError, match="Cannot access file"):
            engine.fetch(f"SELECT * FROM read_csv('{tmp_path}/b.csv')")


def test_a_query_without_an_answer_is_stopped() -> None:
    endless = (
        "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range = b.range + 0.5"
    )
    with Engine([], seconds=0.2) as engine, pytest.raises(DataError, match=r"for 0\.2 seconds"):
        engine.fetch(endless)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])  # read again and again, kept in memory
def test_rows_keep_their_order_whatever_the_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(connection, "THREADS", 4)
    files = [tmp_path / f"{part}.{suffix}" for part in "ba"]
    line, header = ('{{"n":{},"k":"k{}"}}\n', "") if suffix == "jsonl" else ("{},k{}\n", "n,k\n")
    for part, file in enumerate(files):
        lines = [line.format(part * 150_000 + i, i % 9) for i in range(150_000)]
        file.write_text(header + "".join(lines))
    keys = tmp_path / "keys.csv"
    keys.write_text("k,v\n" + "".join(f"k{i},{i}\n" for i in range(9)))
    expression = "k IN ('k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7', 'k8', 'x', 'y', 'z')"
    with Engine([*files, keys]) as engine:
        table = open_table(engine, files, Reading(suffix), ["n", "k"])
        other = Join(open_table(engine, [keys], Reading(), ["k", "v"]), {"k": "k"}, ".", "keys.csv")
        plain = View.of(table)
        for view in (plain, joined(engine, plain, {"other": other})):
            query = build(engine, view, ["n"], {"x": Asked(parse(expression))})
            found = [n for batch in batches(engine, query) for n in batch["n"].to_pylist()]
            assert found == [str(i) for i in range(300_000)]


def test_files_with_other_columns_are_one_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("z,y\n3,4\n")
    files = sorted(tmp_path.glob("*.csv"))
    with Engine(files) as engine:
        table = open_table(engine, files, Reading(), ["x", "z", FILE_COLUMN])
        assert values(engine, table, "x") == ["1", None]
        assert values(engine, table, "z") == [None, "3"]
        assert values(engine, table, FILE_COLUMN) == ["a.csv", "b.csv"]
        with pytest.raises(DataError, match="unknown column 'w'.*; unknown column 'v'"):
            open_table(engine, files, Reading(), ["w", "v", "x"])


def test_names_of_files_are_as_long_as_needed() -> None:
    assert short_names([Path("a/x.csv"), Path("b/y.csv")]) == ["x.csv", "y.csv"]
    assert short_names([Path("d/a/x.csv"), Path("d/b/x.csv")]) == ["a/x.csv", "b/x.csv"]


DECODED = {
    "cp1252 with a euro sign": ("cp1252", "x\n\u20ac\u2013\n".encode("cp1252"), "\u20ac\u2013"),
    "latin-1 beyond ASCII": ("latin-1", b"x\n\x80\xe9\n", "\x80\xe9"),
    "utf-16": ("utf-16", "x\n\u00fc\n".encode("utf-16"), "\u00fc"),
    "utf-8 with its sign": ("utf-8", "\ufeffx\n\u00fc\n".encode(), "\u00fc"),
}


@pytest.mark.parametrize("case", DECODED)
def test_encodings(tmp_path: Path, case: str) -> None:
    encoding, content, value = DECODED[case]
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    assert opened([path], Reading(encoding=encoding), "x") == [value]


# A file is searched for what can be around a value, so each kind of file stands for itself.
BLANKS = {
    "of every kind": ("x,y\n \u00a0a b\t,1\n\u3000,2\n", ","),
    "a space at the beginning": ("x,y\n a b,1\n,2\n", ","),
    "a space before a delimiter": ("x,y\na b ,1\n,2\n", ","),
    "a space behind a delimiter": ("y,x\n1, a b\n2,\n", ","),
    "a space before a line end": ("y,x\n1,a b \n2,\n", ","),
    "a space behind a line end": ("x,y\na b,1\n ,2\n", ","),
    "a space behind a quote": ('x,y\n" a b",1\n,2\n', ","),
    "a space before a quote": ('x,y\n"a b ",1\n,2\n', ","),
    "a space behind a long delimiter": ("x::y\na b::1\n ::2\n", "::"),
    "no blank": ("x,y\na b,1\n,2\n", ","),
    "spaces alone": ("x,y\n a b  ,1\n  ,2\n", ","),
    "a line end in quotes": ('x,y\n"\na b\n",1\n"\n\n",2\n', ","),
    "tabs in quotes, and between values": ('x\ty\n"\ta b\t"\t1\n\t2\n', "\t"),
    "tabs between values": ("x\ty\n a b\t1\n \t2\n", "\t"),
}


@pytest.mark.parametrize("case", BLANKS)
def test_blanks_of_every_kind_do_not_count(tmp_path: Path, case: str) -> None:
    content, delimiter = BLANKS[case]
    path = tmp_path / "x.csv"
    path.write_text(content)
    assert opened([path], Reading(delimiter=delimiter), "x") == ["a b", None]


@pytest.mark.parametrize("value", ["a b", " a b", "a b\u3000"])
def test_blanks_in_parquet_do_not_count(tmp_path: Path, value: str) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"x": ["c", None, "", value]}), path, row_group_size=2)
    assert opened([path], Reading("parquet"), "x") == ["c", None, None, "a b"]


def test_numbers_are_counted_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BATCH_ROWS", 2)
    monkeypatch.setattr(numbers, "BATCH_ROWS", 3)
    (tmp_path / "x.csv").write_text("x\n" + "\n".join(["1", "22", "1", "x", "0.125", "1e3"]) + "\n")
    with Engine([tmp_path / "x.csv"]) as engine:
        view = View.of(open_table(engine, [tmp_path / "x.csv"], Reading(), ["x"]))
        found = view.numbers(engine, ["x"])["x"]
    assert found == numbers.Numbers(6, 5, simple=4, whole=2, decimals=3, exponents=1)


JSON = {
    "a key of a key": ({"user": {"name": "x"}}, "user.name", "x"),
    "a key with a dot": ({"user.name": "x"}, "user.name", "x"),
    "a key of objects in a list": ({"authors": [{"id": 1}, {"id": "b"}]}, "authors.id", ["1", "b"]),
    "a list with a null": ({"x": ["a", None]}, "x", ["a"]),
    "an empty list": ({"x": []}, "x", []),
    "a whole float": ({"x": 4.0}, "x", "4"),
    "a large number": (
        {"x": 123456789012345678901234567890},
        "x",
        "123456789012345678901234567890",
    ),
    "true": ({"x": True}, "x", "true"),
    "quotes": ({"x": 'a"b\\'}, "x", 'a"b\\'),
    "a null": ({"x": None}, "x", None),
}


@pytest.mark.parametrize("case", JSON)
@pytest.mark.parametrize("packed", [False, True])
def test_values_of_json(tmp_path: Path, case: str, packed: bool) -> None:
    row, column, value = JSON[case]
    path = tmp_path / ("x.jsonl.gz" if packed else "x.jsonl")
    line = json.dumps(row).encode() + b"\n"
    path.write_bytes(gzip.compress(line) if packed else line)
    assert opened([path], Reading("jsonl"), column) == [value]


def test_values_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table(
        {
            "user": [{"id": 1, "tags": [{"k": "a"}, {"k": "b"}]}],
            "raw": pa.array([b"abc"]),
            "list": pa.array([[1.0, 2.5]]),
            "nan": pa.array([float("nan")]),
            "none": pa.nulls(1),
        }
    )
    pq.write_table(table, path)
    expected = {
        "user.id": 1,
        "user.tags.k": ["a", "b"],
        "raw": "abc",
        "list": ["1", "2.5"],
        "nan": None,
        "none": None,
    }
    for column, value in expected.items():
        assert opened([path], Reading("parquet"), column) == [value]


def test_minus_one_is_missing_however_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("x,y\n-1,1\n-1.0,1\n-1.00,1\n-10,1\n-1.5,1\n")
    found = opened([path], Reading(missing=("", "-1")), "x")
    assert found == [None, None, None, "-10", "-1.5"]
    pq.write_table(pa.table({"x": [-1.0, 2.0]}), tmp_path / "x.parquet")
    assert opened([tmp_path / "x.parquet"], Reading("parquet", missing=("-1",)), "x") == [None, 2.0]


@pytest.mark.parametrize("missing", [("", "NA"), ("-1", "x"), ()])
@pytest.mark.parametrize("pad", ["", " ", "\u3000"])
def test_texts_that_are_cleaned_later_are_the_same(
    tmp_path: Path, missing: tuple[str, ...], pad: str
) -> None:
    texts = ["NA", "a", f"{pad}a", f"{pad}NA", "-1.0", "-1", "x", f"x{pad}", "", "a b", "a"]
    path = tmp_path / "x.csv"
    path.write_text("x,y\n" + "".join(f"{text},1\n" for text in texts))
    reading = Reading(missing=missing)
    with Engine([path]) as engine:
        table = open_table(engine, [path], reading, ["x", "y"], later=["x"])
        raw = values(engine, table, "x")
        (found,) = cleaning.encoded(engine, [pa.array(raw)], reading, table.blanks)
    assert raw == texts
    assert found.to_pylist() == opened([path], reading, "x")
    assert len(found.dictionary) == len({*found.dictionary.to_pylist()})


def test_a_file_that_is_read_in_pieces_is_not_read_ahead(tmp_path: Path) -> None:
    path, groups, rows = tmp_path / "wide.parquet", 40, 50_000
    with pq.ParquetWriter(path, pa.schema([("a", pa.int64())]), compression="none") as writer:
        for group in range(groups):
            numbers = pa.array(range(group * rows, (group + 1) * rows), pa.int64())
            writer.write_batch(pa.record_batch([numbers], ["a"]))
    before, most = pa.total_allocated_bytes(), 0
    for batch in in_pieces(path).iter_batches():
        most = max(most, pa.total_allocated_bytes() - before)
        assert batch.num_rows
    assert most < path.stat().st_size / 4
