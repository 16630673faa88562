"""A copy of the repository to run Snakemake in, what Snakemake says it will do, shared fixtures."""

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
from hypothesis import settings

from tests.helpers.long_jobs import LongJobs

# Properties are about results, not about how busy the machine is: no time limit per example.
settings.register_profile("mtnas", deadline=None)
settings.load_profile("mtnas")

REPOSITORY = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "rules", "workflow", "config", "profiles", "src", "envs", "pyproject.toml")
TEST_STUDY = "config/test.yaml"


@dataclass(frozen=True)
class Checkout:
    """A copy of the repository."""

    folder: Path

    @classmethod
    def new(cls, folder):
        """Copy what the workflow needs, without results."""
        folder.mkdir(parents=True, exist_ok=True)
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")
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

    def snakemake(self, *arguments, ok=True):
        """Run Snakemake to its end; return what it printed."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == ok, done.stdout
        return done.stdout

    def plan(self, *arguments):
        """Return how many jobs of each rule a run would have."""
        printed = self.snakemake("-n", *arguments)
        table = re.search(r"^job +count\n[- ]+\n(.*?)^total", printed, re.M | re.S)
        if table is None:
            assert "Nothing to be done" in printed, printed
            return Counter()
        return Counter({row.split()[0]: int(row.split()[1]) for row in table[1].splitlines()})

    def trained(self, *arguments):
        """Return the runs that would be trained, as `method/variant`."""
        printed = self.snakemake("-n", *arguments)
        found = re.findall(r"Training (\w+) \((\w+)\) on \w+", printed)
        return {f"{method}/{variant}" for method, variant in found}

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
def finished(tmp_path_factory):
    """A checkout in which the test study ran once, really. Only look at it."""
    checkout = Checkout.new(tmp_path_factory.mktemp("finished") / "checkout")
    checkout.snakemake("--configfile", TEST_STUDY)
    return checkout


@pytest.fixture
def again(finished, tmp_path):
    """A copy of the finished checkout, to change."""
    return finished.copy(tmp_path / "again")


@pytest.fixture(scope="session")
def long_jobs(finished, tmp_path_factory):
    """The jobs that tests end half way, done once without that."""
    checkout = finished.copy(tmp_path_factory.mktemp("straight") / "checkout")
    jobs = LongJobs(LongJobs.lengthen(checkout))
    checkout.snakemake(jobs.train, jobs.search, *jobs.study)
    return jobs
