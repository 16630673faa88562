"""Run contenders in turn: one process each, alternating, so that all see the same machine.

`alternate` starts a worker per contender and asks each for some steps, round after round. A worker
reports wall and CPU seconds; the median and the spread over rounds are what is published.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

# glibc hands large blocks back to the system when they are freed and faults them in again when they
# are needed; a dense gradient of 40 MB pays for that in every step. Keeping them is fairer to it.
KEEP_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "4000000000",
    "MALLOC_TOP_PAD_": "64000000",
}


class Worker:
    """A process that holds one contender ready."""

    def __init__(self, contender: Mapping[str, Any]) -> None:
        """Start it; `contender` is what `benchmarks.worker` takes."""
        memory = KEEP_MEMORY if contender.get("keep_memory") else {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", json.dumps(contender)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **memory},
        )
        self.ready = self._answer()

    def run(self, steps: int) -> dict[str, float]:
        """Take some steps and return their wall and CPU seconds."""
        assert self._process.stdin is not None
        print(steps, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a benchmark worker ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


def alternate(
    contenders: Mapping[str, Mapping[str, Any]], *, rounds: int, seconds: float = 2.0
) -> dict[str, dict[str, Any]]:
    """Measure all contenders, `rounds` times each, about `seconds` per turn.

    Returned per contender: `examples_per_second` of every round (wall), `cpu_seconds_per_step` of
    every round, and what the worker said when it was ready (`ready`).
    """
    workers = {name: Worker(contender) for name, contender in contenders.items()}
    try:
        steps = {name: _steps_in(worker, seconds) for name, worker in workers.items()}
        measured: dict[str, dict[str, Any]] = {
            name: {"examples_per_second": [], "cpu_ms_per_step": [], "ready": worker.ready}
            for name, worker in workers.items()
        }
        for number in range(rounds):
            for name, worker in workers.items():
                took = worker.run(steps[name])
                per_step = worker.ready["examples_per_step"]
                rate = steps[name] * per_step / took["wall"]
                measured[name]["examples_per_second"].append(rate)
                measured[name]["cpu_ms_per_step"].append(1e3 * took["cpu"] / steps[name])
                measured[name]["mib"] = took["mib"]
                print(f"round {number + 1}/{rounds}  {name}: {rate:,.0f} examples/s", flush=True)
    finally:
        for worker in workers.values():
            worker.close()
    return measured


def _steps_in(worker: Worker, seconds: float) -> int:
    """Warm up and return how many steps fit into a turn."""
    worker.run(3)
    took = worker.run(3)["wall"] / 3
    return max(3, int(seconds / took))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Return the ratio of two series measured in the same rounds: median, min, max, runs."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {
        "median": median(ratios),
        "min": min(ratios),
        "max": max(ratios),
        "runs": len(ratios),
    }


def fastest(measured: Mapping[str, dict[str, Any]], names: Iterable[str]) -> str:
    """Return the contender with the highest median of examples per second."""
    return max(names, key=lambda name: median(measured[name]["examples_per_second"]))


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return median, minimum and maximum."""
    return median(values), min(values), max(values)
