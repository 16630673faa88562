"""The device of a job: a CPU, or a GPU that no other job of this user computes on."""

import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import torch

from mtnas.runtime.errors import TrainingError

SECONDS = 1.0  # between two looks for a free GPU

log = logging.getLogger(__name__)
_held: list[IO[str]] = []  # open, and so locked, as long as this process lives


def device_of(resources: Mapping[str, object]) -> str:
    """Return the device that a job's resources ask for.

    `gpu`, or SLURM's `gres`, asks for a GPU. Where torch sees none, `cpu_if_no_gpu` allows the CPU.

    Raises:
        TrainingError: there is no GPU, and the CPU is not allowed.
    """
    if not (resources.get("gpu", 0) or str(resources.get("gres", "")).startswith("gpu")):
        return "cpu"
    if torch.cuda.is_available():
        torch.cuda.set_device(hold_one(visible_gpus(torch.cuda.device_count())))
        torch.set_float32_matmul_precision("highest")  # no TF32, also where a container allows it
        return "cuda"
    lacking = f"this job asks for a GPU, but torch {torch.__version__} sees none"
    if resources.get("cpu_if_no_gpu", 0):
        log.warning("%s; it runs on the CPU, as cpu_if_no_gpu allows", lacking)
        return "cpu"
    raise TrainingError(
        f"{lacking}; install the CUDA build (`make setup TORCH=cuda`), leave the GPU out "
        "(`--set-resources train:gpu=0 search:gpu=0`) or allow the CPU (likewise, "
        "`cpu_if_no_gpu=1`); on SLURM, in the profile"
    )


def visible_gpus(count: int) -> list[str]:
    """Name the GPUs that this job may see; in a SLURM job they are that job's own."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[:count]
    if len(names) < count:
        names = [str(index) for index in range(count)]
    return [f"{os.environ.get('SLURM_JOB_ID', 'local')}-{name.strip()}" for name in names]


def hold_one(gpus: Sequence[str]) -> int:
    """Wait for a GPU that no other job uses, reserve it for this process, return its index.

    Snakemake counts GPUs (`--resources gpu=2`) but does not say which job has which.
    """
    folder = Path(tempfile.gettempdir()) / f"mtnas-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    waiting = False
    while True:
        for index, gpu in enumerate(gpus):
            file = (folder / gpu).open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            _held.append(file)
            return index
        if not waiting:
            log.info("waiting for one of %d GPUs: other jobs of yours hold them", len(gpus))
            waiting = True
        time.sleep(SECONDS)
