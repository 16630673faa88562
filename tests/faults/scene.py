"""Where a disturbance happens: a copy of the study, what is run in it, and how it is recovered."""

import contextlib
import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import Checkout
from tests.same_numbers import compare

OVERLAY = "config/faults.yaml"
STUDY = ("--configfile", OVERLAY)
TARGETS = (  # every kind of job, and of tables and figures one
    "runs",
    "results/claims/claims.json",
    "results/tables/table2.md",
    "results/figures/search_curves.png",
    "results/audit/insteval.json",
    "results/simulated_studies/demonstration/results.csv",
)
NAMED = re.compile(
    r"^WRONG +(results/[^:,]*)[:,] .*run `\.venv/bin/snakemake --cores 1 (.+?)`", re.M
)
SAID = re.compile(r"^Job \d+: (.+)$", re.M)
MADE = (  # in the order in which it is made
    "data", "routes", "runs/insteval/mtnas", "runs/insteval/mmoe", "audit", "tables", "figures",
    "simulated_studies", "claims/claims.json",
)  # fmt: skip
KEPT_TO_ITSELF = ("PYTHONPATH", "OMP_NUM_THREADS", "NUMBA_CACHE_DIR")


class CannotError(Exception):
    """This machine does not allow a disturbance; the message says what it lacks."""


@dataclass(frozen=True)
class Printed:
    """What a command printed, and how it ended."""

    text: str
    status: int

    @property
    def is_clear(self) -> bool:
        """Whether there is no traceback in it."""
        return "Traceback (most recent call last)" not in self.text


@dataclass
class Scene:
    """One disturbed study: `checkout` is where it is, `finished` where nothing disturbs it.

    `named` is what `mtnas verify` called wrong, where it was asked.
    """

    finished: Checkout
    checkout: Checkout
    drawn: random.Random
    printed: list[Printed] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)

    @property
    def results(self) -> Path:
        """Return the folder of its results."""
        return self.checkout.folder / "results"

    def begin(self, *lost: str, anew: bool | None = None) -> None:
        """Copy the finished study as it was before some of its jobs, or any (`anew`).

        `lost` are the files that are not there yet; else it is drawn after which job it stands.
        """
        if anew is None:
            anew = not lost and self.drawn.random() < 0.15
        self.copy()
        made = lost or MADE[self.drawn.randrange(len(MADE)) :]
        for place in ["results"] if anew else [f"results/{name}" for name in made]:
            path = self.checkout.folder / place
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def copy(self) -> None:
        """Copy the finished study, time stamps included."""
        shutil.copytree(self.finished.folder, self.checkout.folder, symlinks=True)

    def start(
        self,
        *arguments: str,
        before: Callable[[], None] | None = None,
        environment: dict[str, str] | None = None,
        command: tuple[str, ...] = (),
    ) -> "Running":
        """Start Snakemake on the study, or on other targets, in a session of its own."""
        asked = arguments or TARGETS
        whole = [*command, sys.executable, "-m", "snakemake", "--cores", "1", *asked]
        whole += STUDY if "--configfile" not in asked else ()
        output = self.checkout.folder / f"printed.{len(self.printed)}.{time.monotonic_ns()}"
        with output.open("wb") as file:
            process = subprocess.Popen(
                whole,
                cwd=self.checkout.folder,
                env=clean_environment() if environment is None else environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=before,
            )
        return Running(self, process, output)

    def run(self, *arguments: str, **how: object) -> Printed:
        """Run Snakemake on the study to its end."""
        return self.start(*arguments, **how).ended()  # type: ignore[arg-type]

    def scripts(self) -> list[int]:
        """Return the processes of jobs that run now."""
        return self.checkout.scripts()

    def go_on(self) -> bool:
        """Run the study again, unlocked where it asks for that; return whether it ended well."""
        printed = self.run()
        if printed.status and "--unlock" in printed.text:
            self.run("--unlock")
            printed = self.run()
        return printed.status == 0

    def recover(self) -> bool:
        """Do what is documented: run again, then make again what `mtnas verify` calls wrong.

        Returns whether everything is right at the end.
        """
        if not self.named:
            ended = self.go_on()
            self.named = self.wrong()
            if not self.named:
                return ended
        for name in self.named:
            (self.checkout.folder / name).unlink(missing_ok=True)
        if targets := {t for told in self.named.values() for t in told.split()} - {"?"}:
            self.run(*sorted(targets))
        return self.go_on() and not self.wrong()

    def wrong(self, folder: str = "results") -> dict[str, str]:
        """Return what `mtnas verify` says is wrong: the file, and what is to be made again."""
        done = subprocess.run(
            [sys.executable, "-m", "mtnas", "verify", folder],
            cwd=self.checkout.folder,
            env={**clean_environment(), "PYTHONPATH": str(self.checkout.folder / "src")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.printed.append(Printed(done.stdout, done.returncode))
        return dict(NAMED.findall(done.stdout)) or {"?": "?"} if done.returncode else {}

    def is_equal(self) -> bool:
        """Whether all numbers are those of the undisturbed study, to the last bit."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            differ = compare(self.finished.folder / "results", self.results)
        self.printed.append(Printed("\n".join(differ), bool(differ)))
        return not differ


@dataclass(frozen=True)
class Running:
    """A Snakemake that runs."""

    scene: Scene
    process: subprocess.Popen[bytes]
    output: Path

    def moment(self, most: int = 3) -> str:
        """Wait until some jobs have begun, at most so many, and some seconds; say which is last.

        Both are drawn; a slow machine reaches the same jobs as a fast one.
        """
        jobs, seconds = self.scene.drawn.randint(0, most), self.scene.drawn.uniform(0.2, 6)
        while self.process.poll() is None and len(self.said()) < jobs:
            time.sleep(0.05)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        told = self.said() or ["reading the workflow"]
        return f"{seconds:.1f} s after {jobs} jobs began: {told[-1]}"

    def said(self) -> list[str]:
        """Return what the jobs that began so far say that they do."""
        return SAID.findall(self.text())

    def text(self) -> str:
        """Return what was printed so far."""
        return self.output.read_text(errors="replace")

    def prints(self, words: str) -> None:
        """Wait until some words are printed, or the end."""
        while self.process.poll() is None and words not in self.text():
            time.sleep(0.05)

    def at_a_job(self) -> int:
        """Wait for a job that runs; return its process, 0 if there is none any more."""
        while self.process.poll() is None:
            if scripts := self.scene.scripts():
                return scripts[0]
            time.sleep(0.05)
        return 0

    def send(self, number: int) -> None:
        """Send a signal to Snakemake and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def ended(self) -> Printed:
        """Wait for the end, at most ten minutes; return what was printed."""
        try:
            self.process.wait(600)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self.process.wait()
        printed = Printed(self.text(), self.process.returncode)
        self.scene.printed.append(printed)
        return printed


def clean_environment() -> dict[str, str]:
    """Return an environment in which no other checkout is preferred."""
    return {key: value for key, value in os.environ.items() if key not in KEPT_TO_ITSELF}


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[], None]]:
    """Mount a disk of some size for the time of a block; yield what makes room on it."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(mounted, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotError(f"a small disk cannot be mounted here: {done.stderr.strip()}")

    def make_room() -> None:
        subprocess.run(["mount", "-o", "remount,size=1g", str(folder)], check=True)

    try:
        yield make_room
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
