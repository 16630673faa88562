"""Measure how large a virtual environment is: `python -m benchmarks.setup_size .venv`."""

import subprocess
import sys

from benchmarks.outcome import PUBLISHED
from mtnas.report.published.whole import changing
from mtnas.runtime.files import write_json

if __name__ == "__main__":
    done = subprocess.run(["du", "-sk", sys.argv[1]], capture_output=True, text=True, check=True)
    with changing(PUBLISHED.parent) as copy:
        write_json(
            copy / "setup.json", {"gigabytes": round(int(done.stdout.split()[0]) / 2**20, 1)}
        )
