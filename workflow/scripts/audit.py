"""Audit one prepared dataset; write what was found as JSON and Markdown."""

from mtnas.reporting.audit import audit
from mtnas.snakemake_job import job

with job(snakemake) as smk:
    audit(smk.input.table, smk.input.manifest, **smk.output)
