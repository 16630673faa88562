"""Audit one prepared dataset; write what was found as JSON and Markdown."""

from mtnas.report.audit import audit
from mtnas.runtime.job import job

with job(snakemake) as smk:
    audit(smk.input.table, smk.input.manifest, **smk.output)
