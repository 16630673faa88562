import logging
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mtnas.runtime import signals
from mtnas.runtime.errors import DataError, StoppedError
from mtnas.runtime.files import atomic_path
from mtnas.runtime.job import job, use_this_checkout

LOG = logging.getLogger("mtnas.test")

pytestmark = pytest.mark.usefixtures("numerics_as_before")


@pytest.fixture
def smk(tmp_path):
    log = tmp_path / "logs" / "train.log"
    return SimpleNamespace(rule="train", wildcards=["insteval", "mmoe"], log=[str(log)], threads=1)


def text_of(smk):
    return Path(smk.log[0]).read_text(encoding="utf-8")


def test_progress_goes_to_the_log_and_to_the_terminal(smk, capsys):
    with job(smk) as same:
        LOG.info("epoch %d", 3)

    assert same is smk
    assert text_of(smk).endswith(" INFO epoch 3\n")
    assert capsys.readouterr().err == "[train insteval/mmoe] epoch 3\n"


def test_where_progress_is_shown_otherwise_it_goes_to_the_log_alone(smk, capsys, monkeypatch):
    monkeypatch.setenv("MTNAS_QUIET", "1")
    with job(smk):
        LOG.info("epoch %d", 3)

    assert text_of(smk).endswith(" INFO epoch 3\n")
    assert capsys.readouterr().err == ""


def test_other_libraries_are_only_heard_when_they_warn(smk):
    with job(smk):
        logging.getLogger("fontTools").info("noise")
        logging.getLogger("fontTools").warning("careful")

    assert "noise" not in text_of(smk)
    assert "careful" in text_of(smk)


def test_an_error_of_ours_is_one_message(smk, capsys):
    with pytest.raises(SystemExit) as caught, job(smk):
        raise DataError("table.parquet: missing")

    assert caught.value.code == 1
    assert text_of(smk).count("DataError: table.parquet: missing") == 1
    assert "Traceback" not in text_of(smk)
    assert capsys.readouterr().err == ""


def test_any_other_error_is_one_traceback(smk, capsys):
    with pytest.raises(SystemExit) as caught, job(smk):
        raise ZeroDivisionError("by zero")

    assert caught.value.code == 1
    assert text_of(smk).count("Traceback") == 1
    assert text_of(smk).count("ZeroDivisionError: by zero") == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP])
def test_a_job_told_to_end_says_so_and_tidies_up(smk, tmp_path, number):
    # A shell's background job ignores SIGINT, and so would a test that is run in one.
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as caught, job(smk), atomic_path(tmp_path / "out.txt") as path:
        path.write_text("half")
        os.kill(os.getpid(), number)
        time.sleep(10)

    assert caught.value.code == 143
    assert text_of(smk).count(f"told to end ({number.name}): by") == 1
    assert "Traceback" not in text_of(smk)
    assert not list(tmp_path.glob("*out*"))
    assert signal.getsignal(number) is before
    assert not signals.asked()


def test_nohup_stays_nohup(smk):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with job(smk):
            os.kill(os.getpid(), signal.SIGHUP)
            assert not signals.asked()
    finally:
        signal.signal(signal.SIGHUP, before)


def told_twice(smk, done):
    """Tell a job to end twice while its work puts that off; note how far it came."""
    with job(smk), signals.postponed():
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
            done.append(signals.asked())


def test_work_that_puts_the_end_off_is_told_and_may_finish_its_step(smk):
    done = []
    with pytest.raises(SystemExit) as caught:
        told_twice(smk, done)

    assert caught.value.code == 143
    assert done == [True, True]  # SLURM tells a job more than once
    assert text_of(smk).count("told to end (SIGTERM)") == 1


def test_a_second_wish_ends_it_at_once(smk, monkeypatch):
    monkeypatch.setattr(signals, "ONE_WISH_S", 0.0)
    done = []
    with pytest.raises(SystemExit):
        told_twice(smk, done)

    assert done == [True]


def test_where_stopped_work_goes_on_is_one_message(smk):
    with pytest.raises(SystemExit) as caught, job(smk):
        raise StoppedError("told to end (SIGTERM): step 3 is in FILE")

    assert caught.value.code == 143
    assert text_of(smk).endswith("ERROR told to end (SIGTERM): step 3 is in FILE\n")


def test_ctrl_c_stays_ignored_where_it_was(smk):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with job(smk):
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)

    assert text_of(smk) == ""


def test_what_only_starts_jobs_outlives_the_signal_that_its_jobs_obey(smk):
    before = signal.getsignal(signal.SIGUSR1)
    try:
        signals.leave_to_jobs()
        os.kill(os.getpid(), signal.SIGUSR1)
        with pytest.raises(SystemExit), job(smk):
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(10)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert text_of(smk).count("told to end (SIGUSR1)") == 1


def test_threads_are_those_of_the_rule(smk):
    smk.threads = 2

    with job(smk):
        assert torch.get_num_threads() == 2
        assert os.environ["OMP_NUM_THREADS"] == "2"


def test_handlers_are_taken_away(smk):
    before = list(logging.getLogger().handlers)

    with job(smk):
        pass

    assert logging.getLogger().handlers == before


def test_the_checkout_comes_first_and_once(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PATH", "/bin")

    use_this_checkout()
    use_this_checkout()

    first, *rest = os.environ["PYTHONPATH"].split(os.pathsep)
    assert first.endswith("src")
    assert rest == ["/elsewhere"]
    assert os.environ["PATH"].split(os.pathsep)[1:] == ["/bin"]


def test_numbers_too_small_to_multiply_fast_count_as_zero(smk):
    small = torch.tensor([1e-38], dtype=torch.float32)
    assert (small / 10).item() != 0
    with job(smk):
        assert (small / 10).item() == 0
        assert (torch.tensor([1e-38], dtype=torch.float64) / 10).item() != 0
