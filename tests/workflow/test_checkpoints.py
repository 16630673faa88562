"""Jobs of the real workflow that are ended half way go on and leave the same bytes."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

LONGER = """\
training: {epochs: 6, patience: 6}
methods: {mtnas: {search: {steps: 400}}}
"""
STUDY = ("--configfile", "config/test.yaml", "config/longer.yaml")
TRAIN = "results/runs/insteval/mmoe/paper/metrics.csv"
SEARCH = "results/routes/insteval/mtnas/paper/routes.json"
COMPARED = {
    TRAIN: ["metrics.csv", "predictions.parquet"],
    SEARCH: ["supernet.safetensors"],
}


def longer(checkout):
    """Let jobs take long enough to be ended, and keep a checkpoint all the time."""
    checkout.write("config/longer.yaml", LONGER)
    checkout.edit("src/mtnas/training/checkpoint.py", "EVERY_S = 60.0", "EVERY_S = 0.2")
    return checkout


@pytest.fixture(scope="module")
def straight(finished, tmp_path_factory):
    """A checkout in which nothing was interrupted."""
    checkout = longer(finished.copy(tmp_path_factory.mktemp("straight") / "checkout"))
    checkout.snakemake(TRAIN, SEARCH, *STUDY)
    return checkout


def ended(checkout, target, number, sign):
    """Start Snakemake and send its job a signal when `sign` is there; return what it printed."""
    printed_to = checkout.folder / "printed"
    with printed_to.open("w") as printed:
        process = subprocess.Popen(
            checkout.command(target, *STUDY),
            cwd=checkout.folder,
            env=checkout.environment(),
            stdout=printed,
            stderr=printed,
        )
        end = time.monotonic() + 120
        while not sign():
            assert process.poll() is None, printed_to.read_text()
            assert time.monotonic() < end, printed_to.read_text()
            time.sleep(0.02)
        (job,) = jobs_of(checkout)
        os.kill(job, number)
        process.wait()
    assert process.returncode == 1
    return printed_to.read_text()


def jobs_of(checkout):
    """Return the processes that run a script of a checkout; the shells before them not."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            here = folder.name.isdigit() and (folder / "cwd").readlink() == checkout.folder
        except OSError:  # it ended, or is not ours
            continue
        if here and b"python" in command[0] and b"/.snakemake/scripts/" in command[1]:
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize(
    ("target", "log", "progress"),
    [
        (TRAIN, "results/logs/train/insteval/mmoe/paper.log", "epoch 1/6"),
        (SEARCH, "results/logs/search/insteval/mtnas/paper.log", "search step 80/400"),
    ],
)
def test_a_job_ended_twice_leaves_what_one_attempt_leaves(target, log, progress, straight, again):
    checkout = longer(again)
    folder, log = (checkout.folder / target).parent, checkout.folder / log

    def kept():
        return list(folder.glob(".checkpoint/*/*.safetensors"))

    def text():
        return log.read_text() if log.exists() else ""

    printed = ended(checkout, target, signal.SIGTERM, lambda: progress in text())
    (file,) = kept()
    assert printed.count("told to end (SIGTERM): by") == 1
    assert f"{file.relative_to(checkout.folder)} holds step" in printed
    assert "Traceback" not in printed

    before = file.stat().st_mtime_ns
    ended(
        checkout,
        target,
        signal.SIGKILL,
        lambda: "taken up from" in text() and file.exists() and file.stat().st_mtime_ns > before,
    )
    assert kept() == [file]

    checkout.snakemake(target, *STUDY)
    assert "taken up from" in text()
    assert not (folder / ".checkpoint").exists()
    for name in COMPARED[target]:
        expected = (straight.folder / target).parent / name
        assert (folder / name).read_bytes() == expected.read_bytes(), name
