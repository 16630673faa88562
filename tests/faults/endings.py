"""Runs that are ended half way: Snakemake, its jobs, or all of them, by every signal."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.scene import TARGETS, CannotError, Running, Scene, clean_environment
from tests.slurm import cluster

SLURM = (
    "--workflow-profile", "profiles/slurm", "--latency-wait", "20",
    "--slurm-init-seconds-before-status-checks", "5",
)  # fmt: skip
PROFILE = "profiles/slurm/config.yaml"
RUN = "runs/insteval/mmoe/paper"
TRAINS = "dense parameters of one model"  # is printed when a training begins


def of_all(*numbers: signal.Signals):
    """End Snakemake and its jobs, as a terminal or a batch system does."""

    def disturb(scene: Scene) -> tuple[str, bool]:
        scene.begin()
        running = scene.start()
        moment = running.moment()
        for number in numbers:
            running.send(number)
            time.sleep(0.5)
        return moment, running.ended().is_clear

    return disturb


def of_snakemake(number: signal.Signals):
    """End Snakemake alone; its job lives on. Another one is started at once."""

    def disturb(scene: Scene) -> tuple[str, bool]:
        scene.begin()
        running = scene.start()
        moment = running.moment()
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.process.pid, number)
        printed = running.ended()
        return moment, printed.is_clear

    return disturb


def of_job(number: signal.Signals):
    """End one job; Snakemake has to say which."""

    def disturb(scene: Scene) -> tuple[str, bool]:
        scene.begin()
        running = scene.start()
        moment = running.moment()
        if job := running.at_a_job():
            time.sleep(scene.drawn.uniform(0, 3))
            with contextlib.suppress(ProcessLookupError):
                os.kill(job, number)
        printed = running.ended()
        told = printed.status == 0 or "rror in rule" in printed.text
        return moment, printed.is_clear and told

    return disturb


def of_slurm_job(scene: Scene) -> tuple[str, bool]:
    """Kill what a SLURM job runs, on a cluster of this machine; it is tried again."""
    scene.begin("runs/insteval/mmoe")
    scene.checkout.edit(PROFILE, "cpu_if_no_gpu: 0 ", "cpu_if_no_gpu: 1 ")
    seconds = scene.drawn.uniform(0, 3)
    with _cluster() as own:
        running = scene.start(*TARGETS, *SLURM, environment={**clean_environment(), **own})
        job = _on_a_node(running)
        time.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(job, signal.SIGKILL)
        printed = running.ended()
    again = printed.text.count("Trying to restart") == 1
    moment = f"{seconds:.1f} s after it began: Training mmoe (paper) on insteval"
    return moment, printed.is_clear and printed.status == 0 and again


def _on_a_node(running: Running) -> int:
    """Wait for a job that SLURM runs; return its process."""
    while running.process.poll() is None:
        for script in running.scene.scripts():
            with contextlib.suppress(OSError):
                if b"SLURM_JOB_ID=" in Path(f"/proc/{script}/environ").read_bytes():
                    return script
        time.sleep(0.05)
    raise RuntimeError(f"no SLURM job: {running.text()[-2000:]}")


@contextlib.contextmanager
def _cluster() -> Iterator[dict[str, str]]:
    """Hold a cluster for the time of a block; yield what its commands need."""
    with subprocess.Popen(
        [sys.executable, cluster.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as holder:
        assert holder.stdout is not None
        state, _, rest = holder.stdout.readline().strip().partition(": ")
        try:
            if state != "up":
                raise CannotError(f"no SLURM: {rest}")
            yield cluster.Cluster(rest).environment()
        finally:
            holder.communicate()


def of_checkpoint(damage):
    """End a training that keeps a checkpoint, and damage what it kept."""

    def disturb(scene: Scene) -> tuple[str, bool]:
        scene.begin("runs/insteval/mmoe")
        kept, moment = [], ""
        for _ in range(5):
            running = scene.start(f"results/{RUN}/metrics.csv")
            running.prints(TRAINS)
            time.sleep(scene.drawn.uniform(0.1, 1.5))
            running.send(signal.SIGTERM)
            running.ended()
            kept = [*scene.results.glob(f"{RUN}/.unfinished/*/*.safetensors")]
            moment = "a training with its checkpoint" if kept else "a training, no checkpoint yet"
            if kept or (scene.results / RUN / "metrics.csv").exists():
                break
        for path in kept:
            damage(path, scene.drawn)
        return moment, bool(kept) and all(printed.is_clear for printed in scene.printed)

    return disturb


def of_publishing(target: str):
    """Kill what changes results/published; what is there is the old or the new, never a mix."""

    def disturb(scene: Scene) -> tuple[str, bool]:
        scene.copy()
        if target == "publish" and scene.drawn.random() < 0.5:
            shutil.rmtree(scene.results / "published")
        running = scene.start(target)
        moment = running.moment(1)
        running.send(signal.SIGKILL)
        clear = running.ended().is_clear
        whole = not (scene.results / "published").exists() or not scene.wrong("results/published")
        scene.run("--unlock")
        again = scene.run("publish").status == 0
        return moment, clear and whole and again

    return disturb
