"""The checksums of raw data: what is known or pinned stays so, whoever pins at the same time."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from mtnas.data.fetch import digests as cached
from mtnas.data.fetch.acquire import admit
from mtnas.data.fetch.checksums import Checksums, Pin, measure
from mtnas.data.fetch.digests import digests
from mtnas.data.sources.base import Checksum, Download
from mtnas.runtime.errors import DataError, RecordError, UnfitFileError
from mtnas.runtime.files import read_json, sha256_of


@pytest.fixture
def checksums(tmp_path: Path) -> Checksums:
    return Checksums(tmp_path / "toys", [])


def a_pin(digit: int, size: int = 9) -> Pin:
    return Pin(size=size, sha256=f"{digit:x}" * 64, url=None, date=date(2026, 1, 31))


def test_a_pin_holds_what_the_file_is(tmp_path: Path, checksums: Checksums) -> None:
    (tmp_path / "a.txt").write_text("toys")

    checksums.admit("a.txt", measure(tmp_path / "a.txt", "https://here/a.txt"))

    assert checksums.path == tmp_path / "toys.lock.json"
    assert read_json(checksums.path)["files"] == {
        "a.txt": {
            "size": 4,
            "sha256": sha256_of(tmp_path / "a.txt"),
            "url": "https://here/a.txt",
            "date": date.today().isoformat(),
        }
    }
    assert checksums.of("a.txt") == measure(tmp_path / "a.txt", "https://here/a.txt")
    assert checksums.of("b.txt") is None


def test_another_content_is_refused_and_nothing_written(checksums: Checksums) -> None:
    checksums.admit("a", a_pin(1))
    before = checksums.path.read_text()

    checksums.admit("a", a_pin(1).model_copy(update={"url": "https://elsewhere"}))
    for other in (a_pin(2), a_pin(1, size=8)):
        with pytest.raises(UnfitFileError, match=f"sha256 {other.sha256}, but .* pins 9 bytes"):
            checksums.admit("a", other)

    assert checksums.path.read_text() == before


def test_a_known_checksum_decides_before_any_pin(tmp_path: Path) -> None:
    Checksums(tmp_path / "toys", []).admit("a", a_pin(2))
    known = Download("a.zip", members=("a",), checksums={"a": Checksum(9, "1" * 64)})
    checksums = Checksums(tmp_path / "toys", [known])

    checksums.admit("a", a_pin(1))
    with pytest.raises(UnfitFileError, match=f"but its source has 9 bytes with sha256 {'1' * 64}"):
        checksums.admit("a", a_pin(2))

    assert checksums.of("a") == known.checksums["a"]
    assert list(read_json(checksums.path)["files"]) == ["a"]
    checksums.admit("a.zip", a_pin(3))
    assert checksums.of("a.zip") == a_pin(3)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "not JSON"),
        ("[]", "lacks an object"),
        ('{"files": 3}', "not a lock file: files"),
        ('{"files": {"a": {"size": 1, "sha256": "ab"}}}', "not a lock file: files.a"),
        ('{"filed": {}}', "unknown key 'filed' .did you mean 'files'"),
    ],
)
def test_a_broken_lock_is_named(checksums: Checksums, text: str, match: str) -> None:
    checksums.path.write_text(text)

    with pytest.raises(RecordError, match=match) as error:
        checksums.admit("a", a_pin(1))

    assert str(checksums.path) in str(error.value)
    assert str(error.value).endswith("; correct it or delete it")
    assert checksums.path.read_text() == text


PINS = """
import sys
from datetime import date
from pathlib import Path
from mtnas.data.fetch.checksums import Checksums, Pin
folder, name = sys.argv[1:]
for number in range(6):
    pin = Pin(size=number, sha256="0" * 64, url=None, date=date.today())
    Checksums(Path(folder), []).admit(f"{name}{number}", pin)
"""


def test_processes_that_pin_at_once_lose_nothing(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", PINS, str(tmp_path / "toys"), name])
        for name in ("a", "b", "c")
    ]

    assert [process.wait() for process in running] == [0] * len(running)
    assert len(json.loads((tmp_path / "toys.lock.json").read_text())["files"]) == 18


def test_files_are_admitted_by_what_is_in_them(tmp_path: Path) -> None:
    file = tmp_path / "toys" / "log.txt"
    file.parent.mkdir()
    file.write_text("a\n")
    admit([file], [], dataset="toys")
    admit([str(file)], [], dataset="toys")

    file.write_text("b\n")

    with pytest.raises(DataError, match=r"log\.txt: 2 bytes with sha256 .* pins 2 bytes"):
        admit([file], [], dataset="toys")


def test_a_file_that_is_not_the_known_one_says_where_to_correct_it(tmp_path: Path) -> None:
    file = tmp_path / "toys" / "log.txt"
    file.parent.mkdir()
    file.write_text("a\n")
    known = Download("log.txt", checksums={"log.txt": Checksum(3, "0" * 64)})

    with pytest.raises(DataError, match="is not, correct the checksum of log.txt in the file of"):
        admit([file], [known], dataset="toys")

    assert not (tmp_path / "toys.lock.json").exists()


@pytest.mark.parametrize(("name", "content"), [("a.gz", "{}"), ("a.txt", "<html>"), ("b", "")])
def test_what_is_not_the_file_is_not_pinned(tmp_path: Path, name: str, content: str) -> None:
    file = tmp_path / "toys" / name
    file.parent.mkdir()
    file.write_text(content)

    with pytest.raises(DataError, match="cut off or broken|page of HTML|is empty"):
        admit([file], [], dataset="toys")

    assert not (tmp_path / "toys.lock.json").exists()


def test_a_file_is_read_once_for_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, cache, read = [tmp_path / "a", tmp_path / "b"], tmp_path / "cache.json", list[str]()
    for path in paths:
        path.write_text(path.name)

    def counted(path: Path) -> str:
        read.append(path.name)
        return sha256_of(path)

    monkeypatch.setattr(cached, "sha256_of", counted)
    first = digests(paths, cache)
    assert first == {path.name: sha256_of(path) for path in paths} == digests(paths, cache)
    assert read == ["a", "b"]
    paths[0].write_text("c")
    assert digests(paths, cache) == {**first, "a": sha256_of(paths[0])}
    assert read == ["a", "b", "a"]
    cache.write_text('{"x": 3, "y": []}')
    paths[1].unlink()
    digests(paths[:1], cache)
    assert read == ["a", "b", "a", "a"]


def test_the_digest_cache_forgets_files_that_are_gone(tmp_path: Path) -> None:
    paths, cache = [tmp_path / "a", tmp_path / "b"], tmp_path / "cache.json"
    for path in paths:
        path.write_text(path.name)
    digests(paths, cache)

    paths[0].unlink()
    paths[1].write_text("more")
    digests(paths[1:], cache)

    assert str(paths[0]) not in cache.read_text()
