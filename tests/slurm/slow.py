"""Write two lines with a pause between, and hold memory meanwhile."""

import time

from mtnas.files import atomic_path
from mtnas.snakemake_job import job

with job(snakemake) as smk, atomic_path(smk.output[0]) as path:
    path.write_text("first half\n")
    held = b"x" * smk.resources.get("megabytes", 0) * 2**20
    time.sleep(smk.resources.seconds)
    with path.open("a") as file:
        file.write("second half\n")
