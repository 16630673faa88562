"""Run benchmarks and publish what they found: `python -m benchmarks --help`."""

import argparse
import importlib
import os
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.outcome import Outcome, Settings, UnavailableError, publish
from mtnas.runtime.provenance import git_state

SUITE = ("step", "table_size", "models", "search", "routes", "many_seeds", "data", "workflow",
         "roofline", "accuracy", "gpu_prediction", "gpu", "scale")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the named benchmarks, one after another, and publish all outcomes there are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SUITE)} (all)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of every contender (7)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn (2)")
    parser.add_argument("--quick", action="store_true", help="small sizes; shows only that it runs")
    parser.add_argument("--dry", action="store_true", help="gpu: walk through it on the CPU")
    given = parser.parse_args(arguments)
    unknown = set(given.names) - set(SUITE)
    if unknown:
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; allowed: {', '.join(SUITE)}")
    settings = Settings(given.rounds, given.seconds, given.quick, given.dry)
    failures: list[str] = []
    for name in given.names or SUITE:
        print(f"== {name}", flush=True)
        try:
            for outcome in _outcomes(name, settings):  # what there is is kept if the rest fails
                if not settings.dry:
                    outcome.save(name, machine())
        except UnavailableError as reason:
            print(f"skipped: {reason}")
            continue
        failures += outcome.failures
        for key, ratio in outcome.ratios.items():
            print("{}: {median:.2f} ({min:.2f}-{max:.2f}, {runs} rounds)".format(key, **ratio))
    if not (settings.quick or settings.dry):
        publish()
    if failures:
        raise SystemExit("\n".join(failures))


def _outcomes(name: str, settings: Settings) -> Iterator[Outcome]:
    suite = importlib.import_module(f"benchmarks.suite.{name}")
    if hasattr(suite, "parts"):
        yield from suite.parts(settings)
    else:
        yield suite.run(settings)


def machine() -> dict[str, Any]:
    """Return what the numbers depend on; a commit with a plus had files changed."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    state = git_state()
    return {
        "commit": state["commit"] and state["commit"][:7] + ("+" if state["dirty"] else ""),
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


if __name__ == "__main__":
    main()
