"""The lock of raw data: what is pinned stays pinned, whoever else pins at the same time."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml

from mtnas.data.fetch import digests as cached
from mtnas.data.fetch.acquire import admit
from mtnas.data.fetch.digests import digests
from mtnas.data.fetch.lock import HEADER, Lock, Pin, measure
from mtnas.runtime.errors import ConfigError, DataError, UnfitFileError
from mtnas.runtime.files import sha256_of
from mtnas.runtime.provenance import REPOSITORY


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    return Lock(tmp_path / "data.lock.yaml")


def a_pin(digit: int, size: int = 9) -> Pin:
    return Pin(size=size, sha256=f"{digit:x}" * 64, url=None, date=date(2026, 1, 31))


def test_the_lock_file_of_the_repository_says_what_it_trusts() -> None:
    text = (REPOSITORY / "config/data.lock.yaml").read_text(encoding="utf-8")

    assert text.startswith(HEADER)
    assert "trust on first use" in HEADER
    assert Lock(REPOSITORY / "config/data.lock.yaml").pinned("toys", "a.gz") is None


def test_a_pin_holds_what_the_file_is(tmp_path: Path, lock: Lock) -> None:
    (tmp_path / "a.txt").write_text("toys")

    lock.admit("toys", "a.txt", measure(tmp_path / "a.txt", "https://here/a.txt"))

    assert yaml.safe_load(lock.path.read_text()) == {
        "toys": {
            "a.txt": {
                "size": 4,
                "sha256": sha256_of(tmp_path / "a.txt"),
                "url": "https://here/a.txt",
                "date": date.today(),
            }
        }
    }
    assert lock.pinned("toys", "a.txt") == measure(tmp_path / "a.txt", "https://here/a.txt")


def test_another_content_is_refused_and_nothing_written(lock: Lock) -> None:
    lock.admit("toys", "a", a_pin(1))
    before = lock.path.read_text()

    lock.admit("toys", "a", a_pin(1).model_copy(update={"url": "https://elsewhere"}))
    for other in (a_pin(2), a_pin(1, size=8)):
        with pytest.raises(UnfitFileError, match=f"sha256 {other.sha256}, but .* pins 9 bytes"):
            lock.admit("toys", "a", other)

    assert lock.path.read_text() == before


def test_order_and_comment_stay(lock: Lock) -> None:
    for number, (dataset, file) in enumerate([("z", "b"), ("a", "c"), ("z", "a")]):
        lock.admit(dataset, file, a_pin(number))
    text = lock.path.read_text()
    assert text.startswith(HEADER)
    assert {k: list(v) for k, v in yaml.safe_load(text).items()} == {"z": ["b", "a"], "a": ["c"]}

    lock.path.write_text("# Ours.\n# Two lines.\n" + text.removeprefix(HEADER))
    lock.admit("a", "d", a_pin(3))

    text = lock.path.read_text()
    assert text.startswith("# Ours.\n# Two lines.\nz:\n")
    assert [*yaml.safe_load(text)["a"]] == ["c", "d"]


def test_a_lock_file_without_entries_or_comment_gets_both(lock: Lock) -> None:
    lock.path.write_text("")

    lock.admit("toys", "a", a_pin(1))

    assert lock.path.read_text().startswith(HEADER)
    assert lock.pinned("toys", "a") == a_pin(1)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("toys: [", "not a lock file"),
        ("- toys", "not a lock file"),
        ("toys: 3", "not a lock file"),
        ("toys: {a: 3}", "not a lock file"),
        ("\ttoys", "not a lock file"),
        ("toys: {a: {size: 1, sha256: ab, url: null, date: 2026-01-31}}", "toys: a.sha256: 'ab'"),
        ("toys: {a: {size: -1}}", "toys: a.size: -1"),
        ("toys: {a: {colour: red}}", "toys: a"),
    ],
)
def test_a_broken_lock_file_is_named(lock: Lock, text: str, match: str) -> None:
    lock.path.write_text(text)

    with pytest.raises(ConfigError, match=match) as error:
        lock.admit("toys", "a", a_pin(1))

    assert str(lock.path) in str(error.value)
    assert lock.path.read_text() == text


PINS = """
import sys
from datetime import date
from mtnas.data.fetch.lock import Lock, Pin
path, dataset = sys.argv[1:]
for number in range(6):
    pin = Pin(size=number, sha256="0" * 64, url=None, date=date.today())
    Lock(path).admit(dataset, str(number), pin)
"""


def test_processes_that_pin_at_once_lose_nothing(lock: Lock) -> None:
    names = ("a", "b", "c")

    running = [
        subprocess.Popen([sys.executable, "-c", PINS, str(lock.path), name]) for name in names
    ]

    assert [process.wait() for process in running] == [0] * len(names)
    content = yaml.safe_load(lock.path.read_text())
    assert {name: len(content[name]) for name in content} == dict.fromkeys(names, 6)


def test_files_are_admitted_by_what_is_in_them(tmp_path: Path, lock: Lock) -> None:
    file = tmp_path / "log.txt"
    file.write_text("a\n")
    admit([file], dataset="toys", lock=lock.path)
    admit([str(file)], dataset="toys", lock=str(lock.path))

    file.write_text("b\n")

    with pytest.raises(DataError, match=r"log\.txt: 2 bytes with sha256 .* pins 2 bytes"):
        admit([file], dataset="toys", lock=lock.path)


@pytest.mark.parametrize(("name", "content"), [("a.gz", "{}"), ("a.txt", "<html>"), ("b", "")])
def test_what_is_not_the_file_is_not_pinned(
    tmp_path: Path, lock: Lock, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)

    with pytest.raises(DataError, match="cut off or broken|page of HTML|is empty"):
        admit([tmp_path / name], dataset="toys", lock=lock.path)

    assert lock.pinned("toys", name) is None


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
