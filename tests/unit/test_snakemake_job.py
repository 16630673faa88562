import logging
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mtnas.errors import DataError
from mtnas.files import atomic_path
from mtnas.snakemake_job import job, use_this_checkout

LOG = logging.getLogger("mtnas.test")


@pytest.fixture(autouse=True)
def _restore_threads(monkeypatch):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


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


def test_a_job_told_to_end_says_so_and_tidies_up(smk, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit), job(smk), atomic_path(tmp_path / "out.txt") as path:
        path.write_text("half")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    assert text_of(smk).count("told to end (SIGTERM)") == 1
    assert "Traceback" not in text_of(smk)
    assert not list(tmp_path.glob("*out*"))
    assert signal.getsignal(signal.SIGTERM) is before


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
