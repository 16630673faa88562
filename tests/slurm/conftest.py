"""A SLURM cluster for the session, and Snakemake on it."""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster

HERE = Path(__file__).parent
PATIENCE = 1800  # seconds; a run that takes longer hangs


@dataclass(frozen=True)
class Job:
    """A job in the queue."""

    number: str
    state: str
    node: str


@dataclass(frozen=True)
class Run:
    """A Snakemake that submits to the cluster, and the checkout it runs in."""

    process: subprocess.Popen
    cluster: Cluster
    folder: Path
    printed_to: Path

    def printed(self):
        """Return what it printed so far."""
        return self.printed_to.read_text()

    def end(self, ok=True):
        """Wait for the end of the run; return what it printed."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"a hang\n{self.printed()}")
        assert (self.process.returncode == 0) == ok, self.printed()
        return self.printed()

    def kill(self):
        """Kill Snakemake, and nothing else."""
        self.process.kill()
        self.process.wait()

    def jobs(self, rule=""):
        """Return the unfinished jobs of this checkout, or those of a rule."""
        rows = self.cluster.client("squeue", "-h", "-o", "%k|%i|%T|%N|%Z").splitlines()
        parts = [row.split("|", 4) for row in rows]
        return [Job(*p[1:4]) for p in parts if Path(p[4]) == self.folder and f"rule_{rule}" in p[0]]

    def submissions(self):
        """Return how many SLURM jobs were submitted."""
        return self.printed().count("has been submitted with SLURM jobid")

    def wait(self, condition, what):
        """Wait until something is the case while the run goes on."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, f"no {what}\n{self.printed()}"
            assert time.monotonic() < end, f"no {what}\n{self.printed()}"
            time.sleep(0.2)


@dataclass(frozen=True)
class Site:
    """A cluster, and all that was started on it."""

    cluster: Cluster
    runs: list[Run] = field(default_factory=list)

    def start(self, checkout, *arguments, polls=5, program=("snakemake",)):
        """Start Snakemake in a checkout, on the cluster; `program` may be `mtnas run`."""
        settings = {"workflow-profile": "profiles/slurm", "latency-wait": 20}
        settings["slurm-init-seconds-before-status-checks"] = polls
        options = [text for key, value in settings.items() for text in (f"--{key}", str(value))]
        number = len(list(checkout.folder.glob("printed.*")))
        printed_to = checkout.folder / f"printed.{number}"
        own = {"PYTHONPATH": str(checkout.folder / "src")} if program[0] == "mtnas" else {}
        with printed_to.open("w") as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", *program, *options, *map(str, arguments)],
                cwd=checkout.folder,
                env={**checkout.environment(), **self.cluster.environment(), **own},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )
        self.runs.append(Run(process, self.cluster, checkout.folder, printed_to))
        return self.runs[-1]


@pytest.fixture(scope="session")
def site():
    """A cluster that goes down with this process, however it ends."""
    with subprocess.Popen(
        [sys.executable, HERE / "cluster.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # it has to outlive Ctrl-C, to clean up
    ) as holder:
        state, _, rest = holder.stdout.readline().strip().partition(": ")
        if state != "up":
            holder.communicate()
            assert state == "unavailable"
            pytest.skip(f"no SLURM: {rest}")
        site = Site(Cluster(rest))
        yield site
        for run in site.runs:
            run.kill()
        holder.communicate()
    assert holder.returncode == 0
