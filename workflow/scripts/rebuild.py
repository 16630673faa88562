"""Make the published tables, claims and figures again from the published numbers."""

from pathlib import Path

from mtnas.report.published.rebuild import rebuild
from mtnas.runtime.job import job

with job(snakemake) as smk:
    rebuild(Path(smk.input.records).parent)
