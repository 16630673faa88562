"""Own datasets: one YAML file says what the rows of a file mean."""

import bz2
import gzip
import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtnas import study as studies
from mtnas.data import sources
from mtnas.data.prepare.store import Table
from mtnas.data.prepare.table import prepare
from mtnas.data.sources.base import BATCH_ROWS
from mtnas.experiments.assembly import assemble
from mtnas.runtime import plugins
from mtnas.runtime.errors import ConfigError, DataError
from mtnas.runtime.provenance import code_behind
from mtnas.study import raw_files
from mtnas.study.specs import RunSpec
from tests.helpers.tables import read_hashed

KEYS = "fields: [user, city]\ntasks: {likes: rating >= 4, loves: rating == 5}\n"
NAMES = ("user", "city", "rating")
ROWS = [(f"u{i % 7}", ("Köln", 'Bar; "X", 2', "")[i % 3], str(i % 5 + 1)) for i in range(60)]

Declare = Callable[..., Path]


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Declare the dataset `mine` in a folder of its own, which is the current one."""
    monkeypatch.setattr(plugins, "DECLARED", tmp_path / "config/datasets")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/datasets").mkdir(parents=True)

    def declare(keys: str, name: str = "mine.yaml") -> Path:
        file = tmp_path / "config/datasets" / name
        file.write_text(keys, encoding="utf-8")
        return file

    return declare


def prepared(raw: Path | None = None, **spec: Any) -> Table:
    prepare({"dataset": "mine", **spec}, table="t.parquet", manifest="t.json", raw=raw)
    return read_hashed("t.parquet", "t.json")


def read(keys: str, declare: Declare, rows: str) -> dict[str, list[Any]]:
    """Return the columns of the dataset of some keys over the rows of a CSV file."""
    declare(f"path: x.csv\n{keys}")
    Path("x.csv").write_text(rows)
    chunks = list(sources.load("mine").chunks(None))
    columns: dict[str, list[Any]] = pa.Table.from_batches(chunks).to_pydict()
    return columns


def quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def lines(rows: Iterable[Iterable[str]], delimiter: str = ",") -> bytes:
    return "".join(delimiter.join(row) + "\n" for row in rows).encode()


CSV = lines([NAMES, *(map(quoted, row) for row in ROWS)])
PLAIN = [(user, city.replace('"', "'").replace("; ", ";"), rating) for user, city, rating in ROWS]
DICTS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]


def zst(path: Path, content: bytes) -> None:
    with pa.output_stream(str(path), compression="zstd") as stream:
        stream.write(content)


def parquet(path: Path) -> None:
    columns = dict(zip(NAMES, zip(*ROWS, strict=True), strict=True))
    table = pa.table({**columns, "rating": pa.array(map(int, columns["rating"]), pa.int8())})
    encoded = table["city"].dictionary_encode()
    pq.write_table(table.set_column(1, "city", encoded), path, row_group_size=7)


def json_lines() -> bytes:
    rows = [{**row, "rating": int(row["rating"]), "x": {"y": [1]}} for row in DICTS]
    return "\n".join(map(json.dumps, rows)).encode()


SAME: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "path: x.csv": ("x.csv", lambda p: p.write_bytes(CSV)),
    "path: [x.csv]": ("x.csv", lambda p: p.write_bytes(CSV.replace(b"\n", b"\r\n"))),
    "path: x.csv.gz": ("x.csv.gz", lambda p: p.write_bytes(gzip.compress(CSV))),
    "path: ./*.gz\nformat: csv": (
        "x.gz",
        lambda p: p.write_bytes(gzip.compress(CSV[:99]) + gzip.compress(CSV[99:])),
    ),
    "path: x.csv.bz2": ("x.csv.bz2", lambda p: p.write_bytes(bz2.compress(CSV))),
    "path: x.csv.zst": ("x.csv.zst", lambda p: zst(p, CSV)),
    "path: x.csv\nencoding: latin-1": (
        "x.csv",
        lambda p: p.write_bytes(CSV.decode().encode("latin-1")),
    ),
    "path: x.csv\nencoding: utf-16": (
        "x.csv",
        lambda p: p.write_bytes(CSV.decode().encode("utf-16")),
    ),
    "path: x.dat\nformat: csv\nheader: false\ncolumns: [user, city, rating]": (
        "x.dat",
        lambda p: p.write_bytes(CSV.partition(b"\n")[2]),
    ),
    "path: x.csv\nskip: 1\ncomment: '#'": (
        "x.csv",
        lambda p: p.write_bytes(b'one "line\n' + CSV.replace(b"\n", b"\n# no row\n", 9)),
    ),
    "path: x.csv\nescape: \\": (
        "x.csv",
        lambda p: p.write_bytes(CSV.replace(b'""X""', b'\\"X\\"')),
    ),
    "path: x.csv\ndelimiter: ;\nquote: null": (
        "x.csv",
        lambda p: p.write_bytes(lines([NAMES, *ROWS], ";").replace(b"Bar; ", b"Bar, ")),
    ),
    "path: x.tsv": ("x.tsv", lambda p: p.write_bytes(lines([NAMES, *ROWS], "\t"))),
    "path: x.csv\ndelimiter: ' '": (
        "x.csv",
        lambda p: p.write_bytes(lines([NAMES, *(map(quoted, row) for row in ROWS)], " ")),
    ),
    "path: x.csv\ndelimiter: tab\nquote: null": (
        "x.csv",
        lambda p: p.write_bytes(lines([NAMES, *ROWS], "\t")),
    ),
    "path: x.csv\ndelimiter: '::'": ("x.csv", lambda p: p.write_bytes(lines([NAMES, *ROWS], "::"))),
    "path: x.jsonl": ("x.jsonl", lambda p: p.write_bytes(json_lines())),
    "path: x.json.gz": ("x.json.gz", lambda p: p.write_bytes(gzip.compress(json_lines()))),
    "path: x.parquet": ("x.parquet", parquet),
}


@pytest.mark.parametrize("keys", SAME)
def test_the_same_rows_in_any_file_are_the_same_table(declare: Declare, keys: str) -> None:
    declare(f"path: first.csv\n{KEYS}")
    Path("first.csv").write_bytes(CSV)
    first = prepared().manifest
    declare(f"{keys}\n{KEYS}")
    name, write = SAME[keys]
    write(Path(name))
    facts = prepared().manifest
    if "delimiter: ;" in keys:  # one city lost a semicolon
        assert [f.distinct_values for f in facts.fields] == [7, 3]
        return
    assert facts.rows_dropped == {}
    assert facts.content_sha256 == first.content_sha256
    assert list(facts.source_sha256) == [name]


def test_a_field_may_have_a_name_that_another_dataset_uses_inside(declare: Declare) -> None:
    declare("path: x.csv\nfields: [grade, row, y_t0]\ntasks: [y]\n")
    Path("x.csv").write_text("grade,row,y_t0,y\n" + "A,1,2,0\nB,2,1,1\n" * 9)
    assert prepared().manifest.rows == 18


def test_a_table_that_blanks_divide(declare: Declare) -> None:
    columns = read(
        "delimiter: whitespace\nfields: [a]\ntasks: [b > 1]\n", declare, " a   b\nx\t 1 \n  y 2\n"
    )
    assert columns == {"a": ["x", "y"], "t0": [0, 1]}


def test_small_blocks_and_chunks_give_the_same_table(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(f"path: x.csv\n{KEYS}")
    Path("x.csv").write_bytes(CSV.replace(b"Bar", b"Foo\nBar"))
    whole = prepared().manifest
    monkeypatch.setattr("mtnas.data.engine.text.READ_BYTES", 7)
    monkeypatch.setattr("mtnas.data.sources.base.BATCH_ROWS", 2)
    assert BATCH_ROWS > 2
    pieces = prepared().manifest  # of a file with other row groups
    assert pieces.model_copy(update={"artefacts": whole.artefacts, "digest": whole.digest}) == whole
    assert whole.rows == 60


def test_fields_of_every_type(declare: Declare) -> None:
    keys = """
