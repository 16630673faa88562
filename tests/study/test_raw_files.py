"""Where raw files are looked for, and what the config can say about it."""

from pathlib import Path
from typing import Any

import pytest

from mtnas import study as studies
from mtnas.data import sources
from mtnas.data.sources.base import Download
from mtnas.runtime.errors import ConfigError, DataError
from mtnas.runtime.files import sha256_of
from mtnas.study import raw_files

FILES = ("BX-Book-Ratings.csv", "BX-Users.csv", "BX-Books.csv")
FOLDER = Path("results/raw/bookcrossing")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def study(**own: Any) -> studies.Study:
    return studies.load({"dataset_options": {"bookcrossing": own}})


def test_a_folder_of_the_user_is_used_as_it_is(tmp_path: Path) -> None:
    config = study(raw=str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()

    with pytest.raises(DataError, match=r"BX-Book-Ratings\.csv: missing file"):
        raw_files.raw_files(config, "bookcrossing")
    for name in FILES:
        (tmp_path / "mine" / name).write_text(name)

    paths = [tmp_path / "mine" / name for name in FILES]
    assert raw_files.raw_files(config, "bookcrossing") == paths
    assert raw_files.raw_folder(config, "bookcrossing") == tmp_path / "mine"
    assert raw_files.fetched_files(config, "bookcrossing") == []
    assert raw_files.raw_digests(config, "bookcrossing") == {p.name: sha256_of(p) for p in paths}
    assert raw_files.DIGESTS.is_file()


def test_a_folder_below_ones_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert raw_files.raw_folder(study(raw="~/x"), "bookcrossing") == tmp_path / "x"
    typed = studies.load({"bookcrossing_raw": "~/y"})
    assert raw_files.raw_folder(typed, "bookcrossing") == tmp_path / "y"
    unknown = study(raw="~nobody-of-this-name/x")
    assert raw_files.raw_folder(unknown, "bookcrossing") == Path("~nobody-of-this-name/x")


def test_without_a_folder_the_files_are_fetched() -> None:
    config = study()

    assert raw_files.raw_files(config, "bookcrossing") == [FOLDER / name for name in FILES]
    assert raw_files.fetched_files(config, "bookcrossing") == [FOLDER / name for name in FILES]
    assert raw_files.raw_folder(config, "bookcrossing") == FOLDER
    assert raw_files.raw_digests(config, "bookcrossing") == {}
    assert raw_files.archive(config, "bookcrossing", "BX-Users.csv") == FOLDER / "BX-CSV-Dump.zip"


def test_a_table_of_a_package_is_converted() -> None:
    config, folder = study(), Path("results/raw/insteval")

    assert raw_files.raw_files(config, "insteval") == [folder / "InstEval.parquet"]
    assert raw_files.fetched_files(config, "insteval") == [folder / "InstEval.parquet"]
    assert raw_files.raw_folder(config, "insteval") == folder
    assert "InstEval.parquet" not in {item.file for item in raw_files.every_download()}
    with pytest.raises(DataError, match="x: dataset 'insteval': no such folder; place the file"):
        raw_files.raw_files(
            studies.load({"dataset_options": {"insteval": {"raw": "x"}}}), "insteval"
        )


def test_a_file_that_nobody_offers_is_asked_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    book = type(sources.load("bookcrossing"))
    offered = Download("all.zip", members=FILES, by_hand="Sign up.")
    monkeypatch.setattr(book, "downloads", (offered,))

    with pytest.raises(DataError, match="place it by hand in .*results/raw/bookcrossing") as error:
        raw_files.raw_files(study(), "bookcrossing")

    assert str(FOLDER.absolute() / "all.zip") in str(error.value)
    assert str(error.value).endswith("raw: FOLDER`. Sign up.")
    FOLDER.mkdir(parents=True)
    (FOLDER / "all.zip").touch()
    assert len(raw_files.raw_files(study(), "bookcrossing")) == 3
    (FOLDER / "all.zip").unlink()
    for name in FILES:
        (FOLDER / name).touch()
    assert len(raw_files.raw_files(study(), "bookcrossing")) == 3


def test_an_unknown_raw_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'bookcrossing': unknown raw file 'BX-User\.csv' \(did"):
        raw_files.archive(study(), "bookcrossing", "BX-User.csv")
