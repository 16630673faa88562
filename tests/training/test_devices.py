import signal
import subprocess
import sys
import tempfile
import threading

import pytest
import torch

from mtnas.runtime.errors import TrainingError
from mtnas.training import devices
from mtnas.training.devices import device_of, hold_one, visible_gpus

HOLD = """
import tempfile, time
from mtnas.training.devices import hold_one
tempfile.tempdir = {folder!r}
print(hold_one(["a", "b"]), flush=True)
time.sleep(600)
"""

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@pytest.fixture(autouse=True)
def _own_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(devices, "SECONDS", 0.01)
    monkeypatch.setattr(devices, "_held", [])
    yield
    for file in devices._held:
        file.close()


@pytest.mark.parametrize("resources", [{}, {"gpu": 0}, {"gpu": 0, "gres": "lscratch:10"}])
def test_a_job_that_asks_for_no_gpu_is_on_the_cpu(resources):
    assert device_of(resources) == "cpu"


@no_gpu
@pytest.mark.parametrize("asks", [{"gpu": 1}, {"gpu": 0, "gres": "gpu:a100:1"}])
def test_a_gpu_that_is_not_there_is_one_clear_error(asks):
    with pytest.raises(TrainingError, match=r"sees none.*TORCH=cuda.*gpu=0.*cpu_if_no_gpu=1"):
        device_of(asks)


@no_gpu
def test_the_cpu_stands_in_where_it_is_allowed(caplog):
    assert device_of({"gpu": 1, "cpu_if_no_gpu": 1}) == "cpu"
    assert "asks for a GPU" in caplog.text
    assert "cpu_if_no_gpu allows" in caplog.text


def test_a_gpu_multiplies_in_float32_also_where_a_container_says_otherwise(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_device", lambda index: None)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        assert device_of({"gpu": 1}) == "cuda"
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    ("variables", "count", "names"),
    [
        ({}, 2, ["local-0", "local-1"]),
        ({"CUDA_VISIBLE_DEVICES": "3,1"}, 2, ["local-3", "local-1"]),
        ({"CUDA_VISIBLE_DEVICES": "0", "SLURM_JOB_ID": "7"}, 1, ["7-0"]),
    ],
)
def test_a_gpu_has_one_name_for_all_jobs_that_share_it(monkeypatch, variables, count, names):
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert visible_gpus(count) == names


def test_jobs_hold_different_gpus_and_wait_when_there_are_no_more(caplog):
    caplog.set_level("INFO")
    assert [hold_one(["a", "b"]), hold_one(["a", "b"])] == [0, 1]
    got = []
    third = threading.Thread(target=lambda: got.append(hold_one(["a", "b"])))
    third.start()
    third.join(0.2)
    assert not got

    devices._held[1].close()
    third.join(10)

    assert got == [1]
    assert caplog.text.count("waiting for one of 2 GPUs") == 1


def test_a_killed_job_holds_no_gpu(tmp_path):
    code = HOLD.format(folder=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as job:
        assert job.stdout.readline() == b"0\n"
        assert hold_one(["a", "b"]) == 1
        job.send_signal(signal.SIGKILL)
        job.wait()

    assert hold_one(["a", "b"]) == 0
