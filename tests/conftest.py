"""A copy of the repository to run Snakemake in, what Snakemake says it will do, shared fixtures.

Tests run in several processes (`pytest -n`), in any order. What is expensive is made once for all
of them (`made_once`), or lives in one module, whose tests run in one process (`--dist loadfile`).
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from hypothesis import settings

from tests.helpers.long_jobs import LongJobs

# Properties are about results, not about how busy the machine is: no time limit per example.
settings.register_profile("mtnas", deadline=None)
settings.load_profile("mtnas")
torch.set_num_threads(1)  # the processes that run tests share the cores

REPOSITORY = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "rules", "workflow", "config", "profiles", "src", "envs", "pyproject.toml")
TEST_STUDY = "config/test.yaml"


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, lest the other processes wait for it at the end."""
    items.sort(key=lambda item: ("slurm" not in item.path.parts, "workflow" not in item.path.parts))


@dataclass(frozen=True)
class Plan:
    """What a run would do: the number of jobs by rule, and what is trained as `method/variant`."""

    jobs: Counter[str]
    trained: set[str]

    @classmethod
    def read(cls, printed):
        """Read what a dry run printed."""
        table = re.search(r"^job +count\n[- ]+\n(.*?)^total", printed, re.M | re.S)
        if table is None:
            assert "Nothing to be done" in printed, printed
            return cls(Counter(), set())
        jobs = {row.split()[0]: int(row.split()[1]) for row in table[1].splitlines()}
        trained = re.findall(r"Training (\w+) \((\w+)\) on \w+", printed)
        return cls(Counter(jobs), {f"{method}/{variant}" for method, variant in trained})


@dataclass(frozen=True)
class Checkout:
    """A copy of the repository."""

    folder: Path

    @classmethod
    def new(cls, folder):
        """Copy what the workflow needs, without results, and the kernels that numba compiled."""
        folder.mkdir(parents=True, exist_ok=True)
        ignore = shutil.ignore_patterns("*.pyc", "*.tmp.*", "*.egg-info", ".*")
        for part in PARTS:
            source = REPOSITORY / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=ignore)
            else:
                shutil.copy2(source, folder / part)
        return cls(folder)

    def copy(self, folder):
        """Copy everything, results and time stamps included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Checkout(folder)

    def command(self, *arguments):
        """Return the command line of a local Snakemake."""
        return [sys.executable, "-m", "snakemake", "--cores", "2", *map(str, arguments)]

    def environment(self):
        """Return an environment in which no other checkout is preferred."""
        return {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def snakemake(self, *arguments, ok=True, here=None, environment=()):
        """Run Snakemake to its end, `here` if it is another folder; return what it printed."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=here or self.folder,
            env={**self.environment(), **dict(environment)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == ok, done.stdout
        return done.stdout

    def plan(self, *arguments, **how):
        """Return what a run would do."""
        return Plan.read(self.snakemake("-n", *arguments, **how))

    def scripts(self):
        """Return the processes that run a script of this checkout; not the shells before them."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().split(b"\0")
                here = (process / "cwd").readlink() == self.folder
            except OSError:  # it ended, or is not ours
                continue
            if here and b"python" in command[0] and b"/.snakemake/scripts/" in command[1]:
                found.append(int(process.name))
        return found

    def edit(self, path, old, new):
        """Replace text that occurs once in a file."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path}: {text.count(old)} times {old!r}"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def write(self, path, text):
        """Write a file; return its path as Snakemake takes it."""
        (self.folder / path).write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def numerics_as_before(monkeypatch):
    """Undo what a job sets in this process: threads, and numbers below 1e-38 counted as zero."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """A checkout without results, to plan in."""
    return Checkout.new(tmp_path_factory.mktemp("bare") / "checkout")


@pytest.fixture
def fresh(tmp_path):
    """A checkout without results, to edit."""
    return Checkout.new(tmp_path / "checkout")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Make a folder in the process that asks first; the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder(name, make):
        path, done = shared / name, shared / f"{name}.done"
        with FileLock(shared / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(path, ignore_errors=True)
                make(path)
                done.touch()
        return path

    return folder


@pytest.fixture(scope="session")
def finished(made_once):
    """A checkout in which the test study ran once, really. Only look at it."""

    def run(folder):
        Checkout.new(folder).snakemake("--configfile", TEST_STUDY)

    return Checkout(made_once("finished", run))


@pytest.fixture
def again(finished, tmp_path):
    """A copy of the finished checkout, to change."""
    return finished.copy(tmp_path / "again")


@pytest.fixture(scope="session")
def long_jobs(finished, made_once):
    """The jobs that tests end half way, done once without that."""

    def run(folder):
        checkout = LongJobs.lengthen(finished.copy(folder))
        checkout.snakemake(LongJobs.train, LongJobs.search, *LongJobs.study)

    return LongJobs(Checkout(made_once("straight", run)))
