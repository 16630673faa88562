"""A full disk and a file that may not be read: one message, and nothing half done left behind."""

import errno
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mtnas.data import sources
from mtnas.data.prepare.table import prepare
from mtnas.runtime import plugins
from mtnas.runtime.errors import DataError
from mtnas.runtime.files import atomic_path
from mtnas.runtime.job import job

NOBODY = 65534

pytestmark = pytest.mark.usefixtures("numerics_as_before")


@pytest.fixture
def smk(tmp_path: Path) -> SimpleNamespace:
    log = tmp_path / "prepare.log"
    return SimpleNamespace(rule="prepare", wildcards=["insteval"], log=[str(log)], threads=1)


@pytest.fixture
def disk(tmp_path: Path, size: str) -> Iterator[Path]:
    """Yield a folder on a disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


# From no room for the rows, to room for the table but not for the ids that are mapped.
@pytest.mark.parametrize("size", ["100k", "400k", "600k", "900k", "1500k"])
def test_a_full_disk_stops_a_preparation_with_one_message(smk: SimpleNamespace, disk: Path) -> None:
    with pytest.raises(SystemExit), job(smk):
        prepare({"dataset": "insteval"}, table=disk / "t.parquet", manifest=disk / "m.json")

    said = Path(smk.log[0]).read_text()
    assert said.count("No space left on device; make room and run again") == 1
    assert "Traceback" not in said
    left = {path.name for path in disk.iterdir()}
    assert left <= {"t.parquet"}  # whole, and without a manifest not used


class WrappedError(Exception):
    """What a library makes of what the system says."""


REFUSALS = {
    "a file of ours": (OSError(errno.ENOSPC, "?", "t.bin"), "t.bin: No space left.*make room"),
    "too large": (OSError(errno.EFBIG, "?"), "out.bin: File too large; .*ulimit -f"),
    "a broken disk": (OSError(errno.EIO, "?"), "out.bin: Input/output error; see to the disk"),
    "a long name": (OSError(errno.ENAMETOOLONG, "?"), "File name too long; use shorter names"),
    "too many files": (OSError(errno.EMFILE, "?"), "Too many open files; .*ulimit -n"),
    "safetensors": (
        WrappedError("Error while serializing: I/O error: No space left on device (os error 28)"),
        "out.bin: No space left on device; make room and run again$",
    ),
    "pyarrow": (
        OSError(errno.EFBIG, "Error writing bytes to file. Detail: [errno 27] File too large"),
        "out.bin: File too large",
    ),
    "numpy": (OSError("100000 requested and 12784 written"), "out.bin: No space left on device"),
    "memory": (MemoryError(), "out.bin: Cannot allocate memory; give the job more memory"),
    "torch": (
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        "Cannot allocate memory; .*seeds_at_once",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_the_machine_refuses_is_one_line_with_the_file(
    case: str, smk: SimpleNamespace, tmp_path: Path
) -> None:
    problem, message = REFUSALS[case]
    with pytest.raises(SystemExit), job(smk), atomic_path(tmp_path / "out.bin"):
        raise problem

    said = Path(smk.log[0]).read_text()
    assert re.search(message, said, re.MULTILINE), said
    assert len(said.splitlines()) == 1


def test_a_message_steers_no_terminal_and_fills_no_screen(smk: SimpleNamespace) -> None:
    with pytest.raises(SystemExit), job(smk):
        raise DataError("a.yaml: \x1b[2J\x9b\u202e" + "x" * 100_000 + "; correct it")

    said = Path(smk.log[0]).read_text()
    assert "a.yaml: \\x1b[2J\\x9b\\u202ex" in said
    assert said.endswith("; correct it\n")
    assert len(said) < 3000


def test_a_line_break_in_a_value_does_not_break_the_line(smk: SimpleNamespace) -> None:
    with pytest.raises(SystemExit), job(smk):
        raise DataError("x\ny.csv: missing; place it there")

    assert Path(smk.log[0]).read_text().endswith("DataError: x\\ny.csv: missing; place it there\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_raw_file_that_may_not_be_read_is_named(
    smk: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources.load("bookcrossing")  # somebody else may neither list nor read this checkout
    listed = plugins._modules(sources)
    monkeypatch.setattr(plugins, "_modules", lambda package: listed)
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("BX-Book-Ratings.csv", "BX-Users.csv", "BX-Books.csv"):
        (raw / name).write_text("x")
        (raw / name).chmod(0)
    for folder in (raw, *raw.parents):
        if folder.stat().st_uid == 0 and folder.name.startswith(("pytest-", "popen-", "test_")):
            folder.chmod(0o755)
    with pytest.raises(SystemExit), job(smk):
        os.seteuid(NOBODY)
        try:
            prepare(
                {"dataset": "bookcrossing"},
                raw=raw,
                table=tmp_path / "t.parquet",
                manifest=tmp_path / "m.json",
            )
        finally:
            os.seteuid(0)

    said = Path(smk.log[0]).read_text()
    assert "BX-Book-Ratings.csv: Permission denied; allow this user to use it" in said
    assert "Traceback" not in said
