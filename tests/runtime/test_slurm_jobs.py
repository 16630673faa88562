import os
import time
from pathlib import Path

import pytest

from mtnas.runtime import slurm
from mtnas.runtime.slurm import SlurmError, cancel_forgotten, comment, reasons

# A queue in a file: a line for each job. scancel notes what it was told, and empties the queue.
SQUEUE = "#!/bin/sh\ncat queue\n"
SCANCEL = '#!/bin/sh\necho "$@" > cancelled\n: > queue\n'


@pytest.fixture
def queue(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(slurm, "NAP", 0.01)

    def program(name, text):
        Path(name).write_text(text)
        Path(name).chmod(0o755)

    program("squeue", SQUEUE)
    program("scancel", SCANCEL)
    return program


def test_only_jobs_of_this_folder_that_write_the_same_are_cancelled(queue, tmp_path):
    Path("queue").write_text(
        f"1|rule_train_wildcards_a_mmoe_paper|{tmp_path}\n"
        f"2|rule_train_wildcards_a_mmoe_wide|{tmp_path}\n"
        "3|rule_train_wildcards_a_mmoe_paper|/elsewhere\n"
        f"4|rule_prepare_wildcards_a|{tmp_path}/.\n"
        f"5|(null)|{tmp_path}\n"
    )
    wanted = [comment("train", ["a", "mmoe", "paper"]), comment("prepare", ["a"]), "rule_all"]

    assert cancel_forgotten(wanted, tmp_path) == ["1", "4"]
    assert Path("cancelled").read_text() == "1 4\n"


def test_without_forgotten_jobs_nothing_is_cancelled(queue, tmp_path):
    Path("queue").write_text("")

    assert cancel_forgotten(["rule_all"], tmp_path) == []
    assert not Path("cancelled").exists()


def test_a_job_that_does_not_end_is_named(queue, tmp_path, monkeypatch):
    Path("queue").write_text(f"8|rule_all|{tmp_path}\n")
    queue("scancel", "#!/bin/sh\n")
    monkeypatch.setattr(slurm, "SECONDS", 0.05)

    with pytest.raises(SlurmError, match="SLURM jobs 8 of an earlier run"):
        cancel_forgotten(["rule_all"], tmp_path)


@pytest.mark.parametrize(
    ("squeue", "said"),
    [("#!/bin/sh\necho no controller >&2; exit 1\n", "no controller"), (None, "squeue")],
)
def test_a_slurm_that_does_not_answer_is_an_error(queue, tmp_path, squeue, said):
    if squeue is None:
        Path("squeue").unlink()
    else:
        queue("squeue", squeue)

    with pytest.raises(SlurmError, match=said):
        cancel_forgotten(["rule_all"], tmp_path)


LOGS = {
    "memory": "slurmstepd-n1: error: StepId=9.0 exceeded memory limit (5 > 4), being killed",
    "oom": "slurmstepd: error: Detected 1 oom_kill event in StepId=4.batch.",
    "time": "slurmstepd: error: *** JOB 4 ON n1 CANCELLED AT 2026-01-01 DUE TO TIME LIMIT ***",
    "node": "slurmstepd: error: *** JOB 4 ON n1 CANCELLED AT 2026-01-01 DUE TO NODE FAILURE, SEE",
    "preempted": "slurmstepd: error: *** JOB 4 ON n1 CANCELLED AT 2026-01-01 DUE TO PREEMPTION ***",
    "cancelled": "slurmstepd: error: *** JOB 4 ON n1 CANCELLED AT 2026-01-01 ***",
}
REASONS = {
    "memory": "more memory",
    "oom": "more memory",
    "time": "longer than runtime",
    "node": "node failed",
    "preempted": "another job",
    "cancelled": "was cancelled",
}


@pytest.mark.parametrize("event", LOGS)
def test_the_log_of_a_job_tells_why_slurm_ended_it(tmp_path, event):
    log = tmp_path / "rule_train" / "4.log"
    log.parent.mkdir()
    log.write_text(f"epoch 1\n{LOGS[event]}\nsrun: error: node1: task 0: Killed\n")

    (found,) = reasons(tmp_path, since=0).items()

    assert found[0] == log
    assert REASONS[event] in found[1]


def test_old_logs_and_jobs_that_failed_by_themselves_tell_nothing(tmp_path):
    (tmp_path / "old.log").write_text(LOGS["time"])
    now = time.time()
    os.utime(tmp_path / "old.log", (now - 10, now - 10))
    (tmp_path / "failed.log").write_text("ValueError: exceeded memory limit\n")

    assert reasons(tmp_path, since=now - 1) == {}
    assert reasons(tmp_path / "absent", since=0) == {}
