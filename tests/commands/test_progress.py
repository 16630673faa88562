"""How far a workflow is: counting, the estimate, what is said of a failed job."""

import pytest

from snakemake_logger_plugin_mtnas.progress import Job, Progress, failure, in_words, last_error

ERROR = "2026-11-30 13:32:31,910 ERROR DataError: table.parquet: missing\n"


def job(rule="train", title="Training mmoe", since=0.0, logs=()):
    return Job(rule, title, tuple(logs), since)


def finished(progress, number, rule, since, now):
    progress.start(number, job(rule, f"{rule} {number}", since))
    progress.finish(number, now)


def test_the_estimate_waits_until_most_of_what_is_left_is_known():
    progress = Progress()
    progress.plan({"prepare": 1, "train": 4, "report": 1, "total": 6})
    assert progress.seconds_left(100) is None
    finished(progress, 1, "prepare", 0, 50)  # it took long, and tells nothing of the others
    assert progress.seconds_left(50) is None
    finished(progress, 2, "train", 50, 60)
    finished(progress, 3, "train", 60, 80)
    assert progress.seconds_left(80) == 2 * 15  # two trainings of 15 s; one report is not known


def test_jobs_that_run_side_by_side_share_what_is_left():
    progress = Progress()
    progress.plan({"train": 5})
    finished(progress, 1, "train", 0, 20)
    for number, since in ((2, 20), (3, 20)):
        progress.start(number, job(since=since, title=str(number)))
    assert progress.seconds_left(25) == (4 * 20 - 2 * 5) / 2
    assert progress.seconds_left(90) == (4 * 20 - 2 * 20) / 2  # later than their mean: not below


def test_the_line_tells_what_runs_longest_first():
    progress = Progress()
    progress.plan({"train": 3})
    finished(progress, 1, "train", 0, 60)
    progress.start(2, job(title="Training ple", since=130))
    progress.start(3, job(title="Training mmoe", since=60))
    line = progress.text(140)
    assert line == ("1 of 3 jobs done, about 25 s left: Training mmoe (1 min); Training ple (10 s)")
    assert Progress().text(0) == "0 of 0 jobs done"


def test_a_job_that_is_tried_again_has_not_failed():
    progress = Progress()
    progress.start(1, job())
    progress.fail(1, ["slurm.log"])
    assert [(j.title, j.logs) for j in progress.failed] == [("Training mmoe", ("slurm.log",))]
    progress.start(1, job())
    assert progress.failed == []


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (61, "1 min"), (7500, "2 h 5 min")]
)
def test_durations_in_words(seconds, words):
    assert in_words(seconds) == words


def test_a_failure_is_the_last_error_of_the_log(tmp_path):
    log = tmp_path / "train.log"
    log.write_text(ERROR.replace("table", "other") + "2026-11-30 13:32:31,911 INFO again\n" + ERROR)
    assert last_error(log) == "DataError: table.parquet: missing"
    assert failure(job(logs=[str(log)])) == (
        f"Training mmoe failed: DataError: table.parquet: missing (its log: {log})"
    )


def test_of_a_traceback_the_last_line_is_told(tmp_path):
    log = tmp_path / "train.log"
    told = (
        "2026-11-30 13:32:31,910 ERROR for a reason mtnas does not know\nTraceback\n  File\nE: no\n"
    )
    log.write_text(told)
    assert last_error(log) == "for a reason mtnas does not know: E: no"


def test_a_job_without_an_error_in_its_log_was_killed(tmp_path):
    log = tmp_path / "train.log"
    log.write_text("2026-11-30 13:32:31,910 INFO epoch 1\n")
    for name in (log, tmp_path / "none.log"):
        assert failure(job(logs=[str(name)])) == (
            "Training mmoe failed without a message: it was killed, or ended by its machine; "
            f"its log is {name}"
        )
