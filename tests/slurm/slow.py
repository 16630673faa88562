"""Write two lines with a pause between, and hold memory meanwhile.

A file named like the output with `.go` at its end ends the pause.
"""

import time
from pathlib import Path

from mtnas.runtime.files import atomic_path
from mtnas.runtime.job import job

with job(snakemake) as smk, atomic_path(smk.output[0]) as path:
    path.write_text("first half\n")
    held = b"x" * smk.resources.get("megabytes", 0) * 2**20
    end = time.monotonic() + smk.resources.seconds
    while time.monotonic() < end and not Path(f"{smk.output[0]}.go").exists():
        time.sleep(0.2)
    with path.open("a") as file:
        file.write("second half\n")
