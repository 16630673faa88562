"""`mtnas run` and `mtnas verify` on the real workflow."""

import subprocess
import sys

import pytest

from tests.conftest import TEST_STUDY

pytestmark = pytest.mark.slow

MMOE = "results/runs/insteval/mmoe/paper/metrics.csv"


def mtnas(checkout, *arguments):
    """Run a subcommand of this checkout; return its exit status and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "mtnas", *arguments],
        cwd=checkout.folder,
        env={**checkout.environment(), "PYTHONPATH": str(checkout.folder / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_study_ends_with_where_to_look_or_with_its_error(again):
    results = again.folder / "results"
    (results / "tables/table2.md").unlink()
    status, printed = mtnas(again, "run", TEST_STUDY, "--cores", "2")
    assert status == 0, printed
    assert printed.splitlines()[-1] == "open results/report.html"
    assert (results / "answer.md").read_text(encoding="utf-8").strip() in printed
    assert "1 of 3 jobs done" in printed
    assert "Reason:" not in printed and "[table table2]" not in printed
    status, printed = mtnas(again, "verify")
    assert status == 0 and "verdicts follow from" in printed, printed

    metrics = again.folder / MMOE
    whole = metrics.read_text()
    metrics.write_text(whole.replace("auc", "aux", 1))
    status, printed = mtnas(again, "run", TEST_STUDY, "--cores", "2", "--rerun-triggers", "input")
    assert status == 1
    last = printed.splitlines()[-1]
    assert "failed: RecordError: " in last and f"{MMOE}: was changed after it was" in last
    assert "(its log: results/logs/" in last

    # What the run before it found is not left there as what this one found.
    last = {"answer.md", "answer.json", "report.html"}
    assert "in results/aside until this run has its own" in printed
    assert not {file.name for file in results.iterdir()} & last
    assert {file.name for file in (results / "aside").iterdir()} >= last
    metrics.write_text(whole)
    status, printed = mtnas(again, "run", TEST_STUDY, "--cores", "2", "--rerun-triggers", "input")
    assert status == 0, printed
    assert {file.name for file in results.iterdir()} >= last
    assert not {file.name for file in (results / "aside").iterdir()} & last
