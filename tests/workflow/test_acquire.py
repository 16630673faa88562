"""Raw files in the real workflow: fetched, killed, gone on with, placed by hand, refused."""

import hashlib
import io
import os
import random
import signal
import subprocess
import time
import zipfile

import pytest

from mtnas.runtime.files import read_json
from tests.helpers.server import Answer, mirror

pytestmark = pytest.mark.slow

FOLDER, TARGET = "results/raw/bookcrossing", "results/data/bookcrossing/manifest.json"
ZIP, LOCK = "BX-CSV-Dump.zip", "results/raw/bookcrossing.lock.json"
BOOKS = {
    "BX-Book-Ratings.csv": '"User-ID";"ISBN";"Book-Rating"\r\n'
    + "".join(f'"{i}";"{i % 4}";"{(0, 5, 10)[i % 3]}"\r\n' for i in range(30)),
    "BX-Users.csv": '"User-ID";"Location";"Age"\r\n'
    + "".join(f'"{i}";"a, b, c";NULL\r\n' for i in range(30)),
    "BX-Books.csv": '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";'
    '"Image-URL-S";"Image-URL-M";"Image-URL-L"\r\n'
    + "".join(f'"{i}";"T";"A";"1999";"P";"s";"m";"l"\r\n' for i in range(4)),
}
# One address has the file, or none.
ONLY_BY_HAND = (
    "from mtnas.data.sources.bookcrossing import _FILES, Dataset as Books\n"
    "from mtnas.data.sources.base import Download\n\n\n"
    "class Dataset(Books):\n"
    '    name = "toys"\n'
    "    downloads = (Download('toys.zip', {urls}, _FILES, by_hand='Ask the toymaker.'),)\n"
)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def archive():
    """Return the zip, and with it enough noise to be killed in the middle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        written.writestr("noise", random.Random(0).randbytes(200_000))
        for name, text in BOOKS.items():
            written.writestr(name, text)
    return buffer.getvalue()


def place(checkout, files):
    """Place files by hand."""
    folder = checkout.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def pinned(checkout):
    return read_json(checkout.folder / LOCK)["files"]


def kill_in_the_middle(checkout, part, size, *arguments):
    """Start Snakemake; kill it and its jobs once the part has so many bytes."""
    with (checkout.folder / "printed").open("w") as printed:
        process = subprocess.Popen(
            checkout.command(*arguments),
            cwd=checkout.folder,
            env=checkout.environment(),
            stdout=printed,
            stderr=printed,
            start_new_session=True,  # its group is killed below, and nothing else
        )
        end = time.monotonic() + 60
        while not part.exists() or part.stat().st_size < size:
            assert process.poll() is None, (checkout.folder / "printed").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_killed_download_goes_on_and_a_second_call_has_nothing_to_do(fresh):
    part, content = fresh.folder / FOLDER / f"{ZIP}.part", archive()
    with mirror({ZIP: content}, Answer(pause_s=0.05)) as server:
        books = fresh.folder / "src/mtnas/data/sources/bookcrossing.py"
        first = f'_MIRRORS = (\n    "{server.base}/{ZIP}",\n'
        books.write_text(books.read_text("utf-8").replace("_MIRRORS = (\n", first), "utf-8")
        kill_in_the_middle(fresh, part, 50_000, TARGET)
        size = part.stat().st_size
        assert not (fresh.folder / FOLDER / ZIP).exists()

        fresh.snakemake("--nolock", TARGET)

        assert [request.first for request in server.asked] == [None, size]
    (fresh.folder / FOLDER / ZIP).unlink()
    assert not fresh.plan(TARGET).jobs  # a lost archive is no reason
    manifest = read_json(fresh.folder / TARGET)
    assert manifest["rows"] == 30
    digests = {name: entry["sha256"] for name, entry in pinned(fresh).items()}
    assert digests.pop(ZIP) == hashlib.sha256(content).hexdigest()
    assert digests == manifest["source_sha256"]
    assert pinned(fresh)[ZIP]["url"] == f"{server.base}/{ZIP}"


def test_files_placed_by_hand_are_pinned_kept_and_compared(fresh):
    folder = place(fresh, BOOKS)

    fresh.snakemake(TARGET)
    assert not (fresh.folder / "results/logs/download").exists()
    assert not fresh.plan(TARGET).jobs
    assert set(pinned(fresh)) == set(BOOKS)
    assert {entry["url"] for entry in pinned(fresh).values()} == {None}

    with (folder / "BX-Users.csv").open("a") as file:
        file.write('"3";"a, b, c";"40"\r\n')
    printed = fresh.snakemake(TARGET, ok=False)

    found = hashlib.sha256((folder / "BX-Users.csv").read_bytes()).hexdigest()
    assert f"with sha256 {found}, but {LOCK} pins" in printed
    assert pinned(fresh)["BX-Users.csv"]["sha256"] in printed
    assert "dataset_options.bookcrossing.raw: FOLDER" in printed
    assert {path.name for path in folder.iterdir()} == set(BOOKS)


def test_an_archive_placed_by_hand_survives_being_forced_and_refused(fresh):
    content = archive()
    folder = place(fresh, {ZIP: content})

    fresh.snakemake(TARGET, "--forceall")

    assert (folder / ZIP).read_bytes() == content
    (folder / ZIP).write_bytes(content[:-30])
    printed = fresh.snakemake(TARGET, "--forceall", ok=False)
    assert f"{folder / ZIP}: {len(content) - 30} bytes with sha256" in printed
    assert (folder / ZIP).read_bytes() == content[:-30]


def test_offline_says_where_a_file_can_be_placed(fresh):
    urls = ("http://nowhere.invalid/toys.zip",)
    fresh.write("src/mtnas/data/sources/toys.py", ONLY_BY_HAND.format(urls=urls))

    printed = fresh.snakemake("results/raw/toys/BX-Users.csv", ok=False)

    folder = fresh.folder / "results/raw/toys"
    assert f"{urls[0]}: Failed to resolve 'nowhere.invalid'" in printed
    assert f"place it by hand in {folder}, or have" in printed
    assert "Ask the toymaker." in printed
    assert "Traceback" not in printed
    assert not (folder / "toys.zip").exists()


def test_what_nobody_offers_is_asked_for_before_anything_runs(fresh):
    fresh.write("src/mtnas/data/sources/toys.py", ONLY_BY_HAND.format(urls=()))
    overlay = ("--configfile", fresh.write("config/toys.yaml", "datasets: [toys]\n"))

    printed = fresh.snakemake("-n", *overlay, ok=False)

    folder = fresh.folder / "results/raw/toys"
    assert f"{folder / 'toys.zip'}: toys.zip of dataset 'toys' is missing" in printed
    assert f"place it by hand in {folder}, or have" in printed
    assert "Ask the toymaker." in printed
    assert "Traceback" not in printed
    folder.mkdir(parents=True)
    (folder / "toys.zip").write_bytes(archive())
    jobs = fresh.plan(*overlay).jobs
    assert (jobs["download"], jobs["unpack"], jobs["prepare"]) == (0, 3, 1)


def test_a_table_of_a_package_is_converted_once_and_checked(fresh):
    folder, target = fresh.folder / "results/raw/insteval", "results/data/insteval/manifest.json"
    fresh.snakemake(target)

    assert [file.name for file in folder.iterdir()] == ["InstEval.parquet"]
    assert read_json(fresh.folder / target)["source_sha256"].keys() == {"InstEval.parquet"}
    assert not fresh.plan(target).jobs
    (folder / "InstEval.parquet").write_bytes(b"PAR1")
    printed = fresh.snakemake(target, ok=False)
    assert "InstEval.parquet: is no sound Parquet file" in printed
    assert (folder / "InstEval.parquet").read_bytes() == b"PAR1"
