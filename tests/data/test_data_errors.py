"""What data errors say: the file or key, the value found, what is allowed, what to do."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mtnas.data import sources
from mtnas.data.prepare.hashing import hash_column
from mtnas.data.prepare.splits import assign_split, split_sizes
from mtnas.data.prepare.store import read_compact
from mtnas.data.prepare.table import prepare
from mtnas.runtime.errors import ConfigError, DataError, RecordError
from mtnas.runtime.files import read_json, sealed, write_json

HEADERS = {
    "BX-Book-Ratings.csv": '"User-ID";"ISBN";"Book-Rating"\r\n',
    "BX-Users.csv": '"User-ID";"Location";"Age"\r\n',
    "BX-Books.csv": '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";'
    '"Image-URL-S";"Image-URL-M";"Image-URL-L"\r\n',
}


def run(tmp_path: Path, raw: str | None = None, **spec: Any) -> None:
    out = tmp_path / "out"
    prepare(spec, table=out / "t.parquet", manifest=out / "t.json", raw=raw)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Return a Book-Crossing folder with headers only."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, header in HEADERS.items():
        (folder / name).write_text(header, encoding="latin-1")
    return folder


@pytest.fixture
def prepared(tmp_path: Path) -> tuple[Path, Path]:
    """Return a sound table and its manifest."""
    run(tmp_path, dataset="insteval", drop_fields=["student", "lecturer"])
    return tmp_path / "out" / "t.parquet", tmp_path / "out" / "t.json"


def test_no_raw_folder_given(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="dataset_options.bookcrossing.raw: FOLDER") as error:
        run(tmp_path, dataset="bookcrossing")
    assert "BX-Book-Ratings.csv" in str(error.value)


def test_raw_folder_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: .* no such folder; place .*raw: FOLDER"):
        run(tmp_path, dataset="bookcrossing", raw=str(tmp_path / "nowhere"))


def test_raw_file_missing(tmp_path: Path, raw: Path) -> None:
    (raw / "BX-Users.csv").unlink()
    with pytest.raises(DataError, match=r"BX-Users\.csv: missing file .*place"):
        run(tmp_path, dataset="bookcrossing", raw=str(raw))


@pytest.mark.parametrize("text", ["user,item,rating\n", ""])
def test_wrong_header(tmp_path: Path, raw: Path, text: str) -> None:
    (raw / "BX-Book-Ratings.csv").write_text(text)
    with pytest.raises(DataError, match=r"Ratings\.csv: columns .*expected .*'Book-Rating'.*place"):
        run(tmp_path, dataset="bookcrossing", raw=str(raw))


def test_no_rows(tmp_path: Path, raw: Path) -> None:
    with pytest.raises(DataError, match="'bookcrossing': no rows"):
        run(tmp_path, dataset="bookcrossing", raw=str(raw))


@pytest.mark.parametrize(("ratings", "task", "value"), [((5, 10), "t0", 1), ((0, 5), "t1", 0)])
def test_label_with_one_class(
    tmp_path: Path, raw: Path, ratings: tuple[int, ...], task: str, value: int
) -> None:
    with (raw / "BX-Book-Ratings.csv").open("a") as file:
        file.writelines(f'"1";"2";"{rating}"\r\n' for rating in ratings)
    for name, line in {"Users": '"1";"a, b, c";NULL', "Books": '"2";"T";"A";"1999";"P";;;'}.items():
        with (raw / f"BX-{name}.csv").open("a") as file:
            file.write(f"{line}\r\n")
    with pytest.raises(DataError, match=rf"label {task} .* is {value} in all 2 rows.*Book-Rating"):
        run(tmp_path, dataset="bookcrossing", raw=str(raw))
    assert not list((tmp_path / "out").iterdir())


def test_unknown_dataset(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown dataset 'movielen'.*did you mean 'movielens'"):
        run(tmp_path, dataset="movielen")


def test_unknown_field_in_drop_fields(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"drop_fields: unknown field 'gender'.*allowed: .*user"):
        run(tmp_path, dataset="movielens", drop_fields=["gender"])


def test_all_fields_dropped(tmp_path: Path) -> None:
    names = [field.name for field in sources.load("insteval").fields]
    with pytest.raises(ConfigError, match="all 6 fields are dropped; keep at least one"):
        run(tmp_path, dataset="insteval", drop_fields=names)


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        ({"seed": 1}, "prepare: unknown key 'seed'"),
        (
            {"num_features": 1},
            "prepare.num_features: 1 should be greater than",
        ),
        ({"num_features": 2**31}, "num_features: 2147483648 should be less than"),
        ({"split_seed": -1}, "split_seed: -1 should be greater"),
        ({"split_seed": "1"}, "split_seed: '1' should be a valid integer"),
    ],
)
def test_bad_spec(tmp_path: Path, spec: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        run(tmp_path, dataset="insteval", **spec)


def test_spec_without_dataset(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'dataset' is missing"):
        run(tmp_path)


@pytest.mark.parametrize(
    ("split", "match"),
    [
        ([0.5, 0.5], "three positive numbers"),
        ([0.5, 0.5, 0], "three positive numbers"),
        ([0.5, 0.5, float("nan")], "three positive numbers"),
        ([0.5, 0.5, 0.5], "add up to 1.5, not 1"),
        ([50, 30, 10], "add up to 90, the table has 100 rows"),
        ([0.98, 0.016, 0.004], "none may be empty"),
    ],
)
def test_bad_split(split: list[float], match: str) -> None:
    with pytest.raises(DataError, match=match) as error:
        split_sizes(100, split)
    assert "give three ratios" in str(error.value)


def test_split_sizes_that_do_not_add_up() -> None:
    with pytest.raises(DataError, match="do not add up to 10 rows"):
        assign_split(10, (5, 4, 2), seed=0)


def test_null_in_a_field() -> None:
    with pytest.raises(DataError, match="field 'age': 1 missing values; write 'unknown'"):
        hash_column(pa.array(["1", None]), "age", 10)


def test_missing_table_and_manifest(prepared: tuple[Path, Path]) -> None:
    table, manifest = prepared
    with pytest.raises(RecordError, match="no.json: missing; run `.venv/bin/snakemake"):
        read_compact(table, manifest.with_name("no.json"))
    table.unlink()
    with pytest.raises(RecordError, match="t.parquet: missing; run `.venv/bin/snakemake"):
        read_compact(table, manifest)


@pytest.mark.parametrize(
    ("text", "match"), [("{", "not JSON"), ("{}", "lacks its digest"), ("[]", "lacks an object")]
)
def test_broken_manifest(prepared: tuple[Path, Path], text: str, match: str) -> None:
    table, manifest = prepared
    manifest.write_text(text)
    with pytest.raises(RecordError, match=match):
        read_compact(table, manifest)


@pytest.mark.parametrize(
    "change", [{"split_sizes": {"train": 1}}, {"label_rates": {"t0": 0.9}}, {"rows": 5}]
)
def test_a_manifest_that_was_changed(prepared: tuple[Path, Path], change: dict[str, Any]) -> None:
    table, manifest = prepared
    write_json(manifest, {**read_json(manifest), **change})
    with pytest.raises(RecordError, match=r"t.json: was changed .* delete it and run `.*t.json`"):
        read_compact(table, manifest)


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [("rows", "many", "rows: 'many' should"), ("row", 5, "unknown key 'row' .*mean 'rows'")],
)
def test_a_manifest_with_a_key_or_value_that_none_has(
    prepared: tuple[Path, Path], key: str, value: object, match: str
) -> None:
    table, manifest = prepared
    write_json(manifest, sealed({**read_json(manifest), key: value}))
    with pytest.raises(RecordError, match=f"t.json: not a manifest: {match}.*; delete it and run"):
        read_compact(table, manifest)


@pytest.mark.parametrize("name", ["t.parquet", "t.ids.npy"])
def test_a_table_that_was_changed(prepared: tuple[Path, Path], name: str) -> None:
    table, manifest = prepared
    with table.with_name(name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(RecordError, match=rf"{name}: was changed .* delete it and run `.*{name}`"):
        read_compact(table, manifest)
