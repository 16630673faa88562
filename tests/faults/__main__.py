"""Disturb the smallest study in many ways, recover as the messages say, compare to the last bit.

    python -m tests.faults --seed 1 --minutes 30

Prints one JSON list: `kind`, `moment`, `recovered`, `equal` (with the undisturbed study),
`message_ok` (one line names the file and the command), `seconds`. No part of the test suite.
"""

import argparse
import contextlib
import io
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.conftest import Checkout
from tests.faults.kinds import KINDS, Kind, gone
from tests.same_numbers import compare

STUDY = ("--configfile", "config/test.yaml")
NAMED = re.compile(r"^WRONG +(results/[^:]*): .*run `\.venv/bin/snakemake --cores 1 [^`]+`", re.M)
LATEST_S = 60.0  # of a moment at which a workflow is ended


def main() -> None:
    """Work through all kinds in an order that is drawn, until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=30)
    asked = parser.parse_args()
    drawn = random.Random(asked.seed)
    told: list[dict[str, Any]] = []
    with TemporaryDirectory(prefix="mtnas-faults-") as scratch:
        finished = Checkout.new(Path(scratch, "finished"))
        finished.snakemake(*STUDY)
        end = time.monotonic() + 60 * asked.minutes
        for number, kind in enumerate(drawn.sample(KINDS, len(KINDS))):
            if time.monotonic() > end:
                break
            try:
                told.append(disturbed(kind, finished, Path(scratch, str(number)), drawn))
            except AssertionError as error:  # Snakemake ended with an error
                why = str(error)[-2000:]
                none = dict.fromkeys(("recovered", "equal", "message_ok"), False)
                told.append({"kind": kind.name, "moment": "", **none, "seconds": 0.0, "why": why})
            print(json.dumps(told[-1]), file=sys.stderr, flush=True)
    print(json.dumps(told, indent=1))
    sys.exit(not all(one["recovered"] and one["equal"] and one["message_ok"] for one in told))


def disturbed(kind: Kind, finished: Checkout, folder: Path, drawn: random.Random) -> dict[str, Any]:
    """Disturb a copy of the finished study, or a new one, and recover it."""
    began, moment, message_ok = time.monotonic(), "finished", True
    if kind.damage:
        checkout = finished.copy(folder)
        kind.damage(checkout.folder / "results" / kind.file, drawn)
        named = wrong(checkout)
        # What is gone, and others are made from, Snakemake notices by itself.
        message_ok = kind.damage is gone or f"results/{kind.file}" in named
        for name in named:
            (checkout.folder / name).unlink(missing_ok=True)
        if named:
            checkout.snakemake(*named, *STUDY)
    else:
        checkout = Checkout.new(folder)
        seconds = drawn.uniform(5, LATEST_S)
        moment = f"after {seconds:.0f} s"
        ended(checkout, kind, seconds)
        checkout.snakemake(*STUDY, "--unlock")
    checkout.snakemake(*STUDY)
    with contextlib.redirect_stdout(io.StringIO()):
        equal = not compare(finished.folder / "results", checkout.folder / "results")
    return {
        "kind": kind.name,
        "moment": moment,
        "recovered": not wrong(checkout),
        "equal": equal,
        "message_ok": message_ok,
        "seconds": round(time.monotonic() - began, 1),
    }


def wrong(checkout: Checkout) -> list[str]:
    """Return the files that `mtnas verify` says are wrong, each with a command that makes it."""
    command = [sys.executable, "-m", "mtnas", "verify", "results"]
    environment = {**os.environ, "PYTHONPATH": str(checkout.folder / "src")}
    done = subprocess.run(
        command, cwd=checkout.folder, env=environment, capture_output=True, text=True, check=False
    )
    return NAMED.findall(done.stdout) or ["?"] * bool(done.returncode)


def ended(checkout: Checkout, kind: Kind, seconds: float) -> None:
    """Start the study, and send its processes a signal."""
    assert kind.sent is not None
    process = subprocess.Popen(
        checkout.command(*STUDY),
        cwd=checkout.folder,
        env={**os.environ, "PYTHONPATH": str(checkout.folder / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, kind.sent)
    process.wait()


if __name__ == "__main__":
    main()
