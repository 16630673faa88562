"""The most memory that preparing a table takes, in a process of its own: simulated TikTok."""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from mtnas.data.simulators.base import simulate

_DATASET = "tiktok"
_PROGRAM = """
import sys
from pathlib import Path
from mtnas.data.prepare.table import prepare
raw, out = map(Path, sys.argv[2:])
prepare({"dataset": sys.argv[1]}, table=out / "t.parquet", manifest=out / "m.json", raw=raw)
status = Path("/proc/self/status").read_text()  # its own: getrusage knows the parent's, too
print(status.partition("VmHWM:")[2].split()[0])
"""


class Peak(NamedTuple):
    """What preparing so many rows took."""

    rows: int
    mib: float
    seconds: float

    def __str__(self) -> str:
        return f"{self.mib:,.0f} MiB for {self.rows:,} ({self.rows / self.seconds:,.0f} rows/s)"


def peak(rows: int) -> Peak:
    """Simulate rows, prepare them, and return the largest resident size of that process."""
    with TemporaryDirectory() as folder:
        raw, out = Path(folder) / "raw", Path(folder) / "out"
        simulate({"dataset": _DATASET, "rows": rows}, raw)
        command = [sys.executable, "-c", _PROGRAM, _DATASET, str(raw), str(out)]
        started = time.perf_counter()
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        return Peak(rows, int(told) / 1024, time.perf_counter() - started)
