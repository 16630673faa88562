"""Jobs of the real workflow that are ended half way go on and leave the same bytes."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.helpers.long_jobs import LongJobs

pytestmark = pytest.mark.slow


def ended(checkout, target, number, sign):
    """Start Snakemake and send its job a signal when `sign` is there; return what it printed."""
    printed_to = checkout.folder / "printed"
    with printed_to.open("w") as printed:
        process = subprocess.Popen(
            checkout.command(target, *LongJobs.study),
            cwd=checkout.folder,
            env=checkout.environment(),
            stdout=printed,
            stderr=printed,
        )
        end = time.monotonic() + 300
        while not sign():
            assert process.poll() is None, printed_to.read_text()
            assert time.monotonic() < end, printed_to.read_text()
            time.sleep(0.02)
        (job,) = checkout.scripts()
        os.kill(job, number)
        process.wait()
    assert process.returncode == 1
    return printed_to.read_text()


@pytest.mark.parametrize(
    ("target", "log", "progress", "compared"),
    [
        (
            LongJobs.train,
            LongJobs.train_log,
            "epoch 1/6",
            ("metrics.csv", "predictions.parquet"),
        ),
        (
            LongJobs.search,
            LongJobs.search_log,
            "search step 80/400",
            ("supernet.safetensors",),
        ),
    ],
)
def test_a_job_ended_twice_leaves_what_one_attempt_leaves(
    target, log, progress, compared, long_jobs, again
):
    checkout = LongJobs.lengthen(again)
    folder, log = (checkout.folder / target).parent, checkout.folder / log

    def kept():
        return list(folder.glob(".unfinished/*/[!.]*.safetensors"))

    def text():
        return log.read_text() if log.exists() else ""

    log.unlink()
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
        lambda: "taken up from" in text() and file.stat().st_mtime_ns > before,
    )
    assert kept() == [file]

    checkout.snakemake(target, *LongJobs.study)
    assert "taken up from" in text()
    assert not (folder / ".unfinished").exists()
    long_jobs.compare(checkout, *(Path(target).with_name(name) for name in compared))