fields:
  plain: {column: a}
  id: {column: b, type: id, help: who}
  exact: {column: c, type: number}
  edges: {column: c, type: number, buckets: [0, 2.5]}
  doubling: {column: d, type: count, buckets: log2}
  tens: {column: d, type: count, buckets: {width: 10}}
  at: {column: e, type: time, parts: [year, month, day, weekday, hour]}
  german: {column: f, type: time, time_format: "%d.%m.%Y", parts: [month]}
tasks:
  one: {sql: y == 1, help: the label is one}
  other: y == 0
missing: ["", "-1", none]
"""
    rows = """a,b,c,d,e,f,y
x,1,4.0,7,2013-06-02T23:30:00+02:00,24.12.2001,1
 ,01,4,-1,1260759144,1.2.2003,0
none,1,-0.5,10,20200229,2003-01-01,1
y,NaN,2.5,2.5,soon,,0
z,2,1e3,0,,-1,0
"""
    found = read(keys, declare, rows)
    unknown = "unknown"
    assert found == {
        "plain": ["x", unknown, unknown, "y", "z"],
        "id": ["1", "01", "1", "NaN", "2"],
        "exact": ["4", "4", "-0.5", "2.5", "1000"],
        "edges": ["from 2.5", "from 2.5", "below 0", "from 2.5", "from 2.5"],
        "doubling": ["3", unknown, "3", unknown, "0"],
        "tens": ["0", unknown, "1", unknown, "0"],
        "at_year": ["2013", "2009", "2020", unknown, unknown],
        "at_month": ["6", "12", "2", unknown, unknown],
        "at_day": ["2", "14", "29", unknown, unknown],
        "at_weekday": ["6", "0", "5", unknown, unknown],
        "at_hour": ["21", "2", "0", unknown, unknown],
        "german_month": ["12", "2", unknown, unknown, unknown],
        "one": [1, 0, 1, 0, 0],
        "other": [0, 1, 0, 1, 1],
    }
    dataset = sources.load("mine")
    list(dataset.chunks(None))
    assert dataset.replaced == {
        "doubling: no count": 1,
        "tens: no count": 1,
        "at: no time": 1,
        "german: no time": 1,
    }
    assert dataset.tasks[0].rule == "y == 1: the label is one"
    assert dataset.tasks[1].rule == "y == 0"
    assert [(f.kind, f.help) for f in dataset.fields[:2]] == [("category", "a"), ("id", "who")]


def test_parquet_keeps_its_types(declare: Declare) -> None:
    moments = pa.array([0, 1_600_000_000, None], pa.timestamp("s", tz="Europe/Berlin"))
    table = pa.table(
        {
            "n": pa.array([4.0, float("nan"), 2.5]),
            "tags": pa.array([["a", "b"], [], None], pa.list_(pa.string())),
            "at": moments,
            "y": pa.array([True, False, True]),
        }
    )
    pq.write_table(table, "x.parquet")
    keys = "fields: {n: {type: number}, tags: , at: {type: time, parts: [hour]}}\ntasks: [y, not y]"
    declare(f"path: x.parquet\n{keys}\n")
    (batch,) = sources.load("mine").chunks(None)
    assert batch.to_pydict() == {
        "n": ["4", "unknown", "2.5"],
        "tags": ["a|b", "unknown", "unknown"],
        "at_hour": ["0", "12", "unknown"],
        "t0": [1, 0, 1],
        "t1": [0, 1, 0],
    }


def test_keys_of_keys_in_json(declare: Declare) -> None:
    declare("path: x.jsonl\nfields: [user.name, a.b]\ntasks: [stars.all > 2.5]\n")
    rows = [
        {"user": {"name": "ü"}, "a.b": ["x", 1, None], "stars": {"all": 3.0}},
        {"user": 5, "a": {"b": 1.0}, "stars": {"all": "2"}},
    ]
    Path("x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (batch,) = sources.load("mine").chunks(None)
    assert batch.to_pydict() == {
        "user.name": ["ü", "unknown"],
        "a.b": ["x|1", "1"],
        "t0": [1, 0],
    }


def numbered(num_rows: int) -> str:
    """Return rows with a number, a day that falls as it rises, a fold and labels."""
    days = [f"2020-01-{28 - i // 10:02d}" for i in range(num_rows)]
    return "n,day,fold,y\n" + "".join(
        f"{i},{day},{'abcd'[i % 4]},{i // 4 % 2}\n" for i, day in enumerate(days)
    )


def split_of(declare: Declare, split: str, num_rows: int = 80) -> Table:
    declare(f"path: x.csv\nfields: [m]\ntasks: [y]\nsplit: {split}\n")
    text = numbered(num_rows).replace("n,day", "m,n,day", 1).splitlines()
    rows = [f"{i % 3},{line}" for i, line in enumerate(text[1:])]
    Path("x.csv").write_text("\n".join([text[0], *rows]))
    return prepared(allow_lost=0.5)  # some splits leave rows out


def test_a_split_at_random_has_its_sizes(declare: Declare) -> None:
    facts = split_of(declare, "[50, 20, 10]").manifest
    assert facts.split_sizes == {"train": 50, "valid": 20, "test": 10}
    assert (facts.split_kind, facts.split_column) == ("random", None)


def test_a_split_by_column(declare: Declare) -> None:
    table = split_of(declare, "{column: fold, train: [a, c], valid: b, test: d}")
    assert table.split.tolist() == [0, 1, 0, 2] * 20
    assert (table.manifest.split_kind, table.manifest.split_column) == ("column", "fold")


def test_validation_rows_drawn_from_the_training_rows(declare: Declare) -> None:
    split = "{column: fold, train: [a, c], valid_share: 0.25, test: b}"
    table = split_of(declare, split)
    assert table.manifest.split_sizes == {"train": 30, "valid": 10, "test": 20}
    lost = "split: fold is in no list of the split, such as 'd'"
    assert table.manifest.rows_dropped == {lost: 20}
    assert (table.split[1::3] == 2).all()
    moved = prepared(split_seed=1, allow_lost=0.5)
    assert (moved.split != table.split).any()
    np.testing.assert_array_equal(moved.split == 2, table.split == 2)


@pytest.mark.parametrize("column", ["day", "n"])
def test_a_split_by_time_goes_from_the_oldest_to_the_newest(declare: Declare, column: str) -> None:
    table = split_of(declare, f"{{time: {column}, ratios: [0.5, 0.25, 0.25]}}")
    parts = [0] * 40 + [1] * 20 + [2] * 20
    assert table.split.tolist() == (parts if column == "n" else parts[::-1])


def test_rows_of_one_time_stay_together(declare: Declare) -> None:
    table = split_of(declare, "{time: day, ratios: [0.51, 0.24, 0.25]}")
    assert table.manifest.split_sizes == {"train": 50, "valid": 10, "test": 20}
    assert len({tuple(table.split[i : i + 10]) for i in range(0, 80, 10)}) == 3


def test_the_name_of_the_file_can_split(declare: Declare) -> None:
    split = "{column: '@file', train: a.csv, valid_share: 0.5, test: b.csv}"
    declare(f"path: [a.csv, b.csv]\nfields: [x]\ntasks: [y]\nsplit: {split}\n")
    Path("a.csv").write_text("x,y\n" + "1,0\n2,1\n" * 40)
    Path("b.csv").write_text("y,z,x\n" + "0,z,1\n1,z,2\n" * 10)  # columns go by name
    assert prepared().manifest.split_sizes == {"train": 40, "valid": 40, "test": 20}


FIXED = {
    "{column: fold, train: a, valid: b, test: x}": "no row belongs to test",
    "{time: fold, ratios: [0.5, 0.2, 0.3]}": "column 'fold' of the split must be times: 80 of 80",
    "{time: y, ratios: [0.6, 0.2, 0.2]}": "no row belongs to valid",
    "{time: n, ratios: [76, 3, 1]}": "label t0 .* is 0 in all 3 rows|is 1 in all 3 rows of valid",
    "{column: nowhere, train: a, valid: b, test: c}": "split: unknown column 'nowhere'",
}


@pytest.mark.parametrize("split", FIXED)
def test_a_fixed_split_that_leaves_nothing_to_score_is_refused(
    declare: Declare, split: str
) -> None:
    with pytest.raises(DataError, match=FIXED[split]):
        split_of(declare, split)


def test_no_seed_moves_a_fixed_split(declare: Declare) -> None:
    split_of(declare, "{time: n, ratios: [0.5, 0.25, 0.25]}")
    spec = RunSpec(
        dataset="mine", method="control_perfect", variant="paper", seeds=(0, 1), options={}
    )
    assembly = assemble(spec, table="t.parquet", manifest="t.json")
    for seed in (0, 1):
        assert assembly.split(seed).test.tolist() == list(range(60, 80))


def test_useless_fields_are_told(declare: Declare, caplog: pytest.LogCaptureFixture) -> None:
    declare("path: x.csv\nfields: {one: , each: , me: {type: id}}\ntasks: [y]\n")
    Path("x.csv").write_text("one,each,me,y\n" + "".join(f"1,{i},{i},{i % 2}\n" for i in range(20)))
    with caplog.at_level(logging.WARNING):
        prepared()
    assert "field one has one value only" in caplog.text
    assert "field each has another value in every row" in caplog.text
    assert "field me" not in caplog.text


@pytest.mark.parametrize("folder", ["elsewhere", "else[2024]*where", "else where?"])
def test_another_folder_may_hold_the_files(declare: Declare, tmp_path: Path, folder: str) -> None:
    declare(f"path: [data/a.csv, 'data/b*.csv']\n{KEYS}")
    folder = tmp_path / folder
    folder.mkdir()
    for name in ("a.csv", "b1.csv", "b2.csv"):
        (folder / name).write_bytes(CSV)
    with pytest.raises(DataError, match=r"data/a.csv: missing file of dataset 'mine'.*raw: FOLDER"):
        sources.load("mine").sources(None)
    config = studies.load({"datasets": ["mine"], "mine_raw": str(folder)})
    names = [path.name for path in raw_files.raw_files(config, "mine")]
    assert names == ["a.csv", "b1.csv", "b2.csv"]
    assert prepared(raw=folder).manifest.rows == 180


def test_a_file_is_a_registration(declare: Declare) -> None:
    declare(f"path: x.csv\n{KEYS}")
    Path("x.csv").write_bytes(CSV)
    assert {"mine", "movielens"} <= set(sources.available())
    assert sources.available() == plugins.names("data.sources")
    config = studies.load({"datasets": ["mine"], "dataset_options": {"mine": {"num_features": 9}}})
    spec = studies.prepare_spec(config, "mine").model_dump(mode="json")
    assert spec["num_features"] == 9
    assert spec["definition"]["tasks"]["likes"] == {
        "sql": "rating >= 4",
        **{"kind": "binary", "classes": [], "unit": "", "metrics": [], "loss_weight": 1.0},
    }
    assert "path" not in spec["definition"]
    assert studies.prepare_spec(config, "movielens").definition is None
    json.dumps(spec)  # a parameter of a rule is compared as text
    assert prepared(**spec).manifest.num_features == 9


def test_a_job_goes_by_its_spec_and_not_by_a_file_edited_since(declare: Declare) -> None:
    file = declare(f"path: x.csv\n{KEYS}")
    Path("x.csv").write_bytes(CSV)
    config = studies.load({"datasets": ["mine"]})
    spec = studies.prepare_spec(config, "mine").model_dump(mode="json")
    file.write_text("path: x.csv\nfields: [user]\ntasks: [rating > 1]\n")
    assert [task.rule for task in prepared(**spec).manifest.tasks] == [
        "rating >= 4",
        "rating == 5",
    ]


def test_comments_and_order_do_not_change_the_spec(declare: Declare) -> None:
    def definition() -> Any:
        return json.dumps(sources.load("mine").definition, sort_keys=True)

    declare(f"path: x.csv\n{KEYS}")
    first = definition()
    declare(f"# a comment\n{KEYS}\nformat: csv\npath: data/x.csv\n")
    assert definition() == first
    declare(f"path: x.csv\n{KEYS.replace('>= 4', '>= 3')}")
    assert definition() != first


def test_code_for_own_datasets_is_no_code_of_others() -> None:
    assert sources.code_of("movielens") == "data/sources/movielens.py"
    files = code_behind("data/prepare/table.py", sources.code_of("movielens"))
    assert not [file for file in files if "_tabular" in file]
    files = code_behind("data/prepare/table.py", sources.code_of("census"))
    assert {"data/engine/syntax.py", "data/engine/delimited.py"} <= set(files)
    assert "config/options.py" not in files


def test_a_broken_file_breaks_the_studies_that_name_it_and_no_other(declare: Declare) -> None:
    declare("path: [", "broken.yaml")
    declare(f"path: x.csv\n{KEYS}", "movielens.yaml")
    declare(f"path: x.csv\n{KEYS}", "Bad-Name.yaml")
    declare(f"path: x.csv\n{KEYS}", "twice.yaml")
    declare(f"path: x.csv\n{KEYS}", "twice.yml")
    config = studies.load({"datasets": ["insteval"]})
    assert len(raw_files.raw_files(config, "insteval")) == 1
    for name, message in {
        "broken": "datasets/broken.yaml: not YAML: .* line 1, column 8",
        "movielens": "movielens.yaml: another file declares dataset 'movielens'",
        "Bad-Name": "'Bad-Name' must be lower-case letters",
        "twice": "another file declares dataset 'twice'",
    }.items():
        with pytest.raises(ConfigError, match=message):
            raw_files.raw_files(studies.load({"datasets": [name]}), name)


def test_another_split_cannot_be_given_to_a_fixed_one(declare: Declare) -> None:
    split = "split: {time: at, ratios: [0.5, 0.2, 0.3]}"
    declare(f"path: x.csv\n{KEYS}{split}\n")
    with pytest.raises(ConfigError, match="split: dataset 'mine' is split by time, column 'at'"):
        studies.load(
            {"datasets": ["mine"], "dataset_options": {"mine": {"split": [0.5, 0.2, 0.3]}}}
        )
    own = {"datasets": ["mine"], "dataset_options": {"mine": {"split_seed": 3}}}
    assert studies.prepare_spec(studies.load(own), "mine").split_seed == 3  # it is stored


START = "path: a.csv\nfields: [a, b]\ntasks: {t: y > 1}\n"
BROKEN = {
    "": "mine.yaml: empty; expected keys such as path",
    "[1]": "mine.yaml: a list",
    "a: [": "not YAML",
    "path: !!python/object:os.system x": "not YAML",
    START + "path: b.csv": "line 4: the key 'path' occurs twice",
    START + "1: b": "line 4: the key 1 is no text",
    START + "feilds: 3": r"yaml: unknown key 'feilds' \(did you mean 'fields'\?\)",
    START + "split: {colum: x}": "split: unknown key 'colum' .*did you mean 'column'",
    START.replace("[a, b]", "{a: {tpe: id}}"): "fields.a: unknown key 'tpe' .*mean 'type'",
    START.replace("path: a.csv\n", ""): "the key 'path' is missing",
    START.replace("tasks: {t: y > 1}", ""): "the key 'tasks' is missing",
    START.replace("a.csv", "a.dat"): "format: cannot be told from the name 'a.dat'",
    START + "format: xls": "format: unknown value 'xls'; allowed: csv, jsonl",
    START + "format: parquet\ndelimiter: ;": "delimiter is for csv and tsv, not parquet",
    START + "header: false": "columns: the names are needed where there is no header",
    START + "columns: [a, b, y]": "only without a header",
    START + "header: false\ncolumns: [a, b, c]": "tasks.t: unknown column 'y'",
    START + "header: false\ncolumns: [a, b, y, a]": "'a' is listed twice",
    START + "quote: ab": "quote: 'ab': one character",
    START + "delimiter: ü": "delimiter: 'ü': ASCII",
    START + "encoding: utf9": "encoding: 'utf9': no such encoding",
    START + "missing: [NA, null]": "missing.1: None: put it in quotes",
    START + "missing: [no]": "missing.0: False: put it in quotes",
    START + "num_features: 1": "num_features: 1 should be greater than or equal to 2",
    START + "split: [0.5, 0.5]": "split.ratios: .*three numbers",
    START + "split: [0.5, 0.5, 0.5]": "split.ratios: .*shares above 0 with the sum 1",
    START + "split: {}": "split: give either `ratios`",
    START + "split: {time: c}": "split: give either `ratios`",
    START + "split: {column: c, train: 0, test: 1}": "split: give either `valid`",
    START + "split: {column: c, train: 0, test: 0, valid: 1}": "split: listed twice: '0'",
    START + "split: {column: c, train: 0, test: 1, valid_share: 1.5}": "valid_share: 1.5",
    START + "split: {ratios: [7, 2, 1], train: 0}": "need `column`",
    START + "split: {column: b, train: 0, valid: 1, test: 2}": "fields.b: .*decides the split",
    START + "split: {time: b, ratios: [7, 2, 1]}": "fields.b: .*parts that recur",
    START.replace("[a, b]", "[a, y]"): "fields.y: .* decides task 't' .*: the label would be",
    START.replace("[a, b]", "{c: {column: y}}"): "fields.c: reads column 'y', which decides task",
    START.replace("[a, b]", "[a, a]"): "fields: 'a' is listed twice",
    START.replace("[a, b]", "[]"): "fields: {} should have at least 1 item",
    START.replace("[a, b]", "[a, {b: id}]"): "is no name; to say more of a field",
    START.replace("[a, b]", "[t1]"): "the name 't1' is taken",
    START.replace("[a, b]", "[split]"): "the name 'split' is taken",
    START.replace("[a, b]", "{a: {type: time}, a_hour: }"): "two fields have the name 'a_hour'",
    START.replace("[a, b]", "{a: {type: tme}}"): "fields.a.type: unknown value 'tme'",
    START.replace("[a, b]", "{a: {buckets: log2}}"): "buckets are for type number or count",
    START.replace("[a, b]", "{a: {parts: [year]}}"): "parts are for type time",
    START.replace("[a, b]", "{a: {time_format: x}}"): "time_format is for type time",
    START.replace("[a, b]", "{a: {type: number, buckets: 5}}"): "5: .*quantiles.*test set",
    START.replace("[a, b]", "{a: {type: time, time_format: '%M:%M'}}"): "no pattern of a time",
    START.replace("[a, b]", "{a: {type: time, time_format: '%'}}"): "no pattern of a time",
    START.replace("[a, b]", "{a: {type: time, time_format: '%-d'}}"): "no pattern of a time",
    START.replace("[a, b]", "{a: {type: number, buckets: [1, .nan]}}"): "no finite number",
    START.replace("[a, b]", "{a: {type: number, buckets: [3, 1]}}"): "edges must rise",
    START.replace("[a, b]", "{a: {type: number, buckets: {width: 0}}}"): "allowed: edges such as",
    START.replace("y > 1", "y is missing"): "tasks.t.sql: .*character 6, .*; write `IS NULL`",
    START.replace("y > 1", "1"): "tasks.t: 1 should be a mapping",
    START.replace("y > 1", "y == 'NA'"): "tasks.t: 'NA' counts as missing",
    START.replace("y > 1", "[" * 5000): "nested too deeply",
    START.replace("a.csv", "null"): "path: None should be a list",
    START.replace("a.csv", "[]"): "format: cannot be told",
    START + "header: false\ncolumns: a,b,y": "columns: 'a,b,y' should be a list",
    START + "split: random": "split: 'random' should be a mapping",
    START.replace("{t: y > 1}", "y > 1"): "tasks: 'y > 1' should be a mapping",
    START.replace("y > 1", '"Drama" in y'): "goes in quotes of the other kind",
}


@pytest.mark.parametrize("keys", BROKEN)
def test_mistakes_in_a_file_are_named_with_their_key(declare: Declare, keys: str) -> None:
    declare(keys)
    with pytest.raises(ConfigError, match=BROKEN[keys]) as error:
        sources.load("mine")
    assert str(error.value).startswith("config/datasets/mine.yaml: ")
    assert "\n" not in str(error.value)


def test_what_a_join_finds_by_the_time_that_splits_may_be_a_field(declare: Declare) -> None:
    keys = (
        "path: a.csv\njoins: {sky: {path: w.csv, on: {at: hour}}}\nfields: {x: FIELD}\n"
        "tasks: [y]\nsplit: {time: at, ratios: [7, 2, 1]}\n"
    )
    declare(keys.replace("FIELD", "{column: sky.rain, type: numeric}"))
    assert [field.name for field in sources.load("mine").fields] == ["x"]
    declare(keys.replace("FIELD", "{column: sky.hour}"))
    with pytest.raises(ConfigError, match=r"fields\.x: .*parts that recur"):
        sources.load("mine")


def test_a_year_that_splits_may_not_be_a_field(declare: Declare) -> None:
    split = "split: {time: at, ratios: [7, 2, 1]}\n"
    keys = "path: a.csv\nfields: {at: {type: time, parts: [PART]}}\ntasks: [y]\n" + split
    declare(keys.replace("PART", "hour"))
    assert sources.load("mine").split_kind == "time"
    declare(keys.replace("PART", "year"))
    with pytest.raises(ConfigError, match=r"fields\.at: .*parts that recur"):
        sources.load("mine")
