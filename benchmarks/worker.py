"""One contender in a process of its own: `python -m benchmarks.worker '{"kind": ...}'`.

Says when it is ready, then reads numbers of steps from standard input and answers each with the
wall and CPU seconds they took, one JSON object per line.
"""

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks import ours, torch_dense
from benchmarks import work as w
from benchmarks.work import make_work


def build(contender: dict[str, Any]) -> Callable[[int], float]:
    """Return the training step of a contender."""
    work = make_work(contender.get("num_rows", 1_000_000), steps=contender.get("batches", 1000))
    kind, rest = contender["kind"], contender.get("options", {})
    if kind == "ours":
        return ours.build(work, **rest)
    if kind == "torch":
        return torch_dense.build(work, **rest)
    peer = importlib.import_module(f"benchmarks.peers.{kind}_peer")
    step: Callable[[int], float] = peer.build(work, **rest)
    return step


def main() -> None:
    """Serve until standard input ends."""
    contender = json.loads(sys.argv[1])
    torch.set_num_threads(contender.get("threads", 1))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print: keep that out of the answers
    train = build(contender)
    models = contender.get("options", {}).get("models", 1)
    step = 0
    loss = train(step)
    print(json.dumps({"examples_per_step": w.BATCH * models, "first_loss": loss}), file=answers)
    answers.flush()
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(int(line)):
            step += 1
            loss = train(step)
        took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps({**took, "loss": loss, "mib": _resident()}), file=answers, flush=True)


def _resident() -> float:
    """Return the MiB of memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
