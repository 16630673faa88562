"""Machine code that is kept on the disk, and what a power cut leaves of it."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import logging
logging.basicConfig(format="%(message)s")
from mtnas.training.kernels import compiled
@compiled
def double(x):
    return 2 * x
print(double(21.0), sum(double.stats.cache_hits.values()))
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a program with one kernel in a process of its own; return what it said."""
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kept"))

    def run():
        command = [sys.executable, str(tmp_path / "program.py")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip(), done.stderr

    return run


def cut(content):
    return content[: len(content) // 2]


def zeros(content):
    return bytes(len(content))


def a_bit(content):
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.slow
def test_damaged_kernels_are_compiled_anew(run, tmp_path):
    assert run() == ("42.0 0", "")
    assert run() == ("42.0 1", "")
    for suffix, damage in (
        *((suffix, damage) for suffix in ("nbi", "nbc") for damage in (cut, zeros, lambda _: b"")),
        ("nbc", a_bit),
    ):
        (file,) = Path(tmp_path, "kept").rglob(f"*.{suffix}")
        file.write_bytes(damage(file.read_bytes()))
        said, warned = run()
        assert said == "42.0 0"
        assert "damaged" in warned
        assert run() == ("42.0 1", "")
